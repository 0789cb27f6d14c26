"""Parts of a day (day, evening, night) as spans of UTC inside a window, in the city's calendar.

Promises  The three parts of a city tile its days, over clock changes too; the combiner (what is due) and the worker
          (what is counted) cut with this one function.
Leaves    Windows to catalog.windows.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from catalog.records import City
from catalog.windows import from_us, to_us

Spans = tuple[tuple[int, int], ...]
Hours = tuple[str, int, int, int]
"""Time zone, and the local hours at which day, evening and night begin."""

_NAMES = ("day", "evening", "night")


def hours_of(city: City) -> Hours:
    """The hours of a city."""
    return city.time_zone, city.day_from, city.evening_from, city.night_from


def part_spans(start_us: int, end_us: int, part: str, city: City) -> Spans:
    """Spans [from, to) in µs UTC of the part inside [start_us, end_us), ascending; all of it where part is ""."""
    if not part:
        return ((start_us, end_us),)
    return spans_of(start_us, end_us, part, hours_of(city))


def part_at(hour: int, hours: Hours) -> str:
    """The part that a local hour of the clock (0 to 23) lies in."""
    for name, low, high in zip(_NAMES, hours[1:], (*hours[2:], hours[1]), strict=True):
        if low <= hour < high or (high < low and (hour >= low or hour < high)):
            return name
    return _NAMES[2]


def cuts(hours: Hours) -> tuple[tuple[int, str], ...]:
    """The local hours of a date at which a part begins or goes on from the date before: (0, part), then the changes."""
    parts = [part_at(hour, hours) for hour in range(24)]
    return tuple((hour, part) for hour, part in enumerate(parts) if hour == 0 or part != parts[hour - 1])


@lru_cache(maxsize=4096)
def spans_of(start_us: int, end_us: int, part: str, hours: Hours) -> Spans:
    """part_spans for the hours of a city."""
    zone = ZoneInfo(hours[0])
    first, last = (from_us(at_us).astimezone(zone).date() for at_us in (start_us, end_us))
    found: list[tuple[int, int]] = []
    day = first - timedelta(days=1)
    while day <= last:
        low, high = _part_of(day, part, zone, hours[1:])
        low, high = max(low, start_us), min(high, end_us)
        if low < high and found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        elif low < high:
            found.append((low, high))
        day += timedelta(days=1)
    return tuple(found)


def _part_of(day: date, part: str, zone: ZoneInfo, hours: tuple[int, int, int]) -> tuple[int, int]:
    """The part that begins on `day`; each lasts until the next one begins, over midnight where it has to."""
    begins = _NAMES.index(part)
    from_hour, to_hour = hours[begins], hours[(begins + 1) % 3]
    after = day if to_hour > from_hour else day + timedelta(days=1)
    if from_hour == to_hour:
        after = day
    return _at(day, from_hour, zone), _at(after, to_hour, zone)


def _at(day: date, hour: int, zone: ZoneInfo) -> int:
    return to_us(datetime(day.year, day.month, day.day, hour, tzinfo=zone))
