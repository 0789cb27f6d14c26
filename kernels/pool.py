"""Count readings into a sparse histogram: (lane, area, integer value) by window start.

Promises  Exact counts, free of order. Values are clipped to +-2^31 of the resolution.
Leaves    Growing the table to stream.worker.pool.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.arrive import Rows, Verdicts
from kernels.calendar import in_part, start_of
from kernels.lanes import Lanes
from kernels.table import Table, new_table, place, put

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

VALUE_BITS = 32
AREA_BITS = 20
VALUE_OFFSET = 1 << 31


@jit
def _pool(rows: Any, verdicts: Any, lanes: Any, pooled: Any, area: Any, table: Any) -> None:
    for i in range(rows.slot.size):
        flag = verdicts.quality[i] & np.uint16(0x000F)
        s, q = rows.slot[i], rows.quantity[i]
        if verdicts.status[i] != 0 or flag < 1 or flag > 2 or lanes.row[q, s] < 0:
            continue
        city, at = lanes.slot_city[s], rows.measured_us[i]
        for j in range(lanes.of_quantity[q], lanes.of_quantity[q + 1]):
            lane = lanes.lane[j]
            if pooled[lane] == 0 or not in_part(lanes, city, lanes.part[lane], at):
                continue
            start = start_of(lanes, city, lanes.window[lane], at)
            value = min(max(verdicts.integer[i] + 2147483648, 0), 4294967295)
            key = (np.int64(lane) << 52) | (np.int64(area[s]) << 32) | np.int64(value)
            p = place(table, key, start)
            if table.key[p] == -1:
                table.key[p] = key
                table.at_us[p] = start
                table.used[0] += 1
            table.value[p] += 1


def pool(rows: Rows, verdicts: Verdicts, lanes: Lanes, pooled: U8, area: I32, table: Table) -> None:
    """Count the kept, good rows of pooled lanes into `table`, in place.

    pooled    uint8[l], 1 where a lane has a percentile; area int32[s], the smallest area of a slot
    table     has room for n entries per pooled lane of a quantity

    O(n). Errors: none.
    """
    _pool(rows, verdicts, lanes, pooled, area, table)


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
