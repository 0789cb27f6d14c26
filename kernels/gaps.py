"""Fill short gaps by straight lines.

Promises  A gap is filled whole or not at all, never beyond the first and last value. What was filled is marked.
Leaves    Counting: a filled value is not captured data, so coverage and capture look at the mark.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@jit
def _fill(values: Any, max_gap: int, out: Any, filled: Any) -> None:
    last = -1
    for i in range(values.size):
        there = np.isfinite(values[i])
        out[i], filled[i] = values[i] if there else np.nan, False
        if not there:
            continue
        gap = i - last - 1
        if last >= 0 and 0 < gap <= max_gap:
            for j in range(last + 1, i):
                out[j] = values[last] + (values[i] - values[last]) * (j - last) / (gap + 1)
                filled[j] = True
        last = i


def impute_linear(values: F64, max_gap: int) -> tuple[F64, Bools]:
    """Fill gaps of at most max_gap samples of a regular series.

    values   float64[n], any unit; NaN or infinite = missing
    max_gap  samples, >= 0, else KernelInputError; 0 fills nothing
    ->       float64[n] with the values as they were, to the bit, those filled, and NaN for what stays missing; bool[n] True where filled

    O(n). Source: [project].
    """
    if max_gap < 0:
        raise KernelInputError("max_gap", "0 or more", max_gap)
    out, filled = np.empty(values.size), np.empty(values.size, np.bool_)
    _fill(values, max_gap, out, filled)
    return out, filled
