"""Registers: rates by area beside the libraries.

Promises  Figures of areas as a register has them, some missing, some areas without people.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, only
from benchmarks.rows import Answer, Columns, Row
from kernels.registers import rate_per


def _areas(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "events": np.where(rng.random(n) < 0.02, np.nan, rng.poisson(6.0, n).astype(np.float64)),
        "people": np.where(rng.random(n) < 0.01, 0.0, rng.integers(300, 9_000, n).astype(np.float64)),
    }


def _numpy_rate(c: Columns) -> Answer:
    with np.errstate(all="ignore"):
        return np.asarray(np.where(c["people"] > 0.0, 1000.0 * c["events"] / c["people"], np.nan))


_RATE = pl.when((pl.col("people") > 0.0) & pl.col("events").is_not_nan()).then(1000.0 * pl.col("events") / pl.col("people")).otherwise(float("nan"))

ROWS: tuple[Row, ...] = (
    Row(
        "registers.rate_per",
        only(_areas, "events", "people"),
        lambda c: rate_per(c["events"], c["people"]),
        {
            "numpy": _numpy_rate,
            "polars": by_polars(_RATE.alias("rate")),
            "duckdb": by_duckdb("SELECT CASE WHEN people > 0 THEN 1000 * events / people ELSE 'nan'::DOUBLE END FROM t"),
        },
    ),
)
