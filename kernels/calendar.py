"""Windows and parts of the day of a time: fixed lengths in UTC, calendar edges from arrays.

Window classes: 0 minute, 1 quarter_hour, 2 hour, 3 day, 4 month, 5 quarter, 6 year. Calendars are arrays of edges per
city, made by the caller from the city's time zone.

Promises  The same windows as catalog.windows, one by one.
"""

from typing import Any

import numpy as np

from kernels._jit import jit

LENGTH_US = np.array([60_000_000, 900_000_000, 3_600_000_000], np.int64)


@jit
def edge(edges: Any, low: int, high: int, at_us: int) -> Any:
    """Index of the last edge at or before at_us in edges[low:high]; low where there is none."""
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= at_us:
            low = middle
        else:
            high = middle
    return low


@jit
def start_of(lanes: Any, city: int, window: int, at_us: int) -> Any:
    """Start (µs) of the window of class `window` that holds at_us in the calendar of a city."""
    if window < 3:
        return at_us - at_us % LENGTH_US[window]
    return lanes.edges[edge(lanes.edges, lanes.calendar_at[city, window - 3], lanes.calendar_at[city, window - 2], at_us)]


@jit
def end_of(lanes: Any, city: int, window: int, at_us: int) -> Any:
    """End (µs) of that window."""
    if window < 3:
        return at_us - at_us % LENGTH_US[window] + LENGTH_US[window]
    return lanes.edges[edge(lanes.edges, lanes.calendar_at[city, window - 3], lanes.calendar_at[city, window - 2], at_us) + 1]


@jit
def in_part(lanes: Any, city: int, part: int, at_us: int) -> Any:
    """True where at_us lies in the part of the day (1 day, 2 evening, 3 night; 0 always)."""
    if part == 0:
        return True
    return bool(lanes.part_code[edge(lanes.edges, lanes.calendar_at[city, 4], lanes.calendar_at[city, 5], at_us)] == part)
