"""Calendar edges of a time zone as arrays: starts of local days, months, quarters, years, and of the parts of a day.

Promises  The same edges as catalog.windows computes one by one, from FIRST_YEAR to LAST_YEAR.
Leaves    Finding the edge of a million readings to kernels.accumulate.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from catalog.records import City
from catalog.windows import to_us
from formula.parts import cuts

FIRST_YEAR, LAST_YEAR = 1990, 2060
PARTS = {"": 0, "day": 1, "evening": 2, "night": 3}
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


@lru_cache(maxsize=64)
def window_edges(time_zone: str) -> tuple[I64, I64, I64, I64]:
    """Starts (µs UTC) of local days, months, quarters and years."""
    zone = ZoneInfo(time_zone)
    days = (date(LAST_YEAR, 1, 1) - date(FIRST_YEAR, 1, 1)).days
    first = datetime(FIRST_YEAR, 1, 1, tzinfo=zone)
    day = [to_us((first + timedelta(days=n)).replace(tzinfo=zone)) for n in range(days + 1)]
    months = [to_us(datetime(FIRST_YEAR + n // 12, n % 12 + 1, 1, tzinfo=zone)) for n in range(12 * (LAST_YEAR - FIRST_YEAR) + 1)]
    month = np.array(months, np.int64)
    return np.array(day, np.int64), month, month[::3].copy(), month[::12].copy()


@lru_cache(maxsize=64)
def part_edges(time_zone: str, day_from: int, evening_from: int, night_from: int) -> tuple[I64, U8]:
    """Edges between the parts of local days, and the part that begins, or goes on over midnight, at each."""
    zone = ZoneInfo(time_zone)
    begins = [(hour, PARTS[part]) for hour, part in cuts((time_zone, day_from, evening_from, night_from))]
    edges, codes = [], []
    midnight = datetime(FIRST_YEAR, 1, 1)  # noqa: DTZ001 - a local date; the zone is put on below
    for n in range((date(LAST_YEAR, 1, 1) - date(FIRST_YEAR, 1, 1)).days):
        local = midnight + timedelta(days=n)
        for hour, code in begins:
            edges.append(to_us(local.replace(hour=hour, tzinfo=zone)))
            codes.append(code)
    return np.array(edges, np.int64), np.array(codes, np.uint8)


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
