"""Space, slow and obvious."""

import math
from collections.abc import Sequence
from typing import Any

Point = tuple[float, float]


def great_circle_m(a: Point, b: Point) -> float:
    """The angle between two vectors from the centre of a sphere; latitude and longitude in degrees."""
    u, v = (_vector(*map(math.radians, p)) for p in (a, b))
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return 6_371_008.8 * math.atan2(math.hypot(*cross), sum(p * q for p, q in zip(u, v, strict=True)))


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def idw(stations: Sequence[tuple[float, float, float]], at: Point, power: float, radius: float, least: int) -> float:
    near = [(math.dist((x, y), at), v) for x, y, v in stations if math.isfinite(v) and math.dist((x, y), at) <= radius]
    hits = [v for d, v in near if d == 0.0]
    if hits:
        return sum(hits) / len(hits)
    if not near or len(near) < least:
        return math.nan
    return sum(v * d**-power for d, v in near) / sum(d**-power for d, _ in near)


def population_weighted(values: Sequence[float], population: Sequence[float]) -> tuple[float, float]:
    known = [(v, p) for v, p in zip(values, population, strict=True) if not math.isnan(p)]
    covered = [(v, p) for v, p in known if not math.isnan(v)]
    people, total = sum(p for _, p in covered), sum(p for _, p in known)
    return (sum(v * p for v, p in covered) / people if people else math.nan), (people / total if total else math.nan)


def inside(rings: Sequence[Any], x: float, y: float) -> bool:
    """Even-odd, edge by edge, from the lower end of each."""
    crossings = 0
    for ring in rings:
        for a, b in zip(list(ring), [*ring[1:], ring[0]], strict=True):
            (x1, y1), (x2, y2) = sorted((a, b), key=lambda p: p[1])
            crossings += y1 <= y < y2 and x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1))
    return crossings % 2 == 1
