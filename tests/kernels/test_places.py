"""Distances, interpolation, exposure and areas at their edges."""

import math

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.polygons import build_index, locate
from kernels.space import Interpolation, great_circle_m, idw, population_weighted

NAN = math.nan
SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def test_known_distances() -> None:
    a = np.array([[50.0, 4.0], [0.0, 179.5], [90.0, 0.0], [NAN, 0.0]])
    b = np.array([[52.5, 4.0], [0.0, -179.5], [-90.0, 77.0], [0.0, 0.0]])
    found = great_circle_m(a, b)
    degree = math.pi * 6_371_008.8 / 180.0
    assert found[0] == pytest.approx(2.5 * degree, rel=1e-9)
    assert found[1] == pytest.approx(degree, rel=1e-9)
    assert found[2] == pytest.approx(180.0 * degree, rel=1e-12)
    assert math.isnan(found[3])
    with pytest.raises(KernelInputError, match=r"^from_deg, to_deg: wanted"):
        great_circle_m(a, b[:2])


def test_idw_with_too_few_stations_is_missing_but_a_hit_is_a_hit() -> None:
    stations, values = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [9.0, 9.0]]), np.array([10.0, 20.0, NAN, 90.0])
    at = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    found = idw(stations, values, at, Interpolation(2.0, 3.0, 3))
    assert math.isnan(found[0])
    assert found[1] == 10.0
    assert math.isnan(found[2])
    assert idw(stations, values, at, Interpolation(2.0, 3.0, 2))[0] == 15.0
    assert np.isnan(idw(np.empty((0, 2)), np.empty(0), at, Interpolation())).all()


def test_idw_does_not_overflow_near_a_station_nor_far_from_all() -> None:
    stations, values = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([10.0, 20.0])
    at = np.array([[1e-200, 0.0], [1e200, 0.0]])
    np.testing.assert_allclose(idw(stations, values, at, Interpolation(power=8.0)), [10.0, 15.0])
    assert idw(stations * 0.0, values, np.zeros((1, 2)), Interpolation()).tolist() == [15.0]


def test_idw_refuses_what_is_none() -> None:
    for power in (-1.0, NAN, math.inf):
        with pytest.raises(KernelInputError, match=r"^power: wanted"):
            idw(np.zeros((1, 2)), np.zeros(1), np.zeros((1, 2)), Interpolation(power))
    with pytest.raises(KernelInputError, match=r"^stations, at: wanted"):
        idw(np.zeros((2, 2)), np.zeros(1), np.zeros((1, 2)), Interpolation())


@pytest.mark.parametrize(
    ("case", "values", "people", "wanted"),
    [
        ("nobody is covered", [NAN, NAN], [10, 20], (NAN, 0.0)),
        ("nobody lives there", [1, 2], [0, 0], (NAN, NAN)),
        ("nothing", [], [], (NAN, NAN)),
        ("covered are only empty cells", [5, NAN], [0, 10], (NAN, 0.0)),
        ("an unknown population is left out of both", [1, 100, NAN], [10, NAN, 30], (1.0, 0.25)),
        ("a negative concentration is averaged as it is", [-1, 1], [30, 10], (-0.5, 1.0)),
    ],
)
def test_exposure(case: str, values: list[float], people: list[float], wanted: tuple[float, float]) -> None:
    np.testing.assert_array_equal(population_weighted(np.array(values, float), np.array(people, float)), wanted, err_msg=case)


def test_exposure_refuses_a_negative_population() -> None:
    with pytest.raises(KernelInputError, match=r"^population: wanted 0 or more"):
        population_weighted(np.array([1.0]), np.array([-1.0]))
    with pytest.raises(KernelInputError, match=r"^population: wanted shape"):
        population_weighted(np.array([1.0]), np.array([1.0, 2.0]))


def test_a_hole_is_outside_and_an_island_in_it_is_inside() -> None:
    hole, island = SQUARE * 0.5 + 1.0, SQUARE * 0.1 + 1.8
    index = build_index([[SQUARE, hole[::-1], island], [SQUARE + np.array([10.0, 0.0])]])
    x = np.array([0.5, 1.5, 2.0, 11.0, 5.0, -1.0, NAN, math.inf, 2.0])
    y = np.array([0.5, 2.0, 2.0, 1.0, 1.0, -1.0, 1.0, 1.0, NAN])
    assert locate(x, y, index).tolist() == [0, -1, 0, 1, -1, -1, -1, -1, -1]
    assert locate(np.empty(0), np.empty(0), index).size == 0


def test_closed_rings_and_direction_do_not_matter_and_the_first_area_wins() -> None:
    closed = np.concatenate((SQUARE, SQUARE[:1]))[::-1]
    x, y = np.array([0.0, 4.0, 3.9, 2.0]), np.array([0.0, 0.0, 3.9, 4.0])
    wanted = locate(x, y, build_index([[SQUARE]]))
    np.testing.assert_array_equal(locate(x, y, build_index([[closed], [SQUARE]])), wanted)
    assert wanted.tolist() == [0, -1, 0, -1]


def test_a_grid_of_squares_is_a_partition() -> None:
    squares = [[SQUARE / 4.0 + np.array([i, j])] for j in range(3) for i in range(3)]
    x, y = (each.ravel() for each in np.meshgrid(np.arange(0.0, 3.0, 0.25), np.arange(0.0, 3.0, 0.25)))
    for cells in (1, 9, 17, 4096):
        np.testing.assert_array_equal(locate(x, y, build_index(squares, cells)), np.floor(y) * 3 + np.floor(x))


def test_areas_that_are_none_are_named() -> None:
    for areas, where in (([], "areas"), ([[]], "areas"), ([[SQUARE], [SQUARE[:2]]], r"areas\[1\]\[0\]"), ([[SQUARE * NAN]], r"areas\[0\]\[0\]")):
        with pytest.raises(KernelInputError, match=f"^{where}: wanted"):
            build_index(areas)
    with pytest.raises(KernelInputError, match=r"^y: wanted"):
        locate(np.zeros(2), np.zeros(1), build_index([[SQUARE]]))
