"""paho's client with a wide mouth: it reads the socket in large pieces and acknowledges many messages at once.

Promises  Every QoS 0 and 1 PUBLISH comes out in order as (topic, payload, message id); every other packet goes paho's own way.
Leaves    Connecting, logging in, subscribing, keep-alive and reconnecting to paho. It rests on names inside paho 2.2, which
          tests/ingest/test_bulk.py holds.
Measured  paho's own loop costs a select, three recv and a hand-over of the interpreter lock per message; see
          docs/decisions/0006-gateway-mqtt.md
"""

from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MQTTException

Publish = tuple[str, bytes, int]
"""Topic, payload, message id (0 at QoS 0)."""

READ_BYTES = 1 << 18
_PUBLISH, _PUBACK = 3, 0x40


class BrokenStreamError(Exception):
    """Bytes that are no MQTT packets."""


def cut(data: bytes) -> tuple[list[Publish | bytes], int]:
    """Whole packets at the beginning of `data`, and how many bytes they are; a packet that is no QoS 0 or 1 PUBLISH comes as bytes."""
    found: list[Publish | bytes] = []
    at, size = 0, len(data)
    while size - at >= 2:
        body, length = _variable(data, at + 1, size)
        if body < 0 or body + length > size:
            break
        head, end = data[at], body + length
        if head >> 4 == _PUBLISH and not head & 0x04:
            found.append(_publish(data, head, body, end))
        else:
            found.append(data[at:end])
        at = end
    return found, at


def _publish(data: bytes, head: int, body: int, end: int) -> Publish:
    start = body + 2
    after = start + (data[body] << 8 | data[body + 1]) if start <= end else end + 1
    numbered = 2 if head & 0x02 else 0
    rest, length = _variable(data, after + numbered, end)
    if rest < 0 or rest + length > end:
        raise BrokenStreamError(f"PUBLISH of {end - body} bytes: wanted topic, id and properties inside it, got them beyond its end")
    mid = data[after] << 8 | data[after + 1] if numbered else 0
    return data[start:after].decode("utf-8", "backslashreplace"), data[rest + length : end], mid


def _variable(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a variable byte integer ends, and its value; (-1, 0) where it is not there yet."""
    value = shift = 0
    while at < end:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return at, value
        shift += 7
        if shift > 21:
            raise BrokenStreamError("length: wanted at most four bytes, got more")
    return -1, 0


class WideClient(paho.Client):
    """An MQTT 5 client with manual acknowledgement that hands over publishes by the piece read."""

    def __init__(self, client_id: str, on_publishes: Callable[[list[Publish]], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, manual_ack=True)
        self._on_publishes = on_publishes
        self._unread = b""
        self.defect: str | None = None
        """What the callback raised; the connection was given up for it."""

    def forget(self) -> None:
        """Drop a packet that was begun on a former connection; to be called before a new one."""
        self._unread = b""

    def acknowledge(self, mids: Iterable[int]) -> None:
        """One PUBACK each, in this order, in one write."""
        packets = b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 0)

    def _packet_read(self) -> MQTTErrorCode:
        """In paho's place: one piece from the socket, all whole packets in it."""
        try:
            piece = self._sock_recv(READ_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except OSError:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        if not piece:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        with self._msgtime_mutex:
            self._last_bytes_received = paho.time_func()
        data = self._unread + piece
        try:
            packets, used = cut(data)
        except BrokenStreamError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._unread = data[used:]
        return self._hand_over(packets)

    def _hand_over(self, packets: list[Publish | bytes]) -> MQTTErrorCode:
        """Everything in the order of the stream: what came before a DISCONNECT was delivered on its connection."""
        publishes: list[Publish] = []
        for packet in packets:
            if isinstance(packet, tuple):
                publishes.append(packet)
                continue
            if not self._take_in(publishes):
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            publishes = []
            result = self._other(packet)
            if result > 0 or self._sock is None:
                return result
        return MQTTErrorCode.MQTT_ERR_SUCCESS if self._take_in(publishes) else MQTTErrorCode.MQTT_ERR_CONN_LOST

    def _take_in(self, publishes: list[Publish]) -> bool:
        try:
            self._on_publishes(publishes)
        except Exception as error:  # noqa: BLE001 - paho's thread must live; what was not taken in comes again on the next connection
            self.defect = repr(error)
            return False
        return True

    def _other(self, packet: bytes) -> MQTTErrorCode:
        """Let paho handle a whole packet as if it had read it itself."""
        body, length = _variable(packet, 1, len(packet))
        whole: dict[str, Any] = {"command": packet[0], "have_remaining": 1, "remaining_count": [], "remaining_mult": 1, "pos": 0, "to_process": 0}
        self._in_packet = {**whole, "remaining_length": length, "packet": bytearray(packet[body:])}  # type: ignore[typeddict-item]
        try:
            return self._packet_handle()
        except MQTTException:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
