"""Averages, outliers, gaps and windows at their edges."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import median_abs_deviation

from kernels.errors import KernelInputError
from kernels.gaps import impute_linear
from kernels.outliers import hampel, hampel_trailing, mad_scaled
from kernels.smoothing import ewma, ewma_irregular
from kernels.windows import event_time_windows

NAN = math.nan


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_ewma_is_that_of_pandas() -> None:
    values = array(NAN, 3.0, NAN, -1.0, 0.0, -0.0, 1e-320, NAN, 8.0)
    for alpha in (0.1, 0.5, 1.0):
        wanted = pd.Series(values).ewm(alpha=alpha, adjust=False, ignore_na=True).mean().to_numpy()
        np.testing.assert_allclose(ewma(values, alpha), wanted, rtol=1e-12, atol=1e-300)


def test_ewma_of_nothing_and_of_one() -> None:
    assert ewma(array(), 0.5).size == 0
    assert np.isnan(ewma(array(NAN, NAN), 0.5)).all()
    assert ewma(array(5.0), 0.1).tolist() == [5.0]
    assert ewma(array(0.1, 0.3), 1.0).tolist() == [0.1, 0.3]


def test_irregular_ewma_forgets_over_a_gap_and_takes_the_first_of_one_time() -> None:
    t_s = array(0.0, 10.0, 10.0, 1e9)
    assert ewma_irregular(t_s, array(0.0, NAN, 4.0, 7.0), 10.0).tolist() == [0.0, 0.0, -math.expm1(-1.0) * 4.0, 7.0]
    assert ewma_irregular(array(5.0, 5.0), array(1.0, 9.0), 10.0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, NAN])
def test_ewma_refuses_a_weight_that_is_none(alpha: float) -> None:
    with pytest.raises(KernelInputError, match=r"^alpha: wanted"):
        ewma(array(1.0), alpha)


def test_irregular_ewma_refuses_times_that_go_back() -> None:
    with pytest.raises(KernelInputError, match=r"^t_s: wanted ascending"):
        ewma_irregular(array(10.0, 5.0), array(1.0, 2.0), 10.0)
    with pytest.raises(KernelInputError, match=r"^t_s: wanted shape"):
        ewma_irregular(array(10.0), array(1.0, 2.0), 10.0)
    for tau_s in (0.0, -1.0, NAN, math.inf):
        with pytest.raises(KernelInputError, match=r"^tau_s: wanted"):
            ewma_irregular(array(1.0), array(1.0), tau_s)


def test_mad_is_that_of_scipy() -> None:
    for values in (array(1, 2, 3, 4, 100), array(2.1, 2.5, 2.2, 2.4, 9.9, 2.3), array(-3.0), array(4.0, 4.0)):
        assert mad_scaled(values) == pytest.approx(median_abs_deviation(values, scale="normal"), rel=1e-12)
    assert math.isnan(mad_scaled(array()))
    assert mad_scaled(array(NAN, 1.0, 3.0)) == mad_scaled(array(1.0, 3.0))


def test_hampel_with_no_spread_flags_any_difference_unless_a_scale_is_given() -> None:
    values = array(5, 5, 5, 5, 6, 5, 5, 5)
    assert np.flatnonzero(hampel(values, 3)).tolist() == [4]
    assert not hampel(values, 3, min_scale=1.0).any()
    assert hampel(array(), 3).size == 0
    assert not hampel(array(7.0), 3).any()
    assert not hampel(array(NAN, NAN), 3).any()


def test_a_trailing_window_knows_nothing_of_what_comes() -> None:
    values = array(1.0, 1.1, 0.9, 1.0, 8.0, 8.1, 7.9, 8.0, 8.1)
    head = hampel_trailing(values[:6], 4)
    np.testing.assert_array_equal(hampel_trailing(values, 4)[:6], head)
    assert head[4]


@pytest.mark.parametrize("wrong", [{"half_window": -1}, {"half_window": 1, "n_sigma": -1.0}, {"half_window": 1, "min_scale": NAN}])
def test_hampel_refuses_what_is_below_0(wrong: dict[str, Any]) -> None:
    with pytest.raises(KernelInputError, match="wanted 0 or more"):
        hampel(array(1.0), **wrong)


@pytest.mark.parametrize(
    ("case", "values", "max_gap", "wanted"),
    [
        ("a gap as long as allowed", [0, NAN, NAN, 3], 2, [0, 1, 2, 3]),
        ("a longer gap stays whole", [0, NAN, NAN, NAN, 4], 2, [0, NAN, NAN, NAN, 4]),
        ("the ends stay", [NAN, 1, NAN], 9, [NAN, 1, NAN]),
        ("nothing is allowed", [0, NAN, 2], 0, [0, NAN, 2]),
        ("nothing is there", [NAN, NAN], 9, [NAN, NAN]),
        ("empty", [], 9, []),
        ("downwards, below 0", [1, NAN, -1], 1, [1, 0, -1]),
    ],
)
def test_imputing(case: str, values: list[float], max_gap: int, wanted: list[float]) -> None:
    out, filled = impute_linear(array(*values), max_gap)
    np.testing.assert_array_equal(out, array(*wanted), err_msg=case)
    np.testing.assert_array_equal(filled, np.isnan(array(*values)) & ~np.isnan(array(*wanted)))
    with pytest.raises(KernelInputError, match=r"^max_gap: wanted"):
        impute_linear(array(1.0), -1)


def windows(events: list[tuple[int, float]], size: int, step: int, lateness: int = 0):
    return event_time_windows(np.array([t for t, _ in events], np.int64), array(*(v for _, v in events)), size, step, lateness)


def test_a_late_event_enters_the_windows_that_are_still_open() -> None:
    found = windows([(3, 1.0), (22, 1.0), (12, 5.0)], 20, 10, 2)
    assert found.emitted == 2
    assert found.dropped == 0
    assert list(zip(found.start.tolist(), found.events.tolist(), found.total.tolist(), strict=True)) == [
        (-10, 1, 1.0),
        (0, 1, 1.0),
        (10, 2, 6.0),
        (20, 1, 1.0),
    ]


def test_an_event_on_a_border_belongs_to_the_window_that_begins() -> None:
    found = windows([(10, 1.0)], 10, 10)
    assert (found.start.tolist(), found.end.tolist()) == ([10], [20])
    assert windows([(-1, 1.0)], 10, 10).start.tolist() == [-10]


def test_a_missing_value_moves_the_clock_and_opens_nothing() -> None:
    found = windows([(1, 1.0), (25, NAN), (2, 1.0)], 10, 10)
    assert (found.emitted, found.dropped, found.start.size) == (1, 1, 1)


def test_windows_with_gaps_between_them_drop_what_falls_there() -> None:
    found = windows([(1, 1.0), (7, 1.0), (10, 1.0)], 5, 10)
    assert (found.start.tolist(), found.dropped) == ([0, 10], 1)


def test_windows_of_nothing_and_wrong_ones() -> None:
    assert windows([], 10, 10).start.size == 0
    for size, step, lateness in ((0, 1, 0), (1, 0, 0), (1, 1, -1)):
        with pytest.raises(KernelInputError):
            windows([(1, 1.0)], size, step, lateness)
    with pytest.raises(KernelInputError, match=r"^values: wanted"):
        event_time_windows(np.zeros(2, np.int64), array(1.0), 1, 1)
