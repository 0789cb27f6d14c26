"""Stations of shared bicycles: the share of time in which one can take a bicycle, or leave one.

Promises  Weighted by time between changes of state; time of an unknown state counts for neither side.
Leaves    Disabled bicycles and docks to the caller: they are not part of the counts.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import Column, columns


class Availability(NamedTuple):
    """Shares of the known time, 0 to 1, NaN where none is known; and the known time itself, s."""

    bike: float
    dock: float
    bike_known_s: float
    dock_known_s: float


@jit
def _time_at_least(level: Any, least: float, duration_s: Any, out: Any) -> None:
    known, reached = 0.0, 0.0
    for i in range(level.size):
        # no branch: whether a state is known follows no pattern that could be foretold
        there = (level[i] >= 0.0) & (level[i] < np.inf) & (duration_s[i] > 0.0) & (duration_s[i] < np.inf)
        known += duration_s[i] if there else 0.0
        reached += duration_s[i] if there & (level[i] >= least) else 0.0
    out[0], out[1] = reached, known


def time_share(level: Column, duration_s: Column, least: float = 1.0) -> tuple[float, float]:
    """Share of the known time in which a level (>= 0) is at least `least`, and that time in s.

    level       float64[n]  NaN, infinite or negative = unknown, its time counts for nothing
    duration_s  float64[n]  s until the next change; NaN, infinite and <= 0 count for nothing
    ->          0 to 1, NaN where no time is known

    O(n). Source: [project].
    """
    at, lasted = columns(level=level, duration_s=duration_s)
    sums = np.zeros(2)
    _time_at_least(at, float(least), lasted, sums)
    return (float(sums[0] / sums[1]) if sums[1] > 0.0 else float("nan")), float(sums[1])


def bikeshare_availability(bikes: Column, docks: Column, duration_s: Column) -> Availability:
    """Shares of time with at least one usable bicycle, and with at least one free dock. See time_share. Source: [gbfs]."""
    bike, bike_s = time_share(bikes, duration_s)
    dock, dock_s = time_share(docks, duration_s)
    return Availability(bike, dock, bike_s, dock_s)
