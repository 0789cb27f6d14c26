"""Laws of distances, interpolation, exposure and areas."""

import math

import numpy as np
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels.polygons import build_index, locate
from kernels.space import Interpolation, great_circle_m, idw, population_weighted
from tests.oracles import space as oracle

LATITUDE, LONGITUDE = st.floats(-90, 90), st.floats(-180, 180)
PLACE = st.tuples(LATITUDE, LONGITUDE)
MAYBE = st.one_of(st.just(math.nan), st.floats(-100, 100))
STATIONS = st.lists(st.tuples(st.integers(-5, 5).map(float), st.integers(-5, 5).map(float), MAYBE), min_size=1, max_size=10)


def distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(great_circle_m(np.array([a]), np.array([b]))[0])


@given(PLACE, PLACE)
def test_a_distance_is_that_of_vectors_and_the_same_both_ways(a: tuple[float, float], b: tuple[float, float]) -> None:
    # near the antipode the haversine is good to a few metres
    assert math.isclose(distance(a, b), oracle.great_circle_m(a, b), rel_tol=1e-9, abs_tol=5.0)
    assert math.isclose(distance(a, b), distance(b, a), rel_tol=1e-12, abs_tol=1e-6)
    assert 0.0 <= distance(a, b) <= math.pi * 6_371_008.8 + 1e-6
    assert distance(a, a) == 0.0


@given(PLACE, PLACE, PLACE)
def test_a_detour_is_never_shorter(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 5.0


@given(STATIONS, st.integers(-6, 6), st.integers(-6, 6), st.sampled_from([0.0, 1.0, 2.0, 3.5]), st.sampled_from([2.0, math.inf]), st.integers(1, 3))
def test_idw_is_shepards_and_within_the_values(rows, x: int, y: int, power: float, radius: float, least: int) -> None:
    at, stations = (x + 0.25, float(y)), np.array(rows)
    for point in (at, (float(x), float(y))):
        got = float(idw(stations[:, :2], stations[:, 2], np.array([point]), Interpolation(power, radius, least))[0])
        wanted = oracle.idw(rows, point, power, radius, least)
        assert math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(got) and math.isnan(wanted))
        there = [v for _, _, v in rows if not math.isnan(v)]
        assert math.isnan(got) or min(there) - 1e-9 <= got <= max(there) + 1e-9


@given(st.lists(st.tuples(MAYBE, st.one_of(st.just(math.nan), st.integers(0, 1000).map(float))), max_size=12))
def test_exposure_is_a_mean_over_people(rows: list[tuple[float, float]]) -> None:
    values, people = np.array([v for v, _ in rows]), np.array([p for _, p in rows])
    got = population_weighted(values, people)
    for mine, wanted in zip(got, oracle.population_weighted(values.tolist(), people.tolist()), strict=True):
        assert math.isclose(mine, wanted, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(mine) and math.isnan(wanted))
    assert math.isnan(got.covered_share) or 0.0 <= got.covered_share <= 1.0


def star(chance: np.random.Generator, x: float, y: float, size: float) -> np.ndarray:
    """A ring around a point whose corners go round it once: it does not cross itself."""
    angles = np.sort(chance.uniform(0.0, 2.0 * np.pi, int(chance.integers(3, 12))))
    radii = size * chance.uniform(0.3, 1.0, angles.size)
    return np.column_stack((x + radii * np.cos(angles), y + radii * np.sin(angles)))


@given(st.integers(0, 10_000), st.sampled_from([1, 7, 100, 4096]))
def test_areas_with_holes_and_parts_are_found_as_shapely_finds_them(seed: int, cells: int) -> None:
    chance = np.random.default_rng(seed)
    areas, shapes = [], []
    for k in range(3):
        outer, second = star(chance, 10.0 * k, 0.0, 4.0), star(chance, 10.0 * k, 10.0, 3.0)
        hole = (outer - outer.mean(axis=0)) * 0.3 + outer.mean(axis=0)
        shape = shapely.MultiPolygon([shapely.Polygon(outer, [hole]), shapely.Polygon(second)])
        assume(shape.is_valid)
        areas.append([outer, hole, second])
        shapes.append(shape)
    points = chance.uniform([-6.0, -6.0], [26.0, 16.0], (300, 2))
    found = locate(points[:, 0], points[:, 1], build_index(areas, cells))
    wanted = np.full(300, -1)
    for k, shape in enumerate(shapes):
        wanted[shapely.contains_xy(shape, points)] = k
    np.testing.assert_array_equal(found, wanted)


@given(st.integers(0, 10_000), st.sampled_from([1, 50, 900]))
def test_the_grid_changes_no_answer_even_on_corners_and_edges(seed: int, cells: int) -> None:
    chance = np.random.default_rng(seed)
    areas = [[np.round(star(chance, 3.0 * k, 0.0, 3.0))] for k in range(3)]
    assume(all(len(np.unique(ring, axis=0)) >= 3 for (ring,) in areas))
    x, y = (each.ravel() for each in np.meshgrid(np.arange(-8.0, 16.0, 0.5), np.arange(-6.0, 6.0, 0.5)))
    wanted = [next((k for k, rings in enumerate(areas) if oracle.inside(rings, *point)), -1) for point in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_array_equal(locate(x, y, build_index(areas, cells)), wanted)


@given(st.integers(0, 10_000), st.floats(-2.0, 2.0))
def test_a_point_on_a_shared_border_is_in_exactly_one_area(seed: int, tilt: float) -> None:
    chance = np.random.default_rng(seed)
    border = np.column_stack((chance.uniform(-1.0, 1.0, 8) + tilt * np.arange(8), np.linspace(-5.0, 5.0, 8)))
    west = np.concatenate((border, [[-30.0, 5.0], [-30.0, -5.0]]))
    east = np.concatenate((border[::-1], [[30.0, -5.0], [30.0, 5.0]]))
    share = chance.random(200)[:, None]
    at = chance.integers(0, 7, 200)
    points = border[at] * (1.0 - share) + border[at + 1] * share
    points = points[points[:, 1] < 5.0]
    for first, second in (([west], [east]), ([east], [west])):
        one = locate(points[:, 0], points[:, 1], build_index([first]))
        other = locate(points[:, 0], points[:, 1], build_index([second]))
        assert ((one == 0) != (other == 0)).all()
