"""What the whole city shares at a moment: local hour and weekday, weather, traffic, events.

Promises  A pure function of (city seed, scenario, start of the run, moment); right over clock changes.
Leaves    What a device makes of it to signals.py.
"""

from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from catalog.windows import from_us
from simulators.chance import F64, I64, U64, drift, key_for
from simulators.moments import Moment, rush
from simulators.scenario import Scenario

_QUARTER_US = 900_000_000
_DAY_US = 86_400_000_000


class Mood(NamedTuple):
    """What decides a city's moments."""

    time_zone: str
    weather_key: int
    scenario: Scenario
    start_us: int


def mood_of(time_zone: str, city: str, seed: int, scenario: Scenario, start_us: int) -> Mood:
    """The mood of a city under a seed and a scenario that begins at `start_us`."""
    return Mood(time_zone, key_for(seed, f"weather:{city}"), scenario, start_us)


def local_us(at_us: I64, time_zone: str) -> I64:
    """Wall clock of the zone as µs since 1970, int64[n]; offsets are looked up once per quarter of an hour."""
    if not at_us.size:
        return at_us
    quarters, row = np.unique(at_us // _QUARTER_US, return_inverse=True)
    zone = ZoneInfo(time_zone)
    offsets_s = [_offset_s(int(quarter) * _QUARTER_US, zone) for quarter in quarters]
    return np.asarray(at_us + np.array(offsets_s, np.int64)[row] * 1_000_000)


def moment(mood: Mood, at_us: I64) -> Moment:
    """The moments of rows at `at_us` int64[n]."""
    wall_us = local_us(at_us, mood.time_zone)
    hour = np.mod(wall_us, _DAY_US) / 3_600e6
    weekday = np.mod(wall_us // _DAY_US + 3, 7)
    if mood.scenario.at_hour is not None:
        hour, weekday = np.full_like(hour, mood.scenario.at_hour), np.zeros_like(weekday)
    sky: U64 = np.full(at_us.shape, mood.weather_key, np.uint64)
    wet = np.maximum(drift(sky, "rain", at_us, 5 * 3_600.0) - 0.4, 0.0) / 0.6
    return Moment(
        at_us=at_us,
        hour=hour,
        weekday=weekday,
        traffic=rush(hour, weekday) * mood.scenario.traffic * _events(mood, at_us),
        warmth=drift(sky, "warmth", at_us, 30 * 3_600.0),
        wind=np.asarray(np.exp(0.9 * drift(sky, "wind", at_us, 8 * 3_600.0))),
        rain=wet,
    )


def _events(mood: Mood, at_us: I64) -> F64:
    factor = np.ones(at_us.shape)
    since_s = (at_us - mood.start_us) / 1e6
    for event in mood.scenario.events:
        factor = np.where((since_s >= event.after_s) & (since_s < event.after_s + event.for_s), factor * event.factor, factor)
    return factor


def _offset_s(at_us: int, zone: ZoneInfo) -> int:
    offset = from_us(at_us).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
