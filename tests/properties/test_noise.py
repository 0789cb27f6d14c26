"""Laws of noise: bounds, permutation, merge equals union, louder is never less, parts of the day by the zone."""

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.noise import Energy, energy, lden, leq, leq_weighted, ln_percentile, noise_events, noise_exceedance
from kernels.noise_day import noise_days
from tests.oracles import noise as oracle

LEVEL = st.one_of(st.none(), st.floats(-20, 140))
LEVELS = st.lists(LEVEL, max_size=30)
SECONDS = st.one_of(st.just(0.0), st.floats(1e-6, 3600))  # a stamp is a whole microsecond: nothing lasts a shorter time
EPOCH = date(1970, 1, 1)


def column(values):
    return np.array([np.nan if each is None else each for each in values], np.float64)


def there(values):
    return [each for each in values if each is not None]


@settings(deadline=None)
@given(LEVELS, st.randoms(use_true_random=False))
def test_leq_is_the_oracles_between_its_levels_and_free_of_order(levels, chance):
    got, wanted = leq(column(levels)), oracle.leq(levels)
    assert math.isnan(got) is (wanted is None)
    if wanted is None:
        return
    assert got == pytest.approx(wanted, abs=1e-10)
    known = there(levels)
    assert min(known) <= got <= max(known)
    assert got >= math.fsum(known) / len(known) - 1e-9  # an energy mean is never below the plain one
    chance.shuffle(levels)
    assert leq(column(levels)) == pytest.approx(got, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(LEVEL, SECONDS), max_size=20), st.integers(0, 20))
def test_energies_of_parts_are_that_of_the_whole(rows, cut):
    levels, seconds = column([each for each, _ in rows]), column([each for _, each in rows])
    first, second, whole = energy(levels[:cut], seconds[:cut]), energy(levels[cut:], seconds[cut:]), energy(levels, seconds)
    assert first.time_s + second.time_s == pytest.approx(whole.time_s, rel=1e-12)
    both = Energy(first.energy_s + second.energy_s, first.time_s + second.time_s)
    weighted = leq_weighted(levels, seconds)
    assert both.level_db() == pytest.approx(weighted, abs=1e-9, nan_ok=True)
    wanted = oracle.leq([each for each, _ in rows], [each for _, each in rows])
    assert math.isnan(weighted) if wanted is None else weighted == pytest.approx(wanted, abs=1e-9)


@settings(deadline=None)
@given(LEVELS)
def test_equal_durations_weigh_nothing(levels):
    assert leq_weighted(column(levels), np.full(len(levels), 7.0)) == pytest.approx(leq(column(levels)), abs=1e-10, nan_ok=True)


@settings(deadline=None)
@given(LEVEL, LEVEL, LEVEL, st.floats(0, 20))
def test_lden_is_the_oracles_and_a_louder_part_never_lowers_it(day, evening, night, more):
    (got,) = lden(column([day]), column([evening]), column([night]))
    wanted = oracle.lden(*(math.nan if each is None else each for each in (day, evening, night)))
    assert math.isnan(got) if wanted is None else got == pytest.approx(wanted, abs=1e-10)
    if wanted is not None:
        assert lden(column([day]), column([evening]), column([night + more]))[0] >= got - 1e-12
        assert min(day, evening + 5, night + 10) - 1e-9 <= got <= max(day, evening + 5, night + 10) + 1e-9


@settings(deadline=None)
@given(LEVELS, st.lists(st.floats(0, 100), min_size=2, max_size=2))
def test_levels_exceeded_fall_with_the_share_and_are_the_oracles(levels, shares):
    few, many = sorted(shares)
    got = ln_percentile(column(levels), few)
    wanted = oracle.exceeded(levels, few)
    assert math.isnan(got) if wanted is None else got == pytest.approx(wanted, abs=1e-9)
    if wanted is not None:
        assert max(there(levels)) >= got >= ln_percentile(column(levels), many) - 1e-12
        assert got == pytest.approx(float(np.percentile(there(levels), 100 - few)), abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(40, 60).map(float)), max_size=40), st.integers(40, 60))
def test_events_are_the_oracles_runs(levels, threshold):
    found, events = noise_exceedance(column(levels), threshold), noise_events(column(levels), threshold)
    runs = oracle.runs(levels, threshold)
    assert (found.samples, found.events) == (sum(map(len, runs)), len(runs))
    assert events.start.tolist() == [run[0] for run in runs]
    assert events.length.tolist() == [len(run) for run in runs]
    assert events.peak_db.tolist() == [max(levels[index] for index in run) for run in runs]
    assert math.isnan(found.fraction) if not there(levels) else found.fraction == found.samples / len(there(levels))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["Europe/Brussels", "Europe/Amsterdam", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    st.integers(0, 2**32 - 1),
)
def test_parts_of_any_date_in_any_zone(zone, day, seed):
    levels = np.random.default_rng(seed).uniform(30, 90, 4 * 72)
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    times = [first + timedelta(minutes=15 * n) for n in range(levels.size)]
    start_us = np.array([int(each.timestamp()) * 1_000_000 for each in times], np.int64)
    found = noise_days(start_us, levels, zone, interval_s=900)
    (row,) = np.flatnonzero(found.day == (day - EPOCH).days)
    hours = oracle.hours_of_parts(day, zone)
    assert found.expected[row].tolist() == found.valid[row].tolist() == [4 * hours["day"], 4 * hours["evening"], 4 * hours["night"]]
    wanted = oracle.day_levels(list(zip(times, levels.tolist(), strict=True)), day, zone)
    np.testing.assert_allclose(found.level_db[row], [wanted["day"], wanted["evening"], wanted["night"]], rtol=1e-12)
