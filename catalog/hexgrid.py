"""A honeycomb over a city: cells with exact common corners, so that unions tile without slivers.

Promises  Corners are integers of one lattice; the boundary of a union of cells is found by cancelling common edges, exactly.
Leaves    Which cell belongs to what to catalog.schematic.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from catalog.geometry import Point, Ring, signed_area

Cell = tuple[int, int]
Corner = tuple[int, int]

_AROUND: tuple[Corner, ...] = ((0, -2), (1, -1), (1, 1), (0, 2), (-1, 1), (-1, -1))
"""Corners of a cell against its centre, anticlockwise; units are half a width and half a side."""
_NEXT: tuple[Cell, ...] = ((1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1))
_LATITUDE_M = 111_200.0


class Honeycomb(NamedTuple):
    """Pointy cells with sides of `side_m`, laid out around an origin; axial coordinates (q, r)."""

    west: float
    south: float
    side_m: float

    def position(self, corner: Corner) -> Point:
        """Longitude and latitude of a lattice corner, to 0.1 m."""
        x_m = corner[0] * self.side_m * math.sqrt(3) / 2
        y_m = corner[1] * self.side_m / 2
        return round(self.west + x_m / self._longitude_m, 6), round(self.south + y_m / _LATITUDE_M, 6)

    def centre(self, cell: Cell) -> Point:
        """Longitude and latitude of a cell's middle."""
        return self.position(_middle(cell))

    def offset(self, cell: Cell, east_m: float, north_m: float) -> Point:
        """A position beside a cell's middle."""
        longitude, latitude = self.centre(cell)
        return round(longitude + east_m / self._longitude_m, 6), round(latitude + north_m / _LATITUDE_M, 6)

    def metres(self, point: Point) -> Point:
        """East and north of the origin."""
        return (point[0] - self.west) * self._longitude_m, (point[1] - self.south) * _LATITUDE_M

    def cells(self, east: float, north: float) -> Iterator[Cell]:
        """All cells between the origin and the opposite corner of a box."""
        width_m, height_m = self.metres((east, north))
        for r in range(int(height_m / (1.5 * self.side_m)) + 1):
            first = -(r // 2)
            for q in range(first, first + int(width_m / (math.sqrt(3) * self.side_m)) + 1):
                yield q, r

    def rings(self, cells: Iterable[Cell]) -> list[Ring]:
        """Boundary of the union: outer rings anticlockwise, holes clockwise, as positions."""
        return [[self.position(corner) for corner in loop] for loop in _loops(cells)]

    @property
    def _longitude_m(self) -> float:
        return _LATITUDE_M * math.cos(math.radians(self.south))


def neighbours(cell: Cell) -> Iterator[Cell]:
    """The six cells beside it."""
    return ((cell[0] + q, cell[1] + r) for q, r in _NEXT)


def components(cells: Iterable[Cell]) -> list[set[Cell]]:
    """Connected groups, largest first; equal ones by their first cell."""
    left, groups = set(cells), []
    while left:
        group, edge = set(), [min(left)]
        while edge:
            cell = edge.pop()
            if cell in left:
                left.discard(cell)
                group.add(cell)
                edge.extend(neighbours(cell))
        groups.append(group)
    return sorted(groups, key=lambda one: (-len(one), min(one)))


def shape(rings: list[Ring]) -> dict[str, object]:
    """GeoJSON of one connected union: the anticlockwise ring first, then its holes."""
    outer = [ring for ring in rings if signed_area(ring) > 0]
    holes = [ring for ring in rings if signed_area(ring) < 0]
    return {"type": "Polygon", "coordinates": [[list(point) for point in ring] for ring in (*outer, *holes)]}


def _middle(cell: Cell) -> Corner:
    return 2 * cell[0] + cell[1], 3 * cell[1]


def _loops(cells: Iterable[Cell]) -> Iterator[list[Corner]]:
    walls: set[tuple[Corner, Corner]] = set()
    for cell in cells:
        x, y = _middle(cell)
        corners = [(x + dx, y + dy) for dx, dy in _AROUND]
        for start, end in zip(corners, (*corners[1:], corners[0]), strict=True):
            if (end, start) in walls:
                walls.discard((end, start))
            else:
                walls.add((start, end))
    # three cells meet in a corner, so at most one wall of the boundary begins there
    onward = dict(walls)
    while onward:
        first = min(onward)
        loop = [first]
        while (following := onward.pop(loop[-1])) != first:
            loop.append(following)
        yield [*loop, first]
