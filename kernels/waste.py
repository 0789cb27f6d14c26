"""Waste containers: how full, when full, and whether to come.

Promises  A fill is 0 to 1, and where the echo lay outside the usable height the flag says so.
Leaves    Routes to those who drive.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.columns import F64, Column, column, columns, same_length

I8 = npt.NDArray[np.int8]
GOOD, SUSPECT, MISSING = 1, 3, 9
EMPTIED_BY = 0.3
FULL_AT = 0.8


class Fill(NamedTuple):
    """By reading: share of the usable height, 0 to 1 or NaN, and its flag (1 good, 3 clamped, 9 missing)."""

    share: F64
    flag: I8


class Trend(NamedTuple):
    """A fitted line: share per day, and days until it meets the threshold; NaN where there is none."""

    slope: float
    days: float


@jit
def _fill(bottom: Any, distance: Any, height: Any, blind: float, share: Any, flag: Any) -> None:
    for i in range(share.size):
        f = (bottom[i] - distance[i]) / height[i]
        known = height[i] > 0.0 and np.isfinite(f)
        share[i] = min(max(f, 0.0), 1.0) if known else np.nan
        flag[i] = (1 if 0.0 <= f <= 1.0 and distance[i] >= blind else 3) if known else 9


def fill_level(sensor_to_bottom_cm: Column, distance_cm: Column, usable_height_cm: Column, blind_zone_cm: float = 0.0) -> Fill:
    """(sensor to bottom - distance) / usable height, clamped to 0 to 1; a clamped value, or one from the blind zone, is flagged 3.

    all in cm, float64[n]; usable height <= 0 or a missing number gives missing, flag 9

    O(n). Source: [project].
    """
    bottom, distance, height = columns(sensor_to_bottom_cm=sensor_to_bottom_cm, distance_cm=distance_cm, usable_height_cm=usable_height_cm)
    share, flag = np.empty_like(bottom), np.empty(bottom.size, np.int8)
    _fill(bottom, distance, height, float(blind_zone_cm), share, flag)
    return Fill(share, flag)


def since_emptying(fill: Column, emptied_by: float = EMPTIED_BY) -> int:
    """Row of the first reading after the last emptying: a fall by more than `emptied_by` between two known readings. 0 for none.

    fill  float64[n]  0 to 1, in order of time; NaN is stepped over. A false echo that is too high ends in such a fall, too:
                      it must be flagged, and made NaN, before. O(n). Source: [project].
    """
    found = np.asarray(fill, np.float64)
    known = np.flatnonzero(np.isfinite(found))
    falls = np.flatnonzero(found[known[:-1]] - found[known[1:]] > emptied_by)
    return int(known[falls[-1] + 1]) if falls.size else 0


def days_to_full(t_days: Column, fill: Column, threshold: float = FULL_AT) -> tuple[Trend, Trend]:
    """Days from the last reading until the fitted fill meets the threshold: by least squares, and by Theil and Sen.

    t_days     float64[n]  days, any order
    fill       float64[n]  0 to 1, since the last emptying (see since_emptying); pairs with a missing number are left out
    ->         (least squares, Theil-Sen): 0 where the line is there already; NaN days where it does not rise, NaN both
               for fewer than 3 readings or all at one time. Theil-Sen survives one bad echo

    O(n^2). Source: [theil-sen].
    """
    t, f = column(t_days), column(fill)
    same_length(t, f, "fill")
    known = np.isfinite(t) & np.isfinite(f)
    t, f = t[known], f[known]
    if t.size < 3 or t.min() == t.max():
        return Trend(np.nan, np.nan), Trend(np.nan, np.nan)
    from scipy import stats  # heavy: once per report

    line, robust = stats.linregress(t, f), stats.theilslopes(f, t)
    now = float(t.max())
    return _days(float(line.slope), float(line.intercept), now, threshold), _days(float(robust.slope), float(robust.intercept), now, threshold)


def collection_need(fill: Column, days: Column, days_to_next_round: Column, flag: npt.ArrayLike = GOOD, full_at: float = FULL_AT) -> I8:
    """1 where a container wants emptying before the next round, 0 where not, -1 where that is not known.

    fill                float64[n] 0 to 1; missing (NaN, infinite): not known
    days                float64[n] to full; NaN or infinite = not filling up
    days_to_next_round  float64[n]; missing: not known, but for a container that is full already
    flag                int[n], 1 = good, everything else: not known

    O(n). Source: [project].
    """
    share, left, next_round = columns(fill=fill, days=days, days_to_next_round=days_to_next_round)
    full = share >= full_at
    need = full | (np.isfinite(left) & (left < next_round))
    known = np.isfinite(share) & (full | np.isfinite(next_round)) & (np.broadcast_to(np.asarray(flag), share.shape) == GOOD)
    return np.where(known, need, -1).astype(np.int8)


def _days(slope: float, intercept: float, now: float, threshold: float) -> Trend:
    if not slope > 0.0:
        return Trend(slope, np.nan)
    return Trend(slope, max(0.0, (threshold - intercept) / slope - now))
