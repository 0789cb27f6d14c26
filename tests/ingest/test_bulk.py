"""Cutting the MQTT stream, and the names inside paho that the wide client rests on."""

import inspect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from ingest.bulk import BrokenStreamError, Publish, WideClient, cut


def length(size: int) -> bytes:
    found = b""
    while True:
        size, low = size >> 7, size & 0x7F
        found += bytes([low | (0x80 if size else 0)])
        if not size:
            return found


def publish(topic: str, payload: bytes, mid: int, properties: bytes = b"") -> bytes:
    """PUBLISH of MQTT 5; message id 0: QoS 0."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if mid else b"") + length(len(properties)) + properties
    return bytes([0x32 if mid else 0x30]) + length(len(head) + len(payload)) + head + payload


PUBLISHES = st.lists(
    st.tuples(
        st.sampled_from(["a", "city/x/é/json", "t" * 300]),
        st.binary(max_size=300),
        st.integers(0, 65_535),
        st.sampled_from([b"", b"\x01\x01", b"p" * 200]),
    ),
    max_size=6,
)
PINGRESP = b"\xd0\x00"


@given(PUBLISHES, st.lists(st.integers(0, 4000), max_size=6))
def test_the_stream_is_cut_alike_wherever_the_pieces_end(publishes: list[tuple[str, bytes, int, bytes]], at: list[int]) -> None:
    stream = PINGRESP.join(publish(*each) for each in publishes)
    edges = sorted({min(edge, len(stream)) for edge in at} | {0, len(stream)})
    found: list[Publish | bytes] = []
    rest = b""
    for start, end in itertools.pairwise(edges):
        rest += stream[start:end]
        packets, used = cut(rest)
        found += packets
        rest = rest[used:]
    assert rest == b""
    assert [each for each in found if isinstance(each, tuple)] == [(topic, payload, mid) for topic, payload, mid, _ in publishes]
    assert [each for each in found if isinstance(each, bytes)] == [PINGRESP] * max(len(publishes) - 1, 0)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_broken(data: bytes) -> None:
    try:
        packets, used = cut(data)
    except BrokenStreamError:
        return
    assert 0 <= used <= len(data)
    assert len(packets) <= used


@pytest.mark.parametrize(
    "data", [b"\x32\x03\x00\x09a", b"\x32\x04\x00\x01a\x00", b"\x32\x00", b"\x30\x80\x80\x80\x80\x01", b"\x32\x06\x00\x01a\x00\x05\x09"]
)
def test_lengths_that_lead_outside_the_packet_are_broken(data: bytes) -> None:
    with pytest.raises(BrokenStreamError):
        cut(data)


def test_paho_has_what_the_wide_client_rests_on() -> None:
    client = WideClient("x", lambda _: None)
    for name in ("_packet_read", "_packet_handle", "_packet_queue", "_sock_recv", "_msgtime_mutex", "_last_bytes_received", "_in_packet", "_sock"):
        assert hasattr(client, name), name
    assert "self._packet_read()" in inspect.getsource(paho.Client.loop_read)
    assert list(inspect.signature(paho.Client._packet_queue).parameters) == ["self", "command", "packet", "mid", "qos", "info"]
    fresh = paho.Client(paho.CallbackAPIVersion.VERSION2)._in_packet  # type: ignore[attr-defined]
    client._other(PINGRESP)
    assert set(client._in_packet) == set(fresh)


class _Socket:
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def recv(self, _size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        return self.pieces.pop(0)

    def close(self) -> None:
        self.pieces = []


def test_a_failing_callback_gives_up_the_connection_and_not_the_thread() -> None:
    def fail(publishes: list[Publish]) -> None:
        raise RuntimeError("full")

    client = WideClient("x", fail)
    client._sock = _Socket([publish("a", b"1", 1)])  # type: ignore[assignment]
    assert client._packet_read() == MQTTErrorCode.MQTT_ERR_CONN_LOST
    assert "full" in str(client.defect)
    client._sock = None


def test_what_came_before_another_packet_is_handed_over_before_it() -> None:
    seen: list[object] = []
    client = WideClient("x", seen.append)
    client._other = lambda packet: seen.append(packet) or MQTTErrorCode.MQTT_ERR_SUCCESS  # type: ignore[func-returns-value,method-assign]
    client._sock = _Socket([publish("a", b"1", 1) + PINGRESP + publish("a", b"2", 2)])  # type: ignore[assignment]
    assert client._packet_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert seen == [[("a", b"1", 1)], PINGRESP, [("a", b"2", 2)]]
    client._sock = None


def test_what_was_begun_on_a_former_connection_is_forgotten() -> None:
    taken: list[Publish] = []
    client = WideClient("x", taken.extend)
    whole = publish("a", b"1", 1)
    client._sock = _Socket([whole[:3]])  # type: ignore[assignment]
    assert client._packet_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    client.forget()
    client._sock = _Socket([whole])  # type: ignore[assignment]
    assert client._packet_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert taken == [("a", b"1", 1)]
    client._sock = None


def test_acknowledgements_leave_in_order_in_one_write() -> None:
    client = WideClient("x", lambda _: None)
    client._thread = object()  # type: ignore[assignment]
    client.acknowledge([1, 258])
    client.acknowledge([])
    assert [packet["packet"] for packet in client._out_packet] == [b"\x40\x02\x00\x01\x40\x02\x01\x02"]
    client._thread = None
