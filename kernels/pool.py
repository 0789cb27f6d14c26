"""Count readings into a sparse histogram: (lane, area, integer value) by window start.

Promises  Exact counts, free of order. Values are clipped to +-2^31 of the resolution.
Leaves    Growing the table to stream.worker.pool.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.arrive import Rows, Verdicts
from kernels.calendar import LENGTH_US, in_part, start_of
from kernels.lanes import Lanes
from kernels.table import Table, new_table, place_in, put

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

VALUE_BITS = 32
AREA_BITS = 20
VALUE_OFFSET = 1 << 31


@jit
def _pool(rows: Any, verdicts: Any, lanes: Any, pooled: Any, pooled_quantity: Any, area: Any, table: Any) -> None:
    # Arrays out of their tuples once, and no tuple handed over for a row: see kernels.arrive.
    slot, quantity, measured_us = rows.slot, rows.quantity, rows.measured_us
    quality, status, integer = verdicts.quality, verdicts.status, verdicts.integer
    row_of, of_quantity, lane_of, part, window, slot_city = lanes.row, lanes.of_quantity, lanes.lane, lanes.part, lanes.window, lanes.slot_city
    keys, times_us, counts, added = table.key, table.at_us, table.value, 0
    for i in range(slot.size):
        flag = quality[i] & np.uint16(0x000F)
        s, q = slot[i], quantity[i]
        if status[i] != 0 or flag < 1 or flag > 2 or not pooled_quantity[q] or row_of[q, s] < 0:
            continue
        at, value = measured_us[i], min(max(integer[i] + 2147483648, 0), 4294967295)
        for j in range(of_quantity[q], of_quantity[q + 1]):
            lane = lane_of[j]
            if pooled[lane] == 0 or (part[lane] != 0 and not in_part(lanes, slot_city[s], part[lane], at)):
                continue
            w = window[lane]
            start = at - at % LENGTH_US[w] if w < LENGTH_US.size else start_of(lanes, slot_city[s], w, at)
            key = (np.int64(lane) << 52) | (np.int64(area[s]) << 32) | np.int64(value)
            p = place_in(keys, times_us, key, start)
            if keys[p] == -1:
                keys[p], times_us[p] = key, start
                added += 1
            counts[p] += 1
    table.used[0] += added


def pool(rows: Rows, verdicts: Verdicts, lanes: Lanes, pooled: tuple[U8, npt.NDArray[np.bool_]], area: I32, table: Table) -> None:
    """Count the kept, good rows of pooled lanes into `table`, in place.

    pooled    uint8[l], 1 where a lane has a percentile, and bool[q], whether a lane of the quantity has; area int32[s], the smallest area of a slot
    table     has room for n entries per pooled lane of a quantity

    O(n). Errors: none.
    """
    _pool(rows, verdicts, lanes, pooled[0], pooled[1], area, table)


@jit
def _rebuild(old: Any, gone: Any, new: Any) -> None:
    for i in range(old.key.size):
        if old.key[i] == -1:
            continue
        dropped = False
        for j in range(0, gone.size, 2):
            if old.key[i] >> 52 == gone[j] and old.at_us[i] == gone[j + 1]:
                dropped = True
        if not dropped:
            put(new, old.key[i], old.at_us[i], old.value[i])


def rebuild(old: Table, gone: I64, capacity: int) -> Table:
    """A table of `capacity` (a power of two) with the entries of `old` but those of the windows in gone (lane, start, ...)."""
    new = new_table(capacity)
    _rebuild(old, gone, new)
    return new
