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


class _Shown(NamedTuple):
    """What went out last of a lane's window."""

    areas: list[str]
    due: I64
    values: Values
    out: npt.NDArray[np.bool_]
    at_us: I64
    """When each went out last."""
    whole: bool = False
    """True where everything is due that will ever be: only a new row can change the values."""
    held_back: bool = False
    """True where something changed and must wait."""
    looked_us: int = 0


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
        starts = _starts(panes)
        for lane in lanes:
            until_us = frontier(known.until_us, lane.definition.kinds)
            for start in sorted(_open(lane, starts, closing, until_us)):
                shown = self._shown.get((lane.id, start))
                if shown is not None and self._still(shown, lane, known) and not _dirty(lane, panes, start):
                    continue
                values, now = self._look(lane, panes, lane.window(start), known, shown)
                self._shown[lane.id, start] = now._replace(whole=until_us >= lane.window(start)[1], looked_us=known.now_us)
                if values is not None:
                    found += kpi_values(lane, now.values, values, Stamp(lane.window(start), "live", 0, None, known.epoch))
        panes.dirty[:] = False
        return found

    def _still(self, shown: _Shown, lane: Lane, known: Known) -> bool:
        """True where nothing but a new row can change what went out, or what is due was looked at a moment ago."""
        return not shown.held_back and shown.areas is lane.areas and (shown.whole or known.now_us - shown.looked_us < self._every_us)

    def _look(self, lane: Lane, panes: Panes, window: tuple[int, int], known: Known, shown: _Shown | None) -> tuple[I64 | None, _Shown]:
        """Positions in the lane that go out now (None for nothing), and what is out after them."""
        due = lane.due(window, known.until_us, len(panes.areas))
        if shown is not None and shown.areas != lane.areas:
            shown = _carried(shown, lane.areas)
        if shown is not None and not shown.held_back and not _dirty(lane, panes, window[0]) and np.array_equal(due, shown.due):
            return None, shown
        values = compute(lane, panes, window[0], due)
        out = (values.devices > 0) | (due > 0)
        if shown is None:
            return out.nonzero()[0], _Shown(lane.areas, due, values, out, np.full(out.size, known.now_us, np.int64))
        changed = (out | shown.out) & ~(_equal(values, shown.values) & shown.out)
        now = changed & (known.now_us - shown.at_us >= self._every_us)
        merged = Values(*(np.where(now, new, old) for new, old in zip(values, shown.values, strict=True)))
        at_us = np.where(now, known.now_us, shown.at_us)
        return now.nonzero()[0], _Shown(lane.areas, due, merged, shown.out | now, at_us, held_back=bool((changed & ~now).any()))


def _carried(shown: _Shown, areas: list[str]) -> _Shown:
    """What went out, for a lane whose areas have changed: new ones have shown nothing yet."""
    place = {area: n for n, area in enumerate(shown.areas)}
    from_ = np.array([place.get(area, -1) for area in areas], np.int64)
    there = from_ >= 0
    values = Values(*(np.where(there, column[from_], 0) for column in shown.values))
    out, at_us = there & shown.out[from_], np.where(there, shown.at_us[from_], -(1 << 62))
    return _Shown(areas, np.full(len(areas), -1, np.int64), values, out, at_us)


def _equal(a: Values, b: Values) -> npt.NDArray[np.bool_]:
    value: npt.NDArray[np.bool_] = (a.value == b.value) | (np.isnan(a.value) & np.isnan(b.value))
    same: npt.NDArray[np.bool_] = value & (a.state == b.state) & (a.coverage == b.coverage) & (a.devices == b.devices)
    return same


def _dirty(lane: Lane, panes: Panes, start_us: int) -> bool:
    """True where a row of the window came since the last look."""
    return any(pane >= 0 and panes.dirty[pane] for pane in (panes.at(key, start_us) for key in lane.keys))


def _starts(panes: Panes) -> dict[int, set[int]]:
    """Window starts with data, per key slot."""
    found: dict[int, set[int]] = {}
    for key, start in panes.pane:
        found.setdefault(key, set()).add(start)
    return found


def _open(lane: Lane, starts: dict[int, set[int]], closing: Closing, known_us: int) -> set[int]:
    """Starts of the lane's open windows: those with data, and the one that the kinds have come to."""
    begin, end = closing.open_from(lane), lane.definition.live_to_us
    candidates = {start for key in lane.keys for start in starts.get(key, ())}
    if known_us > UNKNOWN_US:
        candidates.add(lane.window(known_us)[0])
    return {start for start in candidates if begin <= start < end and lane.window(start)[0] == start}
