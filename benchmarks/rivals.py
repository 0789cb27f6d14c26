"""What the rows of the kernel benchmark share: a statement in DuckDB and expressions in Polars over a row's columns, on one thread.

Promises  DuckDB reads the arrays in place, as an Arrow table `t`; its connection is made once. Polars takes them as a frame without a copy.
Leaves    Polars' one thread to the environment (POLARS_MAX_THREADS), which must be set before its first import.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.rows import Answer, Columns


@cache
def _connection() -> Any:
    return duckdb.connect(":memory:", config={"threads": 1})


def only(make: Callable[[int, int], Columns], *names: str) -> Callable[[int, int], Columns]:
    """The same maker with the columns that a kernel reads, and no other: their bytes are what its bandwidth is measured by."""

    def some(size: int, seed: int) -> Columns:
        made = make(size, seed)
        return {name: made[name] for name in names}

    return some


def flat(found: Any) -> Answer:
    """Columns or numbers one after another, as float64."""
    return np.concatenate([np.atleast_1d(np.asarray(each, np.float64)) for each in found])


def by_duckdb(statement: str) -> Callable[[Columns], Answer]:
    """The statement over table `t`, its result columns one after another."""

    def answer(columns: Columns) -> Answer:
        connection = _connection()
        connection.register("t", pa.table({name: pa.array(values) for name, values in columns.items()}))
        found: dict[str, npt.NDArray[Any]] = connection.execute(statement).fetchnumpy()
        return flat(np.ma.filled(np.ma.asarray(values, np.float64), np.nan) for values in found.values())

    return answer


def by_polars(*expressions: Any) -> Callable[[Columns], Answer]:
    """Expressions over the columns, their results one after another."""

    def answer(columns: Columns) -> Answer:
        import polars as pl

        found = pl.DataFrame(dict(columns)).select(*expressions)
        return flat(found[name].to_numpy() for name in found.columns)

    return answer
