"""The deferred quality tests on everything that passed on arrival, slow and obvious: rule 23, one reading at a time. Pure.

Promises  Written from docs/decisions/0014-deferred-quality-tests.md; shares no code with restate/ and kernels/, and never looks at a flag. Only
          readings in quarters of an hour that the watermarks say are tested get a word.
Leaves    Flags set by hand: in a chaos run nobody sets any.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import pandas as pd

from catalog.records import QualityTests, SensorKind
from chaos.oracle_ground import QUARTER_US, Ground, Place, placed
from chaos.oracle_readings import KEY

EARTH_M = 6_371_008.8
_NORMAL = 1.482602218505602
"""Standard deviations of a normal distribution in one median absolute deviation."""


class Reading(NamedTuple):
    """One reading of a series."""

    place: int
    at_us: int
    value: float


Words = dict[tuple[int, int], int]
"""Suspect (3) or bad (4), by place and time."""


def words(passed: pd.DataFrame, ground: Ground, watermarks: Mapping[str, int | None]) -> pd.DataFrame:
    """The worst word of every reading that has one: KEY and word (3 or 4).

    passed      KEY, integer, value: stored readings with a time of their own that passed the arrival checks
    watermarks  the lowest over the partitions, by kind; None: some partition has none
    """
    values = {(device, quantity, at): value for device, quantity, at, value in passed[[*KEY, "value"]].itertuples(index=False, name=None)}
    found: list[tuple[str, str, int, int]] = []
    for quantity, by_place in placed(passed, ground.places).items():
        for kind in ground.kinds.values():
            tests, until_us = kind.quality_tests.get(quantity), watermarks.get(kind.id)
            if tests is None or until_us is None:
                continue
            places = [number for number in sorted(by_place) if ground.places[number].kind == kind.id]
            names = {number: ground.places[number].device for number in places}
            series = {n: [Reading(n, at_us, values[names[n], quantity, at_us]) for at_us, _ in by_place[n]] for n in places}
            worst = of_series(series, tests, kind, ground)
            ready_us = until_us - ahead_us(kind)
            found += [
                (names[place], quantity, at_us, word) for (place, at_us), word in worst.items() if (at_us // QUARTER_US + 1) * QUARTER_US <= ready_us
            ]
    return pd.DataFrame(found, columns=[*KEY, "word"])


def ahead_us(kind: SensorKind) -> int:
    """How far behind a reading a test of the kind looks: a quarter of an hour is tested once the watermarks have passed its end and that."""
    cadence_us = round(kind.cadence_s * 1e6)
    spiking = any(tests.spike_suspect or tests.spike_fail for tests in kind.quality_tests.values())
    comparing = any(tests.neighbour_radius_m for tests in kind.quality_tests.values())
    return max((3 * cadence_us + 1) // 2 if spiking else 0, cadence_us if comparing else 0)


def of_series(series: Mapping[int, Sequence[Reading]], tests: QualityTests, kind: SensorKind, ground: Ground) -> Words:
    """Every test over the series of one quantity and kind."""
    found: Words = {}
    cadence_us = round(kind.cadence_s * 1e6)
    each = [word for n, readings in series.items() for word in _alone(readings, tests, cadence_us, ground.places[n].cadence_us)]
    for place, at_us, word in [*each, *_among(series, tests, kind, ground)]:
        found[place, at_us] = max(word, found.get((place, at_us), 0))
    return found


def _alone(readings: Sequence[Reading], tests: QualityTests, cadence_us: int, own_us: int) -> Iterator[tuple[int, int, int]]:
    """Spike, rate of change and flat line of one device; the kind's cadence and its own."""
    for n, reading in enumerate(readings):
        before = readings[n - 1] if n and _beside(readings[n - 1], reading, cadence_us) else None
        after = readings[n + 1] if n + 1 < len(readings) and _beside(reading, readings[n + 1], cadence_us) else None
        grades = [_standing(readings, n, tests, own_us)]
        if before is not None and after is not None:
            grades.append(_grade(abs(reading.value - (before.value + after.value) / 2), tests.spike_suspect, tests.spike_fail))
        if before is not None:
            seconds = max(reading.at_us / 1e6 - before.at_us / 1e6, cadence_us / 1e6)
            grades.append(_grade(abs(reading.value - before.value) / seconds, tests.rate_suspect_per_s, tests.rate_fail_per_s))
        if max(grades):
            yield reading.place, reading.at_us, max(grades)


def _beside(one: Reading, next_: Reading, cadence_us: int) -> bool:
    return 2 * (next_.at_us - one.at_us) <= 3 * cadence_us


def _grade(amount: float, suspect: float | None, fail: float | None) -> int:
    """Strictly more than a threshold; one that is not given grades nothing."""
    if fail is not None and amount > fail:
        return 4
    return 3 if suspect is not None and amount > suspect else 0


def _standing(readings: Sequence[Reading], n: int, tests: QualityTests, cadence_us: int) -> int:
    """How long the values up to this one have moved by less than the tolerance, without a gap of more than three cadences."""
    low = high = readings[n].value
    stood_us = -1
    for j in range(n - 1, -1, -1):
        low, high = min(low, readings[j].value), max(high, readings[j].value)
        if readings[j + 1].at_us - readings[j].at_us > 3 * cadence_us or not high - low < tests.flat_tolerance:
            break
        stood_us = readings[n].at_us - readings[j].at_us
    for seconds, word in ((tests.flat_fail_s, 4), (tests.flat_suspect_s, 3)):
        if seconds is not None and stood_us >= round(seconds * 1e6):
            return word
    return 0


def _among(series: Mapping[int, Sequence[Reading]], tests: QualityTests, kind: SensorKind, ground: Ground) -> Iterator[tuple[int, int, int]]:
    """Each device's last reading in a step of the kind's cadence against those of its neighbours in space."""
    radius_m = tests.neighbour_radius_m
    if radius_m is None:
        return
    step_us = round(kind.cadence_s * 1e6)
    steps: dict[int, dict[str, Reading]] = {}
    for reading in sorted((reading for readings in series.values() for reading in readings), key=lambda reading: reading.at_us):
        steps.setdefault(reading.at_us // step_us, {})[ground.places[reading.place].device] = reading
    for said in steps.values():
        for device, reading in said.items():
            here = ground.places[reading.place]
            others = [other for name, other in said.items() if name != device]
            near = [other.value for other in others if _apart_m(here, ground.places[other.place], ground) <= radius_m]
            word = _disagreement(reading.value, near, tests)
            if word:
                yield reading.place, reading.at_us, word


def _disagreement(value: float, near: Sequence[float], tests: QualityTests) -> int:
    if len(near) < tests.neighbour_least:
        return 0
    middle = median(near)
    scale = max(_NORMAL * median([abs(other - middle) for other in near]), tests.neighbour_min_scale)
    return _grade(abs(value - middle), tests.neighbour_suspect * scale, tests.neighbour_fail * scale)


def _apart_m(one: Place, other: Place, ground: Ground) -> float:
    """On a plane that is true to scale in the middle of the city."""
    middle = math.radians((ground.city.south + ground.city.north) / 2.0)
    east = math.cos(middle) * math.radians(one.longitude - other.longitude)
    return EARTH_M * math.hypot(east, math.radians(one.latitude - other.latitude))
