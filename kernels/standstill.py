"""Whether a value has stood still for a duration, on times as they are: the flat line of a series whose readings come and go.

Promises  A silence that is too long to be bridged ends a stretch; the stretch before it accuses nobody.
Leaves    What is joined to what came before, and for how long standing still is suspect, to the caller. A regular series counted in
          samples is kernels.qartod.flat_line.

Source: [qartod-tests] in docs/sources.md
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

NEVER_US = 1 << 62
"""A duration that tests nothing."""


@jit
def _standstill(rows: Any, joined: Any, tolerance: Any, durations_us: Any, out: Any) -> None:
    values, at_us, wanted = rows
    for i in range(values.size):
        out[i] = 1
        if not wanted[i]:
            continue
        low, high, j = values[i], values[i], i
        while j > 0 and joined[j]:
            j -= 1
            low, high = min(low, values[j]), max(high, values[j])
            if not high - low < tolerance[i]:
                break
            stood_us = at_us[i] - at_us[j]
            if stood_us >= durations_us[1, i]:
                out[i] = 4
                break
            if stood_us >= durations_us[0, i]:
                out[i] = 3
                if durations_us[1, i] == NEVER_US:
                    break


def standstill(rows: tuple[F64, I64, Bools], joined: Bools, tolerance: F64, durations_us: I64) -> U8:
    """4 or 3 where the range over the readings of so long a time before it, and the reading, lies below the tolerance.

    rows          values float64[n], finite; their times in µs int64[n], ascending within a series; bool[n]: which ones to judge
    joined        bool[n]: belongs to the same stretch as the row before
    tolerance     float64[n], in the unit of the values; strictly below
    durations_us  int64[2, n]: for suspect (3) and for fail (4), NEVER_US tests nothing; the first at most the second
    ->            uint8[n]; 1 where it moves, has not stood for long enough, or is not wanted

    O(n) where values move, O(n * readings in the duration) where they stand still. Errors: KernelInputError for shapes.
    """
    values, at_us, wanted = rows
    n = values.size
    if not at_us.size == wanted.size == joined.size == tolerance.size == n or durations_us.shape != (2, n):
        raise KernelInputError("rows", f"{n} times, choices, joins, tolerances and pairs of durations", durations_us.shape)
    out = np.empty(n, np.uint8)
    _standstill((values, at_us, wanted), joined, tolerance, durations_us, out)
    return out
