"""Publish prepared messages at QoS 1 over one connection, as fast as they are handed in.

Promises  A message leaves `waiting` only when the broker has acknowledged it; after a lost connection everything
          unacknowledged goes out again (so at least once); refusals and backlog are counted, never hidden.
Leaves    When to send what to simulate.py, replay.py and demo.py; duplicates to the worker.
"""

import contextlib
import select
import socket
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from runtime import clock
from runtime.errors import ConfigError, Unavailable
from simulators import wire

KEEP_ALIVE_S = 30
_READ_BYTES = 1 << 18
_WRITE_BYTES = 1 << 17
_NUMBERS = 65_535


class Broker(NamedTuple):
    """Where and as whom."""

    host: str
    port: int
    user: str
    password: str


class Message(NamedTuple):
    """A topic as `wire.topic` made it, and the payload."""

    topic: bytes
    payload: bytes


class Publisher:
    """One MQTT 5 connection. Not for several threads at once."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        self._broker, self._client_id = broker, client_id
        self._socket: socket.socket | None = None
        self._queue: dict[int, Message] = {}
        """Not yet written, by a running number; dict keeps order and pops cheaply."""
        self._sent: dict[int, Message] = {}
        """Written and not acknowledged, by message number."""
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._limit = _NUMBERS
        self._number, self._serial = 0, 0
        self._heard_s = self._spoken_s = 0.0
        self.acknowledged = 0
        self.refused: dict[int, int] = {}
        """How many were refused, by MQTT reason code."""
        self.unheard = 0
        """Acknowledged, but nobody had subscribed."""
        self.reconnects = 0

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._queue) + len(self._sent)

    @property
    def connected(self) -> bool:
        """True between CONNACK and the loss of the connection."""
        return self._socket is not None

    def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and queue again what was unacknowledged. Raises Unavailable, or ConfigError where the credentials are refused."""
        where = f"mqtt://{self._broker.host}:{self._broker.port}"
        try:
            connection = socket.create_connection((self._broker.host, self._broker.port), timeout=timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(wire.connect(self._client_id, self._broker.user, self._broker.password, KEEP_ALIVE_S))
            answer = _answer(connection)
        except OSError as error:
            raise Unavailable(where, "an MQTT broker", error) from error
        if answer.kind != wire.CONNACK or answer.reason >= wire.REFUSED_FROM:
            connection.close()
            if answer.reason in (0x86, 0x87, 0x8C):
                raise ConfigError(where, f"to log in as {self._broker.user}", f"refused, reason {answer.reason:#x}")
            raise Unavailable(where, "a connection", f"refused, reason {answer.reason:#x}")
        connection.setblocking(False)
        self._socket, self._limit = connection, answer.number
        self._heard_s = self._spoken_s = clock.monotonic_s()

    def put(self, messages: Iterable[Message]) -> None:
        """Hand in messages; `pump` sends them in this order."""
        serial = self._serial
        for message in messages:
            self._queue[serial] = message
            serial += 1
        self._serial = serial

    def pump(self, timeout_s: float = 0.0) -> None:
        """Write what may be written and take in what came, waiting at most `timeout_s` for either. Raises Unavailable when the connection is lost."""
        connection = self._socket
        if connection is None:
            raise Unavailable("mqtt", "a connection", "none")
        try:
            self._frame()
            readable, writable, _ = select.select([connection], [connection] if self._outgoing else [], [], timeout_s)
            if writable:
                self._write(connection)
            if readable:
                self._read(connection)
            self._keep_alive()
        except (OSError, wire.BrokenWireError) as error:
            self._lose()
            raise Unavailable(f"mqtt://{self._broker.host}:{self._broker.port}", "the connection to hold", error) from error

    def fileno(self) -> int:
        """For select over several publishers."""
        if self._socket is None:
            raise Unavailable("mqtt", "a connection", "none")
        return self._socket.fileno()

    def drain(self, timeout_s: float) -> bool:
        """Pump until everything is acknowledged; False when the time is over before."""
        end_s = clock.monotonic_s() + timeout_s
        while self.waiting:
            left_s = end_s - clock.monotonic_s()
            if left_s <= 0:
                return False
            self.pump(min(left_s, 0.2))
        return True

    def close(self) -> None:
        """Say goodbye and close."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setblocking(True)
                self._socket.settimeout(1.0)
                self._socket.sendall(bytes(self._outgoing) + wire.GOODBYE)
            self._socket.close()
            self._socket = None

    def _frame(self) -> None:
        room = min(self._limit, _NUMBERS - 1) - len(self._sent)
        if not self._queue or room <= 0 or len(self._outgoing) > _WRITE_BYTES:
            return
        packets = []
        for serial in list(islice(self._queue, min(room, 1_000))):
            message = self._queue.pop(serial)
            number = self._next_number()
            self._sent[number] = message
            packets.append(wire.publish(message.topic, number, message.payload))
        self._outgoing += b"".join(packets)

    def _next_number(self) -> int:
        number = self._number % _NUMBERS + 1
        while number in self._sent:
            number = number % _NUMBERS + 1
        self._number = number
        return number

    def _write(self, connection: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._outgoing[: connection.send(self._outgoing)]
            self._spoken_s = clock.monotonic_s()

    def _read(self, connection: socket.socket) -> None:
        try:
            came = connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not came:
            raise ConnectionError("closed by the broker")
        self._heard_s = clock.monotonic_s()
        self._incoming += came
        for packet in wire.parse(self._incoming):
            if packet.kind == wire.PUBACK:
                self._settle(packet)
            elif packet.kind == wire.DISCONNECT:
                raise ConnectionError(f"disconnected by the broker, reason {packet.reason:#x}")

    def _settle(self, packet: wire.Packet) -> None:
        if self._sent.pop(packet.number, None) is None:
            return
        if packet.reason >= wire.REFUSED_FROM:
            self.refused[packet.reason] = self.refused.get(packet.reason, 0) + 1
            return
        self.acknowledged += 1
        self.unheard += packet.reason == wire.NO_SUBSCRIBER

    def _keep_alive(self) -> None:
        now_s = clock.monotonic_s()
        if now_s - self._spoken_s > KEEP_ALIVE_S / 3:
            self._outgoing += wire.PINGREQ
            self._spoken_s = now_s
        if now_s - self._heard_s > KEEP_ALIVE_S:
            raise ConnectionError(f"broker silent for {now_s - self._heard_s:.0f} s")

    def _lose(self) -> None:
        """Queue the unacknowledged again, ahead of what waits."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        again = [*self._sent.values(), *self._queue.values()]
        self._sent.clear()
        self._queue.clear()
        self._outgoing.clear()
        self._incoming.clear()
        self.reconnects += 1
        self.put(again)


def _answer(connection: socket.socket) -> wire.Packet:
    buffer = bytearray()
    while not (packets := wire.parse(buffer)):
        came = connection.recv(4096)
        if not came:
            raise ConnectionError("closed by the broker before CONNACK")
        buffer += came
    return packets[0]
