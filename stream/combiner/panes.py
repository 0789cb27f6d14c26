"""The newest partials: per aggregate and window a pane of areas by input partitions, and their sums.

Promises  A cell holds the row of the highest input offset; equal offsets carry equal rows. Panes are dense arrays and are
          used again once dropped. Sums are brought up to date for what changed, all panes in one pass.
Leaves    Which panes may go to stream/combiner/closing, placing and merging to kernels.combine.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.combine import FIELDS, Merged, Store, Tally, merge_stale, merged_of, put
from stream.rows import Rows

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
WIDTH = len(FIELDS)


class Floors(NamedTuple):
    """Windows that do not count any more: int64[keys, c] starts (µs) by key slot and column, and each area's column."""

    floor: I64
    city: I64


class Panes:
    """A part of the combiner's state. Slots number texts in order of arrival; nothing outside depends on them."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.keys: list[str] = []
        self.key_slot: dict[str, int] = {}
        self.areas: list[str] = []
        self.area_slot: dict[str, int] = {}
        self.pane: dict[tuple[int, int], int] = {}
        """(key slot, window start) to pane."""
        self.bins: dict[int, dict[tuple[int, int], bytes]] = {}
        """Pane to (area, input) to histogram."""
        self.version = 0
        """Grows when a pane comes or goes, or an area has a row of an input partition for the first time; not part of the state."""
        self._free: list[int] = []
        self.cells = np.zeros((16, 16, inputs, WIDTH), np.int64)
        self.offsets = np.full((16, 16, inputs), -1, np.int64)
        self.touched = np.zeros((16, 16), np.uint8)
        """Panes and areas with a new row since the last look; not part of the state."""
        self._stale, self._hot = np.zeros((16, 16), np.uint8), np.zeros(16, np.uint8)
        self._sums, self._reals = np.zeros((16, WIDTH, 16), np.int64), np.zeros((16, 16))
        self._starts: I64 = np.zeros(0, np.int64)
        self._table: I64 = np.zeros((0, 0), np.int64)
        self._moved, self._unmerged = True, False

    def slot_of_key(self, text: str) -> int:
        """Number of an aggregate@window, given on first sight."""
        slot = self.key_slot.setdefault(text, len(self.keys))
        if slot == len(self.keys):
            self.keys.append(text)
            self._moved = True
        return slot

    def slot_of_area(self, text: str) -> int:
        """Number of an area, given on first sight."""
        slot = self.area_slot.setdefault(text, len(self.areas))
        if slot == len(self.areas):
            self.areas.append(text)
            if slot >= self.cells.shape[1]:
                self._grow(1)
        return slot

    def slots(self, keys: Sequence[str], areas: Sequence[str]) -> tuple[I64, I64]:
        """Numbers of aggregates and areas, given on first sight."""
        return (
            np.array([self.slot_of_key(text) for text in keys], np.int64),
            np.array([self.slot_of_area(text) for text in areas], np.int64),
        )

    def put(self, rows: Rows, places: tuple[I64, I64], floors: Floors, source: int, offset: int) -> Tally:
        """Store the rows that still count and are not older than what is there; places from `slots`."""
        tally, taken = np.zeros(3, np.int64), np.zeros(rows.matrix.shape[0], np.uint8)
        origin = np.array([source, offset, 0], np.int64)
        while (at := put(rows.matrix, places, self._store(floors), origin, tally, taken)) < taken.size:
            self._make(places[0][rows.matrix[at:, 0]], rows.matrix[at:, 2], floors, places[1][rows.matrix[at:, 1]])
            origin[2] = at
        self._unmerged = True
        if tally[2]:
            self.version += 1
        for row, data in rows.bins.items():
            if taken[row]:
                key, area, start = (int(n) for n in rows.matrix[row, :3])
                self.bins.setdefault(self.at(int(places[0][key]), start), {})[int(places[1][area]), source] = data
        return Tally(*tally.tolist())

    def at(self, key_slot: int, start_us: int) -> int:
        """The pane of an aggregate and window, -1 where there is none."""
        return self.pane.get((key_slot, start_us), -1)

    def merged(self, pane: int, slots: I64) -> Merged:
        """Sums over the input partitions for these areas; whatever changed since the last call is merged first."""
        if self._unmerged:
            merge_stale(self._store(None), self._sums, self._reals)
            self._unmerged = False
        return merged_of(self._sums[pane][:, slots], self._reals[pane][slots])

    def merged_with(self, pane: int, tail: int, slots: I64) -> Merged:
        """Sums with the tail; without it in areas of which some input partition has told the pane alone (it is of an earlier release).

        pane -1: there is none.
        """
        whole = self.merged(tail, slots)
        if pane < 0:
            return whole
        lacks = ((self.offsets[pane, slots] >= 0) & (self.offsets[tail, slots] < 0)).any(axis=1)
        if not lacks.any():
            return whole
        return Merged(*(np.where(lacks, a, b) for a, b in zip(self.merged(pane, slots), whole, strict=True)))

    def starts(self, key_slot: int) -> list[int]:
        """Window starts of an aggregate's panes, ascending."""
        return sorted(start for slot, start in self.pane if slot == key_slot)

    def seen(self, key_slot: int, start_us: int) -> Bools:
        """Area slots that have a row in the pane."""
        pane = self.pane[key_slot, start_us]
        newest: I64 = self.offsets[pane, : len(self.areas)].max(axis=1)
        return newest >= 0

    def drop(self, key_slot: int, start_us: int) -> None:
        """Forget a pane."""
        pane = self.pane.pop((key_slot, start_us))
        self._moved = True
        self.version += 1
        for array in (self.touched, self._stale, self._hot, self.cells, self._sums, self._reals):
            array[pane] = 0
        self.offsets[pane] = -1
        self._free.append(pane)
        self.bins.pop(pane, None)

    def _make(self, keys: I64, starts: I64, floors: Floors, areas: I64) -> None:
        """The panes that are missing for these rows, all at once."""
        counts = starts >= floors.floor[keys, floors.city[areas]]
        for key_slot, start in sorted(set(zip(keys[counts].tolist(), starts[counts].tolist(), strict=True))):
            if (key_slot, start) not in self.pane:
                if not self._free and len(self.pane) >= self.cells.shape[0]:
                    self._grow(0)
                self.pane[key_slot, start] = self._free.pop() if self._free else len(self.pane)
                self._moved = True
                self.version += 1

    def _store(self, floors: Floors | None) -> Store:
        if self._moved:
            self._starts = np.array(sorted({start for _, start in self.pane}), np.int64)
            self._table = np.full((len(self.keys), self._starts.size), -1, np.int64)
            for (key_slot, start), pane in self.pane.items():
                self._table[key_slot, np.searchsorted(self._starts, start)] = pane
            self._moved = False
        floor, city = (self._table[:0], self._starts[:0]) if floors is None else floors
        return Store(self._starts, self._table, floor, city, self.cells, self.offsets, self.touched, self._stale, self._hot)

    def _grow(self, axis: int) -> None:
        self.cells = np.concatenate([self.cells, np.zeros_like(self.cells)], axis)
        self.offsets = np.concatenate([self.offsets, np.full_like(self.offsets, -1)], axis)
        self.touched = np.concatenate([self.touched, np.zeros_like(self.touched)], axis)
        self._stale = np.concatenate([self._stale, np.zeros_like(self._stale)], axis)
        self._reals = np.concatenate([self._reals, np.zeros_like(self._reals)], axis)
        self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)], 2 * axis)
        self._hot = np.concatenate([self._hot, np.zeros(self.cells.shape[0] - self._hot.size, np.uint8)])
