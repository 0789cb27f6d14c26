"""Every aggregate of the formula language, slow and obvious: lists of readings in, one number out."""

import math
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from catalog.records import City
from catalog.windows import from_us
from formula.spec import AggregateSpec

_QUARTER_US = 900_000_000


class Reading(NamedTuple):
    """One good reading of the aggregate's quantity by a device of the area."""

    device: str
    at_us: int
    value: float
    hold_us: int
    """How long it holds at most; only time_mean and time_share look at it."""
    people: int = 0
    """Population of the device's neighbourhood; only mean(q, population) looks at it."""


def aggregate(spec: AggregateSpec, readings: Sequence[Reading], window: tuple[int, int], city: City) -> float:
    """The value over [start, end) in µs; readings may lie outside. NaN where no device has anything to say."""
    inside = [one for one in readings if window[0] <= one.at_us < window[1] and in_part(one.at_us, spec.part, city)]
    if spec.function == "percentile":
        return float(np.percentile([one.value for one in inside], spec.argument or 0.0)) if inside else math.nan
    if spec.function in ("time_mean", "time_share"):
        per_device = [_held(spec, _of(readings, device), window, city) for device in sorted({one.device for one in readings})]
        said = [value for value in per_device if not math.isnan(value)]
        return sum(said) / len(said) if said else math.nan
    if spec.function == "increase":
        return _increase(readings, inside)
    devices = [_of(inside, device) for device in sorted({one.device for one in inside})]
    if spec.weight:
        return _weighted_mean(spec.weight, devices)
    return _over_devices(spec.function, devices) if devices else math.nan


def _weighted_mean(weight: str, devices: list[list[Reading]]) -> float:
    """Every reading weighs the same, or every device as much as the people around it."""
    if weight == "count":
        devices = [[one] for device in devices for one in device]
    weights = [1 if weight == "count" else device[0].people for device in devices]
    means = [math.fsum(one.value for one in device) / len(device) for device in devices]
    return math.fsum(w * mean for w, mean in zip(weights, means, strict=True)) / sum(weights) if sum(weights) else math.nan


def _increase(readings: Sequence[Reading], inside: list[Reading]) -> float:
    """What every counter grew from its reading before to each reading inside; a fall is a start from zero."""
    steps = []
    for one in inside:
        before = [other for other in _of(readings, one.device) if other.at_us < one.at_us]
        if before:
            steps.append(one.value - before[-1].value if one.value >= before[-1].value else one.value)
    return math.fsum(steps) if steps else math.nan


def _over_devices(function: str, devices: list[list[Reading]]) -> float:
    values = [[one.value for one in device] for device in devices]
    if function == "mean":
        return sum(sum(v) / len(v) for v in values) / len(values)
    if function == "leq":
        return 10 * math.log10(sum(sum(10 ** (x / 10) for x in v) / len(v) for v in values) / len(values))
    if function in ("sum", "count", "count_devices"):
        return {"sum": math.fsum(x for v in values for x in v), "count": float(sum(map(len, values))), "count_devices": float(len(values))}[function]
    if function in ("min", "max"):
        return {"min": min, "max": max}[function](x for v in values for x in v)
    last = [max(device, key=lambda one: one.at_us).value for device in devices]
    return {"last": sum(last) / len(last), "last_sum": sum(last)}[function]


def _held(spec: AggregateSpec, readings: list[Reading], window: tuple[int, int], city: City) -> float:
    weighted, weight = 0.0, 0
    for index, one in enumerate(readings):
        until_us = min(one.at_us + one.hold_us, window[1], readings[index + 1].at_us if index + 1 < len(readings) else window[1])
        held_us = _in_part_us(max(one.at_us, window[0]), until_us, spec.part, city)
        value = one.value if spec.function == "time_mean" else float(one.value >= (spec.argument or 0.0))
        weighted, weight = weighted + value * held_us, weight + held_us
    return weighted / weight if weight else math.nan


def _in_part_us(from_us_: int, until_us: int, part: str, city: City) -> int:
    """How much of [from, until) lies in the part, quarter of an hour by quarter: local hours begin at one."""
    if not part:
        return max(until_us - from_us_, 0)
    total, at_us = 0, from_us_
    while at_us < until_us:
        after_us = min(at_us - at_us % _QUARTER_US + _QUARTER_US, until_us)
        total, at_us = total + (after_us - at_us) * in_part(at_us, part, city), after_us
    return total


def _of(readings: Sequence[Reading], device: str) -> list[Reading]:
    return sorted((one for one in readings if one.device == device), key=lambda one: one.at_us)


def in_part(at_us: int, part: str, city: City) -> bool:
    """Whether the local hour lies in the part, which may go on over midnight."""
    if not part:
        return True
    hour = from_us(at_us).astimezone(ZoneInfo(city.time_zone)).hour
    edges = {"day": (city.day_from, city.evening_from), "evening": (city.evening_from, city.night_from), "night": (city.night_from, city.day_from)}
    low, high = edges[part]
    return low <= hour < high if low <= high else hour >= low or hour < high
