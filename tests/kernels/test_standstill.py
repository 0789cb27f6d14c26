"""How long a value stands still: edges of durations, tolerance and stretches. Against the slow form: tests/restate/test_verdicts.py."""

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.standstill import NEVER_US, standstill


def flags(values: list[float], at: list[int], durations: tuple[int, int], parted: tuple[int, ...] = (0,), tolerance: float = 0.5) -> list[int]:
    n = len(values)
    rows = np.array(values, np.float64), np.array(at, np.int64), np.ones(n, np.bool_)
    joined = ~np.isin(np.arange(n), parted)
    return standstill(rows, joined, np.full(n, tolerance), np.repeat(np.array(durations, np.int64)[:, None], n, axis=1)).tolist()


@pytest.mark.parametrize(
    ("case", "found", "wanted"),
    [
        ("exactly so long is long enough", flags([1, 1, 1, 1], [0, 1, 2, 3], (2, 3)), [1, 1, 3, 4]),
        ("a range of the tolerance moves", flags([1, 1.5, 1, 1.5], [0, 1, 2, 3], (2, 3)), [1, 1, 1, 1]),
        ("below it does not", flags([1, 1.49, 1, 1.49], [0, 1, 2, 3], (2, 3)), [1, 1, 3, 4]),
        ("what came before the movement does not count", flags([1, 9, 1, 1, 1], [0, 1, 2, 3, 4], (2, 3)), [1, 1, 1, 1, 3]),
        ("a stretch begins anew", flags([1, 1, 1, 1, 1], [0, 1, 2, 3, 4], (2, 3), (0, 2)), [1, 1, 1, 1, 3]),
        ("only fail", flags([1, 1, 1, 1], [0, 1, 2, 3], (NEVER_US, 2)), [1, 1, 4, 4]),
        ("only suspect", flags([1, 1, 1, 1], [0, 1, 2, 3], (2, NEVER_US)), [1, 1, 3, 3]),
        ("neither", flags([1, 1, 1, 1], [0, 1, 2, 3], (NEVER_US, NEVER_US)), [1, 1, 1, 1]),
        ("a tolerance of nothing never fires", flags([1, 1, 1], [0, 1, 2], (1, 2), tolerance=0.0), [1, 1, 1]),
        ("no rows", flags([], [], (1, 2)), []),
    ],
)
def test_a_flat_line_by_the_clock(case: str, found: list[int], wanted: list[int]) -> None:
    assert found == wanted, case


def test_rows_that_are_not_wanted_are_looked_at_and_not_judged() -> None:
    rows = np.ones(3), np.arange(3, dtype=np.int64), np.array([False, False, True])
    assert standstill(rows, np.array([False, True, True]), np.full(3, 0.5), np.full((2, 3), 2, np.int64)).tolist() == [1, 1, 4]


def test_shapes_that_do_not_fit_are_refused() -> None:
    rows = np.ones(3), np.arange(3, dtype=np.int64), np.ones(3, np.bool_)
    with pytest.raises(KernelInputError, match="rows: wanted 3 times"):
        standstill(rows, np.ones(3, np.bool_), np.ones(3), np.ones((2, 2), np.int64))
