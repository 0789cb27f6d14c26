"""What no sensor measures is missing: infinities, parameters that are not known, and sums beyond the largest float64."""

import math

import numpy as np
import pytest

from kernels import tdigest
from kernels.air_means import mean_with_capture, running_means
from kernels.assets import completeness
from kernels.bikeshare import time_share
from kernels.counts import fill_gaps, weekly_profile
from kernels.energy import load_factor
from kernels.errors import KernelInputError
from kernels.flow import occupancy, summed_on_time
from kernels.gaps import impute_linear
from kernels.noise import noise_events, noise_exceedance
from kernels.outliers import hampel, hampel_trailing, mad_scaled
from kernels.ratio import ratio
from kernels.rounding import round_to_5
from kernels.smoothing import ewma, ewma_irregular
from kernels.space import population_weighted
from kernels.transit import on_time_performance
from kernels.vectors import FUNCTIONS
from kernels.waste import collection_need

NAN, INF = math.nan, math.inf
LARGEST = float(np.finfo(np.float64).max)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_quotient_of_an_infinity_is_missing_also_where_it_would_be_held() -> None:
    assert np.isnan(ratio([INF, -INF, NAN], 5.0, most=1.0)).all()
    assert ratio([7.0, 1e308], [5.0, 1e-5], most=1.0).tolist() == [1.0, 1.0]
    assert math.isnan(ratio(1e308, 1e-5)[0])
    assert math.isnan(completeness(INF, 96)[0])
    assert math.isnan(occupancy(summed_on_time([INF]), 30.0)[0])
    assert math.isnan(summed_on_time([1.0, INF]))


def test_a_missing_count_is_not_rounded_to_none() -> None:
    assert round_to_5(np.array([-1, 0, 2, 3, -2, -3])).tolist() == [-1, 0, 0, 5, 0, -5]
    assert FUNCTIONS["round_to_5"]({"n": -1}, {}) is None


def test_need_is_not_known_without_the_next_round() -> None:
    for unknown in (NAN, INF, -INF):
        assert collection_need([0.5, 0.9], 3.0, unknown).tolist() == [-1, 1]
    assert collection_need([0.5, INF], [-INF, 1.0], 2.0).tolist() == [0, -1]


def test_punctuality_counts_the_known_delays_on_both_sides() -> None:
    assert on_time_performance([INF, 0.0, -INF], -INF, INF) == (1.0, 1, 0)
    with pytest.raises(KernelInputError, match=r"^late_s: wanted s, got nan"):
        on_time_performance([0.0], late_s=NAN)


def test_an_infinite_level_or_time_counts_for_nothing() -> None:
    share, known_s = time_share([INF], [5.0])
    assert math.isnan(share)
    assert known_s == 0.0
    assert time_share([INF, 0.0, 2.0, 1.0], [5.0, 10.0, 10.0, INF]) == (0.5, 20.0)


def test_a_threshold_that_is_not_known_is_no_quiet() -> None:
    for kernel in (noise_exceedance, noise_events):
        with pytest.raises(KernelInputError, match=r"^threshold_db: wanted a level in dB, got nan"):
            kernel(array(60.0, 70.0), NAN)


def test_averages_step_over_infinities() -> None:
    assert ewma(array(1, INF, 2, 3), 0.5).tolist() == [1.0, 1.0, 1.5, 2.25]
    assert np.isnan(ewma(array(INF, -INF), 1.0)).all()
    t_s = array(0, 10, 20)
    np.testing.assert_array_equal(ewma_irregular(t_s, array(-INF, 1, INF), 10.0), array(NAN, 1, 1))
    np.testing.assert_array_equal(ewma_irregular(t_s, array(1, INF, 2), 10.0), ewma_irregular(t_s, array(1, NAN, 2), 10.0))


def test_an_infinity_is_in_no_median_and_no_outlier() -> None:
    assert mad_scaled(array(1, INF, 2)) == pytest.approx(0.741301109252801)
    assert math.isnan(mad_scaled(array(INF, -INF)))
    values, missing = array(1, INF, 1.1, 0.9, 8, -INF, 1, 1.1), array(1, NAN, 1.1, 0.9, 8, NAN, 1, 1.1)
    for test in (hampel, hampel_trailing):
        assert np.flatnonzero(test(values, 3)).tolist() == [4]
        np.testing.assert_array_equal(test(values, 3), test(missing, 3))


def test_a_gap_is_not_filled_towards_an_infinity() -> None:
    for values, wanted in (([1, NAN, INF], [1, NAN, NAN]), ([1, INF, 3], [1, 2, 3]), ([-INF, 2], [NAN, 2])):
        out, filled = impute_linear(array(*values), 3)
        np.testing.assert_array_equal(out, array(*wanted))
        np.testing.assert_array_equal(filled, ~np.isfinite(array(*values)) & np.isfinite(out))


def test_a_digest_has_no_rank_for_an_infinity() -> None:
    digest = tdigest.new_digest()
    tdigest.add(array(1, INF, 2, -INF, NAN, 3), digest)
    assert tdigest.count(digest) == 3
    assert int(digest.number[tdigest.MISSING]) == 3
    assert [tdigest.quantile(digest, q) for q in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]


def test_people_under_an_infinite_value_are_not_covered() -> None:
    assert population_weighted(array(INF, 2), array(1, 1)) == (2.0, 0.5)
    assert population_weighted(array(1, 2), array(INF, 1)) == (2.0, 1.0)


@pytest.mark.parametrize("n", [3, 64, 1000])
def test_a_mean_of_the_largest_values_is_one_of_them(n: int) -> None:
    for value in (1e308, LARGEST, -LARGEST):
        assert mean_with_capture(np.full(n, value)) == (value, n, n)


def test_large_values_that_cancel_leave_the_small_one() -> None:
    assert mean_with_capture(array(LARGEST, LARGEST, -LARGEST, -LARGEST, 3.0)).value == pytest.approx(0.6)


def test_a_running_mean_beyond_the_largest_number_is_missing() -> None:
    assert np.isnan(running_means(np.full(8, 1e308))).all()
    assert running_means(np.full(8, 1e307))[7] == pytest.approx(1e307)


def test_a_load_factor_of_the_largest_powers_is_1() -> None:
    assert load_factor(np.full(3, 1e308)) == (1.0, 1e308)
    assert load_factor(array(LARGEST, LARGEST, 0.0, INF)).factor == pytest.approx(2 / 3)
    assert load_factor(array(-LARGEST, -LARGEST, -LARGEST, LARGEST)).factor == pytest.approx(-0.5)


@pytest.mark.parametrize(("hour", "said"), [([200], "0 to 167, got 200"), ([-1], "0 to 167, got -1"), ([1, 2], "1 values like the first, got 2")])
def test_a_week_has_168_hours(hour: list[int], said: str) -> None:
    with pytest.raises(KernelInputError, match=f"^hour_of_week: wanted {said}$"):
        weekly_profile([1.0], hour)
    with pytest.raises(KernelInputError, match=f"^hour_of_week: wanted {said}$"):
        fill_gaps([1.0], hour, np.ones(168))
    with pytest.raises(KernelInputError, match=r"^profile: wanted shape \(168,\)"):
        fill_gaps([1.0], [1], np.ones(24))
