"""Plane geometry against an independent library, on drawn and on random shapes."""

import math
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from shapely.geometry import LinearRing, Point, Polygon

from catalog import geometry

COORDINATE = st.integers(0, 12).map(lambda n: n / 4)
POINT = st.tuples(COORDINATE, COORDINATE)
RING = st.lists(POINT, min_size=3, max_size=9).map(lambda points: [*points, points[0]])


@given(RING)
@example([(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (1.0, 0.0), (0.0, 2.0), (0.0, 0.0)])  # touches itself in a point
@example([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 0.0)])  # straight on is no fault
@example([(0.0, 0.0), (2.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 0.0)])  # nor is a position said twice
def test_a_ring_is_accepted_where_it_is_simple(ring: list[tuple[float, float]]) -> None:
    """On a coarse grid, where touching, overlapping and crossing are common."""
    corners = [ring[0], *(after for before, after in pairwise(ring) if before != after)]
    simple = len(corners) >= 4 and LinearRing(corners).is_simple and Polygon(ring).is_valid
    assert (geometry.ring_fault(ring) is None) == simple


@given(RING, POINT)
def test_in_ring_agrees_on_simple_rings(ring: list[tuple[float, float]], point: tuple[float, float]) -> None:
    assume(geometry.ring_fault(ring) is None)
    assert geometry.in_ring(point, ring) == Polygon(ring).intersects(Point(point))


@given(RING)
def test_area_and_middle(ring: list[tuple[float, float]]) -> None:
    assume(geometry.ring_fault(ring) is None)
    polygon = Polygon(ring)
    assert math.isclose(abs(geometry.signed_area(ring)), polygon.area, rel_tol=1e-12)
    assert (geometry.signed_area(ring) > 0) == LinearRing(ring).is_ccw
    assert polygon.buffer(1e-9).contains(Point(geometry.middle([[ring]])))


@pytest.mark.parametrize(
    ("case", "point", "inside"),
    [
        ("in the ring", (0.5, 0.5), True),
        ("in the hole", (2.0, 2.0), False),
        ("on the hole's edge", (1.0, 2.0), True),
        ("on the outer edge", (0.0, 3.0), True),
        ("outside", (4.5, 2.0), False),
    ],
)
def test_holes(case: str, point: tuple[float, float], inside: bool) -> None:
    outer = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)]
    hole = [(1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (3.0, 1.0), (1.0, 1.0)]
    assert geometry.contains([[outer, hole]], point) is inside
    assert geometry.hole_fault([outer, hole]) is None
    assert geometry.hole_fault([hole, outer]) is not None
    assert geometry.area({"type": "Polygon", "coordinates": [outer, hole]}) == 12.0
