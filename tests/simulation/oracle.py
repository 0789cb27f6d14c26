"""What a log of readings means, slow and obvious: one reading at a time, dictionaries, lists of readings per window.

Says per record the verdicts and watermarks, and in the end every final that is owed. Shares nothing with the worker but the
calendar and the decoding of frames.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from catalog.records import Area, City, Device
from catalog.windows import window_of
from formula.spec import AggregateSpec
from runtime.clock import iso_s
from runtime.frames import decode
from tests.oracles.aggregates import Reading, aggregate
from tests.simulation import city
from tests.stream.city import SECOND

RESOLUTION = {"pm2_5": 0.1, "sound_level": 0.1, "total": 1.0}
POSSIBLE = {"pm2_5": (-5.0, 2000.0), "sound_level": (0.0, 160.0), "total": (0.0, 1e9)}
PLAUSIBLE = {"pm2_5": (0.0, 500.0), "sound_level": (20.0, 140.0), "total": (0.0, 1e9)}
GAP_US, HEARD_US, MILLION = 5 * SECOND, 60 * SECOND, 1_000_000
KINDS = ("air", "noise")


class Said(NamedTuple):
    """About one input record."""

    kept: int
    duplicates: int
    conflicts: int
    late: int
    watermarks: dict[str, int | None]


class Final(NamedTuple):
    """What is owed for one KPI, area and window."""

    value: float | None
    state: str
    coverage: float
    devices: int


class Log:
    """One input partition, record after record (rules 7, 8, 9 and the silent kinds)."""

    def __init__(self) -> None:
        self.devices: dict[str, str] = {}
        self.watermark: dict[str, int] = {}
        self.last_reading: dict[str, int] = {}
        self.seen: dict[tuple[str, str, int], int] = {}
        self.good: list[tuple[str, str, int, int]] = []
        self.stored: dict[tuple[str, str, int], float] = {}
        self.clocks: dict[str, int] = {}
        self.newest: int | None = None
        self.unbroken = 0

    def take(self, value: bytes) -> Said:
        frame = decode(value)
        tally = Counter[str]()
        if frame.meta["kind"] == "catalogue":
            for code, id_ in zip(frame.columns["entity"].codes, frame.columns["id"], strict=True):
                if frame.columns["entity"].texts[code] == "device":
                    self.devices[id_] = city.DEVICES[id_][0]
        elif frame.meta["kind"] == "heartbeat":
            self._beat(frame.meta)
        else:
            c = frame.columns
            for n in range(frame.rows):
                device, quantity = c["device"].texts[c["device"].codes[n]], c["quantity"].texts[c["quantity"].codes[n]]
                tally[self._judge(device, quantity, int(c["measured_at"][n]), (int(c["received_at"][n]), float(c["value"][n])))] += 1
        marks = {kind: self.watermark.get(kind) for kind in KINDS if kind in self.devices.values()}
        return Said(tally["kept"] + tally["late"], tally["duplicate"], tally["conflict"], tally["late"], marks)

    def _judge(self, device: str, quantity: str, at: int, what: tuple[int, float]) -> str:
        received, value = what
        if not POSSIBLE[quantity][0] <= value <= POSSIBLE[quantity][1]:
            return "conflict"  # refused, as a conflict is, and counted with them
        kind, name, number = self.devices[device], (device, quantity, at), round(value / RESOLUTION[quantity])
        self.last_reading[kind] = max(received, self.last_reading.get(kind, received))
        if kind in self.watermark and at < self.watermark[kind]:
            self.stored.setdefault(name, value)
            return "late"
        reached = min(at, received) - city.LATENESS_S[kind] * SECOND
        self.watermark[kind] = max(reached, self.watermark.get(kind, reached))
        if name in self.seen:
            return "duplicate" if self.seen[name] == number else "conflict"
        self.seen[name] = number
        self.stored[name] = value
        if PLAUSIBLE[quantity][0] <= value <= PLAUSIBLE[quantity][1] and at <= received + city.AHEAD_S[kind] * SECOND:
            self.good.append((device, quantity, at, number))
        return "kept"

    def _beat(self, meta: dict[str, Any]) -> None:
        clock = meta["clock_us"]
        if self.newest is None or clock - self.newest > GAP_US:
            self.unbroken = clock
        self.newest = clock if self.newest is None else max(clock, self.newest)
        self.clocks[meta["gateway"]] = max(clock, self.clocks.get(meta["gateway"], clock))
        if meta.get("last"):
            del self.clocks[meta["gateway"]]
        self.clocks = {gateway: at for gateway, at in self.clocks.items() if self.newest - at <= HEARD_US}
        lowest = min(self.clocks.values(), default=clock)
        for kind in set(self.devices.values()):
            since = max(self.unbroken, self.last_reading.get(kind, self.unbroken))
            if self.newest - since >= city.IDLE_S * SECOND:
                reached = lowest - city.LATENESS_S[kind] * SECOND
                self.watermark[kind] = max(reached, self.watermark.get(kind, reached))


class Owed(NamedTuple):
    """How a KPI of tests.simulation.city is made: aggregates (function, argument, quantity), the last operation, its kinds."""

    parts: tuple[tuple[str, float | None, str], ...]
    kinds: tuple[str, ...]


OWED = {
    "mean": Owed((("mean", None, "pm2_5"),), ("air",)),
    "held": Owed((("time_mean", None, "pm2_5"),), ("air",)),
    "grown": Owed((("increase", None, "total"),), ("air",)),
    "busy": Owed((("percentile", 95.0, "pm2_5"),), ("air",)),
    "loud": Owed((("leq", None, "sound_level"),), ("noise",)),
    "mixed": Owed((("count", None, "sound_level"), ("count", None, "pm2_5")), ("air", "noise")),
    "long": Owed((("mean", None, "pm2_5"),), ("air",)),
}
CITIES = {record.id: record for _, _, record in city.catalogue() if isinstance(record, City)}
AREAS = [record for _, _, record in city.catalogue() if isinstance(record, Area)]
DUE_FROM = {record.id: record.due_from_us for _, _, record in city.catalogue() if isinstance(record, Device)}


def finals(logs: Sequence[Log]) -> dict[tuple[str, str, str], Final]:
    """Everything that must have been published once the logs are read to their ends."""
    good: dict[str, list[Reading]] = {quantity: [] for quantity in RESOLUTION}
    for log in logs:
        for device, quantity, at, number in log.good:
            good[quantity].append(Reading(device, at, number * RESOLUTION[quantity], city.HOLD_S * SECOND))
    found: dict[tuple[str, str, str], Final] = {}
    for kpi in city.KPIS:
        owed = OWED[kpi.id]
        marks = [log.watermark.get(kind) for log in logs for kind in owed.kinds if kind in log.devices.values()]
        if None in marks:
            continue
        limit = min(mark for mark in marks if mark is not None)
        for area in AREAS:
            found |= _of_area(kpi, area, (limit, logs), good)
    return found


def _of_area(kpi: Any, area: Area, how_far: tuple[int, Sequence[Log]], good: dict[str, list[Reading]]) -> dict[tuple[str, str, str], Final]:
    """Every window from the city's first on: with data, or from the area's first device or data on."""
    limit, logs = how_far
    owed, where = OWED[kpi.id], CITIES[area.city]
    known = [device for device in _there(owed, area.id) if any(device in log.devices for log in logs)]
    city_wide = [device for device in _there(owed, area.city) if any(device in log.devices for log in logs)]
    begins = [DUE_FROM[device] for device in city_wide] + [r.at_us for q in _quantities(owed) for r in good[q] if r.device in city_wide]
    found: dict[tuple[str, str, str], Final] = {}
    start, end = window_of(min(begins, default=0), kpi.window, where.time_zone)
    while known and end <= limit:
        final = _final(kpi, known, (start, end), good)
        if found or final.devices or min(DUE_FROM[device] for device in known) < end:
            found[kpi.id, area.id, iso_s(start)] = final
        start, end = window_of(end, kpi.window, where.time_zone)
    return found


def _there(owed: Owed, area: str) -> list[str]:
    return [device for device, (kind, home) in city.DEVICES.items() if kind in owed.kinds and (home == area or home.startswith(area + "."))]


def _quantities(owed: Owed) -> list[str]:
    return sorted({quantity for _, _, quantity in owed.parts})


def _final(kpi: Any, known: list[str], window: tuple[int, int], good: dict[str, list[Reading]]) -> Final:
    owed, where = OWED[kpi.id], CITIES["c"]
    values, devices, reported, due = [], 0, 0, 0
    for function, argument, quantity in owed.parts:
        kind = "noise" if quantity == "sound_level" else "air"
        mine = sorted((one for one in good[quantity] if one.device in known), key=lambda one: one.at_us)
        spec = AggregateSpec(function=function, quantity=quantity, argument=argument)
        values.append(aggregate(spec, mine, window, where))
        inside = Counter(one.device for one in mine if window[0] <= one.at_us < window[1])
        holding = {one.device for one in mine if one.at_us < window[0] < one.at_us + one.hold_us} if function == "time_mean" else set()
        devices = max(devices, len(inside.keys() | holding))
        for device in known:
            if city.DEVICES[device][0] == kind:
                its_due = max(0, window[1] - max(window[0], DUE_FROM[device])) * MILLION // (city.CADENCE_S * SECOND)
                due += its_due
                reported += min(inside[device] * MILLION, its_due)
    value = values[0] if len(values) == 1 else (values[0] / values[1] if values[1] else math.nan)
    coverage = min(reported / due, 1.0) if due else float(devices > 0)
    if not devices:
        return Final(None, "no_data", coverage, 0)
    if coverage < kpi.min_coverage or math.isnan(value):
        return Final(None, "not_enough_data", coverage, devices)
    return Final(value, "ok", coverage, devices)
