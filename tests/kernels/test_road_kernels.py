"""Traffic, parking and transit beside their contracts: helpers, edges that only an array can have, and what is refused."""

import math

import numpy as np
import pytest

from kernels.bikeshare import time_share
from kernels.columns import columns, good, needed
from kernels.counts import fill_gaps
from kernels.errors import KernelInputError
from kernels.flow import density, flow_vph
from kernels.parking import rezero
from kernels.ratio import ratio
from kernels.service_level import los_free_flow_share, los_urban_street
from kernels.speed import free_flow_time_s, mean_speeds, network_delay_h, travel_time_index
from kernels.transit import headways_in, on_time_performance, waiting_time

TINY = 5e-324


def test_one_number_stands_for_a_column() -> None:
    assert travel_time_index([60.0, 120.0, math.nan], 60.0).tolist()[:2] == [1.0, 2.0]
    assert flow_vph(1, [60, 600]).tolist() == [60.0, 6.0]


def test_columns_of_two_lengths_are_refused_by_name() -> None:
    with pytest.raises(KernelInputError, match=r"numerator, denominator: wanted one length, got \(2, 3\)"):
        ratio([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(KernelInputError, match="wanted one dimension"):
        columns(a=np.zeros((2, 2)))


def test_an_empty_column_gives_an_empty_column() -> None:
    assert ratio([], 5.0).size == 0
    assert flow_vph([], []).size == 0


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [(1.0, 0.0), (1.0, -0.0), (1.0, -2.0), (math.inf, 2.0), (1.0, math.inf), (math.nan, 1.0), (1.0, math.nan), (1e308, TINY)],
)
def test_a_senseless_quotient_is_missing(numerator: float, denominator: float) -> None:
    assert np.isnan(ratio(numerator, denominator)[0])


def test_no_quotient_is_minus_zero() -> None:
    assert math.copysign(1.0, ratio(-0.0, 5.0)[0]) == 1.0


@pytest.mark.parametrize(
    ("fraction", "expected", "wanted"), [(0.75, 4, 3), (0.75, 5, 4), (0.55, 20, 11), (0.1, 30, 3), (0.0, 9, 0), (1.0, 9, 9), (0.75, 0, 0)]
)
def test_needed_values_are_free_of_rounding(fraction: float, expected: int, wanted: int) -> None:
    assert needed(fraction, expected) == wanted


def test_only_good_values_are_used() -> None:
    found = good([1.0, 2.0, 3.0, 4.0, 5.0], [1, 2, 3, 4, 9])
    assert found[:2].tolist() == [1.0, 2.0]
    assert np.isnan(found[2:]).all()
    assert good([3.0], [3], use=(1, 2, 3)).tolist() == [3.0]
    with pytest.raises(KernelInputError, match=r"use: wanted flags other than 4 and 9"):
        good([1.0], [4], use=(1, 4))


def test_a_fraction_above_one_is_refused() -> None:
    with pytest.raises(KernelInputError, match=r"min_fraction: wanted 0 to 1, got 75"):
        needed(75, 4)


def test_speeds_that_are_no_speeds_are_left_out() -> None:
    assert mean_speeds([TINY, math.inf, -0.0, -3.0, math.nan, 30.0]) == (30.0, 30.0, 1)
    assert density([10.0, 10.0], [TINY, math.inf]).tolist()[1] == 0.0
    assert np.isnan(density(10.0, TINY)[0])


def test_equal_speeds_have_one_mean() -> None:
    assert mean_speeds([47.0] * 7) == pytest.approx((47.0, 47.0, 7))


def test_free_flow_time_is_the_fifteenth_percentile_of_the_night() -> None:
    assert free_flow_time_s([*range(100, 201), math.nan, 0]) == 115.0
    assert math.isnan(free_flow_time_s([]))


def test_network_delay_needs_every_link() -> None:
    assert network_delay_h([1800, 900], [20, 40]) == pytest.approx(20.0)
    assert math.isnan(network_delay_h([1800, 900], [20, math.nan]))
    assert math.isnan(network_delay_h([], []))


def test_an_urban_street_stands_on_its_edge_in_the_worse_level() -> None:
    kmh = np.array([35.0, 35.1, 13.0, 13.1]) * 1.609344
    assert los_urban_street(kmh, 2).tolist() == [2, 1, 6, 5]
    assert los_free_flow_share([0.86, 0.85, 0.3, math.nan, -0.1]).tolist() == [1, 2, 6, -1, -1]
    with pytest.raises(KernelInputError, match=r"street_class: wanted 1 to 4, got 5"):
        los_urban_street(kmh, 5)


def test_a_line_that_broke_down_waits_to_the_end_of_the_period() -> None:
    gone = headways_in([0, 10, 20], 0, 60)
    assert gone.tolist() == [0, 10, 10, 40]
    assert waiting_time(gone) == pytest.approx((100 + 100 + 1600) / 120)
    assert headways_in([], 0, 60).tolist() == [60]
    with pytest.raises(KernelInputError, match="end_s"):
        headways_in([], 60, 60)


def test_cancelled_departures_count_and_are_reported() -> None:
    assert on_time_performance([0, 0, math.nan], cancelled=2) == (0.5, 2, 2)
    assert on_time_performance([], cancelled=2).on_time == 0.0
    with pytest.raises(KernelInputError, match="cancelled"):
        on_time_performance([], cancelled=-1)


def test_time_of_an_unknown_state_counts_for_nothing() -> None:
    assert time_share([1, math.nan, 0, -1, 1], [60, 600, 60, 600, math.nan]) == (0.5, 120.0)
    assert math.isnan(time_share([1], [0])[0])


def test_a_day_of_missing_counts_stays_missing() -> None:
    found = rezero([5, math.nan, 8, math.nan], [1, 1, 1, 2])
    assert found.tolist()[:1] + found.tolist()[2:3] == [0.0, 3.0]
    assert np.isnan(found[[1, 3]]).all()


def test_a_gap_of_three_hours_is_not_filled_at_all() -> None:
    hour, profile = np.arange(8), np.full(168, 10.0)
    found = fill_gaps([20, math.nan, math.nan, 20, math.nan, math.nan, math.nan, 20], hour, profile)
    assert found.counted[:4].tolist() == [20, 20, 20, 20]
    assert np.isnan(found.counted[4:7]).all()
    assert found.imputed.tolist() == [False, True, True, False, False, False, False, False]


def test_a_profile_of_zero_tells_no_level() -> None:
    found = fill_gaps([0, math.nan], np.array([3, 4]), np.zeros(168))
    assert np.isnan(found.counted[1])
    assert not found.imputed.any()
