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

_LANES = 64


@jit
def _sum_below(t_mean: Any, base: float, sign: float, lane: Any) -> Any:
    """The sum, and the number of known days; lanes do not wait for each other's additions, so the loop over them runs on vectors."""
    lane[:] = 0.0
    known, total = 0, 0.0
    whole = t_mean.size - t_mean.size % _LANES
    for block in range(0, whole, _LANES):
        for j in range(_LANES):
            excess = sign * (base - t_mean[block + j])
            lane[j] += excess if (excess > 0.0) & (excess < np.inf) else 0.0
    for i in range(t_mean.size):
        known += abs(base - t_mean[i]) < np.inf
    for i in range(whole, t_mean.size):
        excess = sign * (base - t_mean[i])
        total += excess if (excess > 0.0) & (excess < np.inf) else 0.0
    for j in range(_LANES):
        total += lane[j]
    return total, known


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
    total, known = _sum_below(days, float(base_c), sign, np.empty(_LANES))
    enough = known > 0 and known >= needed(min_fraction, days.size)
    return Captured(float(total) if enough else np.nan, int(known), days.size)
