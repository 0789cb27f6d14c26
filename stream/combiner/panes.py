"""The newest partials: per aggregate and window a pane of areas by input partitions.

Promises  A cell holds the row of the highest input offset; equal offsets carry equal rows. Panes are dense arrays and are
          used again once dropped.
Leaves    Which panes may go to stream/combiner/closing, merging to kernels.combine.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kernels.combine import FIELDS

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
WIDTH = len(FIELDS)


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
        self.bins: dict[tuple[int, int, int], bytes] = {}
        """(pane, area, input) to histogram."""
        self._free: list[int] = []
        self.cells = np.zeros((16, 16, inputs, WIDTH), np.int64)
        self.offsets = np.full((16, 16, inputs), -1, np.int64)
        self.dirty: Bools = np.zeros(16, np.bool_)
        """Panes with a new row since the last look; not part of the state."""
        self._starts: I64 = np.zeros(0, np.int64)
        self._table: I64 = np.zeros((0, 0), np.int64)
        self._stale = False

    def slot_of_key(self, text: str) -> int:
        """Number of an aggregate@window, given on first sight."""
        slot = self.key_slot.setdefault(text, len(self.keys))
        if slot == len(self.keys):
            self.keys.append(text)
            self._stale = True
        return slot

    def slots_of_keys(self, texts: Sequence[str]) -> I64:
        """slot_of_key of each."""
        try:
            return np.array([self.key_slot[text] for text in texts], np.int64)
        except KeyError:
            return np.array([self.slot_of_key(text) for text in texts], np.int64)

    def slots_of_areas(self, texts: Sequence[str]) -> I64:
        """slot_of_area of each."""
        try:
            return np.array([self.area_slot[text] for text in texts], np.int64)
        except KeyError:
            return np.array([self.slot_of_area(text) for text in texts], np.int64)

    def slot_of_area(self, text: str) -> int:
        """Number of an area, given on first sight."""
        slot = self.area_slot.setdefault(text, len(self.areas))
        if slot == len(self.areas):
            self.areas.append(text)
            if slot >= self.cells.shape[1]:
                self._grow(1)
        return slot

    def put(self, place: tuple[I64, I64, I64], rows: I64, source: int, offset: int) -> Bools:
        """Store rows that are newer than what is there; returns which were.

        place  key slots, area slots, window starts (µs), int64[n] each; one row per place
        rows   int64[n, 8] in the order of kernels.combine.FIELDS
        """
        keys, areas, starts = place
        panes = self._panes_of(keys, starts)
        newer: Bools = self.offsets[panes, areas, source] <= offset
        if not newer.all():
            panes, areas, rows = panes[newer], areas[newer], rows[newer]
        self.cells[panes, areas, source] = rows
        self.offsets[panes, areas, source] = offset
        return newer

    def at(self, key_slot: int, start_us: int) -> int:
        """The pane of an aggregate and window, -1 where there is none."""
        return self.pane.get((key_slot, start_us), -1)

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
        self.dirty[pane] = False
        self._stale = True
        self.cells[pane] = 0
        self.offsets[pane] = -1
        self._free.append(pane)
        for name in [name for name in self.bins if name[0] == pane]:
            del self.bins[name]

    def _panes_of(self, keys: I64, starts: I64) -> I64:
        panes = self._lookup(keys, starts)
        missing = panes < 0
        if missing.any():
            for key_slot, start in sorted(set(zip(keys[missing].tolist(), starts[missing].tolist(), strict=True))):
                self._new(key_slot, start)
            panes = self._lookup(keys, starts)
        self.dirty[panes] = True
        return panes

    def _lookup(self, keys: I64, starts: I64) -> I64:
        """Panes by a dense table of keys and starts, -1 where there is none."""
        if self._stale:
            self._starts = np.array(sorted({start for _, start in self.pane}), np.int64)
            self._table = np.full((len(self.keys), self._starts.size), -1, np.int64)
            for (key_slot, start), pane in self.pane.items():
                self._table[key_slot, np.searchsorted(self._starts, start)] = pane
            self._stale = False
        if not self._starts.size:
            return np.full(keys.size, -1, np.int64)
        at = np.minimum(np.searchsorted(self._starts, starts), self._starts.size - 1)
        return np.where(self._starts[at] == starts, self._table[keys, at], -1)

    def _new(self, key_slot: int, start_us: int) -> None:
        if not self._free and len(self.pane) >= self.cells.shape[0]:
            self._grow(0)
        pane = self._free.pop() if self._free else len(self.pane)
        self.pane[key_slot, start_us] = pane
        self._stale = True

    def _grow(self, axis: int) -> None:
        self.cells = np.concatenate([self.cells, np.zeros_like(self.cells)], axis)
        self.offsets = np.concatenate([self.offsets, np.full_like(self.offsets, -1)], axis)
        self.dirty = np.concatenate([self.dirty, np.zeros(self.cells.shape[0] - self.dirty.size, np.bool_)])
