"""Quotients and exceedances by row: what most rates, shares and indexes of a city are made of.

Promises  A missing number gives a missing result; so does a denominator that is not above zero, and a result that is not finite.
          An infinity is missing, also where the caller asks for results to be held at a highest one. No result is -0.0, and none is
          clipped but where the caller asks for it.
Leaves    What the columns mean to their subjects' files.
"""

from typing import Any

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, columns


@jit
def _ratio(numerator: Any, denominator: Any, scale: float, least: float, most: float, out: Any) -> None:
    for i in range(out.size):
        a, b = numerator[i], denominator[i]
        q = min(scale * a / b + 0.0, most)
        # the numerator by itself: held at `most`, the quotient of an infinite one would look like a measurement
        out[i] = q if a >= least and a < np.inf and b > 0.0 and b < np.inf and abs(q) < np.inf else np.nan


@jit
def _excess(value: Any, base: Any, sign: float, out: Any) -> None:
    for i in range(out.size):
        d = sign * (value[i] - base[i])
        out[i] = (d if d > 0.0 else 0.0) if np.isfinite(d) else np.nan


def ratio(numerator: Column, denominator: Column, scale: float = 1.0, *, least: float = -np.inf, most: float = np.inf) -> F64:
    """scale * numerator / denominator by row.

    numerator, denominator  float64[n], any unit; NaN or infinite = missing; a denominator <= 0 (and -0.0) gives missing
    least                   a numerator below it gives missing: what cannot be, such as a negative count
    most                    a quotient above it is held there: a share that the caller's definition ends at one
    ->                      float64[n]; NaN = missing, also where the quotient overflows (and `most` holds it not)

    O(n). Source: [project].
    """
    a, b = columns(numerator=numerator, denominator=denominator)
    out = np.empty_like(a)
    _ratio(a, b, float(scale), float(least), float(most), out)
    return out


def above(value: Column, base: Column) -> F64:
    """max(0, value - base) by row; NaN = missing. O(n)."""
    a, b = columns(value=value, base=base)
    out = np.empty_like(a)
    _excess(a, b, 1.0, out)
    return out


def below(value: Column, base: Column) -> F64:
    """max(0, base - value) by row; NaN = missing. O(n)."""
    a, b = columns(value=value, base=base)
    out = np.empty_like(a)
    _excess(a, b, -1.0, out)
    return out
