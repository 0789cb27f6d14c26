"""MQTT packets: lengths, what paho's own reader makes of them, torn and broken input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import wire


def read_length(raw: bytes) -> int:
    value = 0
    for place, byte in enumerate(raw):
        value |= (byte & 127) << (7 * place)
    return value


@given(st.integers(0, 268_435_455))
def test_a_length_reads_back_and_is_as_short_as_can_be(size):
    raw = wire.length(size)
    assert read_length(raw) == size
    assert all(byte & 128 for byte in raw[:-1])
    assert raw[-1] < 128
    assert len(raw) == max(1, (size.bit_length() + 6) // 7)


@given(st.text(min_size=1, max_size=200), st.integers(1, 65_535), st.binary(max_size=5_000), st.booleans())
def test_a_publish_is_what_the_standard_says(name, number, payload, again):
    packet = wire.publish(wire.topic(name), number, payload, again)
    assert packet[0] == (0x3A if again else 0x32)
    head = next(i for i in range(1, 5) if packet[i] < 128) + 1
    assert read_length(packet[1:head]) == len(packet) - head
    raw = name.encode()
    assert packet[head : head + 2 + len(raw)] == len(raw).to_bytes(2, "big") + raw
    rest = packet[head + 2 + len(raw) :]
    assert rest == number.to_bytes(2, "big") + b"\x00" + payload


@given(st.lists(st.tuples(st.integers(1, 65_535), st.sampled_from([None, 0x00, 0x10, 0x87])), max_size=40), st.data())
def test_acknowledgements_come_out_in_order_however_the_bytes_are_cut(acks, data):
    stream = b"".join(
        b"\x40\x02" + number.to_bytes(2, "big") if reason is None else b"\x40\x03" + number.to_bytes(2, "big") + bytes([reason])
        for number, reason in acks
    )
    buffer, found, position = bytearray(), [], 0
    while position < len(stream):
        step = data.draw(st.integers(1, len(stream) - position))
        buffer += stream[position : position + step]
        found += wire.parse(buffer)
        position += step
    assert found == [wire.Packet(wire.PUBACK, number, reason or 0) for number, reason in acks]
    assert not buffer


@pytest.mark.parametrize(
    ("raw", "packet"),
    [
        (b"\x20\x03\x00\x00\x00", wire.Packet(wire.CONNACK, 65_535, 0)),
        (b"\x20\x06\x00\x00\x03\x21\x00\x14", wire.Packet(wire.CONNACK, 20, 0)),
        (b"\x20\x0e\x00\x00\x0b\x22\x00\x0a\x12\x00\x02ab\x21\x01\x00", wire.Packet(wire.CONNACK, 256, 0)),
        (b"\x20\x03\x00\x86\x00", wire.Packet(wire.CONNACK, 65_535, 0x86)),
        (b"\xd0\x00", wire.Packet(wire.PINGRESP, 0, 0)),
        (b"\xe0\x01\x8d", wire.Packet(wire.DISCONNECT, 0, 0x8D)),
    ],
)
def test_other_answers(raw, packet):
    assert wire.parse(bytearray(raw)) == [packet]


def test_what_is_no_answer_is_said_to_be_none():
    with pytest.raises(wire.BrokenWireError, match="remaining length"):
        wire.parse(bytearray(b"\x40\xff\xff\xff\xff\x01"))
    with pytest.raises(wire.BrokenWireError, match="type 0x30"):
        wire.parse(bytearray(b"\x30\x02\x00\x00"))
