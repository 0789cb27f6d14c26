"""Car parks and parking bays: how full they are, and how often a space changes hands.

Promises  More cars than spaces is shown as it is, with a mark: a counter that drifts is not hidden.
Leaves    Deciding when a drifting counter is set back to its operator; `rezero` shows what it would read.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.columns import F64, Column, columns, valid
from kernels.ratio import ratio


class Occupancy(NamedTuple):
    """By car park: share of the usable spaces, free spaces (0 at least) and 1, 0 or -1 (unknown) for more cars than spaces."""

    share: F64
    free: F64
    over_capacity: npt.NDArray[np.int8]


class Turnover(NamedTuple):
    """Of one car park over one period; NaN where unknown."""

    stays_per_space: float
    mean_stay_min: float
    space_hours_used: float
    utilisation: float


@jit
def _occupancy(taken: Any, spaces: Any, shut: Any, share: Any, free: Any, over: Any) -> None:
    for i in range(taken.size):
        usable = spaces[i] - shut[i]
        q = taken[i] / usable + 0.0
        known = taken[i] >= 0.0 and shut[i] >= 0.0 and usable > 0.0 and usable < np.inf and q < np.inf
        share[i] = q if known else np.nan
        free[i] = max(usable - taken[i], 0.0) if known else np.nan
        over[i] = (1 if taken[i] > usable else 0) if known else -1


def parking_occupancy(occupied: Column, capacity: Column, out_of_service: Column = 0.0) -> Occupancy:
    """Occupied / (capacity - out of service), not clamped.

    occupied, capacity, out_of_service  float64[n] spaces, >= 0; no usable space or a missing number gives missing (NaN, -1)

    O(n). Source: [traffic-engineering].
    """
    taken, spaces, shut = columns(occupied=occupied, capacity=capacity, out_of_service=out_of_service)
    found = Occupancy(np.empty_like(taken), np.empty_like(taken), np.empty(taken.size, np.int8))
    _occupancy(taken, spaces, shut, found.share, found.free, found.over_capacity)
    return found


def parking_turnover(stay_min: Column, spaces: float, period_h: float) -> Turnover:
    """Stays that start in the period per space, their mean length, and the share of space hours used.

    stay_min  float64[n]  min, of the stays that start in the period; NaN or negative: the stay counts, its length is not known,
                          so that hours used and utilisation are missing
    spaces, period_h      > 0, else turnover and utilisation are missing

    O(n). Source: [traffic-engineering].
    """
    stays = np.atleast_1d(np.asarray(stay_min, np.float64)) if np.size(stay_min) else np.zeros(0)
    known = valid(np.where(stays >= 0.0, stays, np.nan))
    hours = float(known.sum()) / 60.0 if known.size == stays.size else np.nan
    mean_min = float(known.mean()) if known.size else np.nan
    return Turnover(float(ratio(stays.size, spaces)[0]), mean_min, hours, float(ratio(hours, spaces * period_h if spaces > 0.0 else np.nan)[0]))


def rezero(occupied: Column, day: npt.ArrayLike) -> F64:
    """What a drifting counter would read if each day's lowest value were an empty car park: occupied - lowest of the same day.

    occupied  float64[n] spaces; NaN stays missing
    day       int[n]     number of the local day

    Only for car parks that are empty once a day. O(n log n). Source: [project].
    """
    taken, days = np.asarray(occupied, np.float64), np.asarray(day, np.int64)
    _, which = np.unique(days, return_inverse=True)
    lowest = np.full(int(which.max(initial=-1)) + 1, np.inf)
    np.minimum.at(lowest, which, np.where(np.isfinite(taken), taken, np.inf))
    found = taken - lowest[which]
    return np.where(np.isfinite(found), found, np.nan)
