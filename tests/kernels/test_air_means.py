"""Means with capture, the daily maximum of 8-hour means, ppb: what is enough, which hours count, days of 23 and 25 hours."""

import math

import numpy as np
import pytest

from kernels.air_means import MOLAR_MASS_G, max_daily_8h_mean, mean_with_capture, needed, ppb_to_ug_m3, running_means, ug_m3_to_ppb
from kernels.errors import KernelInputError
from tests.oracles import air as oracle

NAN, INF = np.nan, np.inf
DAY_BEFORE, DAY = [40.0] * 7, [40, 38, 36, 35, 34, 36, 45, 55, 66, 80, 95, 110, 122, 131, 138, 140, 139, 130, 118, 100, 85, 70, 60, 52]


def column(*values):
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("case", "values", "fraction", "wanted"),
    [
        ("all there", [10, 20, 30, 40], 0.75, (25, 4, 4)),
        ("just enough", [10, 20, 30, NAN], 0.75, (20, 3, 4)),
        ("too few", [10, 20, NAN, NAN], 0.75, (NAN, 2, 4)),
        ("empty", [], 0.75, (NAN, 0, 0)),
        ("nothing asked for, nothing there", [NAN, NAN], 0.0, (NAN, 0, 2)),
        ("one is enough where nothing is asked for", [NAN, 3], 0.0, (3, 1, 2)),
        ("infinite is missing", [INF, -INF, 3, 3], 0.5, (3, 2, 4)),
        ("negative values count", [-2, 1, 1, 4], 1.0, (1, 4, 4)),
        ("half of five is three", [1, 1, NAN, NAN, NAN], 0.5, (NAN, 2, 5)),
        ("subnormal", [5e-324, 5e-324], 0.75, (5e-324, 2, 2)),
        ("sums cancel", [1e16, 1.0, -1e16, 1.0], 1.0, (0.5, 4, 4)),
    ],
)
def test_mean_with_capture(case, values, fraction, wanted):
    np.testing.assert_array_equal(tuple(mean_with_capture(column(*values), fraction)), wanted)


def test_what_was_due_may_be_more_than_what_came():
    assert mean_with_capture(column(1, 2, 3), expected=4).value == 2
    assert math.isnan(mean_with_capture(column(1, 2, 3), expected=5).value)


@pytest.mark.parametrize(
    ("expected", "fraction", "wanted"), [(100, 0.57, 57), (10, 0.7, 7), (20, 0.55, 11), (24, 0.75, 18), (8, 0.75, 6), (5, 0.75, 4), (0, 0.75, 0)]
)
def test_a_share_is_rounded_up_but_not_over_its_own_rounding_error(expected, fraction, wanted):
    assert needed(expected, fraction) == wanted


def test_running_means_are_labelled_by_their_last_hour():
    got = running_means(np.arange(1.0, 11.0))
    np.testing.assert_array_equal(got[:5], [NAN] * 5)
    np.testing.assert_array_equal(got[5:], [3.5, 4.0, 4.5, 5.5, 6.5])


def test_the_highest_mean_of_the_day():
    assert max_daily_8h_mean(column(*DAY_BEFORE, *DAY)) == (128.5, 24, 24)


def test_a_window_of_the_evening_before_belongs_to_the_day_on_which_it_ends():
    assert max_daily_8h_mean(column(*[130] * 10, *[20] * 21)).value == 130
    assert max_daily_8h_mean(column(*[20] * 30, 100)).value == 30


@pytest.mark.parametrize(("hours", "due"), [(23, 23), (24, 24), (25, 25)])
def test_days_when_clocks_change_have_as_many_windows_as_hours(hours, due):
    assert max_daily_8h_mean(np.full(7 + hours, 3.0)) == (3.0, due, due)


def test_eighteen_of_twenty_four_means_must_be_there():
    hours = np.full(31, 50.0)
    hours[-8:] = NAN  # means that end with the last six hours hold fewer than six values
    assert max_daily_8h_mean(hours) == (50.0, 18, 24)
    hours[-9:] = NAN
    assert math.isnan(max_daily_8h_mean(hours).value)
    assert oracle.max_daily_8h_mean([None if np.isnan(each) else each for each in hours.tolist()]) is None


def test_gases_at_twenty_degrees_and_one_atmosphere():
    factors = {gas: ppb_to_ug_m3(column(1), mass)[0] for gas, mass in MOLAR_MASS_G.items()}
    wanted = {"no2": 1.9125, "o3": 1.9953, "so2": 2.6632, "co": 1.1644, "no": 1.2474, "nox": 1.9125}
    assert factors == pytest.approx(wanted, abs=5e-5)


def test_colder_or_denser_air_holds_more():
    at = {"molar_mass_g": 46.0055}
    assert ppb_to_ug_m3(column(1), **at, t_k=298.15)[0] == pytest.approx(1.8804, abs=5e-5)
    assert ppb_to_ug_m3(column(1), **at, t_k=273.15)[0] > ppb_to_ug_m3(column(1), **at)[0] > ppb_to_ug_m3(column(1), **at, p_pa=9e4)[0]


def test_missing_and_negative_stay_what_they_are():
    np.testing.assert_allclose(ppb_to_ug_m3(column(NAN, -1, 0), 1.0, 1.0, 8.314462618e3), column(NAN, -1, 0), rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: mean_with_capture(column(1), 1.5), "min_fraction: wanted 0 to 1, got 1.5"),
        (lambda: mean_with_capture(column(1), NAN), "min_fraction"),
        (lambda: mean_with_capture(column(1), expected=-1), "expected: wanted 0 or more, got -1"),
        (lambda: running_means(column(1), 0), "width: wanted 1 hour or more, got 0"),
        (lambda: max_daily_8h_mean(np.zeros(7)), "hourly: wanted seven hours"),
        (lambda: ppb_to_ug_m3(column(1), 46.0, 0.0), "t_k: wanted above zero, got 0.0"),
        (lambda: ug_m3_to_ppb(column(1), -1.0), "molar_mass_g: wanted above zero"),
        (lambda: ppb_to_ug_m3(column(1), 46.0, 293.15, INF), "p_pa: wanted above zero"),
        (lambda: running_means(np.zeros((2, 2))), "hourly: wanted one column"),
    ],
)
def test_a_wrong_argument_is_named(call, told):
    with pytest.raises(KernelInputError, match=told):
        call()
