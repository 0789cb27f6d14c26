"""Live values: what open windows say so far, where that changed.

Promises  A value goes out when value, state, coverage or devices differ from what went out last; an area without data goes
          out once something is due of it. After a restore everything open goes out again.
          With `every_us` a value goes out at most that often; what is held back goes out later, in its newest form.
Leaves    When to look to the shell; nothing here is part of the state.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue
from stream.combiner.catalogue import NEVER_US
from stream.combiner.closing import Closing
from stream.combiner.lanes import Lane, LaneId
from stream.combiner.marks import UNKNOWN_US, frontier
from stream.combiner.panes import Panes
from stream.combiner.values import Stamp, Values, compute, kpi_values

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Dues = dict[tuple[object, ...], I64]
"""What is due per area slot, by what it rests on: shared by the KPIs of one pass."""


class _Shown:
    """What went out last of a lane's window, by area of the lane."""

    __slots__ = ("areas", "at_us", "due", "looked_us", "out", "pending", "values", "whole")

    def __init__(self, areas: list[str]) -> None:
        n = len(areas)
        self.areas = areas
        self.due: I64 = np.full(n, -1, np.int64)
        self.values = Values(np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64))
        self.out: Bools = np.zeros(n, np.bool_)
        """What went out at all."""
        self.at_us: I64 = np.full(n, -(1 << 62), np.int64)
        """When each went out last."""
        self.pending: Bools = np.ones(n, np.bool_)
        """What may have changed since."""
        self.whole = False
        """True where everything is due that will ever be: only a new row can change the values."""
        self.looked_us = -(1 << 62)
        """When it was last looked at what is due."""

    def carried(self, areas: list[str]) -> "_Shown":
        """For a lane whose areas have changed: new ones have shown nothing yet, all are looked at."""
        after = _Shown(areas)
        place = {area: n for n, area in enumerate(self.areas)}
        there = [(n, place[area]) for n, area in enumerate(areas) if area in place]
        to, from_ = np.array([n for n, _ in there], np.int64), np.array([n for _, n in there], np.int64)
        after.out[to], after.at_us[to] = self.out[from_], self.at_us[from_]
        for target, source in zip(after.values, self.values, strict=True):
            target[to] = source[from_]
        return after


class Known(NamedTuple):
    """How far each kind is known (µs), and the offset that all this rests on."""

    until_us: dict[str, int]
    epoch: str
    now_us: int = 0


class Live:
    """Remembers what went out."""

    def __init__(self, every_us: int = 0) -> None:
        self._every_us = every_us
        self._shown: dict[tuple[LaneId, int], _Shown] = {}

    def changed(self, lanes: list[Lane], panes: Panes, closing: Closing, known: Known) -> list[KpiValue]:
        """Live values to publish now."""
        found: list[KpiValue] = []
        open_from = {lane.id: closing.open_from(lane) for lane in lanes}
        self._shown = {name: shown for name, shown in self._shown.items() if name[1] >= open_from.get(name[0], NEVER_US)}
        starts, dues = _starts(panes), Dues()
        touched = set(np.flatnonzero(panes.touched.any(axis=1)).tolist())
        for lane in lanes:
            until_us = frontier(known.until_us, lane.definition.kinds)
            for start in sorted(_open(lane, starts, closing, until_us)):
                shown = self._of(lane, start)
                for pane in touched.intersection(panes.at(key, start) for key in lane.keys + lane.tails):
                    shown.pending |= panes.touched[pane, lane.slots] != 0
                if lane.definition.plan.bases and _looks_at_news(lane, start):
                    shown.pending[:] = True
                window = lane.window(start)
                now = self._look(shown, lane, panes, window, (known, dues, until_us))
                if now is not None:
                    found += kpi_values(lane, shown.values, now, Stamp(window, "live", 0, None, known.epoch))
        panes.touched[list(touched)] = 0
        for lane in lanes:
            lane.finals.news.clear()
        return found

    def _of(self, lane: Lane, start: int) -> _Shown:
        shown = self._shown.get((lane.id, start))
        if shown is None:
            shown = self._shown[lane.id, start] = _Shown(lane.areas)
        elif shown.areas is not lane.areas:
            shown = self._shown[lane.id, start] = shown.carried(lane.areas) if shown.areas != lane.areas else shown
            shown.areas = lane.areas
        return shown

    def _ready(self, shown: _Shown, now_us: int) -> Bools:
        ready: Bools = shown.pending & (now_us - shown.at_us >= self._every_us)
        return ready

    def _look(self, shown: _Shown, lane: Lane, panes: Panes, window: tuple[int, int], by: tuple[Known, Dues, int]) -> I64 | None:
        """Positions in the lane that go out now, remembered; None for nothing. Where more is due than before, the value may have changed, too."""
        (known, dues, until_us), now_us, start = by, by[0].now_us, window[0]
        settled = shown.whole or now_us - shown.looked_us < self._every_us
        ready = self._ready(shown, now_us)
        if settled and not ready.any():
            return None
        due = lane.due_so_far(window, known.until_us, len(panes.areas), dues)
        more = due != shown.due
        if more.any():
            shown.pending |= more
            ready = self._ready(shown, now_us)
        shown.due, shown.looked_us, shown.whole = due, now_us, until_us >= window[1]
        looked = np.flatnonzero(ready)
        if not looked.size:
            return None
        shown.pending[looked] = False
        values = compute(lane._replace(slots=lane.slots[looked]), panes, start, due[looked], is_open=True)
        was = shown.values
        before = Values(was.value[looked], was.state[looked], was.coverage[looked], was.devices[looked])
        out, was_out = (values.devices > 0) | (due[looked] > 0), shown.out[looked]
        changed = (out | was_out) & ~(_equal(values, before) & was_out)
        if not changed.any():
            return None
        now: I64 = looked[changed]
        for target, source in zip(shown.values, values, strict=True):
            target[now] = source[changed]
        shown.out[now], shown.at_us[now] = True, now_us
        return now


def _equal(a: Values, b: Values) -> Bools:
    value: Bools = (a.value == b.value) | (np.isnan(a.value) & np.isnan(b.value))
    same: Bools = value & (a.state == b.state) & (a.coverage == b.coverage) & (a.devices == b.devices)
    return same


def _looks_at_news(lane: Lane, start_us: int) -> bool:
    """True where a final that the window looks back at came since the last look."""
    window, zone = lane.definition.kpi.window, lane.city.time_zone
    return any((base.kpi, base.version, base.back.start_of(start_us, window, zone)) in lane.finals.news for base in lane.definition.plan.bases)


def _starts(panes: Panes) -> dict[int, set[int]]:
    """Window starts with data, per key slot."""
    found: dict[int, set[int]] = {}
    for key, start in panes.pane:
        found.setdefault(key, set()).add(start)
    return found


def _open(lane: Lane, starts: dict[int, set[int]], closing: Closing, known_us: int) -> set[int]:
    """Starts of the lane's open windows: those with data, and the one that the kinds have come to."""
    begin, end = closing.open_from(lane), lane.definition.live_to_us
    candidates = {start for key in lane.keys + lane.tails for start in starts.get(key, ())}
    if known_us > UNKNOWN_US:
        candidates.add(lane.window(known_us)[0])
    return {start for start in candidates if begin <= start < end and lane.window(start)[0] == start}
