"""Flow, density and occupancy of a road, by row; and flow over an interval with gaps.

Promises  Vehicles per hour, vehicles per kilometre, shares of time. A count of zero is a count, a missing one stays missing.
Leaves    Detectors that report zero all day to the quality tests; levels of service to kernels.service_level.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, column, columns, needed
from kernels.ratio import ratio


class Captured(NamedTuple):
    """A number with the coverage it rests on."""

    value: float
    valid: int
    expected: int


@jit
def _density(flow: Any, speed: Any, out: Any) -> None:
    for i in range(out.size):
        k = flow[i] / speed[i] + 0.0
        if flow[i] == 0.0 and not speed[i] <= 0.0:
            k = 0.0  # nobody passes, so nobody has a speed: the speed may be missing
        out[i] = k if flow[i] >= 0.0 and not speed[i] <= 0.0 and np.isfinite(k) else np.nan


@jit
def _density_from_occupancy(share: Any, vehicle_m: Any, detector_m: Any, out: Any) -> None:
    for i in range(out.size):
        length_m = vehicle_m[i] + detector_m[i]
        k = 1000.0 * share[i] / length_m + 0.0
        out[i] = k if 0.0 <= share[i] <= 1.0 and length_m > 0.0 and np.isfinite(k) else np.nan


_LANES = 64


@jit
def _sum_on(on_s: Any, lane: Any) -> Any:
    """The sum; lanes do not wait for each other's additions, so the loop over them runs on vectors."""
    lane[:] = 0.0
    total = 0.0
    whole = on_s.size - on_s.size % _LANES
    for block in range(0, whole, _LANES):
        for j in range(_LANES):
            on = on_s[block + j]
            lane[j] += on if (on >= 0.0) & (on < np.inf) else np.nan
    for i in range(whole, on_s.size):
        total += on_s[i] if (on_s[i] >= 0.0) & (on_s[i] < np.inf) else np.nan
    for j in range(_LANES):
        total += lane[j]
    return total


def flow_vph(count: Column, interval_s: Column) -> F64:
    """Flow: count * 3600 / interval, vehicles (pedestrians, bicycles) per hour.

    count       float64[n]  passages in the interval; negative = missing
    interval_s  float64[n]  s, > 0, else missing

    O(n). Source: [traffic-relations].
    """
    return ratio(count, interval_s, 3600.0, least=0.0)


def flow_with_gaps(counts: Column, interval_s: float, min_fraction: float = 0.75) -> Captured:
    """Flow over intervals of which some are missing: mean of the valid counts * 3600 / interval.

    counts        float64[n]  passages per interval; NaN or negative = missing
    ->            vehicles per hour, valid and expected intervals; NaN below ceil(min_fraction * n) valid ones, and for none at all

    O(n). Source: [traffic-relations], [project].
    """
    found = column(counts)
    good = found[np.isfinite(found) & (found >= 0.0)]
    if good.size == 0 or good.size < needed(min_fraction, found.size):
        return Captured(np.nan, good.size, found.size)
    return Captured(float(flow_vph(good.mean(), interval_s)[0]), good.size, found.size)


def density(flow: Column, space_mean_kmh: Column) -> F64:
    """Vehicles per kilometre: k = q / u.

    flow            float64[n]  vehicles per hour, >= 0
    space_mean_kmh  float64[n]  km/h; <= 0 gives missing. No flow gives 0, also where the speed is missing

    O(n). Source: [traffic-relations].
    """
    q, u = columns(flow=flow, space_mean_kmh=space_mean_kmh)
    out = np.empty_like(q)
    _density(q, u, out)
    return out


def density_from_occupancy(occupancy: Column, vehicle_length_m: Column, detector_length_m: Column) -> F64:
    """Vehicles per kilometre over one detector: 1000 * occupancy / (vehicle length + detector length).

    occupancy  float64[n]  share of time, 0 to 1, else missing; lengths in m, their sum > 0

    O(n). Source: [traffic-relations].
    """
    share, vehicle_m, detector_m = columns(occupancy=occupancy, vehicle_length_m=vehicle_length_m, detector_length_m=detector_length_m)
    out = np.empty_like(share)
    _density_from_occupancy(share, vehicle_m, detector_m, out)
    return out


def occupancy(on_time_s: Column, interval_s: Column) -> F64:
    """Share of the interval in which the detector is covered: summed on-time / interval, at most 1.

    on_time_s  float64[n]  s, summed over the vehicles of the interval (see summed_on_time)
    ->         float64[n]  0 to 1; a vehicle that stands over the edge of two intervals may pass 1 and is held there

    O(n). Source: [traffic-relations].
    """
    return ratio(on_time_s, interval_s, least=0.0, most=1.0)


def summed_on_time(on_times_s: Column) -> float:
    """Sum of the on-times of one interval, s: 0 for no vehicle, NaN where one is missing (NaN, infinite) or negative. O(n)."""
    return float(_sum_on(np.asarray(on_times_s, np.float64), np.empty(_LANES)))
