"""Counts of pedestrians and bicycles: totals with coverage, and short gaps filled by the week's profile.

Promises  No more than two hours running are ever filled, and what was filled is marked and never counts as coverage.
Leaves    Choosing the profile's weeks (no holidays, same season) to the caller.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.columns import F64, Column, column, needed, same_length
from kernels.errors import KernelInputError
from kernels.flow import Captured
from kernels.ratio import ratio

I64 = npt.NDArray[np.int64]
HOURS_OF_WEEK = 168


class Filled(NamedTuple):
    """Hourly counts with short gaps filled, and which ones were."""

    counted: F64
    imputed: npt.NDArray[np.bool_]


def total_count(count: Column, min_fraction: float = 0.75) -> Captured:
    """Sum of the valid counts, with valid and expected intervals; NaN below the coverage asked for, 0 for an empty window.

    count  float64[n]  passages per interval; NaN or negative = missing. A sum over fewer intervals is lower, never scaled up.

    O(n). Source: [project].
    """
    found = np.asarray(count, np.float64)
    good = found[np.isfinite(found) & (found >= 0.0)]
    enough = good.size >= needed(min_fraction, found.size)
    return Captured(float(good.sum()) if enough else np.nan, good.size, found.size)


def weekly_profile(count: Column, hour_of_week: npt.ArrayLike) -> F64:
    """Mean count of each of the 168 hours of a local week; NaN where an hour was never counted.

    count         float64[n]  passages per hour; NaN or negative = missing
    hour_of_week  int[n]      0 = Monday 0:00 to 1:00 local, to 167; a day of a clock change has an hour twice, or not at all

    O(n). Errors: KernelInputError for another hour, or columns of different length. Source: [project].
    """
    found, hour = column(count), _hours(hour_of_week)
    same_length(found, hour, "hour_of_week")
    good = np.isfinite(found) & (found >= 0.0)
    total = np.bincount(hour[good], found[good], HOURS_OF_WEEK)
    times = np.bincount(hour[good], minlength=HOURS_OF_WEEK)
    return ratio(total, times)


def fill_gaps(count: Column, hour_of_week: npt.ArrayLike, profile: F64, most_hours: int = 2) -> Filled:
    """Fill gaps of at most `most_hours` hours by the profile, at the level of the hours that were counted.

    A filled hour is profile[hour] * sum of valid counts / sum of the profile at their hours; gaps at an end are filled, too.
    Longer gaps stay missing as a whole; so do all where no level can be told (nothing counted, profile unknown or zero).

    count, hour_of_week  as weekly_profile; profile float64[168], NaN = not known

    O(n). Errors: KernelInputError as there, and for a profile of another length. Source: [project].
    """
    found, hour = column(count), _hours(hour_of_week)
    same_length(found, hour, "hour_of_week")
    if np.shape(profile) != (HOURS_OF_WEEK,):
        raise KernelInputError("profile", f"shape ({HOURS_OF_WEEK},)", np.shape(profile))
    out = np.where(np.isfinite(found) & (found >= 0.0), found, np.nan)
    usual = profile[hour]
    known = np.isfinite(out) & np.isfinite(usual)
    base = float(usual[known].sum())
    estimate = usual * (float(out[known].sum()) / base if base > 0.0 else np.nan)
    imputed = np.zeros(out.size, np.bool_)
    for start, end in _runs(np.isnan(out)):
        if end - start <= most_hours:
            imputed[start:end] = np.isfinite(estimate[start:end])
    return Filled(np.where(imputed, estimate, out), imputed)


def _hours(hour_of_week: npt.ArrayLike) -> I64:
    hour = np.atleast_1d(np.asarray(hour_of_week, np.int64))
    wrong = hour[(hour < 0) | (hour >= HOURS_OF_WEEK)]
    if wrong.size:
        raise KernelInputError("hour_of_week", f"0 to {HOURS_OF_WEEK - 1}", int(wrong[0]))
    return hour


def _runs(marked: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, end) of each run of marked values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
