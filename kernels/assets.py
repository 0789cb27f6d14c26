"""A city's own things: are the lamps lit, do the sensors report, how long was something down.

Promises  What is not known is shown as its own share, never as working and never as broken.
Leaves    What counts as an outage to the caller.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.columns import F64, Column, column, columns, same_length
from kernels.errors import KernelInputError
from kernels.ratio import ratio


class Lamps(NamedTuple):
    """Shares by group of assets, 0 to 1; NaN where the denominator is 0 or something is missing."""

    of_known: F64
    of_all: F64
    unknown: F64


class Uptime(NamedTuple):
    """One thing over one period; mean times NaN where nothing failed."""

    availability: float
    down_s: float
    failures: int
    mean_between_failures_s: float
    mean_to_repair_s: float


@jit
def _union(start: Any, end: Any, period: float, out: Any) -> Any:
    """Time covered by intervals in order of their starts, clipped to [0, period), and the number of separate ones."""
    covered, until, separate = 0.0, -1.0, 0
    for i in range(start.size):
        a = start[i] if start[i] > 0.0 else 0.0  # missing: down before
        b = end[i] if end[i] < period else period  # missing: still down
        b = b if b > a else -1.0  # no branch: outages come in no pattern that could be foretold
        new = a if a > until else until
        separate += a > until and b > a
        covered += b - new if b > new else 0.0
        until = b if b > until else until
    out[0] = covered
    return separate


@jit
def _falls(values: Any) -> Any:
    """How often a value is not followed by itself or a higher one."""
    n = 0
    for i in range(1, values.size):
        n += not values[i - 1] <= values[i]
    return n


@jit
def _late(age: Any, interval: Any, most: float, out: Any) -> None:
    for i in range(out.size):
        limit = most * interval[i]
        known = np.isfinite(age[i]) and limit > 0.0 and limit < np.inf
        out[i] = (1 if age[i] > limit else 0) if known else -1


@jit
def _steps(at: Any) -> Any:
    """How often a time differs from the one before, and how often it is earlier."""
    changes, earlier = 0, 0
    for i in range(1, at.size):
        changes += at[i] != at[i - 1]
        earlier += at[i] < at[i - 1]
    return changes, earlier


def streetlight_availability(working: Column, faulty: Column, unknown: Column, total: Column | None = None) -> Lamps:
    """working / (working + faulty), working / total, unknown / total; counts, float64[n]; total None: their sum.

    Source: [project].
    """
    lit, dark, silent = columns(working=working, faulty=faulty, unknown=unknown)
    every = lit + dark + silent if total is None else column(total)
    return Lamps(ratio(lit, lit + dark), ratio(lit, every), ratio(silent, every))


def completeness(received: Column, expected: Column) -> F64:
    """Distinct phenomenon times received over those expected, at most 1; float64[n], missing where none is expected. Source: [project]."""
    return ratio(received, expected, least=0.0, most=1.0)


def distinct_times(at_us: npt.NDArray[np.int64]) -> int:
    """How many distinct times there are: a reading that came twice counts once. int64[n], any order; O(n log n), O(n) where sorted already."""
    at = np.asarray(at_us, np.int64)
    changes, earlier = _steps(at)
    if earlier:
        changes, _ = _steps(np.sort(at))
    return int(changes) + 1 if at.size else 0


def uptime(down_from_s: Column, down_to_s: Column, period_s: float) -> Uptime:
    """1 - union of the outages / period; overlapping and touching outages are one.

    down_from_s, down_to_s  float64[n]  s from the period's start, any order; clipped to the period; a missing end: still down,
                                        a missing start: down before; one that ends before it starts counts for nothing
    period_s                            s, > 0
    ->                      mean time between failures = up time / failures, mean time to repair = down time / failures

    O(n log n), O(n) where they start in order. Source: [project].
    """
    if not period_s > 0.0:
        raise KernelInputError("period_s", "> 0", period_s)
    start, end = np.asarray(down_from_s, np.float64), np.asarray(down_to_s, np.float64)
    same_length(start, end, "down_to_s")
    total = np.zeros(1)
    if _falls(start):
        order = np.argsort(np.where(np.isnan(start), -np.inf, start), kind="stable")
        start, end = start[order], end[order]
    failures = int(_union(start, end, float(period_s), total))
    down = min(float(total[0]), period_s)
    between, repair = ratio([period_s - down, down], failures)
    return Uptime(1.0 - down / period_s, down, failures, float(between), float(repair))


def freshness_s(now_us: npt.ArrayLike, last_us: npt.ArrayLike) -> F64:
    """Age of the last reading: now - its phenomenon time, float64[n] in s of int64[n] in µs; negative where a device's clock is ahead.

    Source: [project].
    """
    now, last = np.broadcast_arrays(np.asarray(now_us, np.int64), np.asarray(last_us, np.int64))
    return np.atleast_1d(now - last).astype(np.float64) / 1e6


def is_late(freshness: Column, interval_s: Column, most_intervals: float = 3.0) -> npt.NDArray[np.int8]:
    """1 where the last reading is older than `most_intervals` nominal intervals, 0 where not, -1 where never heard or no interval.

    Source: [project].
    """
    age, interval = columns(freshness=freshness, interval_s=interval_s)
    out = np.empty(age.size, np.int8)
    _late(age, interval, float(most_intervals), out)
    return out
