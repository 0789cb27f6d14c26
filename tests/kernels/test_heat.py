"""Heat: formulas beside the oracle and a second library, branches of the heat index, heat waves, impossible weather."""

import math

import numpy as np
import pytest
from thermofeel import thermofeel

from kernels.errors import KernelInputError
from kernels.heat import Thresholds, heat_days, heat_index, heat_waves, humidex, humidex_from_dew_point, wbgt_shade
from tests.oracles import heat as oracle

NAN, INF = np.nan, np.inf
AIR = np.linspace(-30, 50, 81).repeat(51)
HUMIDITY = np.tile(np.linspace(0, 100, 51), 81)


def column(*values):
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("kernel", "slow"),
    [(heat_index, oracle.heat_index), (humidex, oracle.humidex), (wbgt_shade, oracle.wbgt_shade)],
    ids=["heat_index", "humidex", "wbgt"],
)
def test_a_formula_is_the_oracles_over_all_weather(kernel, slow):
    wanted = [slow(t, rh) for t, rh in zip(AIR.tolist(), HUMIDITY.tolist(), strict=True)]
    np.testing.assert_allclose(kernel(AIR, HUMIDITY), wanted, rtol=1e-12, atol=1e-11)


def test_heat_index_of_the_regression_is_that_of_a_second_library():
    warm = np.array([(t, rh) for t in np.linspace(27, 45, 37) for rh in np.linspace(5, 100, 39)])
    t_c, rh = warm[:, 0], warm[:, 1]
    t_f = t_c * 1.8 + 32
    regression = (0.5 * (t_f + 61 + 1.2 * (t_f - 68) + 0.094 * rh) + t_f) / 2 >= 80
    # the library asks for a dew point and computes humidity from it: compare at the humidity that it arrives at
    dew_k = thermofeel.calculate_dew_point_from_relative_humidity(rh, t_c + 273.15)
    theirs = thermofeel.calculate_heat_index_adjusted(t_c + 273.15, dew_k) - 273.15
    its_humidity = np.clip(thermofeel.calculate_relative_humidity_percent(t_c + 273.15, dew_k), 0, 100)
    np.testing.assert_allclose(heat_index(t_c, its_humidity)[regression], theirs[regression], atol=1e-6)
    assert regression.sum() > 1000


def test_wbgt_in_the_shade_is_that_of_a_second_library():
    np.testing.assert_allclose(wbgt_shade(AIR, HUMIDITY), thermofeel.calculate_wbgt_simple(AIR + 273.15, HUMIDITY) - 273.15, atol=1e-9)


@pytest.mark.parametrize(
    ("case", "t_c", "rh", "wanted"),
    [
        ("regression", 32.2222222222, 70, 41.06778922),
        ("humid addition", 29.4444444444, 90, 38.76711311),
        ("simple formula with the air", 24, 60, 24.01111111),
        ("dry and hot", 40, 35, 45.52825658),
    ],
)
def test_heat_index_branches(case, t_c, rh, wanted):
    assert heat_index(column(t_c), column(rh))[0] == pytest.approx(wanted, abs=1e-6)


def test_the_dry_adjustment_vanishes_at_its_ends():
    (at,), (dry,) = heat_index(column(44.4444444444), column(12.9999)), heat_index(column(44.4444444444), column(13))
    assert at == pytest.approx(dry, abs=1e-3)


@pytest.mark.parametrize("kernel", [heat_index, humidex, wbgt_shade])
def test_missing_and_impossible_weather_has_no_index(kernel):
    t_c, rh = column(NAN, 20, INF, 20, 20, 20, -237.7, 1e9, -INF), column(50, NAN, 50, INF, -0.1, 100.1, 50, 50, 50)
    assert np.isnan(kernel(t_c, rh)).all()
    assert np.isfinite(kernel(column(20, 20, -0.0), column(0, 100, -0.0))).all()
    assert kernel(column(), column()).size == 0


def test_a_dew_point_equal_to_the_air_is_full_humidity():
    np.testing.assert_array_equal(humidex_from_dew_point(AIR, AIR), humidex(AIR, np.full_like(AIR, 100.0)))
    assert np.isnan(humidex_from_dew_point(column(20, NAN, 20), column(NAN, 10, -300))).all()
    theirs = thermofeel.calculate_humidex(AIR + 273.15, AIR + 268.15) - 273.15
    warm = (AIR > 20) & (AIR <= 31)  # theirs has another vapour formula, which drifts away above
    np.testing.assert_allclose(humidex_from_dew_point(AIR, AIR - 5)[warm], theirs[warm], atol=0.4)


def test_days_and_nights_count_at_their_thresholds():
    got = heat_days(column(19, 20, 20.1, 22, NAN), column(25, 25.1, 30, 31, 29))
    assert got == (2, 5, 2, 0)
    assert heat_days(column(INF, -INF), column(INF, NAN)) == (0, 0, 0, 0)
    assert heat_days(column(), column()) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("case", "highest", "wanted"),
    [
        ("five days, three of them tropical", [25, 30, 30, 30, 25], [(0, 5)]),
        ("five days, two tropical", [25, 30, 30, 29.9, 25], []),
        ("four days", [30, 30, 30, 30], []),
        ("a cool day breaks it", [31] * 4 + [20] + [31] * 5, [(5, 5)]),
        ("a missing day breaks it", [31] * 4 + [NAN] + [31] * 4, []),
        ("an infinite one, too", [31] * 4 + [INF] + [31] * 4, []),
        ("two waves", [31] * 5 + [10] + [31] * 6 + [10], [(0, 5), (6, 6)]),
        ("tropical days outside the run do not count", [30, 24, 25, 25, 25, 30, 30], []),
        ("nothing", [], []),
    ],
)
def test_heat_waves(case, highest, wanted):
    assert heat_waves(column(*highest)) == wanted
    assert oracle.heat_waves(highest) == wanted


def test_thresholds_are_parameters():
    days = column(25, 26, 26)
    assert heat_days(days, days, Thresholds(summer_day_above=True)).summer_days == 2
    assert heat_days(days, days, Thresholds(tropical_night_c=25)).tropical_nights == 2
    assert heat_waves(days, Thresholds(tropical_day_c=26, wave_days=3, wave_tropical_days=2)) == [(0, 3)]


def test_a_wrong_argument_is_named():
    with pytest.raises(KernelInputError, match="temperature, humidity: wanted columns of one length"):
        humidex(column(1), column(1, 2))
    with pytest.raises(KernelInputError, match="wanted columns of one length"):
        heat_index(np.zeros((2, 2)), np.zeros((2, 2)))
    assert not math.isnan(humidex(column(30), column(60))[0])
