"""Calendar edges of a time zone as arrays: starts of local days, months, quarters, years, and of the parts of a day.

Promises  The same edges as catalog.windows computes one by one, from FIRST_YEAR to LAST_YEAR.
Leaves    Finding the edge of a million readings to kernels.accumulate.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from catalog.records import City
from catalog.windows import to_us
from formula.parts import cuts

FIRST_YEAR, LAST_YEAR = 1990, 2060
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
PARTS = {"": 0, "day": 1, "evening": 2, "night": 3}
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


@lru_cache(maxsize=64)
def window_edges(time_zone: str) -> tuple[I64, I64, I64, I64]:
    """Starts (µs UTC) of local days, months, quarters and years."""
    zone = ZoneInfo(time_zone)
    months = [to_us(datetime(FIRST_YEAR + n // 12, n % 12 + 1, 1, tzinfo=zone)) for n in range(12 * (LAST_YEAR - FIRST_YEAR) + 1)]
    month = np.array(months, np.int64)
    return _at_hours(zone, [0])[:, 0].copy(), month, month[::3].copy(), month[::12].copy()


@lru_cache(maxsize=64)
def part_edges(time_zone: str, day_from: int, evening_from: int, night_from: int) -> tuple[I64, U8]:
    """Edges between the parts of local days, and the part that begins, or goes on over midnight, at each."""
    begins = [(hour, PARTS[part]) for hour, part in cuts((time_zone, day_from, evening_from, night_from))]
    edges = _at_hours(ZoneInfo(time_zone), [hour for hour, _ in begins])[:-1]  # of the last day its midnight only
    return edges.reshape(-1), np.tile(np.array([code for _, code in begins], np.uint8), len(edges))


def _at_hours(zone: ZoneInfo, hours: list[int]) -> I64:
    """µs UTC of these local hours of all days, int64[days + 1, hours].

    As `to_us` of each would say, in a tenth of the time: a zone keeps its offset for months, and a worker waits for this at its start.
    """
    first, count = datetime(FIRST_YEAR, 1, 1), (date(LAST_YEAR, 1, 1) - date(FIRST_YEAR, 1, 1)).days + 1  # noqa: DTZ001 - a local date
    local_us = np.arange(count, dtype=np.int64)[:, None] * DAY_US + np.array(hours, np.int64) * HOUR_US + to_us(first.replace(tzinfo=UTC))
    offset, one_day = zone.utcoffset, timedelta(days=1)
    ahead_us, known, known_us = [], None, 0
    for hour in hours:
        at = first.replace(hour=hour)
        for _ in range(count):
            ahead = offset(at)
            if ahead is not known:
                known, known_us = ahead, (ahead or timedelta()) // timedelta(microseconds=1)
            ahead_us.append(known_us)
            at += one_day
    return local_us - np.array(ahead_us, np.int64).reshape(len(hours), count).T


def calendars(cities: list[City], with_parts: bool) -> tuple[I64, I64, U8]:
    """`calendar_at[c, 6]`, `edges` and `part_code` of kernels.accumulate.Lanes for these cities."""
    at = np.zeros((max(1, len(cities)), 6), np.int64)
    pieces: list[I64] = []
    codes: list[U8] = []
    end = 0
    for c, city in enumerate(cities):
        for w, edges in enumerate(window_edges(city.time_zone)):
            at[c, w] = end
            pieces.append(edges)
            codes.append(np.zeros(edges.size, np.uint8))
            end += edges.size
        at[c, 4] = end
        if with_parts:
            edges, part = part_edges(city.time_zone, city.day_from, city.evening_from, city.night_from)
            pieces.append(edges)
            codes.append(part)
            end += edges.size
        at[c, 5] = end
    if not pieces:
        return at, np.zeros(1, np.int64), np.zeros(1, np.uint8)
    return at, np.concatenate(pieces), np.concatenate(codes)
