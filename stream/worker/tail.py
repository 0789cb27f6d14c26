"""The provisional tail of ordered lanes: their windows as they would be had the watermark passed every reading that is here (rule 10).

Promises  Worked out on a copy: the state stays what it is, and no final rests on a tail. A row is absolute, what is fed and what waits
          in one; it is told where it differs from what was told last, so what is taken back is told, too.
          Held values count up to their device's newest reading, not beyond. A value of which no time is counted yet stands for 1 µs:
          a device's first reading shows as what it says.
Leaves    Which windows may be told now, and encoding, to stream.worker.partials.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.feeding import feed, in_order
from kernels.lanes import COUNT, OWN, SUM_HI, SUM_LO
from kernels.ordered import Ground, Held
from kernels.reduce import FUNCTIONS
from stream.worker.blocks import OpenWindows, Window
from stream.worker.program import Program
from stream.worker.state import Pending, State

I64 = npt.NDArray[np.int64]
MINUTE_LANE = 0
SHARE, STEPS = FUNCTIONS.index("time_share"), FUNCTIONS.index("increase")
Now = Callable[[Window], bool]
"""Whether a window may be told in this look."""


class _Told(NamedTuple):
    """A window's end, and its device rows as they were told last."""

    end_us: int
    cell: I64 | None
    """None where it is not known any more which: all are to be told."""


class Tail:
    """Remembers what was told; no part of the state."""

    def __init__(self) -> None:
        self._program: Program | None = None
        self._lanes: set[int] = set()
        self._told: dict[tuple[int, int], _Told] = {}
        """By lane and start."""
        self._held_back: list[Pending] = []
        """What was held back at the last look."""
        self._brief_due = self._long_due = True
        """Minutes, and longer windows, may say something else than was told."""

    def forget(self) -> None:
        """All that is open is to be told again."""
        self._told.clear()
        self._brief_due = self._long_due = True

    def take(self, state: State, fed: list[Window], now: Now, *, only_brief: bool) -> tuple[OpenWindows, list[Window]]:
        """Windows with their tail, and those of them that are to be told: their changed device rows are marked dirty.

        fed          what is told in this look without the tail
        only_brief   True: `now` holds back long windows that are not closing
        """
        if state.program is not self._program:
            self._begin(state.program)
        if not self._lanes or not self._is_due(state, fed, now, only_brief):
            return state.windows, []
        windows = _with_tail(state, self._lanes)
        self._held_back = list(state.held_back)
        self._brief_due, self._long_due = False, self._long_due and only_brief
        return windows, self._changed(state, windows, now)

    def _begin(self, program: Program) -> None:
        """Everything is to be told again; where a kind has no device left what was told of its readings is taken back, too."""
        before, told, self._told = self._program, self._told, {}
        if before is not None and not set(before.active_kinds) <= set(program.active_kinds):
            keys = ((before.lane_keys[lane], start, each) for (lane, start), each in told.items())
            self._told = {(program.lane_number[key], start): each._replace(cell=None) for key, start, each in keys if key in program.lane_number}
        self._program, self._lanes = program, set(program.tracks.lane.tolist())
        self._brief_due = self._long_due = True

    def _is_due(self, state: State, fed: list[Window], now: Now, only_brief: bool) -> bool:
        if not _same(self._held_back, state.held_back) or any(window.lane in self._lanes for window in fed):
            self._held_back = list(state.held_back)
            self._brief_due = self._long_due = True
        if not only_brief:
            return self._brief_due or self._long_due
        length = state.program.lanes.window
        if self._brief_due and any(length[lane] == MINUTE_LANE for lane in self._lanes):
            return True
        closing = (w for w in state.windows.windows.values() if w.lane in self._lanes and length[w.lane] != MINUTE_LANE and now(w))
        return self._long_due and any(True for _ in closing)

    def _changed(self, state: State, windows: OpenWindows, now: Now) -> list[Window]:
        """The windows that differ from what was told, which is brought up to date; those that close now are forgotten."""
        keys = state.program.lane_keys
        passed = {lane: state.passed_us(keys[lane][0]) for lane in self._lanes}
        open_ = {(window.lane, window.start_us) for window in state.windows.windows.values()}
        there = {(window.lane, window.start_us) for window in windows.windows.values()}
        for lane, start_us in sorted(self._told.keys() - there):
            told = self._told.pop((lane, start_us))
            if told.end_us > passed[lane] or told.cell is None:  # it is not closed: all that was in it was taken back
                self._told[lane, start_us] = told
                windows.put(lane, start_us, told.end_us, state.program.places[state.program.quantity_number[keys[lane][0]]].slot.size)
        found = []
        for window in sorted(windows.windows.values()):
            name = (window.lane, window.start_us)
            before = self._told.get(name)
            closes = window.end_us <= passed[window.lane]
            if not now(window) or (closes and before is None and name not in open_):
                continue
            cell = windows.arrays.cell[window.base : window.base + window.rows]
            changed = _differs(cell, before)
            self._told.pop(name, None)
            if not closes:
                self._told[name] = _Told(window.end_us, cell.copy())
            if changed.any():
                cell[:, COUNT] |= changed
                found.append(window)
        return found


def _differs(cell: I64, told: _Told | None) -> npt.NDArray[np.bool_]:
    """By row: whether it is to be told."""
    if told is None:
        return np.asarray((cell != 0).any(axis=1))
    if told.cell is None:
        return np.ones(cell.shape[0], np.bool_)
    return np.asarray((cell != told.cell).any(axis=1))


def _same(a: list[Pending], b: list[Pending]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _with_tail(state: State, lanes: set[int]) -> OpenWindows:
    """A copy of these lanes' windows in which all that waits is fed, in order of time."""
    program, windows, need = state.program, state.windows.copied(lanes), np.zeros(3, np.int64)
    held = Held(*(each.copy() for each in state.held))
    # Why: a kind without devices here has no watermark that goes on; its readings wait for good.
    waits = np.flatnonzero(np.isin(program.tables.slot_kind[state.pending[0]], program.active_kinds))
    rows, at = in_order(state.pending, waits), 0
    while (at := feed(rows, Ground(program.lanes, windows.arrays, program.tracks, held, program.hold_us), at, need)) < waits.size:
        lane, start_us, city = (int(n) for n in need)
        windows.open(program, lane, start_us, city)
    windows.all_told()
    _moments(program, windows, held)
    return windows


def _moments(program: Program, windows: OpenWindows, held: Held) -> None:
    """Devices whose newest reading is all that a window has of them, and has no time yet: it stands for 1 µs."""
    tracks = program.tracks
    track = {lane: t for t, lane in enumerate(tracks.lane.tolist()) if tracks.function[t] != STEPS}
    for window in windows.windows.values():
        t = track.get(window.lane, -1)
        if t < 0:
            continue
        cell = windows.arrays.cell[window.base : window.base + window.rows]
        rows = np.flatnonzero((cell[:, COUNT] != 0) & (cell[:, OWN] == 0))
        slot = program.places[tracks.quantity[t]].slot[rows]
        here = (held.at_us[t, slot] >= window.start_us) & (held.at_us[t, slot] < window.end_us)
        value = held.value[t, slot[here]]
        if tracks.function[t] == SHARE:
            value = (value >= tracks.above[t]).astype(np.int64)
        cell[rows[here], SUM_LO], cell[rows[here], SUM_HI], cell[rows[here], OWN] = value, value >> 63, 1
