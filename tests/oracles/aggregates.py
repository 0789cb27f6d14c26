"""Every aggregate of the formula language, slow and obvious: lists of readings in, one number out."""

import math
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from catalog.records import City
from catalog.windows import from_us
from formula.spec import AggregateSpec


class Reading(NamedTuple):
    """One good reading of the aggregate's quantity by a device of the area."""

    device: str
    at_us: int
    value: float
    hold_us: int
    """How long it holds at most; only time_mean and time_share look at it."""


def aggregate(spec: AggregateSpec, readings: Sequence[Reading], window: tuple[int, int], city: City) -> float:
    """The value over [start, end) in µs; readings may lie outside. NaN where no device has anything to say."""
    inside = [one for one in readings if window[0] <= one.at_us < window[1] and _in_part(one.at_us, spec.part, city)]
    if spec.function == "percentile":
        return float(np.percentile([one.value for one in inside], spec.argument or 0.0)) if inside else math.nan
    if spec.function in ("time_mean", "time_share"):
        per_device = [_held(spec, _of(readings, device), window) for device in sorted({one.device for one in readings})]
        said = [value for value in per_device if not math.isnan(value)]
        return sum(said) / len(said) if said else math.nan
    devices = [_of(inside, device) for device in sorted({one.device for one in inside})]
    return _over_devices(spec.function, devices) if devices else math.nan


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


def _held(spec: AggregateSpec, readings: list[Reading], window: tuple[int, int]) -> float:
    weighted, weight = 0.0, 0
    for index, one in enumerate(readings):
        until_us = min(one.at_us + one.hold_us, window[1], readings[index + 1].at_us if index + 1 < len(readings) else window[1])
        held_us = max(until_us - max(one.at_us, window[0]), 0)
        value = one.value if spec.function == "time_mean" else float(one.value >= (spec.argument or 0.0))
        weighted, weight = weighted + value * held_us, weight + held_us
    return weighted / weight if weight else math.nan


def _of(readings: Sequence[Reading], device: str) -> list[Reading]:
    return sorted((one for one in readings if one.device == device), key=lambda one: one.at_us)


def _in_part(at_us: int, part: str, city: City) -> bool:
    if not part:
        return True
    hour = from_us(at_us).astimezone(ZoneInfo(city.time_zone)).hour
    if city.day_from <= hour < city.evening_from:
        return part == "day"
    return part == ("evening" if city.evening_from <= hour < city.night_from else "night")
