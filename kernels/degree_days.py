"""Heating and cooling degree days.

Promises  A missing day is never a day of zero: too many of them and the sum is missing, its coverage stands beside it.
Leaves    The day's mean temperature to the aggregates; which base a city uses (18 or 15.5 °C) to its KPI.
"""

from typing import Any

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, column, needed
from kernels.flow import Captured
from kernels.ratio import above, below


@jit
def _sum_below(t_mean: Any, base: float, sign: float, out: Any) -> Any:
    # Why: four sums do not wait for each other's additions.
    a, b, c, d, known = 0.0, 0.0, 0.0, 0.0, 0
    whole = t_mean.size - t_mean.size % 4
    for i in range(0, whole, 4):
        p, q = sign * (base - t_mean[i]), sign * (base - t_mean[i + 1])
        r, s = sign * (base - t_mean[i + 2]), sign * (base - t_mean[i + 3])
        a += p if 0.0 < p < np.inf else 0.0
        b += q if 0.0 < q < np.inf else 0.0
        c += r if 0.0 < r < np.inf else 0.0
        d += s if 0.0 < s < np.inf else 0.0
    for i in range(t_mean.size):
        known += abs(base - t_mean[i]) < np.inf
    for i in range(whole, t_mean.size):
        p = sign * (base - t_mean[i])
        a += p if 0.0 < p < np.inf else 0.0
    out[0] = (a + b) + (c + d)
    return known


def heating_degree_days(t_mean_c: Column, base_c: Column) -> F64:
    """Degree days of each day: max(0, base - mean temperature), float64[n] in K d; NaN = missing. Source: [degree-days]."""
    return below(t_mean_c, base_c)


def cooling_degree_days(t_mean_c: Column, base_c: Column) -> F64:
    """Cooling degree days of each day: max(0, mean temperature - base), float64[n] in K d; NaN = missing. Source: [degree-days]."""
    return above(t_mean_c, base_c)


def sum_heating(t_mean_c: Column, base_c: float = 18.0, min_fraction: float = 0.75) -> Captured:
    """Sum of heating degree days over days of which some may be missing.

    t_mean_c  float64[n]  °C by day; NaN = missing, left out of the sum and of `valid`
    ->        K d, valid and expected days; NaN for no day and below ceil(min_fraction * n) valid ones. Never scaled up

    O(n). Source: [degree-days], [project].
    """
    return _summed(t_mean_c, base_c, 1.0, min_fraction)


def sum_cooling(t_mean_c: Column, base_c: float = 24.0, min_fraction: float = 0.75) -> Captured:
    """Sum of cooling degree days; as sum_heating."""
    return _summed(t_mean_c, base_c, -1.0, min_fraction)


def _summed(t_mean_c: Column, base_c: float, sign: float, min_fraction: float) -> Captured:
    days = column(t_mean_c)
    total = np.zeros(1)
    known = int(_sum_below(days, float(base_c), sign, total))
    enough = known > 0 and known >= needed(min_fraction, days.size)
    return Captured(float(total[0]) if enough else np.nan, known, days.size)
