"""Lday, Levening, Lnight and Lden of local civil days.

Promises  Hours are those of the time zone: on the days when clocks change the night has one hour less or more, and that many are due.
          The night of a date is its first and its last hours, not one stretch over midnight.
Leaves    The yearly indicators: a day's value is for screening.

Source: [noise-directive] in docs/sources.md.
"""

import math
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from kernels.air_means import needed
from kernels.errors import KernelInputError
from kernels.noise import lden, leq

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

STARTS = (7, 19, 23)
"""Local hours at which day, evening and night begin."""
_STEP_S = 900
_EPOCH = date(1970, 1, 1)


class NoiseDays(NamedTuple):
    """One row per local date; columns of the parts are day, evening, night."""

    day: I64  # [d] days since 1970-01-01 of the local date
    level_db: F64  # [d, 3] NaN below the capture
    lden_db: F64  # [d]
    valid: I64  # [d, 3]
    expected: I64  # [d, 3]


def part_of_hour(starts: tuple[int, int, int] = STARTS) -> I64:
    """Part (0 day, 1 evening, 2 night) of each local hour, int64[24].

    Errors: KernelInputError unless the three starts are hours in order.
    """
    day, evening, night = starts
    if not 0 <= day <= evening <= night <= 24:
        raise KernelInputError("starts", "three hours 0 to 24 in order", starts)
    hour = np.arange(24)
    return np.where((hour >= day) & (hour < evening), 0, np.where((hour >= evening) & (hour < night), 1, 2)).astype(np.int64)


def local_hours(start_us: I64, zone: str) -> tuple[I64, I64]:
    """Local date (days since 1970-01-01) and local hour of each time.

    start_us  int64[n] µs since 1970, UTC; zone: name in the time zone database
    O(quarter hours spanned); zones are read in steps of a quarter of an hour, which all present ones keep to.
    """
    there = _zone(zone)
    steps, at = np.unique(start_us // (_STEP_S * 1_000_000), return_inverse=True)
    local = [datetime.fromtimestamp(int(step) * _STEP_S, there) for step in steps]
    days = np.array([(each.date() - _EPOCH).days for each in local], np.int64)
    hours = np.array([each.hour for each in local], np.int64)
    return days[at], hours[at]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise KernelInputError("zone", "a name of the time zone database", name) from error


def _seconds_due(day: int, zone: ZoneInfo, parts: I64) -> I64:
    """Seconds of day, evening and night on a local date, int64[3]."""
    edges = [_EPOCH + timedelta(days=day + more) for more in (0, 1)]
    first, last = (int(datetime(each.year, each.month, each.day, tzinfo=zone).timestamp()) for each in edges)
    due = np.zeros(3, np.int64)
    for at in range(first, last, _STEP_S):
        due[parts[datetime.fromtimestamp(at, UTC).astimezone(zone).hour]] += _STEP_S
    return due


def _part_level(levels: F64, expected: int, min_fraction: float) -> tuple[float, int]:
    valid = int((levels < np.inf).sum())
    return (leq(levels) if valid >= max(1, needed(expected, min_fraction)) else math.nan), valid


def _lden_of(level_db: F64, starts: tuple[int, int, int]) -> F64:
    day, evening, night = starts
    return lden(level_db[:, 0], level_db[:, 1], level_db[:, 2], (evening - day, night - evening, 24 - night + day))


def noise_days(
    start_us: I64, levels_db: F64, zone: str, starts: tuple[int, int, int] = STARTS, interval_s: int = 3600, min_fraction: float = 0.75
) -> NoiseDays:
    """Levels of the parts of each local date, from levels of equal intervals.

    start_us      int64[n] µs since 1970, UTC, ascending: where each interval begins; it belongs to the local hour in which it begins
    levels_db     float64[n] dB, energy means of the intervals; NaN, +inf = missing, -inf = silence
    interval_s    their length; min_fraction: share of the part's intervals that must be there
    ->            NoiseDays from the first to the last local date; a part without enough is NaN, and Lden with it

    Lden weighs the parts with their ordinary hours (12, 4, 8) on days of 23 and 25 hours, too, as the directive's formula does.
    O(n + days). Errors: KernelInputError for times that do not ascend, columns of different length, an unknown zone.
    """
    levels, times = np.ascontiguousarray(levels_db, np.float64), np.ascontiguousarray(start_us, np.int64)
    if times.shape != levels.shape or times.ndim != 1:
        raise KernelInputError("levels_db", f"shape {times.shape} like start_us, one column", levels.shape)
    if bool((np.diff(times) <= 0).any()):
        raise KernelInputError("start_us", "ascending times", "one that does not")
    if interval_s < 1:
        raise KernelInputError("interval_s", "1 s or more", interval_s)
    parts, there = part_of_hour(starts), _zone(zone)
    days, hours = local_hours(times, zone)
    dates = np.arange(days[0], days[-1] + 1) if days.size else np.empty(0, np.int64)
    level, valid, expected = np.full((dates.size, 3), np.nan), np.zeros((dates.size, 3), np.int64), np.zeros((dates.size, 3), np.int64)
    edges = np.searchsorted(days, np.append(dates, dates[-1] + 1)) if dates.size else np.zeros(1, np.int64)
    for d, date_ in enumerate(dates):
        expected[d] = _seconds_due(int(date_), there, parts) // interval_s
        mine, part = levels[edges[d] : edges[d + 1]], parts[hours[edges[d] : edges[d + 1]]]
        for p in range(3):
            level[d, p], valid[d, p] = _part_level(mine[part == p], int(expected[d, p]), min_fraction)
    return NoiseDays(dates, level, _lden_of(level, starts), valid, expected)


def lden_from_hours(hourly_db: F64, starts: tuple[int, int, int] = STARTS, min_fraction: float = 0.75) -> F64:
    """Lday, Levening, Lnight and Lden of one ordinary date, float64[4] dB, from its 24 local hours 00 to 23.

    hourly_db  float64[24] dB; NaN, +inf = missing; a part below its capture is NaN, and Lden with it
    Errors: KernelInputError for another number of hours; days of 23 or 25 hours go through noise_days.
    """
    hourly = np.ascontiguousarray(hourly_db, np.float64)
    if hourly.shape != (24,):
        raise KernelInputError("hourly_db", "24 local hours", hourly.shape)
    parts = part_of_hour(starts)
    level = np.array([[_part_level(hourly[parts == p], int((parts == p).sum()), min_fraction)[0] for p in range(3)]])
    return np.append(level[0], _lden_of(level, starts))
