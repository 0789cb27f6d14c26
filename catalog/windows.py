"""Windows of event time: [start, end) in µs UTC; minute to hour in UTC, from day up in the city's calendar.

Promises  Windows of one kind tile time without gap or overlap, over clock changes too (23- and 25-hour days).
Leaves    Doing it for a million readings at once to kernels/windows.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from catalog.records import WindowName

FIXED_US: dict[str, int] = {"minute": 60_000_000, "quarter_hour": 900_000_000, "hour": 3_600_000_000}
"""Length of the windows that are cut in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exact."""
    return (at - _EPOCH) // _US


def from_us(at_us: int) -> datetime:
    """The aware UTC datetime of µs since 1970, exact."""
    return _EPOCH + timedelta(microseconds=at_us)


def window_of(at_us: int, window: WindowName, time_zone: str) -> tuple[int, int]:
    """Start and end (µs UTC) of the window that holds `at_us`."""
    length = FIXED_US.get(window)
    if length is not None:
        start = at_us - at_us % length
        return start, start + length
    return _calendar(from_us(at_us).astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d"), window, time_zone)


@lru_cache(maxsize=4096)
def _calendar(day: str, window: str, time_zone: str) -> tuple[int, int]:
    zone = ZoneInfo(time_zone)
    first = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone)
    if window == "day":
        after = (first + timedelta(days=1)).replace(tzinfo=zone)
        return to_us(first), to_us(after)
    months = {"month": 1, "quarter": 3, "year": 12}[window]
    index = (first.year * 12 + first.month - 1) // months * months
    return _month(index, zone), _month(index + months, zone)


def _month(index: int, zone: ZoneInfo) -> int:
    return to_us(datetime(index // 12, index % 12 + 1, 1, tzinfo=zone))
