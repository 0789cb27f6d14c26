"""The gateway's kernels against their oracles."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernels import ingest as kernel
from tests.oracles import ingest as oracle

ROWS: list[oracle.Row] = [
    (1.0, 0.0, 0.1, 10.0, -5.0, 500.0),
    (0.5555555555555556, -17.77777777777778, 0.01, 100.0, -90.0, 70.0),
    (1000.0, 0.0, 1.0, 1.0, 0.0, 200_000.0),
    (100.0, 0.0, 0.25, 4.0, 0.0, 100.0),
    (1.0, 0.0, 5.0, 0.0, -100.0, 100.0),
    (1.0, 0.0, 0.3, 0.0, -100.0, 100.0),
]
TABLE = np.array(ROWS)
VALUES = st.one_of(
    st.floats(), st.floats(-600, 600), st.integers(-6000, 6000).map(lambda n: n / 10), st.sampled_from([0.05, 0.15, 0.25, -0.04, 70.0, 100.0])
)


@given(st.lists(st.tuples(st.integers(0, len(ROWS) - 1), VALUES), max_size=30))
@example([(0, 0.05), (0, -0.04), (0, 500.04), (0, 500.06), (0, 1e308), (2, 1e308), (0, float("nan")), (0, float("-inf"))])
def test_canonical_is_its_oracle(rows: list[tuple[int, float]]) -> None:
    verdict = np.zeros(len(rows), np.uint8)
    found = kernel.canonical(np.array([slot for slot, _ in rows], np.int32), np.array([value for _, value in rows], np.float64), TABLE, verdict)
    for i, (slot, value) in enumerate(rows):
        wanted, said = oracle.canonical(value, ROWS[slot])
        assert verdict[i] == said
        if said == kernel.OK:
            assert found[i] == wanted
            assert not (found[i] == 0.0 and np.signbit(found[i]))


@given(st.integers(-(2**40), 2**40), st.sampled_from([10.0, 100.0, 1000.0, 4.0, 1.0]))
def test_a_rounded_value_tells_its_integer_again(steps: int, per_one: float) -> None:
    resolution = 1.0 / per_one
    row = np.array([[1.0, 0.0, resolution, per_one, -np.inf, np.inf]])
    found = kernel.canonical(np.zeros(1, np.int32), np.array([steps * resolution]), row, np.zeros(1, np.uint8))
    assert np.rint(found[0] / resolution) == steps
    assert kernel.canonical(np.zeros(1, np.int32), found, row, np.zeros(1, np.uint8))[0] == found[0]


def test_rows_with_a_verdict_are_left_alone() -> None:
    verdict = np.array([kernel.WRONG_UNIT, kernel.UNKNOWN_QUANTITY], np.uint8)
    slot = np.array([-2, -1], np.int32)
    times = np.zeros(2, np.int64)
    assert np.isnan(kernel.canonical(slot, np.ones(2), TABLE, verdict)).all()
    kernel.timely(times + 2**50, times, times, 0, verdict)
    kernel.repeated(slot, slot, times, np.ones(2), verdict)
    assert verdict.tolist() == [kernel.WRONG_UNIT, kernel.UNKNOWN_QUANTITY]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 60)), max_size=20), st.integers(0, 40))
def test_timely_is_its_oracle(rows: list[tuple[int, int, int]], ahead_us: int) -> None:
    at, received, age = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    verdict = np.zeros(len(rows), np.uint8)
    kernel.timely(at, received, age, ahead_us, verdict)
    assert verdict.tolist() == [oracle.timely(*row, ahead_us) for row in rows]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0]), st.booleans()), max_size=60))
def test_repeated_is_its_oracle(rows: list[tuple[int, int, int, float, bool]]) -> None:
    message, quantity = (np.array([row[i] for row in rows], np.int32) for i in range(2))
    at, value = np.array([row[2] for row in rows], np.int64), np.array([row[3] for row in rows], np.float64)
    verdict = np.array([kernel.OK if row[4] else kernel.OUT_OF_RANGE for row in rows], np.uint8)
    kernel.repeated(message, quantity, at, value, verdict)
    assert verdict.tolist() == oracle.repeated([row[:4] for row in rows], [row[4] for row in rows])


def test_shapes_that_do_not_fit_are_refused() -> None:
    one, two = np.zeros(1, np.uint8), np.zeros(2)
    with pytest.raises(kernel.KernelInputError, match=r"wanted shape \(2,\)"):
        kernel.canonical(np.zeros(2, np.int32), two, TABLE, one)
    with pytest.raises(kernel.KernelInputError, match="slot"):
        kernel.canonical(np.full(2, 99, np.int32), two, TABLE, np.zeros(2, np.uint8))
    with pytest.raises(kernel.KernelInputError, match="table"):
        kernel.canonical(np.zeros(2, np.int32), two, TABLE[:, :5], np.zeros(2, np.uint8))
