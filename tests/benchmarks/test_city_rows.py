"""The rows of mobility, waste, energy and assets: every side gives the kernel's answer on small columns, gaps included."""

import numpy as np
import pytest

from benchmarks.hot import close
from benchmarks.rivals import by_duckdb, only
from benchmarks.rows import Row, assets, energy, mobility, waste

ROWS = (*mobility.ROWS, *waste.ROWS, *energy.ROWS, *assets.ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_all_sides_agree(row: Row, seed: int) -> None:
    columns = row.make(700, seed)
    ours = row.ours(columns)
    assert {name: close(ours, rival(columns), row.relative) for name, rival in row.rivals.items()} == dict.fromkeys(row.rivals, True)
    assert np.isfinite(ours).any()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_all_three_rivals_and_no_column_too_many(row: Row) -> None:
    assert set(row.rivals) == {"numpy", "polars", "duckdb"}
    columns = row.make(50, 3)
    for name in columns:
        fewer = {other: values for other, values in columns.items() if other != name}
        sides = [row.ours, *row.rivals.values()]
        assert not all(_answers(side, fewer) for side in sides), f"nobody reads {name}"


def test_a_statement_reads_missing_numbers_as_missing() -> None:
    found = by_duckdb("SELECT a, CASE WHEN a > 1 THEN a END FROM t")({"a": np.array([1.0, 2.0, np.nan])})
    assert np.array_equal(found, [1, 2, np.nan, np.nan, 2, np.nan], equal_nan=True)


def test_only_keeps_what_is_named() -> None:
    made = only(lambda n, seed: {"a": np.zeros(n), "b": np.full(n, seed)}, "b")
    assert list(made(3, 4)) == ["b"]
    assert made(3, 4)["b"].tolist() == [4, 4, 4]


def _answers(side, columns) -> bool:
    try:
        side(columns)
    except Exception:  # noqa: BLE001 - each library has its own error for a column that is not there
        return False
    return True
