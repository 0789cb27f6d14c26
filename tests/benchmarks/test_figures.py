"""Slope, percentiles, counters: laws and cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import figures

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(slope=NUMBERS, start=NUMBERS, moments=st.lists(st.integers(0, 10_000), min_size=3, max_size=40, unique=True))
def test_a_straight_line_has_its_slope_and_no_error(slope: float, start: float, moments: list[int]) -> None:
    at_s = [moment / 10 for moment in moments]
    fit = figures.slope(at_s, [start + slope * at for at in at_s])
    assert fit.per_s == pytest.approx(slope, rel=1e-6, abs=1e-2)
    assert fit.error_per_s == pytest.approx(0.0, abs=1e-2)


def test_the_error_says_how_far_the_slope_may_be_off() -> None:
    rng, at_s, inside = np.random.default_rng(3), np.arange(40) / 2, 0
    for _ in range(300):
        fit = figures.slope(at_s.tolist(), (100 * at_s + rng.normal(0, 50, 40)).tolist())
        inside += abs(fit.per_s - 100) <= 2 * fit.error_per_s
    assert 0.90 < inside / 300 < 0.99


@pytest.mark.parametrize("at_s", [[], [1.0], [1.0, 2.0], [5.0, 5.0, 5.0]])
def test_too_little_gives_no_slope(at_s: list[float]) -> None:
    fit = figures.slope(at_s, [1.0] * len(at_s))
    assert math.isnan(fit.per_s)
    assert not figures.sustained(fit, 1_000.0)


def test_samples_without_a_partner_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted 3 like at_s, got 2"):
        figures.slope([1.0, 2.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("case", "per_s", "error_per_s", "kept"),
    [
        ("falls", -900.0, 10.0, True),
        ("grows by less than a hundredth", 9.0, 1.0, True),
        ("grows by more, and surely", 30.0, 2.0, False),
        ("grows by more, but not surely", 15.0, 8.0, True),
        ("cannot be told", 500.0, 400.0, False),
    ],
)
def test_sustained_is_a_slope_of_zero_within_what_can_be_told(case: str, per_s: float, error_per_s: float, kept: bool) -> None:
    assert figures.sustained(figures.Slope(per_s, error_per_s), 1_000.0) is kept


@given(st.lists(NUMBERS, min_size=1, max_size=200))
def test_percentiles_are_values_in_order(values: list[float]) -> None:
    found = figures.spread(values)
    assert {found.p10, found.p50, found.p90, found.p99} <= set(values)
    assert found.p10 <= found.p50 <= found.p90 <= found.p99
    assert sum(value <= found.p99 for value in values) >= 0.99 * len(values)
    assert found.count == len(values)


def test_one_that_never_came_spoils_the_last_percentile_only() -> None:
    found = figures.spread([1.0] * 50 + [math.inf])
    assert (found.p50, found.p90, found.p99) == (1.0, 1.0, math.inf)


def test_nothing_has_no_percentiles() -> None:
    found = figures.spread([])
    assert math.isnan(found.p50)
    assert found.count == 0


def test_counters_are_summed_over_labels_and_taken_by_whole_name() -> None:
    text = '# HELP a_total x\na_total{reason="x"} 2.0\na_total{reason="y z"} 3.0\na_total_more 9.0\nb_total 1e3\n'
    assert figures.counters(text, ("a_total", "b_total", "c_total")) == {"a_total": 5.0, "b_total": 1_000.0, "c_total": 0.0}


def test_between_samples_the_way_is_straight() -> None:
    assert figures.between([0.0, 2.0], [0.0, 10.0], [-1.0, 1.0, 5.0]) == [0.0, 5.0, 10.0]
    assert figures.between([], [], [1.0]) == [0.0]


def test_no_time_gives_no_rate() -> None:
    assert math.isnan(figures.per(5.0, 0.0))
    assert figures.per(6.0, 2.0) == 3.0
