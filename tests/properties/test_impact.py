"""Laws of the regressions: their formulas, and what a shift of the data does to them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.impact import Panel, did_2x2, did_regression, interrupted_series, pre_trends
from tests.oracles import impact as oracle


def made(seed: int, n: int) -> np.ndarray:
    return 20.0 + np.cumsum(np.random.default_rng(seed).normal(0.0, 1.0, n))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(16, 40), st.integers(0, 5))
def test_an_interrupted_series_is_its_normal_equations(seed: int, n: int, lags: int) -> None:
    y, t0 = made(seed, n), n // 2 + 1
    got = interrupted_series(y, t0, lags)
    beta, se = oracle.newey_west(y, oracle.series_columns(n, t0), lags)
    np.testing.assert_allclose(got.params, beta, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(got.se, se, rtol=1e-6, atol=1e-8)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(0.5, 20))
def test_a_shift_moves_the_level_only_and_a_scale_scales_all(seed: int, shift: float, scale: float) -> None:
    y = made(seed, 24)
    plain, moved, scaled = (interrupted_series(each, 13, 2) for each in (y, y + shift, y * scale))
    np.testing.assert_allclose(moved.params - plain.params, [shift, 0.0, 0.0, 0.0], atol=1e-8)
    np.testing.assert_allclose(scaled.params, plain.params * scale, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(scaled.se, plain.se * scale, rtol=1e-8, atol=1e-8)


def panel(seed: int, units: int = 8, times: int = 6) -> Panel:
    chance = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(units), times), np.tile(np.arange(times, dtype=float), units)
    treated, post = (unit >= units // 2).astype(float), (time >= times // 2).astype(float)
    y = 10.0 + chance.normal(0, 1, units)[unit] + 0.3 * time + 2.5 * treated * post + chance.normal(0, 0.4, unit.size)
    return Panel([f"unit-{u}" for u in unit.tolist()], time, treated, post, y)


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_did_is_the_difference_of_means_with_clustered_errors(seed: int) -> None:
    rows = panel(seed)
    means = {(a, b): rows.y[(rows.treated == a) & (rows.post == b)].mean() for a in (0, 1) for b in (0, 1)}
    x = np.column_stack((np.ones(len(rows.unit)), rows.treated, rows.post, rows.treated * rows.post))
    beta, se = oracle.clustered(rows.y, x, rows.unit)
    got = did_regression(rows)
    np.testing.assert_allclose([got.effect, got.se], [beta[3], se[3]], rtol=1e-8)
    np.testing.assert_allclose(got.effect, did_2x2((means[0, 0], means[0, 1]), (means[1, 0], means[1, 1])), rtol=1e-8)
    assert (got.clusters, got.few_clusters) == (8, True)


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    rows = panel(seed)
    order = np.random.default_rng(seed).permutation(len(rows.unit))
    shuffled = Panel([rows.unit[i] for i in order], *(column[order] for column in rows[1:]))
    for function in (did_regression, pre_trends):
        np.testing.assert_allclose(function(shuffled)[:2], function(rows)[:2], rtol=1e-7, atol=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.floats(-3, 3))
def test_pre_trends_read_the_rows_before_only_and_find_a_steeper_slope(seed: int, steeper: float) -> None:
    rows = panel(seed)
    plain = pre_trends(rows)
    tilted = rows._replace(y=rows.y + steeper * rows.treated * rows.time)
    np.testing.assert_allclose(pre_trends(tilted).effect - plain.effect, steeper, atol=1e-8)
    after = rows._replace(y=rows.y + 100.0 * rows.post * rows.treated)
    assert pre_trends(after) == plain
