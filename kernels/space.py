"""Values in space: distances on the globe, interpolation between stations, means over people.

Promises  Missing values are left out and said so; a place without enough stations is missing.
Leaves    Projection to metres to the caller; areas to kernels.polygons.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.elementary import arc_of_square, sin_of_degrees
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]

EARTH_M = 6_371_008.8
"""Mean radius of the Earth, m."""


class Interpolation(NamedTuple):
    """How to interpolate."""

    power: float = 2.0
    radius: float = math.inf
    """In the unit of the coordinates."""
    least: int = 1
    """Stations with a value that must lie within the radius; a city asks for 3."""


class Exposure(NamedTuple):
    """A mean over people, and how many of them it speaks for."""

    mean: float
    covered_share: float


@jit
def _great_circle(lat1: Any, lon1: Any, lat2: Any, lon2: Any, radius: float, out: Any) -> None:
    for i in range(out.size):
        north = sin_of_degrees((lat2[i] - lat1[i]) * 0.5)
        east = sin_of_degrees((lon2[i] - lon1[i]) * 0.5)
        h = north * north + sin_of_degrees(90.0 - abs(lat1[i])) * sin_of_degrees(90.0 - abs(lat2[i])) * east * east
        far = h > 0.5
        m = 1.0 - h if far else h
        m = 0.0 if m < 0.0 else m
        arc = 2.0 * arc_of_square(m)
        out[i] = radius * (np.pi - arc if far else arc)


@jit
def _by_squares(x: Any, y: Any, values: Any, at_x: float, at_y: float, radius: float) -> Any:
    """The sums for the power 2, and the least and largest squared distance."""
    weights, total, nearest, farthest, n = 0.0, 0.0, np.inf, 0.0, 0
    for j in range(values.size):
        square = (x[j] - at_x) * (x[j] - at_x) + (y[j] - at_y) * (y[j] - at_y)
        if square <= radius * radius:
            n += 1
            nearest, farthest = min(nearest, square), max(farthest, square)
            w = 1.0 / square
            weights += w
            total += w * values[j]
    return weights, total, nearest, farthest, n


@jit
def _by_distances(x: Any, y: Any, values: Any, at_x: float, at_y: float, how: Any) -> float:
    power, radius, least = how
    nearest, n, hits, hit = np.inf, 0, 0, 0.0
    for j in range(values.size):
        d = np.hypot(x[j] - at_x, y[j] - at_y)
        if d <= radius:
            n += 1
            nearest = min(nearest, d)
            if d == 0.0:
                hits += 1
                hit += values[j]
    if hits > 0:
        return hit / hits
    if n < least or n == 0:
        return np.nan
    weights, total = 0.0, 0.0
    for j in range(values.size):
        d = np.hypot(x[j] - at_x, y[j] - at_y)
        if d <= radius:
            # relative to the nearest, so that no distance over- or underflows
            w = (nearest / d) ** power
            weights += w
            total += w * values[j]
    return total / weights


@jit
def _idw(x: Any, y: Any, values: Any, at: Any, how: Any, out: Any) -> None:
    power, radius, least = how
    for i in range(at.shape[0]):
        if power == 2.0:
            weights, total, nearest, farthest, n = _by_squares(x, y, values, at[i, 0], at[i, 1], radius)
            if nearest > 1e-200 and farthest < 1e200 and n >= least:
                out[i] = total / weights
                continue
        out[i] = _by_distances(x, y, values, at[i, 0], at[i, 1], how)


def great_circle_m(from_deg: F64, to_deg: F64) -> F64:
    """Distance on a sphere of the Earth's mean radius, by the haversine.

    from_deg, to_deg  float64[n, 2], latitude and longitude in degrees
    ->                float64[n], m; NaN where a coordinate is; on the ellipsoid it may be up to 0.6 % more or less

    O(n). Errors: KernelInputError for shapes. Source: [haversine].
    """
    if from_deg.ndim != 2 or from_deg.shape[1] != 2 or from_deg.shape != to_deg.shape:
        raise KernelInputError("from_deg, to_deg", "equal shapes (n, 2)", (from_deg.shape, to_deg.shape))
    out = np.empty(len(from_deg))
    lat1, lon1, lat2, lon2 = (np.ascontiguousarray(column, np.float64) for column in (*from_deg.T, *to_deg.T))
    _great_circle(lat1, lon1, lat2, lon2, EARTH_M, out)
    return out


def idw(stations: F64, values: F64, at: F64, how: Interpolation) -> F64:
    """Inverse-distance interpolation: sum(v / d^p) / sum(1 / d^p).

    stations  float64[n, 2] projected, m; values float64[n], NaN = missing
    at        float64[k, 2]
    ->        float64[k]; the value itself where a station stands exactly there (their mean, where several do), whatever `least`;
              NaN with fewer than how.least stations within how.radius (included). Between the smallest and largest value used.

    O(n k). Errors: KernelInputError for shapes, a power below 0. Source: [shepard].
    """
    if stations.shape != (values.size, 2) or at.ndim != 2 or at.shape[1] != 2:
        raise KernelInputError("stations, at", f"shapes ({values.size}, 2) and (k, 2)", (stations.shape, at.shape))
    if not 0.0 <= how.power < math.inf:
        raise KernelInputError("power", "0 or more", how.power)
    out = np.empty(len(at))
    there = np.isfinite(values)
    x, y = np.ascontiguousarray(stations[there, 0]), np.ascontiguousarray(stations[there, 1])
    _idw(x, y, values[there], at, (float(how.power), float(how.radius), int(how.least)), out)
    return out


def population_weighted(values: F64, population: F64) -> Exposure:
    """Mean over people: sum(v * p) / sum(p) over the cells that have a value.

    values      float64[n], NaN or infinite = no value
    population  float64[n], >= 0, NaN or infinite = unknown: the cell is left out of everything
    ->          mean: NaN where nobody is covered; covered_share of the people of all cells: NaN where there are none

    O(n). Errors: KernelInputError for shapes or a negative population.
    """
    if values.shape != population.shape:
        raise KernelInputError("population", f"shape {values.shape} like values", population.shape)
    if bool(np.any(population < 0.0)):
        raise KernelInputError("population", "0 or more", float(np.nanmin(population)))
    known = np.isfinite(population)
    covered = known & np.isfinite(values)
    people, total = math.fsum(population[covered]), math.fsum(population[known])
    mean = math.fsum(values[covered] * population[covered]) / people if people > 0.0 else math.nan
    return Exposure(mean, people / total if total > 0.0 else math.nan)
