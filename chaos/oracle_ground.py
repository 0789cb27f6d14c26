"""Where devices stand, what is due of them, and how time is cut, slow and obvious. Pure.

Promises  A reading belongs to the place where its device stood when it was measured. Windows and parts of the day come from the calendar alone.
Leaves    Aggregates to chaos.oracle_sums, which windows are owed to chaos.oracle.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from catalog.records import Area, City, Kpi, Quantity, SensorKind, WindowName
from catalog.windows import from_us, window_of

MILLION = 1_000_000
MINUTE_US, QUARTER_US = 60_000_000, 900_000_000
FAR_US = 1 << 61


class Place(NamedTuple):
    """One device in one place, for as long as it stands there; times in µs UTC, open ends at +-FAR_US."""

    device: str
    kind: str
    area: str
    """The area that it stands in, the smallest one."""
    cadence_us: int
    from_us: int
    to_us: int
    due_from_us: int
    """Readings are due from here on, and from from_us on."""
    latitude: float = 0.0
    longitude: float = 0.0

    @property
    def begun_us(self) -> int:
        """From when it counts."""
        return max(self.from_us, self.due_from_us)


class Ground(NamedTuple):
    """Everything that is fixed while a KPI is computed."""

    city: City
    areas: Mapping[str, Area]
    kinds: Mapping[str, SensorKind]
    quantities: Mapping[str, Quantity]
    kpis: Mapping[str, Kpi]
    places: tuple[Place, ...]

    def kinds_of(self, quantity: str) -> frozenset[str]:
        """Kinds that measure it."""
        return frozenset(kind.id for kind in self.kinds.values() if quantity in kind.quantities)

    def above(self, area: str) -> list[str]:
        """The area and what it lies in."""
        found, at = [], area
        while at in self.areas:
            found.append(at)
            at = self.areas[at].parent or ""
        return found

    def at_level(self, area: str, levels: Iterable[str]) -> list[str]:
        """Of these, those of the levels."""
        return [each for each in self.above(area) if self.areas[each].level in levels]

    def window(self, at_us: int, window: WindowName) -> tuple[int, int]:
        """The window that holds a moment."""
        return _window(at_us - at_us % MINUTE_US, window, self.city.time_zone)

    def part_at(self, at_us: int) -> str:
        """day, evening or night, by the local hour."""
        return _part(at_us // QUARTER_US, self.city.time_zone, (self.city.day_from, self.city.evening_from, self.city.night_from))

    def due(self, place: Place, window: tuple[int, int], part: str) -> int:
        """Millionths of readings that are due of a device in a window, or in a part of the day inside it."""
        low, high = max(window[0], place.begun_us), min(window[1], place.to_us)
        if not part:
            return max(high - low, 0) * MILLION // place.cadence_us
        within = 0
        for quarter in range(window[0], window[1], QUARTER_US):  # parts change at whole hours of the clock
            if self.part_at(quarter) == part:
                within += max(min(high, quarter + QUARTER_US) - max(low, quarter), 0)
        return within * MILLION // place.cadence_us


@lru_cache(maxsize=1 << 16)
def _window(minute_us: int, window: WindowName, time_zone: str) -> tuple[int, int]:
    """Every window begins at a whole minute."""
    return window_of(minute_us, window, time_zone)


@lru_cache(maxsize=1 << 16)
def _part(quarter: int, time_zone: str, begins: tuple[int, int, int]) -> str:
    """Parts of the day begin at whole hours of the local clock, and those at a quarter of an hour."""
    hour = from_us(quarter * QUARTER_US).astimezone(ZoneInfo(time_zone)).hour
    for name, low, high in (("day", begins[0], begins[1]), ("evening", begins[1], begins[2])):
        if (low <= hour < high) if low <= high else (hour >= low or hour < high):
            return name
    return "night"


def placed(readings: pd.DataFrame, places: tuple[Place, ...]) -> dict[str, dict[int, list[tuple[int, int]]]]:
    """By quantity and place, in order of time: time (µs) and value in steps; readings of no place are left out.

    readings  device, quantity, measured_us, integer
    """
    standing: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        standing.setdefault(place.device, []).append(number)
    found: dict[str, dict[int, list[tuple[int, int]]]] = {}
    columns = (readings[name].tolist() for name in ("device", "quantity", "measured_us", "integer"))
    for device, quantity, at_us, value in zip(*columns, strict=True):
        for number in standing.get(device, ()):
            if places[number].from_us <= at_us < places[number].to_us:
                found.setdefault(quantity, {}).setdefault(number, []).append((at_us, value))
    for series in found.values():
        for each in series.values():
            each.sort()
    return found
