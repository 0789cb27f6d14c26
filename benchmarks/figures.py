"""Arithmetic on samples: the slope of a backlog, percentiles, counters from text. Pure.

Promises  A slope comes with its standard error, so that "zero" can be said with a reason; too few samples give NaN, never a guess.
Leaves    Taking the samples to benchmarks.watch.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

NEGLIGIBLE = 0.01
"""Share of the rate below which a growing backlog does not count: at this slope a queue of a million readings takes half an hour at 50,000/s."""


class Slope(NamedTuple):
    """Least squares over samples: growth per second, and the standard error of it."""

    per_s: float
    error_per_s: float


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of a set of values, in their unit; NaN where there are none."""

    p10: float
    p50: float
    p90: float
    p99: float
    count: int


def slope(at_s: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a straight line. at_s and values of equal length; fewer than three samples, or all of one moment, give NaN."""
    x, y = np.asarray(at_s, np.float64), np.asarray(values, np.float64)
    if x.shape != y.shape:
        raise ValueError(f"values: wanted {x.size} like at_s, got {y.size}")
    if x.size < 3 or float(np.ptp(x)) == 0.0:
        return Slope(math.nan, math.nan)
    away = x - x.mean()
    square = float(away @ away)
    per_s = float(away @ (y - y.mean())) / square
    rest = y - y.mean() - per_s * away
    return Slope(per_s, math.sqrt(float(rest @ rest) / (x.size - 2) / square))


def sustained(backlog: Slope, rate_per_s: float) -> bool:
    """Whether a backlog does not grow: its slope is at most twice its error or a hundredth of the rate, and the error is small enough to tell."""
    if math.isnan(backlog.per_s):
        return False
    limit = NEGLIGIBLE * rate_per_s
    return backlog.per_s <= max(limit, min(2 * backlog.error_per_s, 2 * limit))


def spread(values: Iterable[float]) -> Spread:
    """Percentiles, each one of the values (the next higher), so that one infinity does not hide the others."""
    array = np.fromiter(values, np.float64)
    if array.size == 0:
        return Spread(math.nan, math.nan, math.nan, math.nan, 0)
    p10, p50, p90, p99 = (float(each) for each in np.percentile(array, (10, 50, 90, 99), method="higher"))
    return Spread(p10, p50, p90, p99, int(array.size))


def counters(text: str, names: Iterable[str]) -> dict[str, float]:
    """Sums over the labels of some counters in Prometheus' text format; 0 for one that is not there."""
    found = dict.fromkeys(names, 0.0)
    for line in text.splitlines():
        name = line.partition(" ")[0].partition("{")[0]
        if name in found:
            found[name] += float(line.rsplit(" ", 1)[1])
    return found


def between(at_s: Sequence[float], values: Sequence[float], wanted_s: Sequence[float]) -> list[float]:
    """Values at other moments, straight between the samples; before the first and after the last, those."""
    if not len(at_s):
        return [0.0] * len(wanted_s)
    return [float(each) for each in np.interp(wanted_s, at_s, values)]


def per(count: float, seconds: float) -> float:
    """count / seconds, NaN where no time has passed."""
    return count / seconds if seconds > 0 else math.nan
