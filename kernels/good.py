"""The good readings of a frame, close together: what the window kernel takes in, row for row what a database would have as a table.

Promises  In the order of the log; a reading is in it where it was kept, its flag is 1 or 2, and its device has a row among those of its quantity.
Leaves    Judging to kernels.arrive, which makes this list on the way; here it is made from verdicts that are changed since, or come from elsewhere.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

PLACE, QUANTITY, VALUE, MEASURED = range(4)
"""PLACE is the slot << 32 and the row of that slot in the blocks of its quantity; VALUE an integer of the resolution, MEASURED in µs."""
FIELDS = 4


class Good(NamedTuple):
    """Room for the good readings of a frame; `used[0]` of them are there. `span`: earliest and latest time (µs) of all that were kept."""

    reading: I64  # [n, FIELDS]
    used: I64  # [1]
    span: I64  # [2]


def new_good(rows: int) -> Good:
    """Room for the good ones of n readings."""
    return Good(np.empty((rows, FIELDS), np.int64), np.zeros(1, np.int64), np.array([1 << 62, -(1 << 62)], np.int64))


@jit
def _pick(slot: Any, quantity: Any, measured_us: Any, integer: Any, status: Any, quality: Any, row: Any, reading: Any) -> Any:
    n = 0
    for i in range(slot.size):
        flag = quality[i] & np.uint16(0x000F)
        if status[i] != 0 or flag < 1 or flag > 2:
            continue
        r = row[quantity[i], slot[i]]
        if r >= 0:
            reading[n, 0], reading[n, 1], reading[n, 2], reading[n, 3] = (np.int64(slot[i]) << 32) | r, quantity[i], integer[i], measured_us[i]
            n += 1
    return n


def pick(rows: Any, verdicts: Any, row: I32) -> None:
    """Make the list of good readings anew: after a change of the flags, or where kernels.arrive has not run.

    rows      arrive.Rows[n], verdicts arrive.Verdicts[n] of the same frame; verdicts.good is changed in place, but for its span
    row       int32[q, s] row of a slot in the blocks of a quantity, -1 where it has none

    O(n). Errors: none.
    """
    good = verdicts.good
    good.used[0] = _pick(rows.slot, rows.quantity, rows.measured_us, verdicts.integer, verdicts.status, verdicts.quality, row, good.reading)
