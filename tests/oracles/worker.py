"""The slow, obvious worker: dictionaries and fractions, one reading at a time. Says what a partition must publish."""

from collections import defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

from catalog.windows import window_of

AHEAD_US = 60_000_000
"""What the record of a kind says that says nothing."""
LATENESS_US = {"air": 20_000_000, "noise": 5_000_000}
PLAUSIBLE = {("air", "pm2_5"): (0.0, 500.0), ("air", "total"): (0.0, 1e9), ("noise", "sound_level"): (20.0, 140.0)}
POSSIBLE = {"pm2_5": (-5.0, 2000.0), "sound_level": (0.0, 160.0), "total": (0.0, 1e9)}
RESOLUTION = {"pm2_5": 0.1, "sound_level": 0.1, "total": 1.0}


class Row(NamedTuple):
    device: str
    quantity: str
    measured_us: int
    received_us: int
    value: float


class Oracle:
    """Arrival rules 7 to 9 and device values, as plainly as they can be said."""

    def __init__(self, devices: dict[str, tuple[str, str]]) -> None:
        self.devices = devices
        self.watermark: dict[str, int] = {}
        self.seen: dict[tuple[str, str, int], int] = {}
        self.verdicts: list[str] = []
        self.good: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def take(self, row: Row) -> str:
        kind = self.devices[row.device][0]
        verdict = self._judge(kind, row)
        self.verdicts.append(verdict)
        return verdict

    def _judge(self, kind: str, row: Row) -> str:
        at = row.measured_us
        if not POSSIBLE[row.quantity][0] <= row.value <= POSSIBLE[row.quantity][1]:
            return "impossible"
        if at < self.watermark.get(kind, -(10**18)):
            return "late"
        reached = min(at, row.received_us) - LATENESS_US[kind]
        self.watermark[kind] = max(self.watermark.get(kind, -(10**18)), reached)
        value = round(row.value / RESOLUTION[row.quantity])
        known = self.seen.setdefault((row.device, row.quantity, at), value)
        if len(self.seen) and known is not value and known != value:
            return "conflict"
        if (at, value) in self.good[row.device, row.quantity] or (row.device, row.quantity, at) in self._doubtful:
            return "duplicate"
        low, high = PLAUSIBLE[kind, row.quantity]
        if low <= row.value <= high and at - row.received_us <= AHEAD_US:
            self.good[row.device, row.quantity].append((at, value))
        else:
            self._doubtful.add((row.device, row.quantity, at))
        return "kept"

    @property
    def _doubtful(self) -> set[tuple[str, str, int]]:
        return self.__dict__.setdefault("doubtful", set())

    def device_windows(self, quantity: str, window: Any, area: str) -> dict[int, dict[str, list[tuple[int, int]]]]:
        """Good readings by window start and device, of the devices in an area (its id is a prefix of theirs)."""
        found: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for (device, q), readings in self.good.items():
            place = self.devices[device][1]
            if q == quantity and (place == area or place.startswith(area + ".")):
                for at, value in readings:
                    found[window_of(at, window, "Europe/Brussels")[0]][device].append((at, value))
        return found


def mean_sum(devices: dict[str, list[tuple[int, int]]]) -> int:
    """Sum over devices of their mean in 2^-50, half to even (round on a Fraction is)."""
    return sum(round(Fraction(sum(v for _, v in readings) * 2**50, len(readings))) for readings in devices.values())


def last_sum(devices: dict[str, list[tuple[int, int]]]) -> int:
    return sum(max(readings)[1] for readings in devices.values())


def held_sum(devices: dict[str, list[tuple[int, int]]], start: int, end: int, hold_us: int) -> dict[str, tuple[int, int]]:
    """Per device the sum of value times µs and the µs in [start, end), values holding until the next, at most hold_us."""
    found = {}
    for device, readings in devices.items():
        ordered = sorted(readings)
        total = time = 0
        for n, (at, value) in enumerate(ordered):
            until = min(at + hold_us, ordered[n + 1][0] if n + 1 < len(ordered) else end)
            span = max(0, min(until, end) - max(at, start))
            total, time = total + value * span, time + span
        if time:
            found[device] = (total, time)
    return found
