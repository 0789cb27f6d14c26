"""EU limit values of air quality, WHO guidelines, and counting against them.

Promises  A limit is exceeded strictly above it. A year that passes its allowance is not compliant however little of it was measured; one that
          does not is compliant only with the directive's data coverage, else the answer is unknown.
Leaves    The means that are compared to kernels.air_means; which stations count to whoever reports.

The limits are rows of data: one more is one more row. Source: [aq-directive-2008], [aq-directive], [who-air-2021] in docs/sources.md.
"""

import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.air_means import mean_with_capture, needed
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]

OLD, NEW, WHO = "2008/50/EC", "2024/2881", "who-2021"
COVERAGE: Mapping[str, float] = MappingProxyType({OLD: 0.90, NEW: 0.85, WHO: 0.85})
"""Share of a year's values that fixed measurements must have, by set of limits; WHO states none, so the newer directive's is taken."""
_2030 = date(2030, 1, 1)


class Limit(NamedTuple):
    """One limit, target, threshold or guideline."""

    directive: str  # OLD (which holds until 2030 under 2024/2881, too), NEW or WHO
    kind: str  # limit, target, long-term objective, alert, information, guideline
    pollutant: str  # pm2_5, pm10, no2, so2, o3, co
    period: str  # hour, day, year, max_8h, peak_season
    value: float
    allowed: int | None = 0  # exceedances in a calendar year; None where none are counted
    unit: str = "ug/m3"
    first_day: date | None = None  # from when it holds; None: since the directive
    years: int = 1  # over whose mean the exceedances are counted
    hours: int = 1  # consecutive hours of an alert


LIMITS: tuple[Limit, ...] = (
    Limit(OLD, "limit", "pm2_5", "year", 25, None),
    Limit(OLD, "limit", "pm10", "day", 50, 35),
    Limit(OLD, "limit", "pm10", "year", 40, None),
    Limit(OLD, "limit", "no2", "hour", 200, 18),
    Limit(OLD, "limit", "no2", "year", 40, None),
    Limit(OLD, "limit", "so2", "hour", 350, 24),
    Limit(OLD, "limit", "so2", "day", 125, 3),
    Limit(OLD, "limit", "co", "max_8h", 10, 0, "mg/m3"),
    Limit(OLD, "target", "o3", "max_8h", 120, 25, years=3),
    Limit(OLD, "long-term objective", "o3", "max_8h", 120, 0),
    Limit(NEW, "limit", "pm2_5", "day", 25, 18, first_day=_2030),
    Limit(NEW, "limit", "pm2_5", "year", 10, None, first_day=_2030),
    Limit(NEW, "limit", "pm10", "day", 45, 18, first_day=_2030),
    Limit(NEW, "limit", "pm10", "year", 20, None, first_day=_2030),
    Limit(NEW, "limit", "no2", "hour", 200, 3, first_day=_2030),
    Limit(NEW, "limit", "no2", "day", 50, 18, first_day=_2030),
    Limit(NEW, "limit", "no2", "year", 20, None, first_day=_2030),
    Limit(NEW, "limit", "so2", "hour", 350, 3, first_day=_2030),
    Limit(NEW, "limit", "so2", "day", 50, 18, first_day=_2030),
    Limit(NEW, "limit", "so2", "year", 20, None, first_day=_2030),
    Limit(NEW, "limit", "co", "max_8h", 10, 0, "mg/m3", first_day=_2030),
    Limit(NEW, "limit", "co", "day", 4, 18, "mg/m3", first_day=_2030),
    Limit(NEW, "target", "o3", "max_8h", 120, 18, first_day=_2030, years=3),
    Limit(NEW, "long-term objective", "o3", "max_8h", 100, 3, first_day=date(2050, 1, 1)),
    Limit(NEW, "alert", "so2", "hour", 350, None, hours=3),
    Limit(NEW, "alert", "no2", "hour", 200, None, hours=3),
    Limit(NEW, "alert", "o3", "hour", 240, None),
    Limit(NEW, "alert", "pm2_5", "day", 50, None),
    Limit(NEW, "alert", "pm10", "day", 90, None),
    Limit(NEW, "information", "so2", "hour", 275, None),
    Limit(NEW, "information", "no2", "hour", 150, None),
    Limit(NEW, "information", "o3", "hour", 180, None),
    Limit(NEW, "information", "pm2_5", "day", 50, None),
    Limit(NEW, "information", "pm10", "day", 90, None),
    Limit(WHO, "guideline", "pm2_5", "year", 5, None),
    Limit(WHO, "guideline", "pm2_5", "day", 15, None),
    Limit(WHO, "guideline", "pm10", "year", 15, None),
    Limit(WHO, "guideline", "pm10", "day", 45, None),
    Limit(WHO, "guideline", "no2", "year", 10, None),
    Limit(WHO, "guideline", "no2", "day", 25, None),
    Limit(WHO, "guideline", "o3", "max_8h", 100, None),
    Limit(WHO, "guideline", "o3", "peak_season", 60, None),
    Limit(WHO, "guideline", "so2", "day", 40, None),
    Limit(WHO, "guideline", "co", "day", 4, None, "mg/m3"),
)


class Exceedances(NamedTuple):
    """How often a limit was passed."""

    times: int
    valid: int
    compliant: bool  # times <= allowed, whatever the coverage


class Assessment(NamedTuple):
    """A year against one limit."""

    value: float  # mean of the year, or number of exceedances
    valid: int
    expected: int
    compliant: bool | None  # None: too little was measured to say


@jit
def _above(values: F64, limit: float) -> tuple[int, int]:
    times, valid = 0, 0
    for i in range(values.size):
        times += 1 if (values[i] > limit) & (values[i] < np.inf) else 0
        valid += 1 if abs(values[i]) < np.inf else 0
    return times, valid


def find(directive: str, pollutant: str, period: str, kind: str = "limit") -> Limit:
    """The one row of LIMITS with these; KernelInputError where there is none."""
    for limit in LIMITS:
        if (limit.directive, limit.pollutant, limit.period, limit.kind) == (directive, pollutant, period, kind):
            return limit
    raise KernelInputError("limit", "a row of LIMITS", f"{directive} {kind} {pollutant} {period}")


def exceedances(values: F64, limit: float, allowed: float = 0) -> Exceedances:
    """Values strictly above a limit, among those that are there; compliant where they are at most `allowed`.

    values  float64[n], unit of the limit; NaN, ±inf = missing; of nothing: 0, 0, compliant, which `assess` turns into unknown
    O(n). Source: [aq-directive].
    """
    times, valid = _above(np.ascontiguousarray(values, np.float64), float(limit))
    return Exceedances(times, valid, times <= allowed)


def assess(values: F64, limit: Limit, expected: int | None = None) -> Assessment:
    """One calendar year against one limit.

    values    float64[n], the year's hourly, daily or 8-hour values, for a limit of the year those it is the mean of; NaN = missing
    expected  values due in the year, n where not given (8760 or 8784 hours, 365 or 366 days)
    ->        Assessment; a limit over several years is assessed with `averaged`

    Errors: KernelInputError where the limit counts nothing (thresholds, guidelines of days).
    """
    due, share = len(values) if expected is None else expected, COVERAGE[limit.directive]
    if limit.period in ("year", "peak_season"):
        mean = mean_with_capture(values, share, due)
        return Assessment(mean.value, mean.valid, due, None if math.isnan(mean.value) else mean.value <= limit.value)
    if limit.allowed is None:
        raise KernelInputError("limit", "one with allowed exceedances", f"{limit.kind} {limit.pollutant} {limit.period}")
    found = exceedances(values, limit.value, limit.allowed)
    enough = found.valid >= max(1, needed(due, share))
    return Assessment(float(found.times), found.valid, due, found.compliant if enough or not found.compliant else None)


def averaged(years: list[Assessment], limit: Limit) -> bool | None:
    """Whether the mean number of exceedances over the last `limit.years` years keeps to the allowance; None where a year is unknown or absent.

    A year without coverage counts only where it alone shows the allowance passed: its exceedances are at least those seen.
    """
    last = years[-limit.years :]
    if limit.allowed is None:
        raise KernelInputError("limit", "one with allowed exceedances", f"{limit.kind} {limit.pollutant} {limit.period}")
    if sum(year.value for year in last) > limit.allowed * limit.years:
        return False
    covered = [year.valid >= max(1, needed(year.expected, COVERAGE[limit.directive])) for year in last]
    return True if len(last) == limit.years and all(covered) else None


def alerts(values: F64, limit: Limit) -> int:
    """How often a threshold was passed for at least its consecutive hours; a missing value ends a run. values float64[n] in order."""
    above = np.isfinite(values) & (np.asarray(values) > limit.value)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], above, [False])).astype(np.int8))).reshape(-1, 2)
    return int((edges[:, 1] - edges[:, 0] >= limit.hours).sum())
