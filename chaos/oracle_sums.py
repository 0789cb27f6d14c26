"""Aggregates over good readings, slow and obvious: per device over the window, then over devices, in whole steps and fractions. Pure.

Promises  Shares no code with kernels/ and formula/. Sums, counts, extremes and percentiles are exact until one rounding.
          A value holds until the next one of its device, at most as long as its kind says; a counter's step belongs to its later reading.
Leaves    Reading formulas to chaos.oracle_formula.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from catalog.records import Quantity, WindowName
from chaos.oracle_ground import QUARTER_US, Ground

Key = tuple[str, int]
"""Area, and start of the window in µs."""
Series = Mapping[int, Sequence[tuple[int, int]]]
"""Good readings of one quantity by place, in order of time: time (µs) and value in steps of the resolution."""
Group = dict[int, list[int]]
"""What the places of an area said in a window, in order of time."""


class Call(NamedTuple):
    """One aggregate as a formula names it."""

    function: str
    quantity: str
    part: str = ""
    number: float | None = None
    weight: str = ""


class Told(NamedTuple):
    """By area and window; without a value where nobody said anything."""

    value: dict[Key, float]
    devices: dict[Key, int]


class Cut(NamedTuple):
    """How readings are spread over areas and windows."""

    ground: Ground
    window: WindowName
    homes: Mapping[int, Sequence[str]]
    """The areas that a place counts in."""


class UnknownAggregateError(Exception):
    """An aggregate beyond what the oracle computes."""


def aggregate(call: Call, series: Series, cut: Cut) -> Told:
    """The aggregate everywhere."""
    worth = _worth(cut.ground.quantities[call.quantity])
    groups = grouped(series, call.part, cut)
    devices = {key: len(group) for key, group in groups.items()}
    if call.function in ("time_mean", "time_share"):
        return _held(call, series, cut)
    if call.function == "increase":
        return Told({key: _number(steps, worth) for key, steps in _steps(call, series, cut).items()}, devices)
    if call.function == "leq":
        return Told({key: _level(group, worth) for key, group in groups.items()}, devices)
    if call.function in ("count", "count_devices"):
        size: Callable[[Group], int] = len if call.function == "count_devices" else lambda group: sum(map(len, group.values()))
        return Told({key: float(size(group)) for key, group in groups.items()}, devices)
    if call.weight == "population":
        people = {number: cut.ground.areas[place.area].population for number, place in enumerate(cut.ground.places)}
        living = {key: group for key, group in groups.items() if any(people[place] for place in group)}
        return Told({key: _number(_by_people(group, people), worth) for key, group in living.items()}, devices)
    if call.function not in _WHOLE:
        raise UnknownAggregateError(f"the oracle cannot compute {call}")
    return Told({key: _number(_WHOLE[call.function](group, call), worth) for key, group in groups.items()}, devices)


def grouped(series: Series, part: str, cut: Cut) -> dict[Key, Group]:
    """What was said by area and window, in a part of the day where one is given."""
    found: dict[Key, Group] = {}
    for place, readings in series.items():
        for at_us, value in readings:
            if not part or cut.ground.part_at(at_us) == part:
                start = cut.ground.window(at_us, cut.window)[0]
                for area in cut.homes[place]:
                    found.setdefault((area, start), {}).setdefault(place, []).append(value)
    return found


def _worth(quantity: Quantity) -> Fraction:
    return Fraction(repr(quantity.resolution))


def _number(steps: Fraction | int, worth: Fraction) -> float:
    exact = steps * worth
    return exact.numerator / exact.denominator


def _average(values: Sequence[Fraction | int]) -> Fraction:
    total = Fraction(0)
    for value in values:
        total += value
    return total / len(values)


def _pooled(group: Group) -> list[int]:
    return [value for values in group.values() for value in values]


def _mean(group: Group, call: Call) -> Fraction:
    return _average(_pooled(group)) if call.weight == "count" else _average([_average(values) for values in group.values()])


def _percentile(group: Group, call: Call) -> Fraction:
    """Type 7: linear between the two neighbours of all readings."""
    pooled = sorted(_pooled(group))
    place = (len(pooled) - 1) * Fraction(repr(call.number)) / 100
    below = math.floor(place)
    above = min(below + 1, len(pooled) - 1)
    return pooled[below] + (place - below) * (pooled[above] - pooled[below])


_WHOLE: dict[str, Callable[[Group, Call], Fraction | int]] = {
    "mean": _mean,
    "sum": lambda group, _: sum(_pooled(group)),
    "min": lambda group, _: min(_pooled(group)),
    "max": lambda group, _: max(_pooled(group)),
    "last": lambda group, _: _average([values[-1] for values in group.values()]),
    "last_sum": lambda group, _: sum(values[-1] for values in group.values()),
    "percentile": _percentile,
}


def _level(group: Group, worth: Fraction) -> float:
    energies = [math.fsum(10.0 ** (_number(value, worth) / 10.0) for value in values) / len(values) for values in group.values()]
    return 10.0 * math.log10(math.fsum(energies) / len(energies))


def _by_people(group: Group, people: Mapping[int, int]) -> Fraction:
    total = Fraction(0)
    for place, values in group.items():
        total += people[place] * _average(values)
    return total / sum(people[place] for place in group)


def _steps(call: Call, series: Series, cut: Cut) -> dict[Key, int]:
    """A fall is a counter that began again at zero; a first reading has no step. The reading before may lie anywhere."""
    found: dict[Key, int] = {}
    for place, readings in series.items():
        for (_, before), (at_us, value) in itertools.pairwise(readings):
            if not call.part or cut.ground.part_at(at_us) == call.part:
                start = cut.ground.window(at_us, cut.window)[0]
                for area in cut.homes[place]:
                    found[area, start] = found.get((area, start), 0) + (value - before if value >= before else value)
    return found


def _held(call: Call, series: Series, cut: Cut) -> Told:
    """Each value weighted by how long it held inside the window; then the mean over devices, of which each counts that held anything."""
    resolution = _worth(cut.ground.quantities[call.quantity])
    shared = call.function == "time_share"
    limit = Fraction(repr(call.number or 0.0)) / resolution
    means: dict[Key, list[Fraction | int]] = {}
    for place, readings in series.items():
        kind = cut.ground.kinds[cut.ground.places[place].kind]
        hold_us = round((kind.max_hold_s or 3 * kind.cadence_s) * 1e6)
        sums: dict[int, tuple[int, int]] = {}
        for n, (at_us, value) in enumerate(readings):
            weight = int(value >= limit) if shared else value
            until_us = min([at_us + hold_us, *(after_us for after_us, _ in readings[n + 1 : n + 2])])
            for start, length in _pieces(at_us, until_us, call.part, cut):
                weighted, duration = sums.get(start, (0, 0))
                sums[start] = weighted + weight * length, duration + length
        for start, (weighted, duration) in sums.items():
            for area in cut.homes[place]:
                means.setdefault((area, start), []).append(Fraction(weighted, duration))
    worth = Fraction(1) if shared else resolution
    return Told({key: _number(_average(each), worth) for key, each in means.items()}, {key: len(each) for key, each in means.items()})


def _pieces(from_us: int, to_us: int, part: str, cut: Cut) -> Iterator[tuple[int, int]]:
    """Window starts and how much of [from, to), in the part of the day, lies in them."""
    while from_us < to_us:
        start, end = cut.ground.window(from_us, cut.window)
        until_us = min(to_us, end, from_us - from_us % QUARTER_US + QUARTER_US) if part else min(to_us, end)
        if not part or cut.ground.part_at(from_us) == part:
            yield start, until_us - from_us
        from_us = until_us
