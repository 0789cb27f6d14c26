"""Water: the flow of the small hours, and what of it leaks.

Promises  A night with a missing hour has no minimum night flow.
Leaves    Nights of irrigation or filling to the caller: they must be left out.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.columns import F64, Column, column, columns, same_length
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

    O(n). Source: [night-flow].
    """
    night, use, mean = columns(night_mean=night_mean, legitimate_use=legitimate_use, day_mean=day_mean)
    return NightFlow(np.where(np.isfinite(night), night, np.nan), above(night, use), ratio(night, mean))


def night_mean(hourly_flow: Column, local_hour: npt.ArrayLike | None = None, first_hour: int = 2, last_hour: int = 4) -> float:
    """Mean of the hours that begin in [first_hour, last_hour) local; NaN where one of them is missing, or there is none.

    hourly_flow  float64[n]  mean flow by hour, in order of time
    local_hour   int[n]      0 to 23, the hour at which each begins; None: they begin at 0:00 and no clock changes among them.
                             A night in autumn may have an hour twice (both count), a night in spring lacks one; an hour that
                             was and was not measured is listed, with NaN

    O(n). Source: [night-flow].
    """
    if not 0 <= first_hour < last_hour:
        raise KernelInputError("last_hour", f"above first_hour = {first_hour}", last_hour)
    flow = column(hourly_flow)
    hour = np.arange(flow.size) if local_hour is None else np.asarray(local_hour, np.int64)
    same_length(flow, hour, "local_hour")
    night = flow[(hour >= first_hour) & (hour < last_hour)]
    enough = night.size >= (last_hour - first_hour if local_hour is None else 1)
    return float(night.mean()) if enough and bool(np.isfinite(night).all()) else float("nan")


def daily_leakage_m3(night_leak_m3h: Column, night_day_factor_h: Column = 24.0) -> F64:
    """m3 a day from the night's leakage: leak * night-day factor in hours (24 at even pressure, less where the day's is lower).

    Source: [night-flow].
    """
    leak, hours = columns(night_leak_m3h=night_leak_m3h, night_day_factor_h=night_day_factor_h)
    return leak * hours
