"""How soon a system that was hurt works again: looks into the database until what is younger than the fault stands there.

Promises  A fault is over when every partition has a stored reading that the gateway received after it, and a live value that was computed
          after it is there, too; of the restater, when it has restated something since. A pause or a full disk must have ended before.
          What is younger than a death can only come from those who live.
Leaves    The faults to faults.py. Looks four times a second, so figures are exact to 0.25 s.
"""

import threading
from collections.abc import Sequence
from typing import NamedTuple

from catalog import tables
from catalog.topics import partition_of
from catalog.windows import to_us
from chaos.city import devices
from chaos.faults import Done
from chaos.system import Chaos
from runtime import clock
from runtime.errors import Unavailable
from storage import queries
from storage.connect import Connection, world

_LOOK_S = 0.25
_SPEAK = frozenset(each.id for each in devices() if each.speaks)
_DEVICES = f"SELECT no, id FROM {tables.DEVICE.name}"
_RECEIVED = f"SELECT device, max(received_at) FROM {tables.READING.name} WHERE measured_at > now() - interval '2 minutes' GROUP BY device"
_VALUES = f"""
    SELECT (SELECT max(computed_at) FROM {tables.KPI_LATEST.name} WHERE slot = 'open'),
           (SELECT max(computed_at) FROM {tables.KPI_VALUE.name} WHERE status = 'restated')
"""


class Youngest(NamedTuple):
    """µs UTC, 0: none."""

    received_us: int
    """Of the partition that is furthest behind."""
    live_us: int
    restated_us: int


class Recovery(threading.Thread):
    """Marks each fault as recovered when it is."""

    def __init__(self, system: Chaos, done: Sequence[Done]) -> None:
        super().__init__(name="recovery", daemon=True)
        self.system, self.done = system, done
        self.youngest = Youngest(0, 0, 0)
        self._ending = threading.Event()
        self._connection: Connection | None = None
        self._partitions: dict[int, int] = {}
        """By number of the device; of those that speak."""

    def run(self) -> None:
        """Look until told to end."""
        while not self._ending.wait(_LOOK_S):
            try:
                self.youngest = self._look()
            except Unavailable:
                self._connection = None
                continue
            now_us = clock.now_us()
            for fault in list(self.done):
                if fault.recovered_us == 0 and over(fault, self.youngest):
                    fault.recovered_us = now_us

    def wait(self, within_s: float) -> None:
        """Return when every fault so far is over, at the latest after within_s."""
        until_s = clock.monotonic_s() + within_s
        while any(fault.recovered_us == 0 for fault in list(self.done)) and clock.monotonic_s() < until_s:
            self._ending.wait(_LOOK_S)

    def end(self) -> None:
        """Look no longer."""
        self._ending.set()
        if self.ident is not None:
            self.join()
        if self._connection is not None:
            self._connection.close()

    def _look(self) -> Youngest:
        if self._connection is None:
            self._connection = queries.reader(self.system.conninfo(), "kompas chaos")
        with world():
            if not self._partitions:
                found = self._connection.execute(_DEVICES).fetchall()
                self._partitions = {number: partition_of(device) for number, device in found if device in _SPEAK}
            received = self._connection.execute(_RECEIVED).fetchall()
            live, restated = self._connection.execute(_VALUES).fetchall()[0]
            self._connection.rollback()
        newest = dict.fromkeys(self._partitions.values(), 0)
        for device, at in received:
            partition = self._partitions.get(device)
            if partition is not None:
                newest[partition] = max(newest[partition], to_us(at))
        return Youngest(min(newest.values(), default=0), *(0 if at is None else to_us(at) for at in (live, restated)))


def over(fault: Done, youngest: Youngest) -> bool:
    """Whether what is younger than the fault stands in the database."""
    if not fault.ended:
        return False
    since_us = _since_us(fault)
    if fault.victim == "restater":
        return youngest.restated_us > since_us
    return min(youngest.received_us, youngest.live_us) > since_us


def by_name(done: Sequence[Done]) -> dict[str, float | None]:
    """Seconds from the fault (of a pause or a full disk from its end) until it was over, the longest of each name; None: never seen."""
    found: dict[str, float | None] = {}
    for fault in done:
        took_s, known = took(fault), found.get(fault.name, 0.0)
        found[fault.name] = None if took_s is None or known is None else max(known, took_s)
    return dict(sorted(found.items()))


def took(fault: Done) -> float | None:
    """Seconds until a fault was over; None where that was not seen."""
    since_us = _since_us(fault)
    return round((fault.recovered_us - since_us) / 1e6, 2) if fault.recovered_us else None


def _since_us(fault: Done) -> int:
    return fault.until_us if fault.kind in ("pause", "fill") else fault.at_us
