"""Rounding half up, for display and for small-number rounding to fives.

Promises  Halves go up (towards plus infinity), also where the library would go to the even neighbour; integers stay exact.
          A missing number stays missing: NaN, and -1 among integers.
Leaves    When to round to the display: kernels never round.
"""

import numpy as np
import numpy.typing as npt

from kernels.columns import F64, Column, column
from kernels.errors import KernelInputError
from kernels.suppression import MISSING


def round_half_up(values: Column, step: float = 1.0) -> F64:
    """Nearest multiple of `step`, halves up; float64[n], NaN = missing. -2.5 gives -2, 2.5 gives 3 (step 1). O(n)."""
    if not step > 0.0:
        raise KernelInputError("step", "> 0", step)
    found = column(values)
    steps = np.where(np.isfinite(found), found, np.nan) / step
    whole = np.floor(steps)
    # adding a half and flooring would lift 0.49999999999999994; the remainder is exact
    return (whole + (steps - whole >= 0.5)) * step + 0.0


def round_to_5(n: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Nearest multiple of 5 of integers, exact; int64[n] (a fifth has no half, so none goes either way).

    n   int64[n]  counts; -1 = missing (suppression.MISSING), stays -1. Differences below 0 are rounded, but for that one

    O(n). Source: [project].
    """
    found = np.asarray(n, np.int64)
    return np.where(found == MISSING, MISSING, (found + 2) // 5 * 5)
