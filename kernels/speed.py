"""Mean speeds of passing vehicles, and travel times against free flow.

Promises  The space mean (harmonic) never exceeds the time mean. Speeds at or below zero are no speeds and are left out, not averaged.
Leaves    Levels of service to kernels.service_level.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, columns, valid
from kernels.ratio import above, ratio

SHORTEST_S = float(np.nextafter(0.0, 1.0))
"""Nobody travels in no time."""


class Speeds(NamedTuple):
    """Mean speeds, km/h, NaN where no vehicle had one; and how many had."""

    time_mean: float
    space_mean: float
    n: int


class Reliability(NamedTuple):
    """How much time a traveller must plan: both without unit, NaN where unknown."""

    planning_time_index: float
    buffer_index: float


@jit
def _speed_sums(speed: Any, out: Any) -> Any:
    # Why: sums that do not wait for each other's additions, and two divisions at a time.
    a, b, c, d, n = 0.0, 0.0, 0.0, 0.0, 0
    whole = speed.size - speed.size % 2
    for i in range(0, whole, 2):
        p, q = speed[i], speed[i + 1]
        r, s = 1.0 / p, 1.0 / q
        there, too = 0.0 < p < np.inf and r < np.inf, 0.0 < q < np.inf and s < np.inf
        n += there + too
        a, b = a + (p if there else 0.0), b + (q if too else 0.0)
        c, d = c + (r if there else 0.0), d + (s if too else 0.0)
    if whole < speed.size and 0.0 < speed[whole] < np.inf and 1.0 / speed[whole] < np.inf:
        n, a, c = n + 1, a + speed[whole], c + 1.0 / speed[whole]
    out[0], out[1] = a + b, c + d
    return n


def mean_speeds(speed_kmh: Column) -> Speeds:
    """Time mean (arithmetic) and space mean (harmonic) of spot speeds.

    speed_kmh  float64[n]  km/h; NaN, infinite, subnormal and <= 0 are left out (one standing vehicle would make the harmonic mean 0)

    O(n), one pass. Source: [traffic-relations].
    """
    sums = np.zeros(2)
    n = int(_speed_sums(np.asarray(speed_kmh, np.float64), sums))
    if n == 0:
        return Speeds(np.nan, np.nan, 0)
    return Speeds(float(sums[0] / n), float(n / sums[1]), n)


def travel_time_index(travel_time_s: Column, free_flow_s: Column) -> F64:
    """Travel time over free-flow time, both s and > 0; below 1 is kept. float64[n], NaN = missing.

    Source: [u4ssc] EC: I: T: 5A.
    """
    return ratio(travel_time_s, free_flow_s, least=SHORTEST_S)


def congestion_pct(travel_time_s: Column, free_flow_s: Column) -> F64:
    """max(0, travel time index - 1) * 100, float64[n] in percent, NaN = missing. Source: [traffic-relations]."""
    return above(ratio(travel_time_s, free_flow_s, 100.0, least=SHORTEST_S), 100.0)


def delay_s(travel_time_s: Column, free_flow_s: Column) -> F64:
    """max(0, travel time - free-flow time), float64[n] in s; missing where either is not above zero. Source: [traffic-relations]."""
    return above(_positive(travel_time_s), _positive(free_flow_s))


def network_delay_h(flow: Column, delay: Column) -> float:
    """Vehicle hours lost per hour: sum of flow (vehicles per hour) * delay (s) / 3600; NaN where a link misses either, or for no link.

    Source: [traffic-relations].
    """
    vehicles, lost_s = columns(flow=flow, delay=delay)
    total = float(np.dot(vehicles, lost_s / 3600.0)) if vehicles.size else np.nan
    return total if np.isfinite(total) else float("nan")


def reliability(travel_time_s: Column, free_flow_s: float) -> Reliability:
    """Planning time index p95 / free flow and buffer index (p95 - mean) / mean of valid travel times; percentile by linear interpolation.

    travel_time_s  float64[n]  s; NaN and <= 0 are left out; none at all gives NaN
    free_flow_s    float       s, > 0, else no planning time index

    O(n log n). Source: [traffic-relations].
    """
    times = valid(_positive(travel_time_s))
    if times.size == 0:
        return Reliability(np.nan, np.nan)
    p95, mean = float(np.percentile(times, 95)), float(times.mean())
    return Reliability(float(ratio(p95, free_flow_s)[0]), float(ratio(p95 - mean, mean)[0]))


def free_flow_time_s(night_travel_time_s: Column) -> float:
    """15th percentile of the valid travel times of the night, s; NaN for none. Source: [project]."""
    times = valid(_positive(night_travel_time_s))
    return float(np.percentile(times, 15)) if times.size else float("nan")


def _positive(values: Column) -> F64:
    found = np.atleast_1d(np.asarray(values, np.float64))
    return np.where(found > 0.0, found, np.nan)
