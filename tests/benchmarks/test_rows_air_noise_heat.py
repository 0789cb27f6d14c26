"""Benchmark rows of air, noise and heat: every side gives the same result on the same columns."""

import pytest

from benchmarks.hot import close
from benchmarks.rows import air, heat, noise

ROWS = [*air.ROWS, *noise.ROWS, *heat.ROWS]


@pytest.mark.parametrize(("row", "rival"), [(row, rival) for row in ROWS for rival in row.rivals], ids=lambda each: getattr(each, "name", each))
def test_a_rival_computes_the_same(row, rival):
    columns = row.make(1200, 3)
    assert close(row.ours(columns), row.rivals[rival](columns), row.relative)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_columns_come_from_the_seed(row):
    first, again, other = row.make(240, 5), row.make(240, 5), row.make(240, 6)
    assert {name: column.tobytes() for name, column in first.items()} == {name: column.tobytes() for name, column in again.items()}
    assert any(first[name].tobytes() != other[name].tobytes() for name in first)
