"""Accumulate readings into open windows: dense rows of integers per device, one block per lane and window.

A lane is what some KPI needs of one quantity: (quantity, window, part of day). A block is one open window of a lane:
`rows` consecutive accumulator rows, one per device that measures the quantity.

Promises  Integers of the quantity's resolution, 128-bit sums; free of the order of the rows, but for energies (float64).
Leaves    Which blocks are open, and making new ones, to stream/blocks: the loop stops where one is missing.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.calendar import end_of, in_part, start_of

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

COUNT, SUM_LO, SUM_HI, LOW, HIGH, LAST_US, LAST, SPARE = range(8)
FIELDS = 8


class Lanes(NamedTuple):
    """What is computed, by quantity q and lane l; calendars by city c and window class w."""

    of_quantity: I32  # [q + 1] first lane of each quantity in `lane`
    lane: I32  # [...] lanes, grouped by quantity
    row: I32  # [q, s] row of a slot in the blocks of a quantity, -1 where it has none
    window: I32  # [l] class: 0 minute, 1 quarter_hour, 2 hour, 3 day, 4 month, 5 quarter, 6 year
    part: I32  # [l] 0 whole day, 1 day, 2 evening, 3 night
    energy: U8  # [l] 1 where the lane needs energies
    slot_city: I32  # [s]
    calendar_at: I64  # [c, w + 1] first edge of the calendar in `edges`
    edges: I64  # [...] starts of calendar windows; per city: day, month, quarter, year, then parts of day
    part_code: U8  # [...] part that begins at an edge, 0 for windows


class Blocks(NamedTuple):
    """The open windows: block b of lane l lies at accumulator rows base[b] ..."""

    open: I32  # [l] open blocks of a lane
    of_lane: I32  # [l, j] their numbers
    start_us: I64  # [b]
    base: I64  # [b]
    hit: I64  # [l, 4] the window a lane found last: start, end (µs), base, city; end 0 where none
    cell: I64  # [rows, FIELDS]
    energy: F64  # [rows]
    dirty: U8  # [rows]


@jit
def _find(blocks: Any, lane: int, start_us: int) -> Any:
    for j in range(blocks.open[lane] - 1, -1, -1):
        b = blocks.of_lane[lane, j]
        if blocks.start_us[b] == start_us:
            if j != blocks.open[lane] - 1:
                blocks.of_lane[lane, j] = blocks.of_lane[lane, blocks.open[lane] - 1]
                blocks.of_lane[lane, blocks.open[lane] - 1] = b
            return b
    return -1


@jit
def _add(cell: Any, r: int, at_us: int, v: int) -> None:
    if cell[r, 0] == 0:
        cell[r, 3] = v
        cell[r, 4] = v
        cell[r, 5] = at_us
        cell[r, 6] = v
    else:
        cell[r, 3] = min(cell[r, 3], v)
        cell[r, 4] = max(cell[r, 4], v)
        if at_us > cell[r, 5]:
            cell[r, 5] = at_us
            cell[r, 6] = v
    cell[r, 0] += 1
    before = np.uint64(cell[r, 1])
    after = before + np.uint64(v)
    cell[r, 1] = np.int64(after)
    cell[r, 2] += (v >> 63) + (1 if after < before else 0)


@jit
def _accumulate(rows: Any, verdicts: Any, resolution: Any, lanes: Any, blocks: Any, start: int, need: Any) -> Any:
    target = np.empty(64, np.int64)
    hit = blocks.hit
    for i in range(start, rows.slot.size):
        flag = verdicts.quality[i] & np.uint16(0x000F)
        if verdicts.status[i] != 0 or flag < 1 or flag > 2:  # a set literal would be made anew for each row
            continue
        s = rows.slot[i]
        q = rows.quantity[i]
        r = lanes.row[q, s]
        if r < 0:
            continue
        at = rows.measured_us[i]
        v = verdicts.integer[i]
        energy = -1.0
        first, last = lanes.of_quantity[q], lanes.of_quantity[q + 1]
        for j in range(first, last):
            lane = lanes.lane[j]
            target[j - first] = -1
            city = lanes.slot_city[s]
            if in_part(lanes, city, lanes.part[lane], at):
                if at < hit[lane, 0] or at >= hit[lane, 1] or city != hit[lane, 3]:
                    begin = start_of(lanes, city, lanes.window[lane], at)
                    b = _find(blocks, lane, begin)
                    if b < 0:
                        need[0], need[1], need[2] = lane, begin, city
                        return i
                    hit[lane, 0], hit[lane, 1] = begin, end_of(lanes, city, lanes.window[lane], at)
                    hit[lane, 2], hit[lane, 3] = blocks.base[b], city
                target[j - first] = hit[lane, 2] + r
        for j in range(first, last):
            p = target[j - first]
            if p >= 0:
                _add(blocks.cell, p, at, v)
                blocks.dirty[p] = 1
                if lanes.energy[lanes.lane[j]] != 0:
                    if energy < 0.0:
                        energy = 10.0 ** (v * resolution[q] / 10.0)
                    blocks.energy[p] += energy
    return int(rows.slot.size)


def accumulate(rows: Any, verdicts: Any, resolution: F64, lanes: Lanes, blocks: Blocks, start: int, need: I64) -> int:
    """Add the kept, good rows from `start` on to the open windows of their lanes, in place.

    rows      arrive.Rows[n], verdicts arrive.Verdicts[n] of the same frame; at most 64 lanes a quantity
    need      int64[3]; where a window is not open: its lane, start (µs) and city
    ->        n when done, else the row at which to go on once that window is open

    O(n * lanes of the quantity). Errors: none.
    """
    return int(_accumulate(rows, verdicts, resolution, lanes, blocks, start, need))
