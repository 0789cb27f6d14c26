"""Laws of heat: more humidity is never cooler, missing never becomes a number, a heat wave is a run."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.heat import heat_days, heat_index, heat_waves, humidex, wbgt_shade
from kernels.utci import utci, utci_band
from tests.oracles import heat as oracle

ANY = st.floats(allow_nan=True, allow_infinity=True)
DAYS = st.lists(st.one_of(st.none(), st.integers(20, 35).map(float)), max_size=40)


def column(*values):
    return np.array([np.nan if each is None else each for each in values], np.float64)


@settings(deadline=None)
@given(st.lists(st.tuples(ANY, ANY), max_size=20))
def test_whatever_comes_an_index_is_finite_or_nothing(rows):
    t_c, rh = column(*(t for t, _ in rows)), column(*(rh for _, rh in rows))
    possible = (np.abs(t_c) < 100) & (rh >= 0) & (rh <= 100)
    for kernel in (heat_index, humidex, wbgt_shade):
        got = kernel(t_c, rh)
        np.testing.assert_array_equal(np.isfinite(got), possible)
        np.testing.assert_array_equal(np.isnan(got), ~possible)


@settings(deadline=None)
@given(st.floats(-30, 50), st.floats(0, 100), st.floats(0, 100))
def test_more_humidity_is_never_cooler(t_c, one, other):
    for kernel in (humidex, wbgt_shade):
        dry, wet = kernel(column(t_c, t_c), np.sort([one, other]))
        assert dry <= wet


@settings(deadline=None)
@given(st.floats(0, 100), st.floats(-30, 45), st.floats(0, 5))
def test_warmer_air_is_never_cooler(rh, t_c, more):
    for kernel in (humidex, wbgt_shade):
        cool, warm = kernel(column(t_c, t_c + more), column(rh, rh))
        assert cool <= warm


@settings(deadline=None)
@given(st.lists(st.tuples(ANY, ANY, ANY, ANY), max_size=8), st.booleans())
def test_whatever_weather_utci_is_a_number_or_nothing(rows, raised):
    got = utci(*(column(*each) for each in (zip(*rows, strict=True) if rows else [()] * 4)), raise_calm=raised)
    assert not np.isinf(got).any()
    assert np.isfinite(got[~np.isnan(got)]).all()
    np.testing.assert_array_equal(np.isnan(utci_band(got)), np.isnan(got))


@settings(deadline=None)
@given(st.integers(1, 130), st.integers(0, 2**32 - 1))
def test_a_rows_utci_depends_on_that_row_alone(n, seed):
    chance = np.random.default_rng(seed)
    columns = [chance.uniform(-60, 60, n), chance.uniform(-10, 110, n), chance.uniform(0, 20, n), chance.uniform(-60, 90, n)]
    whole, order = utci(*columns), chance.permutation(n)
    np.testing.assert_array_equal(whole[order], utci(*(each[order] for each in columns)))


@settings(deadline=None)
@given(st.floats(-80, 80), st.floats(-80, 80))
def test_a_warmer_utci_never_has_a_colder_band(one, other):
    low, high = utci_band(np.sort([one, other]))
    assert 1 <= low <= high <= 10


@settings(deadline=None)
@given(DAYS)
def test_heat_waves_are_the_oracles(highest):
    assert heat_waves(column(*highest)) == oracle.heat_waves(highest)
    counts = heat_days(column(*highest), column(*highest))
    known = [each for each in highest if each is not None]
    assert counts.tropical_nights == sum(each > 20 for each in known)
    assert counts.summer_days == sum(each >= 25 for each in known)
    assert counts.tropical_days == sum(each >= 30 for each in known) <= counts.summer_days
    assert counts.heatwaves == len(oracle.heat_waves(highest))


@settings(deadline=None)
@given(DAYS)
def test_heat_waves_read_the_same_backwards(highest):
    days = len(highest)
    backwards = [(days - first - length, length) for first, length in heat_waves(column(*highest[::-1]))]
    assert heat_waves(column(*highest)) == backwards[::-1]
