"""The months of a city's registers: invented, but plausible and the same whenever they are asked for.

Promises  A month's values are a pure function of (city seed, device, its area's population, month): adding a month or an area changes
          no other. A part never passes its whole (visits that solved the matter, the visits).
Leaves    When they are played to history.py. Nothing here is a figure of a real city.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from catalog.records import Area, City, Device, Quantity, SensorKind
from catalog.windows import from_us, window_of
from simulators.chance import rng_for

PREFIX = "register:"
_BASE_YEAR = 2024


class Month(NamedTuple):
    """One row of a register: its device, the start of its month (µs), and its values in canonical units, by quantity."""

    device: Device
    at_us: int
    values: Mapping[str, float]


class Offices(NamedTuple):
    """Who keeps a city's registers: what they know to make their rows."""

    city: City
    devices: Sequence[Device]
    areas: Mapping[str, Area]
    kinds: Mapping[str, SensorKind]
    quantities: Mapping[str, Quantity]
    seed: int


class Invented(NamedTuple):
    """How a quantity behaves."""

    per_1000: float = 0.0
    """In a month, for 1,000 residents."""
    share: float = 0.0
    """Of the quantity `of`, which the same register has."""
    of: str = ""
    level: float = 0.0
    """A value that does not follow the population: a time, a number of datasets."""
    events: bool = False
    """Single events: they scatter as counts do."""
    noise: float = 0.03
    """Relative, from month to month; areas differ for good by three times that, at most by a fifth."""
    season: float = 0.0
    """Relative swing over the year, highest in January."""
    growth: float = 0.0
    """Relative, in a year."""


MODELS: Mapping[str, Invented] = {
    "residents": Invented(per_1000=1000.0, noise=0.0, growth=0.008),
    "residents_under_18": Invented(of="residents", share=0.21, noise=0.002),
    "households": Invented(of="residents", share=0.46, noise=0.002),
    "violent_crimes": Invented(events=True, per_1000=0.55, season=-0.1, growth=-0.03),
    "burglaries": Invented(events=True, per_1000=0.3, season=0.3, growth=-0.06),
    "traffic_casualties": Invented(events=True, per_1000=0.22, season=-0.15, growth=-0.02),
    "response_time": Invented(level=500.0, season=0.04, growth=-0.01),
    "youth_care_clients": Invented(per_1000=22.0, noise=0.01, growth=0.02),
    "youth_care_started": Invented(events=True, per_1000=1.2, growth=0.02),
    "youth_care_budget": Invented(per_1000=21_000.0, noise=0.0, growth=0.03),
    "youth_care_spent": Invented(per_1000=21_600.0, noise=0.06, season=0.05, growth=0.04),
    "youth_care_waiting": Invented(level=62.0, noise=0.08, growth=0.03),
    "dwellings": Invented(per_1000=465.0, noise=0.0, growth=0.009),
    "dwellings_vacant": Invented(of="dwellings", share=0.026, noise=0.02),
    "dwellings_planned": Invented(per_1000=0.42, noise=0.0),
    "dwellings_completed": Invented(events=True, per_1000=0.38, noise=0.35, season=-0.2),
    "permits_decided": Invented(events=True, per_1000=1.3, noise=0.1, season=-0.1),
    "permits_in_time": Invented(of="permits_decided", share=0.83, noise=0.06),
    "households_online": Invented(per_1000=418.0, noise=0.003, growth=0.012),
    "digital_help_visits": Invented(events=True, per_1000=8.5, noise=0.08, season=0.15, growth=0.05),
    "digital_help_solved": Invented(of="digital_help_visits", share=0.78, noise=0.03),
    "datasets_known": Invented(level=860.0, noise=0.0, growth=0.04),
    "datasets_open": Invented(of="datasets_known", share=0.46, noise=0.005),
    "datasets_fresh": Invented(of="datasets_open", share=0.84, noise=0.02),
    "waste_collected": Invented(per_1000=34.0, noise=0.03, season=-0.06, growth=-0.01),
    "waste_sorted": Invented(of="waste_collected", share=0.51, noise=0.02),
    "litter_reports": Invented(events=True, per_1000=4.0, noise=0.1, season=-0.25),
    "water_supplied": Invented(per_1000=3_600.0, noise=0.015, season=-0.08),
    "water_billed": Invented(of="water_supplied", share=0.88, noise=0.01),
}
"""By quantity; one that is not here wanders around the typical value of its sensor kind."""


def is_register(device: Device) -> bool:
    """True for a device whose readings are rows of a register."""
    return device.id.startswith(PREFIX)


def steps(offices: Offices, from_us_: int, to_us_: int) -> Iterator[tuple[int, tuple[Device, ...]]]:
    """Starts of the months that lie wholly in [from, to) in µs, ascending, each with the devices that have a row in it."""
    chosen = tuple(sorted((device for device in offices.devices if is_register(device)), key=lambda device: device.id))
    start_us, end_us = window_of(from_us_, "month", offices.city.time_zone)
    if start_us < from_us_:
        start_us, end_us = window_of(end_us, "month", offices.city.time_zone)
    while chosen and end_us <= to_us_:
        yield start_us, chosen
        start_us, end_us = window_of(end_us, "month", offices.city.time_zone)


def months(offices: Offices, from_us_: int, to_us_: int) -> Iterator[Month]:
    """All rows of these months: in order of time, over all areas and registers."""
    for at_us, devices in steps(offices, from_us_, to_us_):
        yield from (month(offices, device, at_us) for device in devices)


def month(offices: Offices, device: Device, at_us: int) -> Month:
    """What the register `device` says about the month that begins at `at_us`."""
    kind = offices.kinds[device.kind]
    local = from_us(at_us).astimezone(ZoneInfo(offices.city.time_zone))
    people = offices.areas[device.area].population
    values: dict[str, float] = {}
    for name in sorted(kind.quantities, key=lambda name: (_depth(name), name)):
        model, (low, high) = _model(name, kind), kind.quantities[name].plausible
        base = model.share * values[model.of] if model.of else model.level or model.per_1000 * people / 1_000.0
        raw = _drawn(model, base, local, rng_for(offices.seed, f"{device.id}:{name}"), rng_for(offices.seed, f"{device.id}:{name}:{local:%Y-%m}"))
        most = min(values.get(model.of, high), high)
        values[name] = _rounded(min(max(raw, low), most), offices.quantities[name].resolution)
    return Month(device, at_us, {name: values[name] for name in sorted(values)})


def _model(name: str, kind: SensorKind) -> Invented:
    typical = kind.quantities[name].typical
    return MODELS.get(name, Invented(level=typical if typical is not None else sum(kind.quantities[name].plausible) / 2.0))


def _depth(name: str) -> int:
    """Wholes before their parts."""
    of = MODELS[name].of if name in MODELS else ""
    return 1 + _depth(of) if of else 0


def _drawn(model: Invented, base: float, local: datetime, area: np.random.Generator, chance: np.random.Generator) -> float:
    years = local.year - _BASE_YEAR + (local.month - 1) / 12.0
    swing = 1.0 + model.season * math.cos((local.month - 1) * math.pi / 6.0)
    own = math.exp(min(3.0 * model.noise, 0.2) * float(area.standard_normal()))
    expected = base * own * swing * (1.0 + model.growth) ** years
    scattered = float(chance.poisson(expected)) if model.events else expected
    return scattered * (1.0 + model.noise * float(np.clip(chance.standard_normal(), -2.5, 2.5)))


def _rounded(value: float, step: float) -> float:
    return round(value / step) / round(1.0 / step) if step < 1.0 else round(value / step) * step
