"""Laws of containers: fill, trend, need."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.waste import collection_need, days_to_full, fill_level, since_emptying
from tests.oracles import waste as slow
from tests.oracles.missing import array, same

LENGTH = st.one_of(st.none(), st.integers(-20, 300))
SHARE = st.integers(0, 100).map(lambda n: n / 100)
READINGS = st.lists(st.tuples(st.integers(0, 60), SHARE), min_size=1, max_size=15, unique_by=lambda r: r[0]).map(sorted)


@given(LENGTH, LENGTH, LENGTH)
def test_fill_is_the_slow_one_and_says_where_it_was_clamped(bottom: int | None, distance: int | None, height: int | None) -> None:
    found = fill_level(array([bottom]), array([distance]), array([height]))
    wanted = slow.fill(bottom, distance, height)
    same(found.share[0], wanted)
    if wanted is None or bottom is None or distance is None or height is None:
        assert found.flag[0] == 9
    else:
        assert (found.flag[0] == 1) == (0 <= (bottom - distance) / height <= 1 and distance >= 0)


@given(st.floats(50, 300), st.floats(0, 300), st.floats(0, 300), st.floats(10, 300))
def test_a_nearer_echo_is_never_emptier(bottom: float, one: float, other: float, height: float) -> None:
    near, far = fill_level(bottom, sorted((one, other)), height).share
    assert 0.0 <= far <= near <= 1.0


@settings(deadline=None, max_examples=50)
@given(READINGS, SHARE)
def test_trends_are_the_slow_ones(readings: list, threshold: float) -> None:
    days, fills = [d / 4 for d, _ in readings], [f for _, f in readings]
    line, robust = days_to_full(days, fills, threshold)
    if len(readings) < 3:
        assert all(math.isnan(x) for x in (*line, *robust))
        return
    for found, (slope, intercept) in ((line, slow.least_squares(days, fills)), (robust, slow.theil_sen(days, fills))):
        assert found.slope == pytest.approx(slope, abs=1e-9)
        assume(not 0 < abs(slope) < 1e-6)  # where only rounding tells whether it rises
        same(found.days, slow.days(slope, intercept, days[-1], threshold), 1e-6, 1e-6)


@settings(deadline=None, max_examples=30)
@given(READINGS, SHARE, st.randoms())
def test_a_trend_depends_neither_on_order_nor_on_missing_pairs(readings: list, threshold: float, random) -> None:
    whole = days_to_full([float(d) for d, _ in readings], [f for _, f in readings], threshold)
    mixed = [*readings, (math.nan, 0.5), (30, math.nan)]
    random.shuffle(mixed)
    again = days_to_full([float(d) for d, _ in mixed], [f for _, f in mixed], threshold)
    assert np.array(again) == pytest.approx(np.array(whole), abs=1e-6, nan_ok=True)


@settings(deadline=None, max_examples=30)
@given(st.integers(5, 20), st.integers(1, 30), st.data())
def test_theil_sen_survives_one_bad_echo(n: int, hundredths: int, data) -> None:
    days, slope = np.arange(float(n)), hundredths / 1000
    fills = slope * days
    fills[data.draw(st.integers(0, n - 1))] = data.draw(st.sampled_from([0.0, 1.0]))
    assert days_to_full(days, fills)[1].slope == pytest.approx(slope)


@given(st.lists(st.one_of(st.none(), SHARE), max_size=30))
def test_the_last_emptying_is_the_slow_one(fills: list) -> None:
    assert since_emptying(array(fills)) == slow.since_emptying(fills, 0.3)


@given(st.one_of(st.none(), SHARE), st.one_of(st.none(), st.integers(0, 20)), st.integers(0, 20), st.sampled_from([1, 2, 3, 4, 9]))
def test_need_is_asserted_of_good_readings_only(fill: float | None, days: int | None, next_round: int, flag: int) -> None:
    need = int(collection_need(array([fill]), array([days]), next_round, np.array([flag]))[0])
    if fill is None or flag != 1:
        assert need == -1
    else:
        assert need == (fill >= 0.8 or (days is not None and days < next_round))
