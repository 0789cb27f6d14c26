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


_LANES = 64


@jit
def _time(level: float, duration_s: float) -> float:
    """How long a state is known; no branch: which ones are follows no pattern that could be foretold."""
    return duration_s if (level >= 0.0) & (level < np.inf) & (duration_s > 0.0) & (duration_s < np.inf) else 0.0


@jit
def _time_at_least(level: Any, least: float, duration_s: Any, lane: Any) -> Any:
    """Time reached and known; lanes do not wait for each other's additions, so the loop over them runs on vectors."""
    lane[:] = 0.0
    reached, known = 0.0, 0.0
    whole = level.size - level.size % _LANES
    for block in range(0, whole, _LANES):
        for j in range(_LANES):
            lasted = _time(level[block + j], duration_s[block + j])
            lane[0, j] += lasted if level[block + j] >= least else 0.0
            lane[1, j] += lasted
    for i in range(whole, level.size):
        lasted = _time(level[i], duration_s[i])
        reached += lasted if level[i] >= least else 0.0
        known += lasted
    for j in range(_LANES):
        reached, known = reached + lane[0, j], known + lane[1, j]
    return reached, known


def time_share(level: Column, duration_s: Column, least: float = 1.0) -> tuple[float, float]:
    """Share of the known time in which a level (>= 0) is at least `least`, and that time in s.

    level       float64[n]  NaN, infinite or negative = unknown, its time counts for nothing
    duration_s  float64[n]  s until the next change; NaN, infinite and <= 0 count for nothing
    ->          0 to 1, NaN where no time is known

    O(n). Source: [project].
    """
    at, lasted = columns(level=level, duration_s=duration_s)
    reached, known = _time_at_least(at, float(least), lasted, np.empty((2, _LANES)))
    return (float(reached / known) if known > 0.0 else float("nan")), float(known)


def bikeshare_availability(bikes: Column, docks: Column, duration_s: Column) -> Availability:
    """Shares of time with at least one usable bicycle, and with at least one free dock. See time_share. Source: [gbfs]."""
    bike, bike_s = time_share(bikes, duration_s)
    dock, dock_s = time_share(docks, duration_s)
    return Availability(bike, dock, bike_s, dock_s)
