"""What the referee knows beside readings: where devices stand and who lives there, how long values hold, how time is cut.

Promises  Windows and parts of the day come from the calendar of the city alone.
Leaves    Everything about values to aggregates.py and referee.py.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from catalog.records import Area, City, Device, Kpi, Level, SensorKind, WindowName
from catalog.windows import from_us, to_us, window_of
from simulators.mood import local_us

HOUR_US, QUARTER_US = 3_600_000_000, 900_000_000
PARTS = ("day", "evening", "night")
_BACK_HOURS = {"h": 1, "d": 24, "w": 168}


class Ground(NamedTuple):
    """Where readings belong and how long they hold."""

    city: City
    areas: Mapping[str, Mapping[Level, str]]
    """Device to the area of each level, the one that it stands in first."""
    max_hold_s: Mapping[str, float]
    """Device to how long a value of it holds where the next one does not come."""
    people: Mapping[str, int] = MappingProxyType({})
    """Area to how many live in it."""
    kpis: Mapping[str, Kpi] = MappingProxyType({})
    """Those that a formula may look back at."""


def ground(city: City, areas: Mapping[str, Area], devices: Mapping[str, Device], kinds: Mapping[str, SensorKind], kpis: Mapping[str, Kpi]) -> Ground:
    """The ground of a city pack; a kind without max_hold_s holds for three of its cadences."""
    chains = {device.id: _chain(areas, device.area) for device in devices.values()}
    holds = {device.id: kinds[device.kind].max_hold_s or 3.0 * kinds[device.kind].cadence_s for device in devices.values()}
    return Ground(city, chains, holds, {area.id: area.population for area in areas.values()}, kpis)


def window_starts(at_us: "pd.Series[int]", window: WindowName, time_zone: str) -> "pd.Series[int]":
    """Start of each row's window; windows change at whole quarters of an hour, or at whole minutes."""
    grain = 60_000_000 if window == "minute" else QUARTER_US
    grains = at_us // grain
    starts = {each: window_of(int(each) * grain, window, time_zone)[0] for each in grains.unique()}
    return grains.map(starts).astype("int64")


def in_part(at_us: "pd.Series[int]", part: str, city: City) -> "pd.Series[bool]":
    """Which moments lie in day, evening or night; these change at whole hours of the local clock."""
    hour = local_us(np.asarray(at_us, np.int64), city.time_zone) % (24 * HOUR_US) // HOUR_US
    edges = {"day": (city.day_from, city.evening_from), "evening": (city.evening_from, city.night_from), "night": (city.night_from, city.day_from)}
    begin, end = edges[part]
    inside = (hour >= begin) & (hour < end) if begin <= end else (hour >= begin) | (hour < end)
    return pd.Series(inside, index=at_us.index)


def start_before(start_us: int, window: WindowName, back: tuple[int, str], time_zone: str) -> int:
    """Start of the window that lies so many h, d or w before: of days the same midnight of an earlier date, else hours of 3,600 s."""
    hours = back[0] * _BACK_HOURS[back[1]]
    if window != "day":
        return start_us - hours * HOUR_US
    zone = ZoneInfo(time_zone)
    midnight = from_us(start_us).astimezone(zone).replace(tzinfo=None)
    return to_us((midnight - timedelta(hours=hours)).replace(tzinfo=zone))


def _chain(areas: Mapping[str, Area], lowest: str) -> dict[Level, str]:
    found: dict[Level, str] = {}
    at: str | None = lowest
    while at is not None:
        area = areas[at]
        found[area.level] = area.id
        at = area.parent
    return found
