"""Laws of energy, water and return levels, and their kernels beside the slow way."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.degree_days import cooling_degree_days, heating_degree_days, sum_cooling, sum_heating
from kernels.energy import energy_intensity, energy_signature, expected_energy, load_factor
from kernels.return_levels import empirical_return_period, fit_gumbel, return_level_gumbel
from kernels.water import daily_leakage_m3, min_night_flow, night_mean
from tests.oracles import energy as slow
from tests.oracles.missing import array, same

DAY = st.one_of(st.none(), st.integers(-200, 400).map(lambda t: t / 10))
LEVELS = st.lists(st.integers(0, 500).map(lambda v: v / 10), min_size=2, max_size=40)


@given(st.lists(DAY, max_size=40), st.sampled_from([15.5, 18.0, 24.0]), st.integers(0, 20))
def test_degree_days_are_the_slow_ones(days: list, base: float, twentieths: int) -> None:
    for kernel, sign in ((sum_heating, 1), (sum_cooling, -1)):
        found = kernel(array(days), base, twentieths / 20)
        same(found.value, slow.degree_days(days, base, sign, Fraction(twentieths, 20)), 1e-12, 1e-9)
        assert (found.valid, found.expected) == (sum(d is not None for d in days), len(days))


@given(st.lists(DAY, min_size=1, max_size=20), st.floats(-10, 30))
def test_heating_minus_cooling_is_the_distance_to_the_base_and_missing_is_never_zero(days: list, base: float) -> None:
    t = array(days)
    heating, cooling = heating_degree_days(t, base), cooling_degree_days(t, base)
    assert heating - cooling == pytest.approx(base - t, nan_ok=True)
    assert (np.isnan(heating) == np.isnan(t)).all()
    assert (np.minimum(heating, cooling)[~np.isnan(t)] == 0.0).all()


@given(st.lists(st.one_of(st.none(), st.integers(-50, 500)), max_size=40))
def test_load_factor_is_the_slow_one(power: list) -> None:
    found, wanted = load_factor(array(power)), slow.load_factor(power)
    if wanted is None:
        assert math.isnan(found.factor)
        assert math.isnan(found.peak)
    else:
        assert found.factor == pytest.approx(wanted[0])
        assert found.factor <= 1.0
        assert found.peak == wanted[1]


@given(st.lists(st.floats(0, 500), min_size=1, max_size=20), st.randoms(), st.floats(0.1, 10))
def test_load_factor_depends_neither_on_order_nor_on_the_unit(power: list, random, scale: float) -> None:
    assume(max(power) > 1e-6)
    mixed = [scale * p for p in power]
    random.shuffle(mixed)
    assert load_factor(mixed).factor == pytest.approx(load_factor(power).factor)


@given(st.floats(0, 1e7), st.floats(1, 1e5), st.integers(1, 366))
def test_intensity_of_a_whole_year_is_energy_over_floor(kwh: float, floor: float, days: int) -> None:
    assert energy_intensity(kwh, floor, 365, 365)[0] == pytest.approx(kwh / floor)
    assert energy_intensity(kwh, floor, days, 365)[0] == pytest.approx(kwh / floor * 365 / days)
    assert np.isnan(energy_intensity(kwh, 0.0, days, 365)[0])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=20), st.integers(-20, 20), st.integers(0, 500))
def test_a_signature_finds_the_line_that_made_it(hdd: list, slope: int, base: int) -> None:
    assume(len(set(hdd)) > 1)
    x = np.array(hdd, np.float64)
    found = energy_signature(np.append(x, math.nan), np.append(base + slope * x, 5.0))
    assert (found.slope, found.base) == pytest.approx((slope, base), abs=1e-7)
    assert found.r2 == pytest.approx(1.0) if slope else math.isnan(found.r2)
    assert expected_energy(found, x) == pytest.approx(base + slope * x, abs=1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(0, 50)), min_size=8, max_size=8), st.floats(0, 5), st.floats(0, 50))
def test_night_flow_is_the_mean_of_two_hours_or_missing(hours: list, use: float, day: float) -> None:
    night = night_mean(array(hours))
    if hours[2] is None or hours[3] is None:
        assert math.isnan(night)
    else:
        assert night == pytest.approx((hours[2] + hours[3]) / 2)
    found = min_night_flow(night, use, day)
    assert np.isnan(found.leak[0]) == math.isnan(night)
    assert math.isnan(night) or found.leak[0] == max(0.0, night - use)
    assert np.isnan(found.of_mean[0]) or found.of_mean[0] * day == pytest.approx(night)
    assert np.isnan(daily_leakage_m3(found.leak)[0]) == math.isnan(night)


@settings(deadline=None, max_examples=40)
@given(LEVELS, st.sampled_from([2, 5, 10, 50, 100, 1000]))
def test_return_levels_solve_their_distribution(maxima: list, period: int) -> None:
    assume(max(maxima) > min(maxima))
    assert return_level_gumbel(maxima, period) == pytest.approx(slow.gumbel_level(maxima, period), rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(LEVELS, st.sampled_from([2, 5, 10, 50, 100, 1000]))
def test_return_levels_are_scipys_quantiles(maxima: list, period: int) -> None:
    from scipy import stats

    fitted = fit_gumbel(maxima)
    assume(fitted.scale > 0)
    assert return_level_gumbel(maxima, period) == pytest.approx(stats.gumbel_r.ppf(1 - 1 / period, fitted.location, fitted.scale), rel=1e-9, abs=1e-9)


@given(LEVELS, st.floats(1.01, 500), st.floats(1.01, 500), st.floats(0.1, 10), st.floats(-50, 50))
def test_return_levels_rise_with_the_period_and_follow_the_scale(maxima: list, one: float, other: float, scale: float, shift: float) -> None:
    low, high = (return_level_gumbel(maxima, period) for period in sorted((one, other)))
    assert low <= high
    moved = return_level_gumbel([shift + scale * m for m in maxima], one)
    assert moved == pytest.approx(shift + scale * return_level_gumbel(maxima, one), abs=1e-6)


@given(LEVELS, st.integers(0, 600).map(lambda v: v / 10))
def test_empirical_return_period_is_the_slow_one(maxima: list, level: float) -> None:
    same(empirical_return_period([*maxima, math.nan], level), slow.return_period(maxima, level))
