"""Laws of assets: availability, completeness, uptime, freshness."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.assets import completeness, distinct_times, freshness_s, is_late, streetlight_availability, uptime
from tests.oracles import assets as slow
from tests.oracles.missing import array, same

LAMPS = st.one_of(st.none(), st.integers(0, 500))
PERIOD = 120
OUTAGE = st.tuples(st.one_of(st.none(), st.integers(-20, 140)), st.one_of(st.none(), st.integers(-20, 140)))


@given(LAMPS, LAMPS, LAMPS)
def test_lamps_are_shares_and_what_is_unknown_is_neither(working: int | None, faulty: int | None, unknown: int | None) -> None:
    found = streetlight_availability(*(array([n]) for n in (working, faulty, unknown)))
    known = None if working is None or faulty is None else working + faulty
    every = None if known is None or unknown is None else known + unknown
    same(found.of_known[0], slow.share(working, known))
    same(found.of_all[0], slow.share(working, every))
    same(found.unknown[0], slow.share(unknown, every))
    if every:
        assert found.of_all[0] <= (1.0 if np.isnan(found.of_known[0]) else found.of_known[0])


@given(st.lists(st.integers(0, 10**9), max_size=50), st.integers(0, 60))
def test_a_reading_that_came_twice_completes_nothing(times: list, expected: int) -> None:
    once, twice = (distinct_times(np.array(t, np.int64)) for t in (times, times + times))
    assert once == twice == len(set(times))
    same(completeness(once, expected)[0], min(1.0, once / expected) if expected else None)


@given(st.lists(OUTAGE, max_size=12))
def test_uptime_is_that_of_every_second(outages: list) -> None:
    found = uptime(array([a for a, _ in outages]), array([b for _, b in outages]), PERIOD)
    down = slow.seconds_down(outages, PERIOD)
    assert found.down_s == sum(down)
    assert found.availability == pytest.approx(1 - sum(down) / PERIOD)
    assert found.failures == slow.failures(down)
    if found.failures:
        assert (found.mean_between_failures_s + found.mean_to_repair_s) * found.failures == pytest.approx(PERIOD)
    else:
        assert math.isnan(found.mean_between_failures_s)
        assert math.isnan(found.mean_to_repair_s)


@given(st.lists(OUTAGE, max_size=10), st.randoms())
def test_uptime_depends_neither_on_order_nor_on_repetition(outages: list, random) -> None:
    mixed = [*outages, *outages[:3]]
    random.shuffle(mixed)
    one, other = (uptime(array([a for a, _ in some]), array([b for _, b in some]), PERIOD) for some in (outages, mixed))
    assert one == pytest.approx(other, nan_ok=True)


@given(st.integers(0, 1 << 52), st.integers(-(10**12), 10**12), st.integers(1, 86_400))
def test_late_is_more_than_three_intervals(last_us: int, age_us: int, interval_s: int) -> None:
    age = freshness_s(last_us + age_us, last_us)
    assert age[0] == age_us / 1e6
    assert is_late(age, interval_s)[0] == (age_us / 1e6 / interval_s > 3)
    assert is_late(math.nan, interval_s)[0] == -1
    assert is_late(age, 0)[0] == -1
