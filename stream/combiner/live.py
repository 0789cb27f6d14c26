"""Live values: what open windows say so far, where that changed.

Promises  A value goes out when value, state, coverage or devices differ from what went out last; an area without data goes
          out once something is due of it. After a restore everything open goes out again.
Leaves    How often to the shell (at most once a second); nothing here is part of the state.
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
    whole: bool
    """True where everything is due that will ever be: only a new row can change the values."""


class Known(NamedTuple):
    """How far each kind is known (µs), and the offset that all this rests on."""

    until_us: dict[str, int]
    epoch: str


class Live:
    """Remembers what went out."""

    def __init__(self) -> None:
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
                if shown is not None and shown.whole and shown.areas is lane.areas and not _dirty(lane, panes, start):
                    continue
                values, now = _look(lane, panes, lane.window(start), known.until_us, shown)
                self._shown[lane.id, start] = now._replace(whole=until_us >= lane.window(start)[1])
                if values is not None:
                    found += kpi_values(lane, now.values, values, Stamp(lane.window(start), "live", 0, None, known.epoch))
        panes.dirty[:] = False
        return found


def _look(lane: Lane, panes: Panes, window: tuple[int, int], known_us: dict[str, int], shown: _Shown | None) -> tuple[I64 | None, _Shown]:
    """Positions in the lane that changed (None for nothing), and what is out after them."""
    due = lane.due(window, known_us, len(panes.areas))
    same = shown is not None and shown.areas == lane.areas
    if same and shown is not None and not _dirty(lane, panes, window[0]) and np.array_equal(due, shown.due):
        return None, shown
    values = compute(lane, panes, window[0], due)
    out = (values.devices > 0) | (due > 0)
    if not same or shown is None:
        return out.nonzero()[0], _Shown(lane.areas, due, values, out, whole=False)
    old = shown.values
    equal = (values.value == old.value) | (np.isnan(values.value) & np.isnan(old.value))
    equal &= (values.state == old.state) & (values.coverage == old.coverage) & (values.devices == old.devices)
    out |= shown.out
    return (out & ~(equal & shown.out)).nonzero()[0], _Shown(lane.areas, due, values, out, whole=False)


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
