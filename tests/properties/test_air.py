"""Laws of air quality: worse air never has a better index, order and company change nothing, missing never becomes good."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.air_index import BELAQI_HOURLY, EAQI_2024, EDGES, POLLUTANTS, band, belaqi_hourly, overall
from kernels.air_limits import exceedances
from kernels.air_means import max_daily_8h_mean, mean_with_capture, ppb_to_ug_m3, running_means, ug_m3_to_ppb
from kernels.us_aqi import nowcast_pm, us_aqi_pm2_5, us_aqi_pm10
from tests.oracles import air as oracle

ANY = st.floats(allow_nan=True, allow_infinity=True)
AIR = st.one_of(st.none(), st.floats(-5, 700), st.integers(0, 400).map(float))
HOURS = st.lists(st.one_of(st.none(), st.floats(-5, 500)), max_size=40)


def column(values):
    return np.array([np.nan if each is None else each for each in values], np.float64)


def known(value):
    return None if np.isnan(value) else float(value)


@settings(deadline=None)
@given(st.lists(AIR, min_size=5, max_size=5))
def test_the_european_index_is_the_oracles(row):
    found = overall(EAQI_2024, *(column([each]) for each in row))
    worst, drivers = oracle.worst(oracle.EAQI_2024, dict(zip(POLLUTANTS, row, strict=True)))
    assert known(found.band[0]) == worst
    assert {name for p, name in enumerate(POLLUTANTS) if found.drivers[0] >> p & 1} == drivers


@settings(deadline=None)
@given(st.lists(AIR, min_size=4, max_size=4))
def test_belaqi_is_the_oracles_where_it_may_be_published(row):
    worst, _ = oracle.worst(oracle.BELAQI_HOURLY, dict(zip(POLLUTANTS[:4], row, strict=True)))
    there = [each is not None and each >= 0 for each in row]
    wanted = worst if (there[0] or there[1]) and there[2] and there[3] else None
    assert known(belaqi_hourly(*(column([each]) for each in row))[0]) == wanted


@settings(deadline=None)
@given(st.sampled_from(sorted(EDGES)), st.sampled_from(POLLUTANTS[:4]), st.floats(0, 1000), st.floats(0, 1000))
def test_worse_air_never_has_a_better_band(version, pollutant, one, other):
    low, high = band(version, pollutant, np.sort([one, other]))
    assert 1 <= low <= high <= len(EDGES[version][0]) + 1


@settings(deadline=None)
@given(st.lists(ANY, max_size=20))
def test_whatever_comes_a_band_is_a_band_or_nothing(values):
    got = band(BELAQI_HOURLY, "o3", np.array(values))
    good = np.array([0 <= each < np.inf for each in values], np.bool_)
    np.testing.assert_array_equal(np.isnan(got), ~good)
    assert set(got[good].tolist()) <= set(range(1, 11))


@settings(deadline=None)
@given(st.lists(st.lists(AIR, min_size=5, max_size=5), min_size=1, max_size=8), st.permutations(range(8)))
def test_a_rows_index_depends_on_that_row_alone(rows, order):
    table = [column(each) for each in zip(*rows, strict=True)]
    order = [each for each in order if each < len(rows)]
    np.testing.assert_array_equal(overall(EAQI_2024, *table).band[order], overall(EAQI_2024, *(each[order] for each in table)).band)


@settings(deadline=None)
@given(st.floats(0, 700), st.floats(0, 700))
def test_worse_air_never_has_a_better_us_index(one, other):
    for index in (us_aqi_pm2_5, us_aqi_pm10):
        low, high = index(np.sort([one, other]))
        assert 0 <= low <= high <= 500


@settings(deadline=None)
@given(HOURS)
def test_nowcast_is_the_oracles_and_lies_between_its_hours(hours):
    (got,) = nowcast_pm(column(hours)[np.newaxis])
    wanted = oracle.nowcast(hours)
    assert (known(got) is None) == (wanted is None)
    if wanted is not None:
        there = [each for each in hours[:12] if each is not None]
        assert abs(got - wanted) <= 1e-9 * max(1.0, *(abs(each) for each in there))
        assert min(there) <= got <= max(there)


@settings(deadline=None)
@given(HOURS, st.sampled_from([0.0, 0.5, 0.75, 0.85, 0.9, 1.0]), st.randoms(use_true_random=False))
def test_a_mean_is_the_exact_one_whatever_the_order(values, share, chance):
    got, valid, expected = mean_with_capture(column(values), share)
    wanted = oracle.mean(values, share)
    assert (valid, expected) == (sum(each is not None for each in values), len(values))
    assert (known(got) is None) == (wanted is None)
    if wanted is not None:
        assert abs(got - wanted) <= 1e-13 * max(1.0, abs(wanted))
        chance.shuffle(values)
        assert abs(mean_with_capture(column(values), share).value - got) <= 1e-13 * max(1.0, abs(wanted))


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 500)), min_size=30, max_size=32))
def test_the_highest_8_hour_mean_is_the_oracles_and_one_of_the_running_means(hours):
    got, wanted = max_daily_8h_mean(column(hours)).value, oracle.max_daily_8h_mean(hours)
    assert (known(got) is None) == (wanted is None)
    if wanted is not None:
        assert abs(got - wanted) <= 1e-12 * max(1.0, abs(wanted))
        assert got in running_means(column(hours))[7:].tolist()


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 500)), max_size=20), st.floats(0, 400), st.integers(0, 10))
def test_counts_of_parts_add_up(values, limit, allowed):
    one, two = values[::2], values[1::2]
    whole, parts = exceedances(column(values), limit, allowed), [exceedances(column(each), limit, allowed) for each in (one, two)]
    assert whole[:2] == (sum(each.times for each in parts), sum(each.valid for each in parts))
    assert 0 <= whole.times <= whole.valid == sum(each is not None for each in values)
    assert whole.compliant is (whole.times <= allowed)


@settings(deadline=None)
@given(st.floats(-10, 1e4), st.floats(10, 100), st.floats(250, 320), st.floats(8e4, 1.1e5))
def test_ppb_and_back(ppb, mass, t_k, p_pa):
    there = ppb_to_ug_m3(np.array([ppb]), mass, t_k, p_pa)
    np.testing.assert_allclose(ug_m3_to_ppb(there, mass, t_k, p_pa), [ppb], rtol=1e-14)
