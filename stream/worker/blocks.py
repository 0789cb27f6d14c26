"""The open windows of a partition: opening, closing and carrying them over a change of the catalogue.

Promises  A block is one window of one lane, with a row per device that measures the quantity; rows are never shared.
Leaves    What is in the rows to kernels.accumulate and kernels.ordered.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from catalog.records import WindowName
from catalog.windows import window_of
from kernels.bundle import Bundle
from kernels.lanes import COUNT, OWN, Blocks, Lanes, both, ground_of, new_cells
from stream.worker.program import WINDOWS, LaneKey, Program

I64 = npt.NDArray[np.int64]
T = TypeVar("T", bound=np.generic)


class Window(NamedTuple):
    """One open window: its lane, its bounds in µs, its first accumulator row and how many it has."""

    lane: int
    start_us: int
    end_us: int
    base: int
    rows: int


def listed(some: Sequence[Window], lane_quantity: I64) -> I64:
    """Windows as kernels.reduce.reduce_blocks takes them, int64[w, 6]: base row, start, end (µs), rows, quantity, lane."""
    lane, start_us, end_us, base, rows = np.fromiter(chain.from_iterable(some), np.int64, 5 * len(some)).reshape(-1, 5).T
    return np.column_stack((base, start_us, end_us, rows, lane_quantity[lane], lane))


class OpenWindows:
    """Blocks of accumulator rows that grow as windows open and are used again as they close."""

    def __init__(self, lanes: int) -> None:
        self.windows: dict[int, Window] = {}
        self._free_numbers: list[int] = []
        self._free_rows: dict[int, list[int]] = {}
        self._end = 0
        self.arrays = Blocks(
            np.zeros(max(1, lanes), np.int32),
            np.zeros((max(1, lanes), 8), np.int32),
            np.zeros(64, np.int64),
            np.zeros(64, np.int64),
            np.zeros((max(1, lanes), 8), np.int64),
            *new_cells(4096),
        )
        self._ground: tuple[Lanes, Blocks, Bundle] | None = None

    def ground(self, lanes: Lanes) -> Bundle:
        """Lanes and open windows as the kernel takes them, made anew when one of them was replaced."""
        made = self._ground
        if made is None or made[0] is not lanes or made[1] is not self.arrays:
            made = self._ground = (lanes, self.arrays, ground_of(lanes, self.arrays))
        return made[2]

    def open(self, program: Program, lane: int, start_us: int, city: int) -> int:
        """Open the window of a lane that starts at start_us in the calendar of a city; returns its block number."""
        rows = program.places[program.quantity_number[program.lane_keys[lane][0]]].slot.size
        window: WindowName = WINDOWS[program.lanes.window[lane]]  # type: ignore[assignment]
        _, end_us = window_of(start_us, window, program.time_zones[city] if program.time_zones else "UTC")
        return self._put(Window(lane, start_us, end_us, self._take_rows(rows), rows))

    def put(self, lane: int, start_us: int, end_us: int, rows: int) -> Window:
        """Open a window with bounds and rows as given: from a snapshot, or under a changed program."""
        return self.windows[self._put(Window(lane, start_us, end_us, self._take_rows(rows), rows))]

    def _put(self, window: Window) -> int:
        number = self._free_numbers.pop() if self._free_numbers else len(self.windows)
        arrays = self.arrays
        if number >= arrays.base.size:
            arrays = self.arrays = arrays._replace(start_us=_grown(arrays.start_us), base=_grown(arrays.base))
        if arrays.open[window.lane] >= arrays.of_lane.shape[1]:
            arrays = self.arrays = arrays._replace(of_lane=np.ascontiguousarray(_grown(arrays.of_lane.T).T))
        arrays.of_lane[window.lane, arrays.open[window.lane]] = number
        arrays.open[window.lane] += 1
        arrays.start_us[number] = window.start_us
        arrays.base[number] = window.base
        self.windows[number] = window
        return number

    def _take_rows(self, rows: int) -> int:
        free = self._free_rows.get(rows)
        if free:
            return free.pop()
        base, self._end = self._end, self._end + rows
        while self._end > self.arrays.cell.shape[0]:
            cell, real = both(_grown(self.arrays.cell))
            self.arrays = self.arrays._replace(cell=cell, real=real)
        return base

    def close(self, number: int) -> Window:
        """Forget a window; its rows are cleared and free for the next of the same size."""
        window = self.windows.pop(number)
        arrays = self.arrays
        mine = arrays.of_lane[window.lane, : arrays.open[window.lane]]
        mine[np.flatnonzero(mine == number)[0]] = mine[-1]
        arrays.open[window.lane] -= 1
        arrays.hit[window.lane] = 0
        rows = slice(window.base, window.base + window.rows)
        arrays.cell[rows] = 0
        self._free_rows.setdefault(window.rows, []).append(window.base)
        self._free_numbers.append(number)
        return window

    def dirty(self) -> list[int]:
        """Numbers of the windows in which something changed, in order of lane and start."""
        count = self.arrays.cell[:, COUNT]
        found = [n for n, w in self.windows.items() if (count[w.base : w.base + w.rows] & 1).any()]
        return sorted(found, key=lambda n: (self.windows[n].lane, self.windows[n].start_us))

    def mark_all(self) -> None:
        """Everything is to be published again."""
        for window in self.windows.values():
            cell = self.arrays.cell[window.base : window.base + window.rows]
            cell[:, COUNT] |= spoke(cell)

    def all_told(self) -> None:
        """Nothing is to be published."""
        self.arrays.cell[:, COUNT] &= -2

    def copied(self, lanes: set[int]) -> "OpenWindows":
        """These lanes' windows as they stand, nothing of them dirty; what is done to the copy is not done here."""
        after = OpenWindows(self.arrays.open.size)
        for window in sorted(self.windows.values()):
            if window.lane in lanes:
                base = after.put(*window[:3], window.rows).base
                after.arrays.cell[base : base + window.rows] = self.arrays.cell[window.base : window.base + window.rows]
        after.all_told()
        return after

    def carried(self, old: Program, new: Program) -> "OpenWindows":
        """The same windows under a changed program: lanes by their key, rows by their slot; lanes that are gone are dropped."""
        after = OpenWindows(len(new.lane_keys))
        for number in sorted(self.windows, key=lambda n: (self.windows[n].lane, self.windows[n].start_us)):
            window = self.windows[number]
            key: LaneKey = old.lane_keys[window.lane]
            lane = new.lane_number.get(key)
            if lane is None:
                continue
            quantity = old.quantity_number[key[0]]
            slots = old.places[quantity].slot
            rows = new.lanes.row[new.quantity_number[key[0]], slots]
            size = new.places[new.quantity_number[key[0]]].slot.size
            base = after.put(lane, window.start_us, window.end_us, size).base
            there = rows >= 0
            here = slice(window.base, window.base + window.rows)
            after.arrays.cell[base + rows[there]] = self.arrays.cell[here][there]
        return after


def spoke(cell: I64) -> npt.NDArray[np.bool_]:
    """By accumulator row: whether there is anything in it, but that it has changed."""
    return np.asarray((cell[:, COUNT] > 1) | (cell[:, OWN] != 0))


def _grown(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """Twice the room along the first axis, what is there kept."""
    bigger = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
    bigger[: array.shape[0]] = array
    return bigger
