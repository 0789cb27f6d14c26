"""Laws of moments, histograms, sketches, averages, outliers, windows and gaps."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import ddsketch, histogram, hyperloglog, moments, tdigest
from kernels.gaps import impute_linear
from kernels.int128 import to_ints
from kernels.outliers import hampel, hampel_trailing, mad_scaled
from kernels.smoothing import ewma, ewma_irregular
from kernels.windows import event_time_windows
from tests.oracles import statistics as oracle

WIDE = st.integers(-moments.LARGEST, moments.LARGEST)
GROUPED = st.lists(st.tuples(st.integers(0, 2), WIDE), max_size=30)
FINITE = st.floats(-1e6, 1e6)
SERIES = st.lists(st.one_of(st.just(math.nan), FINITE, st.integers(-3, 3).map(float)), max_size=25)


def array(values: list[float]) -> np.ndarray:
    return np.array(values, np.float64)


def same(left: np.ndarray, right: list[float], relative: float = 1e-12) -> bool:
    return np.allclose(left, array(right), rtol=relative, atol=1e-9, equal_nan=True) and left.shape == (len(right),)


def cells_of(rows: list[tuple[int, int]]) -> np.ndarray:
    cells = moments.new_cells(3)
    moments.add(np.array([g for g, _ in rows], np.int64), np.array([v for _, v in rows], np.int64), cells)
    return cells


@given(GROUPED)
def test_moments_are_those_of_exact_integers(rows: list[tuple[int, int]]) -> None:
    cells = cells_of(rows)
    sums, squares = to_ints(cells[:, 1], cells[:, 2]), to_ints(cells[:, 3], cells[:, 4])
    for g in range(3):
        values = [v for group, v in rows if group == g]
        got = (int(cells[g, 0]), sums[g], squares[g], int(cells[g, 5]), int(cells[g, 6]))
        assert got == (oracle.moments(values) if values else (0, 0, 0, 0, 0))


@given(GROUPED, st.randoms(use_true_random=False), st.integers(0, 30))
def test_moments_of_a_union_are_the_merged_ones_in_any_order(rows: list[tuple[int, int]], chance, cut: int) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    merged = cells_of(shuffled[:cut])
    moments.merge(merged, cells_of(shuffled[cut:]))
    np.testing.assert_array_equal(merged, cells_of(rows))


@given(st.lists(st.integers(-10_000, 10_000), min_size=2, max_size=20), st.sampled_from([0, 1]))
def test_variance_is_the_rounded_quotient_of_integers(values: list[int], ddof: int) -> None:
    found = moments.summary(cells_of([(0, v) for v in values]), 0.5, ddof)
    assert found.variance[0] == float(oracle.variance(values, ddof) / 4)
    assert found.mean[0] == float(Fraction(sum(values), 2 * len(values)))
    assert found.low[0] <= found.mean[0] <= found.high[0]
    assert math.isnan(found.mean[1])


def filled(values: list[int], low: int = -20, high: int = 20) -> histogram.Histogram:
    found = histogram.new_histogram(1, low, high)
    histogram.add(np.zeros(len(values), np.int64), np.array(values, np.int64), found)
    return found


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=40), st.fractions(0, 1, max_denominator=100))
def test_a_percentile_is_that_of_the_sorted_readings(values: list[int], q: Fraction) -> None:
    got = histogram.percentile(filled(values), float(q))[0]
    assert math.isclose(got, float(oracle.percentile(values, q)), rel_tol=1e-12, abs_tol=1e-9)


@given(st.lists(st.integers(-30, 30), max_size=40), st.integers(0, 40), st.randoms(use_true_random=False))
def test_histograms_merge_to_that_of_the_union_and_lose_nothing(values: list[int], cut: int, chance) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)
    merged = filled(shuffled[:cut])
    histogram.merge(merged, filled(shuffled[cut:]))
    whole = filled(values)
    np.testing.assert_array_equal(merged.counts, whole.counts)
    np.testing.assert_array_equal(merged.outside, whole.outside)
    assert whole.counts.sum() + whole.outside.sum() == len(values)


SKETCHED = st.lists(st.one_of(st.floats(-1e6, -1e-6), st.just(0.0), st.just(math.nan), st.floats(1e-6, 1e6)), min_size=1, max_size=50)


def sketched(values: list[float], accuracy: float = 0.01) -> ddsketch.Sketch:
    found = ddsketch.new_sketch(accuracy)
    ddsketch.add(array(values), found)
    return found


@given(SKETCHED, st.floats(0, 1), st.sampled_from([0.001, 0.01, 0.05]))
def test_ddsketch_is_within_its_accuracy_of_the_lower_quantile(values: list[float], q: float, accuracy: float) -> None:
    got = ddsketch.quantile(sketched(values, accuracy), q)
    if all(math.isnan(v) for v in values):
        assert math.isnan(got)
    else:
        wanted = oracle.lower_quantile(values, q)
        assert abs(got - wanted) <= accuracy * abs(wanted) * (1 + 1e-9)


@given(SKETCHED, st.integers(0, 50), st.randoms(use_true_random=False))
def test_ddsketch_of_a_union_is_the_merged_one(values: list[float], cut: int, chance) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)
    merged, whole = sketched(shuffled[:cut]), sketched(values)
    ddsketch.merge(merged, sketched(shuffled[cut:]))
    for left, right in zip(merged[-3:], whole[-3:], strict=True):
        np.testing.assert_array_equal(left, right)


@given(SKETCHED)
def test_ddsketch_quantiles_ascend(values: list[float]) -> None:
    got = [ddsketch.quantile(sketched(values), q) for q in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert got == sorted(got) or all(map(math.isnan, got))


@given(st.lists(FINITE, min_size=1, max_size=60), st.floats(0, 1))
def test_tdigest_of_few_values_is_exact_at_the_ends_and_ordered(values: list[float], q: float) -> None:
    digest = tdigest.new_digest()
    tdigest.add(array(values), digest)
    assert tdigest.quantile(digest, 0.0) == min(values)
    assert tdigest.quantile(digest, 1.0) == max(values)
    assert min(values) <= tdigest.quantile(digest, q) <= max(values)
    assert tdigest.count(digest) == len(values)


@given(st.integers(0, 5), st.sampled_from(["sorted", "shuffled", "structured", "halves"]), st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.9, 0.999]))
def test_tdigest_is_near_in_rank_however_the_values_come(seed: int, order: str, q: float) -> None:
    values = np.random.default_rng(seed).lognormal(0.0, 2.0, 5000)
    if order == "sorted":
        values = np.sort(values)
    if order == "structured":
        values = np.sort(values)[np.arange(5000) * 1777 % 5000]
    digest, second = tdigest.new_digest(), tdigest.new_digest()
    tdigest.add(values[:2000], digest)
    tdigest.add(values[2000:], second if order == "halves" else digest)
    if order == "halves":
        tdigest.merge(digest, second)
    low, high = oracle.rank_span(values.tolist(), tdigest.quantile(digest, q))
    most = 0.002 + 0.01 * math.sqrt(q * (1 - q))
    assert low - most <= q <= high + most
    assert tdigest.count(digest) == 5000


@given(st.sets(st.integers(-(1 << 62), 1 << 62), max_size=200), st.integers(1, 3), st.randoms(use_true_random=False))
def test_hyperloglog_forgets_order_repeats_and_grouping(ids: set[int], times: int, chance) -> None:
    many = list(ids) * times
    chance.shuffle(many)
    once, parts, other = (hyperloglog.new_registers(12) for _ in range(3))
    hyperloglog.add(hyperloglog.hash_ids(np.array(sorted(ids), np.int64)), once)
    hyperloglog.add(hyperloglog.hash_ids(np.array(many[::2], np.int64)), parts)
    hyperloglog.add(hyperloglog.hash_ids(np.array(many[1::2], np.int64)), other)
    hyperloglog.merge(parts, other)
    np.testing.assert_array_equal(parts, once)
    # few ids in 4,096 registers: those that share one are all the error there is
    used = int((once > 0).sum())
    assert used <= len(ids)
    assert hyperloglog.estimate(once) == pytest.approx(-4096.0 * math.log1p(-used / 4096.0), rel=0.02)


@given(SERIES, st.floats(0.01, 1.0))
def test_ewma_is_its_closed_form_and_stays_within_the_values(values: list[float], alpha: float) -> None:
    got = ewma(array(values), alpha)
    assert same(got, oracle.ewma(values, alpha), 1e-9)
    there = [v for v in values if not math.isnan(v)]
    assert all(math.isnan(v) or min(there) - 1e-6 <= v <= max(there) + 1e-6 for v in got)
    assert np.isnan(got).sum() == next((i for i, v in enumerate(values) if not math.isnan(v)), len(values))


@given(st.lists(st.tuples(st.floats(0, 1e4), st.one_of(st.just(math.nan), FINITE)), max_size=20), st.floats(0.1, 1e5))
def test_irregular_ewma_is_its_rule(rows: list[tuple[float, float]], tau_s: float) -> None:
    t_s, values = sorted(t for t, _ in rows), [v for _, v in rows]
    assert same(ewma_irregular(array(t_s), array(values), tau_s), oracle.ewma_irregular(t_s, values, tau_s), 1e-9)


@given(SERIES)
def test_mad_is_the_median_of_distances(values: list[float]) -> None:
    got, wanted = mad_scaled(array(values)), oracle.mad(values)
    assert math.isclose(got, wanted, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(got) and math.isnan(wanted))
    assert math.isnan(got) or got >= 0.0


@given(SERIES, st.integers(0, 6), st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([0.0, 0.5]))
def test_hampel_is_medians_of_windows(values: list[float], reach: int, n_sigma: float, min_scale: float) -> None:
    assert hampel(array(values), reach, n_sigma, min_scale).tolist() == oracle.hampel(values, reach, reach, n_sigma, min_scale)
    assert hampel_trailing(array(values), reach, n_sigma, min_scale).tolist() == oracle.hampel(values, reach, 0, n_sigma, min_scale)


@given(SERIES, st.integers(0, 5))
def test_imputing_fills_whole_short_gaps_and_touches_nothing_else(values: list[float], max_gap: int) -> None:
    out, filled_in = impute_linear(array(values), max_gap)
    assert same(out, oracle.impute(values, max_gap))
    there = ~np.isnan(array(values))
    np.testing.assert_array_equal(out[there], array(values)[there])
    np.testing.assert_array_equal(filled_in, ~there & ~np.isnan(out))


EVENTS = st.lists(st.tuples(st.integers(-60, 60), st.integers(-5, 5).map(float)), max_size=25)


@given(EVENTS, st.integers(1, 30), st.integers(1, 30), st.integers(0, 20))
def test_windows_are_those_tried_by_hand(events: list[tuple[int, float]], size: int, step: int, lateness: int) -> None:
    got = event_time_windows(np.array([t for t, _ in events], np.int64), array([v for _, v in events]), size, step, lateness)
    rows = list(zip(*(each.tolist() for each in got[:4]), strict=True))
    wanted = oracle.event_time_windows(events, size, step, lateness)
    assert (rows[: got.emitted], rows[got.emitted :], got.dropped) == (wanted.emitted, wanted.open, wanted.dropped)


@given(EVENTS, st.integers(1, 30))
def test_tumbling_windows_have_every_event_once(events: list[tuple[int, float]], size: int) -> None:
    got = event_time_windows(np.array([t for t, _ in events], np.int64), array([v for _, v in events]), size, size, 5)
    assert int(got.events.sum()) + got.dropped == len(events)
