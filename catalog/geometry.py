"""Plane geometry on WGS84 longitude and latitude, as far as areas and devices need it.

Promises  A ring's faults are found and said with the place where they are; a point on an edge belongs to the polygon.
Leaves    Projections and distances to who needs metres; reading files to catalog.geojson.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

Point = tuple[float, float]
Ring = Sequence[Point]
Polygon = Sequence[Ring]
"""Outer ring first, then holes; every ring closed (first position = last)."""


def polygons(geometry: dict[str, Any]) -> list[Polygon]:
    """The polygons of a GeoJSON Polygon or MultiPolygon; positions lose what comes after latitude."""
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return [[[(float(p[0]), float(p[1])) for p in ring] for ring in part] for part in parts]


def ring_fault(ring: Ring) -> str | None:
    """Why this is no simple ring, or None; a position repeated at once is no fault."""
    if len(ring) < 4:
        return f"{len(ring)} positions"
    if ring[0] != ring[-1]:
        return f"an open ring from {ring[0]} to {ring[-1]}"
    corners = [ring[0], *(after for before, after in pairwise(ring) if before != after)]
    if len(corners) < 4:
        return f"{len(corners) - 1} distinct positions"
    if abs(signed_area(corners)) < 1e-14:
        return "a ring without area"
    crossing = _crossing(corners)
    return None if crossing is None else f"a ring that crosses itself near ({crossing[0]:.6f}, {crossing[1]:.6f})"


def hole_fault(polygon: Polygon) -> str | None:
    """Why the holes do not lie in the outer ring, or None."""
    outer = polygon[0]
    for number, hole in enumerate(polygon[1:], start=1):
        outside = next((point for point in hole if not in_ring(point, outer)), None)
        if outside is not None:
            return f"hole {number} that leaves the outer ring at {outside}"
    return None


def signed_area(ring: Ring) -> float:
    """Square degrees; positive when the ring runs anticlockwise."""
    x0, y0 = ring[0]
    return 0.5 * math.fsum((ax - x0) * (by - y0) - (bx - x0) * (ay - y0) for (ax, ay), (bx, by) in pairwise(ring))


def area(geometry: dict[str, Any]) -> float:
    """Square degrees, holes taken off."""
    return math.fsum(abs(signed_area(part[0])) - math.fsum(abs(signed_area(hole)) for hole in part[1:]) for part in polygons(geometry))


def contains(parts: Iterable[Polygon], point: Point) -> bool:
    """True where the point lies in one of the polygons or on an edge."""
    return any(_in_polygon(point, part) for part in parts)


def in_ring(point: Point, ring: Ring) -> bool:
    """True inside or on the edge; even-odd rule."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in pairwise(ring):
        if min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by) and _cross((ax, ay), (bx, by), point) == 0.0:
            return True
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def bounds(parts: Iterable[Polygon]) -> tuple[float, float, float, float]:
    """West, south, east, north."""
    points = [point for part in parts for point in part[0]]
    return min(p[0] for p in points), min(p[1] for p in points), max(p[0] for p in points), max(p[1] for p in points)


def middle(parts: Sequence[Polygon]) -> Point:
    """A point inside, near the centre of gravity of the largest polygon: where a map puts the marker."""
    ring = max((part[0] for part in parts), key=lambda one: abs(signed_area(one)))
    centre = _centroid(ring)
    if in_ring(centre, ring):
        return centre
    # a bent area may not hold its own centre: take the middle of its longest stretch on that latitude
    crossings = sorted(_crossings_at(ring, centre[1]))
    stretches = list(zip(crossings[::2], crossings[1::2], strict=False))
    west, east = max(stretches, key=lambda pair: pair[1] - pair[0])
    return (west + east) / 2, centre[1]


def _centroid(ring: Ring) -> Point:
    x0, y0 = ring[0]
    twice, sum_x, sum_y = 0.0, 0.0, 0.0
    for (ax, ay), (bx, by) in pairwise(ring):
        cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        twice += cross
        sum_x += (ax + bx - 2 * x0) * cross
        sum_y += (ay + by - 2 * y0) * cross
    return x0 + sum_x / (3 * twice), y0 + sum_y / (3 * twice)


def _crossings_at(ring: Ring, y: float) -> Iterator[float]:
    for (ax, ay), (bx, by) in pairwise(ring):
        if (ay > y) != (by > y):
            yield (bx - ax) * (y - ay) / (by - ay) + ax


def _in_polygon(point: Point, polygon: Polygon) -> bool:
    if not in_ring(point, polygon[0]):
        return False
    return not any(in_ring(point, hole) and not _on_edge(point, hole) for hole in polygon[1:])


def _on_edge(point: Point, ring: Ring) -> bool:
    x, y = point
    return any(
        min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by) and _cross((ax, ay), (bx, by), point) == 0.0
        for (ax, ay), (bx, by) in pairwise(ring)
    )


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _crossing(ring: Ring) -> Point | None:
    """A place where two edges that are no neighbours meet; edges are compared only where their longitudes overlap."""
    last = len(ring) - 2
    edges = sorted((min(a[0], b[0]), max(a[0], b[0]), i) for i, (a, b) in enumerate(pairwise(ring)))
    open_edges: list[tuple[float, int]] = []
    for west, east, i in edges:
        open_edges = [edge for edge in open_edges if edge[0] >= west]
        for _, j in open_edges:
            if abs(i - j) not in (0, 1, last) and _meet(ring[i], ring[i + 1], ring[j], ring[j + 1]):
                return ring[max(i, j)]
            if abs(i - j) in (1, last) and _folds_back(ring, min(i, j), max(i, j), last):
                return ring[max(i, j)]
        open_edges.append((east, i))
    return None


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    return _cross(a, b, c) * _cross(a, b, d) <= 0.0 and _cross(c, d, a) * _cross(c, d, b) <= 0.0


def _folds_back(ring: Ring, first: int, second: int, last: int) -> bool:
    """True where two neighbouring edges lie on each other: a spike."""
    if first == 0 and second == last:
        first, second = last, 0
    a, b, c = ring[first], ring[first + 1], ring[second + 1]
    ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _cross(a, b, c) == 0.0 and ahead < 0.0
