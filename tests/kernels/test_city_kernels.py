"""Waste, energy, counters, return levels, assets and suppression beside their contracts."""

import math

import numpy as np
import pytest

from kernels.assets import freshness_s, is_late, uptime
from kernels.counters import counter_increase, counter_increase_of_integers, prometheus_increase
from kernels.degree_days import cooling_degree_days, sum_cooling, sum_heating
from kernels.errors import KernelInputError
from kernels.registers import decision_terms, rate_with_interval
from kernels.return_levels import empirical_return_period, publishable, return_level_gumbel
from kernels.rounding import round_half_up
from kernels.suppression import SMALL_IN_YOUTH_CARE, isolates, suppress_row
from kernels.table_suppression import suppress_table
from kernels.waste import collection_need, fill_level, since_emptying
from kernels.water import night_mean

TINY = 5e-324


def test_a_clamped_fill_is_flagged() -> None:
    found = fill_level(100, [100, 20, 19, 101, math.nan, math.inf], 80)
    assert found.share[:4].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert found.flag.tolist() == [1, 1, 3, 3, 9, 9]
    assert fill_level(100, [24, 25], 80, blind_zone_cm=25).flag.tolist() == [3, 1]


def test_an_emptying_is_a_fall_of_more_than_its_limit() -> None:
    assert since_emptying([0.75, 0.5, 0.25], 0.25) == 0
    assert since_emptying([0.9, math.nan, 0.1, 0.2, 0.8, 0.1], 0.3) == 5
    assert since_emptying([], 0.3) == 0


def test_need_of_an_unflagged_reading() -> None:
    assert collection_need([0.8, 0.79, 0.5, 0.5], [math.nan, math.nan, 1.9, 2.0], 2.0).tolist() == [1, 0, 1, 0]


def test_cooling_days_and_coverage() -> None:
    assert cooling_degree_days([23.0, 26.5], 24.0).tolist() == [0.0, 2.5]
    assert sum_cooling([26.0, math.nan, 23.0, 30.0]) == (8.0, 3, 4)
    assert math.isnan(sum_heating([math.nan] * 4, min_fraction=0.0).value)
    assert sum_heating([-math.inf, 8.0], min_fraction=0.5) == (10.0, 1, 2)


def test_a_night_of_too_few_hours_has_no_mean() -> None:
    assert math.isnan(night_mean([1.0, 1.0, 1.0]))
    assert night_mean([9, 1, 3, 9], None, 1, 3) == 2.0
    with pytest.raises(KernelInputError, match="last_hour"):
        night_mean([1.0], None, 4, 4)
    with pytest.raises(KernelInputError, match="local_hour"):
        night_mean([1.0], [1, 2])


def test_a_night_of_a_clock_change_has_the_hours_that_it_has() -> None:
    assert night_mean([9, 9, 1, 2, 6, 9], [0, 1, 2, 2, 3, 4]) == 3.0
    assert night_mean([9, 9, 5, 9], [0, 1, 3, 4]) == 5.0
    assert math.isnan(night_mean([9, 9, 9], [0, 1, 4]))
    assert math.isnan(night_mean([9, 9, 1, math.nan, 6, 9], [0, 1, 2, 2, 3, 4]))


def test_an_increase_tells_what_happened_on_the_way() -> None:
    found = counter_increase([10, 20, 5, math.nan, 990, 3, -4, 1000, 8], modulus=1000)
    assert found.total == 10 + 5 + 985 + 13 + 5
    assert (found.valid, found.resets, found.rollovers, found.faults) == (6, 1, 1, 2)


def test_many_small_steps_lose_nothing() -> None:
    readings = 1e9 + np.arange(10_000) * 0.1
    assert counter_increase(readings).total == pytest.approx(readings[-1] - readings[0], abs=1e-12)
    assert counter_increase([0.0, TINY, 2 * TINY]).total == 2 * TINY


def test_large_integers_stay_exact() -> None:
    assert counter_increase_of_integers(np.array([(1 << 62) - 3, (1 << 62)])) == 3
    assert counter_increase_of_integers(np.array([5], np.int64)) == 0
    with pytest.raises(KernelInputError, match=r"modulus: wanted > 0 or None, got 0"):
        counter_increase([1, 2], modulus=0)


def test_prometheus_draws_on_to_an_edge_only_where_samples_come_close() -> None:
    even = prometheus_increase([60, 120, 180], [600, 610, 620], 0, 240)
    assert even.increase == pytest.approx(20 * 240 / 120)
    far = prometheus_increase([100, 120, 140], [600, 610, 620], 0, 240)
    assert far.increase == pytest.approx(20 * (40 + 10 + 10) / 40)
    zero = prometheus_increase([60, 120, 180], [5, 15, 25], 0, 240)
    assert zero.increase == pytest.approx(20 * (120 + 30 + 60) / 120)
    assert math.isnan(prometheus_increase([5, 6], [1, 2], 10, 10).increase)
    assert math.isnan(prometheus_increase([5, 5], [1, 2], 0, 10).increase)


def test_long_periods_keep_their_digits_and_need_years() -> None:
    assert return_level_gumbel([1, 2, 3, 4], 1e12) > return_level_gumbel([1, 2, 3, 4], 1e11)
    assert math.isnan(return_level_gumbel([1, 2, 3, 4], math.inf))
    assert math.isnan(empirical_return_period([], 1.0))
    assert [publishable(12, 24), publishable(12, 25), publishable(20, 500)] == [True, False, True]


def test_touching_outages_are_one_and_never_ended_ones_last() -> None:
    found = uptime([0, 10, 50], [10, 20, math.nan], 100)
    assert list(found) == pytest.approx([0.3, 70.0, 2, 15.0, 35.0])
    assert uptime([math.nan], [25], 100).down_s == 25.0
    with pytest.raises(KernelInputError, match=r"period_s: wanted > 0, got 0"):
        uptime([], [], 0)
    with pytest.raises(KernelInputError, match="down_to_s"):
        uptime([1], [], 10)


def test_a_clock_ahead_is_fresh_and_exactly_three_intervals_are_not_late() -> None:
    assert freshness_s(1_000_000, [0, 2_000_000]).tolist() == [1.0, -1.0]
    assert is_late([180.0, 180.1, -5.0], 60.0).tolist() == [0, 1, 0]


def test_an_interval_refuses_a_certainty() -> None:
    with pytest.raises(KernelInputError, match="confidence"):
        rate_with_interval(1, 10, confidence=1.0)


def test_no_permits_have_no_terms() -> None:
    assert all(math.isnan(x) for x in decision_terms([math.nan], 56))


def test_rounding_refuses_no_step() -> None:
    with pytest.raises(KernelInputError, match="step"):
        round_half_up([1.0], 0.0)


def test_a_row_that_cannot_hide_keeps_its_total() -> None:
    assert suppress_row([3, 0, 0]).total is False
    assert suppress_row([3, 0, 0]).cell.tolist() == [True, False, False]
    assert suppress_row([7, 0, -1]).total is False
    assert suppress_row([9, 30, 40], SMALL_IN_YOUTH_CARE).cell.tolist() == [True, True, False]
    with pytest.raises(KernelInputError, match="count: wanted 0 or more, -1 for missing, got -2"):
        suppress_row([-2, 5])


def test_a_missing_release_tells_nothing() -> None:
    assert isolates([-1, 10, 10], [3, 13, 20]).tolist() == [False, True, False]


def test_a_lone_cell_takes_a_square_with_it() -> None:
    found = suppress_table([[3, 20, 30], [40, 15, 60], [70, 80, 90]])
    assert found.cell.astype(int).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert not found.row_total.any()
    assert not found.column_total.any()


def test_a_cell_among_zeros_takes_its_totals_with_it() -> None:
    found = suppress_table([[3, 0], [0, 50]])
    assert found.cell.tolist() == [[True, False], [False, False]]
    assert (found.row_total[0], found.column_total[0], found.grand_total) == (True, True, True)


def test_a_missing_cell_stays_missing_and_hides_its_totals() -> None:
    found = suppress_table([[-1, 20], [30, 40]])
    assert not found.cell.any()
    assert (found.row_total.tolist(), found.column_total.tolist(), found.grand_total) == ([True, False], [True, False], True)


def test_a_bridge_between_two_squares_gets_company() -> None:
    """Cell (1, 2) lies in no line alone, but two squares left and right of it tell it."""
    table = np.array([[3, 3, 90, 90], [3, 3, 4, 90], [90, 90, 3, 3], [90, 90, 3, 3]])
    found = suppress_table(table)
    assert found.cell.sum() > (table < 5).sum()
    assert found.cell[table < 5].all()
