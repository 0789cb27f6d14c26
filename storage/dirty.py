"""Which windows late readings touch, or reach by look-back (rule 20). Pure.

Promises  Every (KPI version, area, window) whose value a late reading can change, each once: the window it lies in; for time_mean and
          time_share all into which it, or what it cuts short, holds; for increase also that of the device's next reading.
Leaves    Rows and SQL to storage.marks. Vectorised over the rows; Python runs per quantity, KPI and quarter of an hour.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import WindowName
from catalog.windows import FIXED_US, window_of
from formula.dated import Dated, Version, hold_us, version_at

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
QUARTER_US = 900_000_000
"""Every time zone's windows begin at a quarter of an hour."""
_HELD = frozenset({"time_mean", "time_share"})


class Late(NamedTuple):
    """n late readings that changed what is stored: numbers of device and quantity, time, and until when they reach (µs).

    until_us is the time of the device's next good reading for counters, at_us itself where there is none.
    """

    device: I64
    quantity: I64
    at_us: I64
    until_us: I64


class Mark(NamedTuple):
    """One window to compute again."""

    kpi: str
    version: int
    area: str
    start_us: int
    end_us: int


def counted(dated: Dated) -> frozenset[int]:
    """Numbers of the quantities for which the next reading matters: those that some KPI takes the increase of."""
    specs = (spec for version in dated.versions for spec in version.plan.aggregates)
    return frozenset(dated.quantity_no[spec.quantity] for spec in specs if spec.function == "increase")


def marks(dated: Dated, late: Late) -> list[Mark]:
    """The windows to mark, sorted as table dirty_window is locked: by KPI, version, area, window."""
    found: set[Mark] = set()
    stand = standing(dated, late.device, late.at_us)
    for quantity in np.unique(late.quantity).tolist():
        id_ = next((id_ for id_, number in dated.quantity_no.items() if number == quantity), None)
        if id_ is None:
            continue
        here = np.flatnonzero((late.quantity == quantity) & (stand >= 0))
        here = here[np.isin(dated.stands.kind[stand[here]], dated.measuring(id_))]
        for versions in _by_kpi(dated.by_quantity.get(id_, ())):
            found |= _of_kpi(dated, versions, id_, (stand[here], late.at_us[here], late.until_us[here]))
    return sorted(found)


def standing(dated: Dated, device: I64, at_us: I64) -> I64:
    """int64[n]: place in dated.stands of the span valid at a reading's time, -1 where there is none."""
    stands = dated.stands
    found = np.full(device.size, -1, np.int64)
    first, after = np.searchsorted(stands.device, device), np.searchsorted(stands.device, device, side="right")
    for step in range(int((after - first).max(initial=0))):
        span = np.minimum(first + step, after - 1)
        there = (first + step < after) & (at_us >= stands.from_us[span]) & (at_us < stands.to_us[span])
        found[there] = span[there]
    return found


def _by_kpi(versions: Iterable[Version]) -> list[list[Version]]:
    found: dict[str, list[Version]] = {}
    for version in versions:
        found.setdefault(version.kpi.id, []).append(version)
    return list(found.values())


def _of_kpi(dated: Dated, versions: list[Version], quantity: str, rows: tuple[I64, I64, I64]) -> set[Mark]:
    """Marks of one KPI. rows: spans, times, and times up to which counters reach."""
    stand, at_us, until_us = rows
    every = [version for version in dated.versions if version.kpi.id == versions[0].kpi.id]
    mine = [spec for version in versions for spec in version.plan.aggregates if spec.quantity == quantity]
    reach_us = at_us.copy()
    if any(spec.function == "increase" for spec in mine):
        reach_us = np.maximum(reach_us, until_us)
    if any(spec.function in _HELD for spec in mine):
        holds = np.array([hold_us(dated.documents.kinds[kind]) for kind in dated.kinds], np.int64)
        reach_us = np.maximum(reach_us, at_us + np.maximum(holds[dated.stands.kind[stand]] - 1, 0))
    found: set[Mark] = set()
    leaf = dated.stands.leaf[stand]
    for name in {version.kpi.window for version in every}:
        for city in np.unique(dated.city[leaf]).tolist():
            here = dated.city[leaf] == city
            zone = dated.documents.cities[dated.cities[city]].time_zone if city >= 0 else "UTC"
            for (area, start_us), end_us in _windows(leaf[here], (at_us[here], reach_us[here]), name, zone).items():
                found |= _here(dated, (every, versions), int(area), (start_us, end_us))
    return found


def between(dated: Dated, of: tuple[list[Version], list[Version]], area: str, span_us: tuple[int, int]) -> set[Mark]:
    """Marks of one KPI's windows that meet [from, to] in an area and all that it lies in; of: all its versions, and those that are touched."""
    leaf = dated.areas.index(area)
    zone = dated.documents.cities[dated.documents.areas[area].city].time_zone
    times = np.array([span_us[0]], np.int64), np.array([span_us[1]], np.int64)
    found: set[Mark] = set()
    for name in {version.kpi.window for version in of[0]}:
        for (_, start_us), end_us in _windows(np.array([leaf], np.int32), times, name, zone).items():
            found |= _here(dated, of, leaf, (start_us, end_us))
    return found


def _here(dated: Dated, of: tuple[list[Version], list[Version]], leaf: int, window: tuple[int, int]) -> set[Mark]:
    """The window in every area that the neighbourhood lies in, of the version that it belongs to."""
    every, reading = of
    version = version_at(every, *window)
    if version is None or version not in reading:
        return set()
    areas = [int(area) for area in dated.lineage[leaf] if area >= 0]
    return {Mark(*version.name, dated.areas[area], *window) for area in areas if dated.documents.areas[dated.areas[area]].level in version.kpi.levels}


def _distinct(leaf: I64, low: I64, high: I64) -> list[tuple[int, int, int]]:
    """The distinct triples: one number each where they fit, for NumPy sorts numbers ten times faster than rows."""
    if not leaf.size:
        return []
    first, areas, ahead = int(low.min()), int(leaf.max()) + 1, int((high - low).max()) + 1
    if (int(low.max()) - first + 1) * areas * ahead >= 1 << 62:
        return [(a, b, c) for a, b, c in np.unique(np.stack([leaf, low, high]), axis=1).T.tolist()]
    keys = np.unique(((low - first) * areas + leaf) * ahead + (high - low))
    rest, further = np.divmod(keys, ahead)
    begin, area = np.divmod(rest, areas)
    begin += first
    return list(zip(area.tolist(), begin.tolist(), (begin + further).tolist(), strict=True))


def _windows(leaf: I32, times: tuple[I64, I64], window: WindowName, zone: str) -> dict[tuple[int, int], int]:
    """(Smallest area, start) to end of all windows that meet [at, reach], each once."""
    at_us, reach_us = times
    found: dict[tuple[int, int], int] = {}
    step = FIXED_US.get(window, QUARTER_US)
    for area, low, high in _distinct(leaf.astype(np.int64), at_us // step, reach_us // step):
        at, last = low * step, high * step
        while at <= last:
            start_us, end_us = window_of(at, window, zone)
            found[area, start_us] = end_us
            at = end_us
    return found
