"""Laws of the quality tests: what their words say, value by value; a missing value is never judged."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels import qartod
from kernels.neighbours import Limits, nearby, neighbour_disagreement
from tests.oracles import quality as oracle

VALUE = st.one_of(st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.0, 1.5]), st.integers(-4, 4).map(float), st.floats(-10, 10))
SERIES = st.lists(VALUE, max_size=20)
THRESHOLD = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
FLAG = st.sampled_from([1, 2, 3, 4, 9])


def array(values: list[float]) -> np.ndarray:
    return np.array(values, np.float64)


def given_or_nan(threshold: float | None) -> float:
    return math.nan if threshold is None else threshold


@given(SERIES, st.floats(0, 5), st.floats(0, 3))
def test_gross_range_is_its_words(values: list[float], reach: float, margin: float) -> None:
    fail, suspect = (-reach - margin, reach + margin), (-reach, reach)
    flags = qartod.gross_range(array(values), fail, suspect).tolist()
    assert flags == oracle.gross_range(values, fail, suspect)
    assert qartod.gross_range(array(values), fail[::-1], suspect[::-1]).tolist() == flags
    alone = qartod.gross_range(array(values), fail).tolist()
    assert [flag if flag != 3 else 1 for flag in flags] == alone


@given(SERIES, THRESHOLD, THRESHOLD)
def test_spike_is_its_words(values: list[float], suspect: float | None, fail: float | None) -> None:
    flags = qartod.spike(array(values), given_or_nan(suspect), given_or_nan(fail)).tolist()
    assert flags == oracle.spike(values, suspect, fail)
    assert qartod.spike(array(values[::-1]), given_or_nan(suspect), given_or_nan(fail)).tolist() == flags[::-1]


@given(st.lists(st.tuples(VALUE, st.integers(0, 4)), max_size=20), THRESHOLD, THRESHOLD, st.sampled_from([0.0, 0.5, 2.0]))
def test_rate_of_change_is_its_words(rows: list[tuple[float, int]], suspect: float | None, fail: float | None, least_s: float) -> None:
    values, t_s = [v for v, _ in rows], np.cumsum([dt for _, dt in rows]).astype(float)
    got = qartod.rate_of_change(array(values), t_s, given_or_nan(suspect), given_or_nan(fail), least_s).tolist()
    assert got == oracle.rate_of_change(values, t_s.tolist(), (suspect, fail), least_s)


@given(st.lists(st.sampled_from([1.0, 1.0, 1.0, 1.2, 2.0, math.nan]), max_size=25), st.integers(-1, 6), st.integers(-1, 9), st.integers(1, 3))
def test_flat_line_is_its_words(values: list[float], suspect: int, fail: int, least: int) -> None:
    for tolerance in (0.0, 0.1, 0.5):
        got = qartod.flat_line(array(values), (suspect, fail), tolerance, least).tolist()
        assert got == oracle.flat_line(values, (suspect, fail), tolerance, least)
        assert tolerance > 0.0 or set(got) <= {1, 9}


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(FLAG, min_size=n, max_size=n), min_size=1, max_size=4)))
def test_the_roll_up_takes_what_prevails_in_any_order(flags: list[list[int]]) -> None:
    got = qartod.aggregate(np.array(flags, np.uint8)).tolist()
    assert got == oracle.aggregate(flags)
    assert qartod.aggregate(np.array(flags[::-1], np.uint8)).tolist() == got
    parts = [qartod.aggregate(np.array(some, np.uint8)) for some in (flags[:1], flags[1:] or flags[:1])]
    assert qartod.aggregate(np.array(parts)).tolist() == got


@given(SERIES)
def test_a_missing_value_is_never_judged(values: list[float]) -> None:
    gone = ~np.isfinite(array(values))
    for flags in (
        qartod.gross_range(array(values), (-1.0, 1.0)),
        qartod.spike(array(values), 0.0, 0.0),
        qartod.rate_of_change(array(values), np.arange(len(values), dtype=float), 0.0),
        qartod.flat_line(array(values), (0, 1), 9.0, 1),
    ):
        np.testing.assert_array_equal(flags == 9, gone)


PLACED = st.lists(st.tuples(VALUE, st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12)


@given(PLACED, st.sampled_from([0.0, 1.0, 2.0, 9.0]), st.sampled_from([0.0, 0.5]), st.integers(1, 4))
def test_neighbours_are_medians_of_the_others_near(rows: list[tuple[float, int, int]], radius: float, min_scale: float, least: int) -> None:
    values, places = [v for v, _, _ in rows], [(float(x), float(y)) for _, x, y in rows]
    near = nearby(array([x for x, _ in places]), array([y for _, y in places]), radius)
    got = neighbour_disagreement(array(values)[None, :], near, Limits(2.0, 4.0, min_scale, least))[0].tolist()
    assert got == oracle.neighbours(values, places, radius, (2.0, 4.0, min_scale, least))
