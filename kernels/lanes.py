"""What readings are accumulated on: lanes, open windows, and finding the window that a reading belongs to.

A lane is what some KPI needs of one quantity: (quantity, window, part of day). A block is one open window of a lane:
`rows` consecutive accumulator rows, one per device that measures the quantity.

Leaves    Which blocks are open, and making new ones, to stream/worker/blocks; adding to kernels.accumulate and kernels.ordered.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.bundle import Bundle, bundle
from kernels.calendar import edge, end_of, in_part, start_of

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

COUNT, SUM_LO, SUM_HI, LOW, HIGH, LAST_US, LAST, OWN = range(8)
"""An accumulator row is a cache line. COUNT is twice the readings, and one more where the row has changed since it was published last; OWN is what
one function alone needs: of lanes of levels the energy (as float64), of ordered ones the µs or steps that the sum is of."""
FIELDS = 8
ENERGY, EXTREMES, LAST_VALUE = 1, 2, 4
ASK, SKIP, LOOK = -3, -2, -1
"""What a quantity's seat may be besides a word: not known in this frame, of no lane, of windows that are to be looked up row by row."""


class Lanes(NamedTuple):
    """What is computed, by quantity q and lane l; calendars by city c and window class w."""

    of_quantity: I32  # [q + 1] first lane of each quantity in `lane`
    lane: I32  # [...] lanes, grouped by quantity
    row: I32  # [q, s] row of a slot in the blocks of a quantity, -1 where it has none
    window: I32  # [l] class: 0 minute, 1 quarter_hour, 2 hour, 3 day, 4 month, 5 quarter, 6 year
    part: I32  # [l] 0 whole day, 1 day, 2 evening, 3 night
    needs: U8  # [l] what the lane needs besides count and sum: bits ENERGY, EXTREMES, LAST
    slot_city: I32  # [s]
    calendar_at: I64  # [c, w + 1] first edge of the calendar in `edges`
    edges: I64  # [...] starts of calendar windows; per city: day, month, quarter, year, then parts of day
    part_code: U8  # [...] part that begins at an edge, 0 for windows
    power_at: I64  # [q, 3] where a quantity's energies begin in `power`, its first integer there, how many
    power: F64  # [...] energy of an integer of the resolution, for quantities of a level
    resolution: F64  # [q]
    seat: I64  # [q] scratch of one call, as is the next: words of kernels.accumulate
    place: I64  # [...] as many as `lane`


class Blocks(NamedTuple):
    """The open windows: block b of lane l lies at accumulator rows base[b] ..."""

    open: I32  # [l] open blocks of a lane
    of_lane: I32  # [l, j] their numbers
    start_us: I64  # [b]
    base: I64  # [b]
    hit: I64  # [l, 8] the spans a lane found last, newest first: from, to (µs), base (-1: not its part of the day), city; to 0 where none
    cell: I64  # [rows, FIELDS]
    real: F64  # [rows, FIELDS] the same memory


@jit
def find(blocks: Any, lane: int, start_us: int) -> Any:
    """Block of a lane that starts at start_us, -1 where none is open; the one found is looked at first the next time."""
    for j in range(blocks.open[lane] - 1, -1, -1):
        b = blocks.of_lane[lane, j]
        if blocks.start_us[b] == start_us:
            if j != blocks.open[lane] - 1:
                blocks.of_lane[lane, j] = blocks.of_lane[lane, blocks.open[lane] - 1]
                blocks.of_lane[lane, blocks.open[lane] - 1] = b
            return b
    return -1


@jit
def locate(lanes: Any, blocks: Any, lane: int, city: int, at: int, need: Any) -> Any:
    """Make hit[lane] the window that holds `at`, cut to its part of the day (base -1 outside the lane's part); False where it is not open."""
    window, hit = lanes.window[lane], blocks.hit
    begin, end = start_of(lanes, city, window, at), end_of(lanes, city, window, at)
    base = np.int64(-1)
    from_us, to_us = begin, end
    if lanes.part[lane] != 0:
        low, high = lanes.calendar_at[city, 4], lanes.calendar_at[city, 5]
        e = edge(lanes.edges, low, high, at)
        from_us = max(begin, lanes.edges[e])
        if e + 1 < high:
            to_us = min(end, lanes.edges[e + 1])
    if lanes.part[lane] == 0 or in_part(lanes, city, lanes.part[lane], at):
        b = find(blocks, lane, begin)
        if b < 0:
            need[0], need[1], need[2] = lane, begin, city
            return False
        base = blocks.base[b]
    hit[lane, 0], hit[lane, 1], hit[lane, 2], hit[lane, 3] = from_us, to_us, base, city
    return True


class Ground(NamedTuple):
    """What readings are accumulated on."""

    lanes: Lanes
    blocks: Blocks


def new_cells(rows: int) -> tuple[I64, F64]:
    """Accumulator rows, all zero, as integers and as float64: `cell` and `real` of Blocks."""
    return both(np.zeros((rows, FIELDS), np.int64))


def both(cell: I64) -> tuple[I64, F64]:
    """`cell` and `real` of Blocks."""
    return cell, cell.view(np.float64)


def ground_of(lanes: Lanes, blocks: Blocks) -> Bundle:
    """The ground as a kernel takes it; to be made anew whenever an array of lanes or blocks is replaced."""
    return bundle(Ground(lanes, blocks))
