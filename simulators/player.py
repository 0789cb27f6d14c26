"""Send planned messages when they are due, whatever the system under load does (open loop).

Promises  A message is handed to its connection at the first look after its due time; how far behind that was is kept;
          one device's messages always take the same connection.
Leaves    What is due to stretch.py and maps.py, packets and acknowledgements to publisher.py.
"""

import heapq
import time
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from runtime import clock
from runtime.errors import ConfigError, Unavailable
from simulators.chance import I64
from simulators.payloads import Planned
from simulators.publisher import Message, Publisher

_LOOK_S = 0.02
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)


class Sent(NamedTuple):
    """n sendings in order: which message (its number since the start) and when it was handed to the connection."""

    message: I64
    at_us: I64
    behind_us: I64


def _silent(_connected: bool) -> None:
    """Nobody wants to know."""


class Player:
    """Plays messages over one or several connections."""

    def __init__(self, publishers: Sequence[Publisher], changed: Callable[[bool], None] = _silent) -> None:
        """`changed` is told when a connection is lost (False) and found again (True)."""
        self._publishers, self._changed = publishers, changed
        self._waiting: list[tuple[int, int, int, Message]] = []
        self._serial = 0
        self._message, self._at_us, self._behind_us = array("q"), array("q"), array("q")
        self._lost = 0
        self._again_s = 0.0

    @property
    def ahead(self) -> int:
        """Messages that are not due yet."""
        return len(self._waiting)

    @property
    def unacknowledged(self) -> int:
        """Messages that are handed over and not acknowledged by the broker."""
        return sum(publisher.waiting for publisher in self._publishers)

    @property
    def sent(self) -> int:
        """Messages handed over so far."""
        return len(self._message)

    def offer(self, items: Iterable[Planned], first: int) -> None:
        """Plan messages; their number is `first` + their place."""
        for item in items:
            heapq.heappush(self._waiting, (item.due_us, self._serial, first + item.place, item.message))
            self._serial += 1

    def play(self, until_us: int) -> None:
        """Send what is due and take in acknowledgements, until `until_us`; reconnects by itself."""
        while (now_us := clock.now_us()) < until_us:
            self._hand_over(now_us)
            next_us = self._waiting[0][0] if self._waiting else until_us
            self._pump(max(min((min(next_us, until_us) - now_us) / 1e6, _LOOK_S), 0.0))

    def finish(self, within_s: float) -> bool:
        """Pump until the broker has acknowledged everything that was handed over; False where it takes longer."""
        until_s = clock.monotonic_s() + within_s
        while self.unacknowledged:
            if clock.monotonic_s() > until_s:
                return False
            self._pump(_LOOK_S)
        return True

    def close(self) -> None:
        """Close all connections."""
        for publisher in self._publishers:
            publisher.close()

    def records(self) -> Sent:
        """Every sending so far."""
        columns = (self._message, self._at_us, self._behind_us)
        return Sent(*(np.array(column, np.int64) for column in columns))

    def forget(self) -> None:
        """Drop the records of what was sent: for a player that runs for weeks."""
        for column in (self._message, self._at_us, self._behind_us):
            del column[:]

    @property
    def connected(self) -> bool:
        """True while every connection stands."""
        return all(publisher.connected for publisher in self._publishers)

    def _hand_over(self, now_us: int) -> None:
        batches: list[list[Message]] = [[] for _ in self._publishers]
        while self._waiting and self._waiting[0][0] <= now_us:
            due_us, _, number, message = heapq.heappop(self._waiting)
            batches[zlib.crc32(message.topic) % len(batches)].append(message)
            self._message.append(number)
            self._at_us.append(now_us)
            self._behind_us.append(now_us - due_us)
        for publisher, batch in zip(self._publishers, batches, strict=True):
            if batch:
                publisher.put(batch)

    def _pump(self, timeout_s: float) -> None:
        each_s = timeout_s / len(self._publishers)
        for publisher in self._publishers:
            if publisher.connected:
                try:
                    publisher.pump(each_s)
                    self._lost = 0
                except Unavailable:
                    self._again_s = clock.monotonic_s()
                    self._changed(False)
            else:
                self._reconnect(publisher, each_s)

    def _reconnect(self, publisher: Publisher, each_s: float) -> None:
        if clock.monotonic_s() < self._again_s:
            time.sleep(each_s)
            return
        try:
            publisher.connect()
        except (Unavailable, ConfigError):
            # A broker that restarts refuses for a moment; first contact has checked the credentials already.
            self._again_s = clock.monotonic_s() + _BACK_OFF_S[min(self._lost, len(_BACK_OFF_S) - 1)]
            self._lost += 1
        else:
            self._changed(True)
