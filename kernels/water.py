"""Water: the flow of the small hours, and what of it leaks.

Promises  A night with a missing hour has no minimum night flow.
Leaves    Nights of irrigation or filling to the caller: they must be left out.
"""

from typing import NamedTuple

import numpy as np

from kernels.columns import F64, Column, column, columns
from kernels.errors import KernelInputError
from kernels.ratio import above, ratio


class NightFlow(NamedTuple):
    """By night: mean flow of the small hours, what is left after legitimate use (0 at least), and the flow over the day's mean; NaN = missing."""

    flow: F64
    leak: F64
    of_mean: F64


def min_night_flow(night_mean: Column, legitimate_use: Column, day_mean: Column) -> NightFlow:
    """Leakage from the mean flow between 2:00 and 4:00 local.

    all float64[n] in one unit (m3/h); a day's mean <= 0 gives no ratio, a missing legitimate use no leak
    Over an autumn night with three such hours the mean is of three; a spring night has one.

    O(n). Source: [iwa-night-flow].
    """
    night, use, mean = columns(night_mean=night_mean, legitimate_use=legitimate_use, day_mean=day_mean)
    return NightFlow(np.where(np.isfinite(night), night, np.nan), above(night, use), ratio(night, mean))


def night_mean(hourly_flow: Column, first_hour: int = 2, last_hour: int = 4) -> float:
    """Mean of the hours [first, last) of hourly flows that begin at 0:00 local; NaN where one is missing or not there."""
    if not 0 <= first_hour < last_hour:
        raise KernelInputError("last_hour", f"above first_hour = {first_hour}", last_hour)
    hours = column(hourly_flow)[first_hour:last_hour]
    return float(hours.mean()) if hours.size == last_hour - first_hour and bool(np.isfinite(hours).all()) else float("nan")


def daily_leakage_m3(night_leak_m3h: Column, night_day_factor_h: Column = 24.0) -> F64:
    """m3 a day from the night's leakage: leak * night-day factor in hours (24 at even pressure, less where the day's is lower).

    Source: [iwa-night-flow].
    """
    leak, hours = columns(night_leak_m3h=night_leak_m3h, night_day_factor_h=night_day_factor_h)
    return leak * hours
