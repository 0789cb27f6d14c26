"""Laws of registers: exact intervals, budgets, and numbers too small to show."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.registers import budget, decision_terms, delivery_vs_plan, new_dwellings_per_1000, rate_per, rate_with_interval
from kernels.rounding import round_half_up, round_to_5
from kernels.suppression import hide_rates, isolates, suppress_row
from kernels.table_suppression import determined, suppress_table
from tests.oracles import registers as slow
from tests.oracles.missing import array, same

CELL = st.one_of(st.integers(0, 6), st.integers(0, 60))
ROW = st.lists(CELL, max_size=12)
TABLE = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(st.lists(CELL, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0])
)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 120), st.sampled_from([0.9, 0.95, 0.99]))
def test_intervals_are_those_of_summed_probabilities(events: int, confidence: float) -> None:
    found = rate_with_interval(events, 1000.0, 1000.0, confidence)
    assert (found.low[0], found.high[0]) == pytest.approx(slow.poisson_interval(events, confidence), rel=1e-6, abs=1e-9)
    assert found.low[0] <= found.rate[0] <= found.high[0]
    assert found.rate[0] == rate_per(events, 1000.0)[0]


@given(st.integers(0, 500), st.integers(1, 10**6), st.integers(1, 50))
def test_the_same_rate_of_more_people_is_surer(events: int, population: int, times: int) -> None:
    few, many = rate_with_interval(events, population), rate_with_interval(events * times, population * times)
    assert many.rate[0] == pytest.approx(few.rate[0])
    assert many.high[0] - many.low[0] <= (few.high[0] - few.low[0]) * (1 + 1e-9)


@given(st.one_of(st.none(), st.integers(-2, 100)), st.one_of(st.none(), st.integers(-2, 100)))
def test_nothing_is_divided_by_zero(part: int | None, whole: int | None) -> None:
    p, w = array([part]), array([whole])
    share = None if part is None or whole is None or whole <= 0 else part / whole
    same(delivery_vs_plan(p, w)[0], share)
    same(new_dwellings_per_1000(p, w)[0], None if share is None or share < 0 else 1000 * share)
    assert np.isnan(rate_with_interval(p, w).high[0]) == (share is None or share < 0)


@given(st.floats(0, 1e8), st.floats(1, 1e8), st.integers(1, 5000), st.floats(0.01, 1))
def test_a_budget_spent_evenly_has_pace_one(spent: float, planned: float, clients: int, part: float) -> None:
    found = budget(spent, planned, clients, part)
    assert found.pace[0] * part == pytest.approx(found.utilisation[0])
    assert found.linear_forecast[0] / planned == pytest.approx(found.pace[0])
    assert budget(planned * part, planned, clients, part).pace[0] == pytest.approx(1.0)
    assert found.per_client[0] * clients == pytest.approx(spent)


@given(st.lists(st.one_of(st.none(), st.integers(0, 400)), max_size=30), st.integers(0, 400))
def test_terms_are_numpys_percentiles(days: list, legal: int) -> None:
    known, found = [d for d in days if d is not None], decision_terms(array(days), legal)
    same(found.median_days, float(np.percentile(known, 50)) if known else None)
    same(found.p90_days, float(np.percentile(known, 90)) if known else None)
    same(found.within, sum(d <= legal for d in known) / len(known) if known else None)


@given(ROW, st.integers(1, 12))
def test_a_suppressed_row_is_the_slow_one(counts: list, k: int) -> None:
    found = suppress_row(counts, k)
    shown, total = slow.suppress_row(counts, k)
    assert [None if gone else n for n, gone in zip(counts, found.cell, strict=True)] == shown
    assert found.total is total


@given(ROW, st.integers(1, 12))
def test_no_hidden_cell_of_a_row_follows_from_its_total(counts: list, k: int) -> None:
    found, row = suppress_row(counts, k), np.array(counts, np.int64)
    assert not any(0 < n < k for n in row[~found.cell])
    assert not found.cell[row == 0].any()
    if found.total and found.cell.any():
        assert found.cell.sum() >= 2
        assert row[found.cell].sum() >= k


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=n, max_size=n)))
def test_what_follows_from_totals_is_what_the_equations_fix(mask: list) -> None:
    hidden = np.array(mask, bool)
    assert determined(hidden).tolist() == slow.told_by_equations(hidden).tolist()


@settings(deadline=None, max_examples=100)
@given(TABLE, st.integers(2, 10))
def test_no_small_cell_of_a_table_follows_from_what_is_published(table: list, k: int) -> None:
    count = np.array(table, np.int64)
    found = suppress_table(count, k)
    small = (count > 0) & (count < k)
    assert (small <= found.cell).all()
    assert not found.cell[count == 0].any()
    whole = np.zeros((count.shape[0] + 1, count.shape[1] + 1), bool)
    whole[:-1, :-1], whole[:-1, -1], whole[-1, :-1], whole[-1, -1] = found
    told = slow.told_by_equations(whole)
    assert not told[:-1, :-1].any()
    for cells, hidden, total_hidden, total_told in [
        *zip(count, found.cell, found.row_total, told[:-1, -1], strict=True),
        *zip(count.T, found.cell.T, found.column_total, told[-1, :-1], strict=True),
    ]:
        if hidden.any() and (not total_hidden or total_told):
            assert cells[hidden].sum() >= k


@settings(deadline=None, max_examples=60)
@given(TABLE)
def test_a_table_without_small_cells_is_shown_whole(table: list) -> None:
    count = np.array(table, np.int64)
    found = suppress_table(np.where(count < 5, 0, count))
    assert not found.cell.any()
    assert not found.row_total.any()
    assert not found.column_total.any()
    assert not found.grand_total


@given(st.lists(st.tuples(st.integers(-1, 30), st.integers(-1, 30)), max_size=20), st.integers(1, 10))
def test_two_releases_isolate_small_differences(pairs: list, k: int) -> None:
    before, after = np.array(pairs, np.int64).reshape(-1, 2).T
    assert isolates(before, after, k).tolist() == [a >= 0 and b >= 0 and 0 < abs(a - b) < k for a, b in pairs]


@given(st.one_of(st.none(), st.integers(0, 20)), st.integers(1, 10))
def test_rates_over_few_persons_are_missing(persons: int | None, k: int) -> None:
    assert math.isnan(hide_rates(np.array([3.5]), array([persons]), k)[0]) == (persons is None or persons < k)


@given(st.integers(-(1 << 60), 1 << 60))
def test_fives_are_nearest_and_exact(n: int) -> None:
    found = int(round_to_5(np.array([n]))[0])
    assert found == slow.round_to_fives(n)
    assert abs(found - n) <= 2


@given(st.floats(-1e9, 1e9), st.sampled_from([1, 5, Fraction(1, 4), Fraction(1, 2)]))
def test_halves_go_up(value: float, step: Fraction) -> None:
    assert round_half_up(value, float(step))[0] == float(slow.half_up(value, Fraction(step)))


def test_a_half_that_the_float_just_misses_stays_down() -> None:
    assert round_half_up([0.49999999999999994, 0.5, 2.5, -2.5, math.nan, math.inf])[:4].tolist() == [0.0, 1.0, 3.0, -2.0]
    assert np.isnan(round_half_up([math.nan, math.inf])).all()
