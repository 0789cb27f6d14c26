"""The quality tests at their edges: strict limits, short series, gaps, wrong thresholds."""

import math

import numpy as np
import pytest

from kernels import qartod
from kernels.errors import KernelInputError
from kernels.neighbours import Limits, nearby, neighbour_disagreement

NAN = math.nan


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("case", "got", "wanted"),
    [
        ("span ends pass", qartod.gross_range(array(0, 1, 4, 5), (0, 5), (1, 4)), [3, 1, 1, 3]),
        ("one spare step outside", qartod.gross_range(array(np.nextafter(5.0, 6.0), -5e-324, -0.0), (0, 5)), [4, 4, 1]),
        ("infinities are missing", qartod.gross_range(array(math.inf, -math.inf, NAN), (0, 5)), [9, 9, 9]),
        ("a spike of the threshold passes", qartod.spike(array(0, 2, 0), 2.0), [2, 1, 2]),
        ("a threshold of 0 is one", qartod.spike(array(0, 0.1, 0, 0), 0.0), [2, 3, 3, 2]),
        ("no threshold, no objection", qartod.spike(array(0, 100, 0)), [2, 1, 2]),
        ("a spike in two values", qartod.spike(array(0, 9), 1.0), [2, 2]),
        ("a spike in one value", qartod.spike(array(9), 1.0), [2]),
        ("a rate of the threshold passes", qartod.rate_of_change(array(0, 2), array(0, 1), 2.0), [1, 1]),
        ("a rate beyond, and far beyond", qartod.rate_of_change(array(0, 3, 9), array(0, 1, 2), 2.0, 5.0), [1, 3, 4]),
        ("two values of one time", qartod.rate_of_change(array(0, 9), array(5, 5), 2.0), [1, 1]),
        ("time goes back", qartod.rate_of_change(array(0, 9), array(5, 4), 2.0), [1, 3]),
        ("noise of a fast device", qartod.rate_of_change(array(0, 3, 9), array(0, 0.1, 0.2), 2.0, 5.0, least_s=2.0), [1, 1, 3]),
        ("slower than the least time", qartod.rate_of_change(array(0, 3, 9), array(0, 1, 2), 2.0, 5.0, least_s=0.5), [1, 3, 4]),
        ("after a gap", qartod.rate_of_change(array(0, NAN, 9), array(0, 1, 2), 2.0), [1, 9, 1]),
        ("a line from its first full window on", qartod.flat_line(array(1, 1, 1, 1), (2, 3), 0.1), [1, 1, 3, 4]),
        ("a tolerance of 0 never fires", qartod.flat_line(array(1, 1, 1), (1, 2), 0.0), [1, 1, 1]),
        ("one value after a gap is no line", qartod.flat_line(array(NAN, NAN, 1), (1, 2), 0.1), [9, 9, 1]),
        ("nothing to test", qartod.flat_line(array(1, 1, 1), (-1, -1), 0.1), [1, 1, 1]),
        ("no test is missing", qartod.aggregate(np.empty((0, 2), np.uint8)), [9, 9]),
    ],
)
def test_flags(case: str, got: np.ndarray, wanted: list[int]) -> None:
    assert got.tolist() == wanted, case


def test_nothing_in_nothing_out() -> None:
    nothing = array()
    for flags in (
        qartod.gross_range(nothing, (0, 1)),
        qartod.spike(nothing, 1.0),
        qartod.rate_of_change(nothing, nothing, 1.0),
        qartod.flat_line(nothing, (1, 2), 0.1),
        qartod.aggregate(np.empty((3, 0), np.uint8)),
    ):
        assert flags.size == 0


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: qartod.gross_range(array(1), (0, 5), (-1, 4)), "suspect_span"),
        (lambda: qartod.gross_range(array(1), (NAN, 5)), "suspect_span"),
        (lambda: qartod.spike(array(1), -1.0), "suspect"),
        (lambda: qartod.spike(array(1), 1.0, -1.0), "fail"),
        (lambda: qartod.rate_of_change(array(1), array(0, 1), 1.0), "t_s"),
        (lambda: qartod.rate_of_change(array(1), array(0), -1.0), "suspect_per_s"),
        (lambda: qartod.rate_of_change(array(1), array(0), 1.0, least_s=-1.0), "least_s"),
        (lambda: qartod.flat_line(array(1), (1, 2), -0.1), "tolerance"),
        (lambda: qartod.steps_of(60.0, 0.0), "cadence_s"),
        (lambda: qartod.aggregate(np.array([[1, 7]], np.uint8)), "flags"),
        (lambda: qartod.aggregate(np.array([1], np.uint8)), "flags"),
    ],
)
def test_wrong_thresholds_are_named(call, where: str) -> None:
    with pytest.raises(KernelInputError, match=f"^{where}: wanted"):
        call()


def test_a_duration_is_whole_samples() -> None:
    assert [qartod.steps_of(seconds, 60.0) for seconds in (0.0, 59.0, 180.0, 200.0)] == [0, 0, 3, 3]
    assert qartod.steps_of(0.3, 0.1) == 3
    assert qartod.steps_of(NAN, 60.0) == -1


def test_a_sensor_alone_in_its_opinion_is_flagged_and_no_other() -> None:
    places = array(0.0, 100.0, 200.0, 300.0, 5000.0)
    near = nearby(places, np.zeros(5), 1000.0)
    assert np.diff(near.first).tolist() == [3, 3, 3, 3, 0]
    values = np.array([[10.0, 10.2, 9.9, 30.0, 99.0], [10.0, NAN, 9.9, 30.0, 99.0], [10.0, 10.0, 10.0, 10.4, 99.0]])
    assert neighbour_disagreement(values, near, Limits(min_scale=0.5)).tolist() == [[1, 1, 1, 4, 2], [2, 9, 2, 2, 2], [1, 1, 1, 1, 2]]


def test_neighbours_refuse_what_does_not_fit() -> None:
    near = nearby(array(0.0, NAN), array(0.0, 0.0), 10.0)
    assert near.sensor.size == 0
    with pytest.raises(KernelInputError, match=r"^values: wanted"):
        neighbour_disagreement(np.zeros((1, 3)), near, Limits())
    with pytest.raises(KernelInputError, match=r"^limits\.least: wanted"):
        neighbour_disagreement(np.zeros((1, 2)), near, Limits(least=0))
    with pytest.raises(KernelInputError, match=r"^radius_m: wanted"):
        nearby(array(0.0), array(0.0), -1.0)
    with pytest.raises(KernelInputError, match=r"^y_m: wanted"):
        nearby(array(0.0), array(0.0, 1.0), 1.0)
