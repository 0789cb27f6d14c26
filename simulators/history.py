"""Play the months of the registers: the past ones when a database is new, then each month once it is over.

Promises  In order of time over all areas and cities, a month only after the one before is stored: as the first readings of their
          kinds they are late nowhere, whatever the number of gateways. What is stored is not played again.
Leaves    What the rows say to registers.py, the days of sensors to demo.py.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from catalog.records import Device
from catalog.windows import from_us, to_us
from runtime import clock, events
from runtime.errors import ConfigError, Unavailable
from simulators import wire
from simulators.payloads import json_body
from simulators.publisher import Message, Publisher
from simulators.registers import Offices, month, steps

YEARS = 2
"""Whole calendar years before the current one."""
_LOOK_S, _AGAIN_S, _LONGEST_S, _BETWEEN_S = 0.25, 10.0, 600.0, 60.0

ROWS = Counter("kompas_demo_register_rows_total", "Rows of registers that the demo handed to the broker.")

Stored = Callable[[str, int], frozenset[str]]
"""Of a city's registers the devices that have a stored row of a moment (µs); raises Unavailable."""


class History:
    """Plays what the database does not have yet, in a thread of its own."""

    def __init__(self, cities: Sequence[Offices], publisher: Publisher, stored: Stored) -> None:
        self._cities, self._publisher, self._stored = cities, publisher, stored
        self._done_us = -(1 << 62)

    def run(self, stopping: threading.Event) -> None:
        """Until asked to stop. What is away is waited for; what stays refused is told and tried again, ever less often."""
        pause_s = 1.0
        while not stopping.is_set():
            try:
                played = self.catch_up(clock.now_us(), stopping)
            except Unavailable as error:
                events.happened("registers_wait", said=str(error), again_in_s=pause_s)
                stopping.wait(pause_s)
                pause_s = min(2.0 * pause_s, _LONGEST_S)
            except ConfigError as error:
                events.failed("registers_refused", said=str(error))
                return
            else:
                if played:
                    events.happened("registers_played", rows=played)
                pause_s = 1.0
                stopping.wait(_BETWEEN_S)

    def catch_up(self, now_us: int, stopping: threading.Event) -> int:
        """Play every month that is over and not stored; returns the number of rows. Raises Unavailable, ConfigError."""
        played = 0
        try:
            for at_us, group in groupby(self._due(now_us), key=lambda step: step[0]):
                played += self._settle(at_us, [(offices, devices) for _, offices, devices in group], stopping)
                if stopping.is_set():
                    break
                self._done_us = at_us
        finally:
            self._publisher.close()
        return played

    def _due(self, now_us: int) -> list[tuple[int, Offices, tuple[Device, ...]]]:
        """Months to look at, by time: those of cities in several zones begin at moments of their own."""
        found = []
        for offices in self._cities:
            begin_us = max(_first_us(offices.city.time_zone, now_us), self._done_us + 1)
            found += [(at_us, offices, devices) for at_us, devices in steps(offices, begin_us, now_us)]
        return sorted(found, key=lambda step: (step[0], step[1].city.id))

    def _settle(self, at_us: int, wanted: list[tuple[Offices, tuple[Device, ...]]], stopping: threading.Event) -> int:
        """Send one month's missing rows until all are stored; raises Unavailable where they do not come to be."""
        rows = self._missing(at_us, wanted)
        if not rows:
            return 0
        self._send([_message(offices, device, at_us) for offices, device in rows])
        until_s = clock.monotonic_s() + _AGAIN_S
        while left := self._missing(at_us, wanted):
            if clock.monotonic_s() > until_s:
                raise Unavailable("registers", f"the rows of {clock.iso(at_us)} stored within {_AGAIN_S:.0f} s", f"{len(left)} are not")
            if stopping.wait(_LOOK_S):
                break
        return len(rows)

    def _missing(self, at_us: int, wanted: list[tuple[Offices, tuple[Device, ...]]]) -> list[tuple[Offices, Device]]:
        found: list[tuple[Offices, Device]] = []
        for offices, devices in wanted:
            there = self._stored(offices.city.id, at_us)
            found += [(offices, device) for device in devices if device.id not in there]
        return found

    def _send(self, messages: Sequence[Message]) -> None:
        if not self._publisher.connected:
            self._publisher.connect()
        self._publisher.put(messages)
        if not self._publisher.drain(_AGAIN_S):
            raise Unavailable("mqtt", "every message acknowledged", f"{self._publisher.waiting} are not")
        ROWS.inc(len(messages))


def _message(offices: Offices, device: Device, at_us: int) -> Message:
    values = month(offices, device, at_us).values
    body = json_body([(at_us // 1_000, name, value) for name, value in values.items()])
    return Message(wire.topic(f"city/{offices.city.id}/{device.id}/json"), body)


def _first_us(time_zone: str, now_us: int) -> int:
    zone = ZoneInfo(time_zone)
    return to_us(datetime(from_us(now_us).astimezone(zone).year - YEARS, 1, 1, tzinfo=zone))
