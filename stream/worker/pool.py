"""Pooled histograms for percentiles: how many good readings of a lane fell on each integer of the resolution, per area.

Promises  Exact counts; merging areas or partitions adds them. Kept for the smallest areas, summed upward when published.
Leaves    The table's probing to kernels.pool.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.arrive import Rows, Verdicts
from kernels.lanes import Lanes
from kernels.pool import AREA_BITS, VALUE_BITS, VALUE_OFFSET, pool, rebuild
from kernels.reduce import Places
from kernels.table import FREE, Table, capacity_for, new_table, place

I64 = npt.NDArray[np.int64]
NONE = np.zeros(0, np.int64)


class Pooled(NamedTuple):
    """What is pooled."""

    lane: npt.NDArray[np.uint8]
    """By lane: 1 where it has a percentile."""
    quantity: npt.NDArray[np.bool_]
    """By quantity: whether one of its lanes has."""
    most: int
    """Pooled lanes of one quantity, at most."""


class Pool:
    """A sparse table (block, smallest area, integer value) -> count."""

    def __init__(self) -> None:
        self.table: Table = new_table(1 << 12)

    def add(self, rows: Rows, verdicts: Verdicts, lanes: Lanes, pooled: Pooled, area: npt.NDArray[np.int32]) -> None:
        """Count the kept, good readings of pooled lanes; their windows are open."""
        entries = int(self.table.used[0]) + pooled.most * rows.slot.size
        if 2 * entries > self.table.key.size:
            self.table = rebuild(self.table, NONE, capacity_for(entries))
        pool(rows, verdicts, lanes, (pooled.lane, pooled.quantity), area, self.table)

    def shift(self, place_: tuple[int, int, int], start_us: int, by: int) -> None:
        """Add to the count of one lane, smallest area and integer value; a correction, so rare."""
        lane, area, value = place_
        if 2 * (int(self.table.used[0]) + 1) > self.table.key.size:
            self.table = rebuild(self.table, NONE, capacity_for(int(self.table.used[0]) + 1))
        table, held = self.table, min(max(value + VALUE_OFFSET, 0), (1 << VALUE_BITS) - 1)
        key = np.int64((lane << 52) | (area << VALUE_BITS) | held)
        at = place(table, key, np.int64(start_us))
        if table.key[at] == FREE:
            table.key[at], table.at_us[at] = key, start_us
            table.used[0] += 1
        table.value[at] += by

    def entries(self, lane: int, start_us: int) -> tuple[I64, I64, I64]:
        """Area numbers, integer values and counts of one window, sorted by area and value."""
        table = self.table
        mine = (table.key != FREE) & (table.at_us == start_us) & (table.key >> 52 == lane) & (table.value != 0)
        key, count = table.key[mine], table.value[mine]
        order = np.argsort(key)
        key = key[order]
        return (key >> VALUE_BITS) & ((1 << AREA_BITS) - 1), (key & ((1 << VALUE_BITS) - 1)) - VALUE_OFFSET, count[order]

    def close(self, windows: list[tuple[int, int]]) -> None:
        """Forget the counts of closed windows (lane, start)."""
        if windows and self.table.used[0]:
            gone = np.array(sorted(windows), np.int64)
            self.table = rebuild(self.table, gone.ravel(), self.table.key.size)

    def renumber(self, lane_of: dict[int, int]) -> None:
        """Carry the counts over a change of lane numbers; lanes that are gone are dropped."""
        old = self.table
        self.table = new_table(old.key.size)
        used = old.key != -1
        lane = old.key[used] >> 52
        after = np.array([lane_of.get(int(n), -1) for n in lane], np.int64)
        key = (after << 52) | (old.key[used] & ((1 << 52) - 1))
        self.put(key[after >= 0], old.at_us[used][after >= 0], old.value[used][after >= 0])

    def used(self) -> tuple[I64, I64, I64]:
        """Keys, window starts and counts of all entries, in no order."""
        there = self.table.key != FREE
        return self.table.key[there], self.table.at_us[there], self.table.value[there]

    def put(self, key: I64, at_us: I64, count: I64) -> None:
        """Set entries of an empty table (restore)."""
        self.table = rebuild(Table(key, at_us, count, np.array([key.size])), NONE, capacity_for(key.size))


def lineages(places: Places) -> npt.NDArray[np.int32]:
    """The areas that each smallest area of these places lies in, itself included: int32[a, LEVELS], -1 where none."""
    found = np.full((int(places.area.max(initial=-1)) + 1, places.area.shape[1]), -1, np.int32)
    lines = places.area[places.slot]
    lines = lines[lines[:, 0] >= 0]
    found[lines[:, 0]] = lines
    return found


def summed_by_area(areas: I64, values: I64, counts: I64, lineage: npt.NDArray[np.int32]) -> dict[int, bytes]:
    """Bins of every area of every level as int64 pairs (value, count), ascending in value; lineage from `lineages`."""
    owner = lineage[areas].ravel().astype(np.int64)
    there = owner >= 0
    if not there.any():
        return {}
    levels = lineage.shape[1]
    owner, value, count = owner[there], np.repeat(values, levels)[there], np.repeat(counts, levels)[there]
    order = np.lexsort((value, owner))
    owner, value = owner[order], value[order]
    first = np.flatnonzero(np.concatenate(([True], (owner[1:] != owner[:-1]) | (value[1:] != value[:-1]))))
    pairs = np.column_stack((value[first], np.add.reduceat(count[order], first)))
    edges = np.flatnonzero(np.concatenate(([True], owner[first][1:] != owner[first][:-1], [True])))
    return {int(owner[first[a]]): pairs[a:b].tobytes() for a, b in pairwise(edges)}
