"""US index and NowCast: breakpoints, truncation, half up, the two-of-three rule."""

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.us_aqi import beyond_us_aqi_pm2_5, beyond_us_aqi_pm10, nowcast_pm, us_aqi_pm2_5, us_aqi_pm10
from tests.oracles import air as oracle

NAN, INF = np.nan, np.inf
TRAINING = [13, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50]  # Source: [nowcast], the agency's training example, published as 17.4


def column(*values):
    return np.array(values, np.float64)


def test_every_tenth_of_the_table_is_the_exact_fraction_rounded_half_up():
    tenths = np.arange(3400)
    assert us_aqi_pm2_5(tenths / 10).tolist() == [oracle.us_aqi_pm2_5(int(each)) for each in tenths]


@pytest.mark.parametrize(
    ("pm2_5", "index"),
    [(0, 0), (9.0, 50), (9.09, 50), (9.1, 51), (35.49, 100), (35.5, 101), (40.9, 114), (150.4, 226), (225.4, 300), (225.5, 301), (325.4, 500)],
)
def test_us_aqi_of_fine_dust(pm2_5, index):
    assert us_aqi_pm2_5(column(pm2_5)).tolist() == [index]


@pytest.mark.parametrize(
    ("pm10", "index"), [(0, 0), (54, 50), (54.99, 50), (55, 51), (154, 100), (155, 101), (254, 150), (354, 200), (424, 300), (425, 301), (604, 500)]
)
def test_us_aqi_of_dust(pm10, index):
    assert us_aqi_pm10(column(pm10)).tolist() == [index]


def test_a_mean_a_rounding_error_below_a_step_is_the_step():
    below = np.nextafter(column(35.5, 9.1, 325.4), 0)
    assert us_aqi_pm2_5(below).tolist() == [101, 51, 500]


def test_above_the_table_it_is_500_and_says_so():
    dust = column(325.4, 325.49, 325.5, 1e9, NAN, INF)
    np.testing.assert_array_equal(us_aqi_pm2_5(dust), column(500, 500, 500, 500, NAN, NAN))
    assert beyond_us_aqi_pm2_5(dust).tolist() == [False, False, True, True, False, False]
    assert beyond_us_aqi_pm10(column(604, 604.9, 605, NAN)).tolist() == [False, False, True, False]


def test_what_is_missing_infinite_or_negative_has_no_index():
    for index in (us_aqi_pm2_5, us_aqi_pm10):
        np.testing.assert_array_equal(index(column(NAN, INF, -INF, -0.1, -0.0, 5e-324)), column(NAN, NAN, NAN, NAN, 0, 0))


def test_nowcast_of_the_training_example():
    (got,) = nowcast_pm(column(*TRAINING)[np.newaxis])
    assert got == pytest.approx(17.41391941, abs=1e-8)
    assert us_aqi_pm2_5(column(got)).tolist() == [66]


@pytest.mark.parametrize(
    ("case", "hours", "wanted"),
    [
        ("one of the latest three", [20, None, None, 25, 24], None),
        ("two of the latest three", [None, 20, 22], oracle.nowcast([None, 20, 22])),
        ("hours older than the twelfth are not read", [10.0] * 12 + [1e6], 10.0),
        ("all zeros", [0] * 12, 0.0),
        ("all equal", [7.3] * 12, 7.3),
        ("negative noise counts", [-1, 2, 3], oracle.nowcast([-1, 2, 3])),
        ("nothing above zero", [-2, -4, 0], oracle.nowcast([-2, -4, 0])),
        ("infinite is missing", [np.inf, 20, 22], oracle.nowcast([None, 20, 22])),
        ("fewer hours", [10, 12], oracle.nowcast([10, 12])),
        ("a single hour", [10], None),
        ("no hours", [], None),
    ],
)
def test_nowcast(case, hours, wanted):
    table = np.array([[NAN if each is None else each for each in hours]], np.float64)
    (got,) = nowcast_pm(table)
    assert (None if np.isnan(got) else float(got)) == (wanted if wanted is None else pytest.approx(wanted, rel=1e-14))


def test_equal_hours_give_exactly_themselves_so_that_truncation_stands():
    for level in (9.1, 35.5, 55.5, 125.5, 225.5):
        assert nowcast_pm(np.full((1, 12), level)).tolist() == [level]


def test_a_wrong_shape_is_named():
    with pytest.raises(KernelInputError, match="hours: wanted shape"):
        nowcast_pm(np.zeros(12))
    with pytest.raises(KernelInputError, match="pm2_5: wanted one column"):
        us_aqi_pm2_5(np.zeros((2, 2)))
