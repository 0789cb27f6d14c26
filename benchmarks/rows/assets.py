"""Assets: outages, distinct times and freshness beside the libraries.

Promises  Outages overlap and come in the order of their starts, as a log has them.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.assets import completeness, distinct_times, is_late, uptime

PERIOD_S = 365 * 86_400.0


def _outages(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    start = np.sort(rng.uniform(0.0, PERIOD_S, n))
    return {
        "down": start,
        "up": np.minimum(start + rng.exponential(PERIOD_S / n, n), PERIOD_S),
        "second": np.sort(rng.integers(0, 2 * n, n)) * 1_000_000,
        "age": np.where(rng.random(n) < 0.02, np.nan, rng.exponential(100.0, n)),
        "cadence": rng.integers(10, 120, n).astype(np.float64),
        "came": rng.integers(0, 100, n).astype(np.float64),
        "due": rng.integers(0, 100, n).astype(np.float64),
    }


def _numpy_union(c: Columns) -> Answer:
    reached = np.concatenate(([0.0], np.maximum.accumulate(c["up"])[:-1]))
    return flat([np.maximum(c["up"] - np.maximum(c["down"], reached), 0.0).sum()])


def _numpy_late(c: Columns) -> Answer:
    late = (c["age"] > 3.0 * c["cadence"]).astype(np.float64)
    return np.where(np.isnan(c["age"]), -1.0, late)


def _numpy_complete(c: Columns) -> Answer:
    with np.errstate(all="ignore"):
        return np.where(c["due"] > 0.0, np.minimum(c["came"] / c["due"], 1.0), np.nan)


_REACHED = pl.col("up").cum_max().shift(1, fill_value=0.0)
_KNOWN = pl.col("age").is_finite()

ROWS: tuple[Row, ...] = (
    Row(
        "assets.uptime",
        only(_outages, "down", "up"),
        lambda c: flat([uptime(c["down"], c["up"], PERIOD_S).down_s]),
        {
            "numpy": _numpy_union,
            "polars": by_polars((pl.col("up") - pl.max_horizontal(pl.col("down"), _REACHED)).clip(0.0).sum()),
            "duckdb": by_duckdb(
                "SELECT sum(greatest(up - greatest(down, reached), 0)) FROM (SELECT down, up,"
                " coalesce(max(up) OVER (ORDER BY down ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS reached FROM t)"
            ),
        },
    ),
    Row(
        "assets.distinct_times",
        only(_outages, "second"),
        lambda c: flat([distinct_times(c["second"])]),
        {
            "numpy": lambda c: flat([1 + np.count_nonzero(np.diff(c["second"]))]),
            "polars": by_polars(pl.col("second").n_unique()),
            "duckdb": by_duckdb("SELECT count(DISTINCT second) FROM t"),
        },
        relative=0.0,
    ),
    Row(
        "assets.is_late",
        only(_outages, "age", "cadence"),
        lambda c: is_late(c["age"], c["cadence"]).astype(np.float64),
        {
            "numpy": _numpy_late,
            "polars": by_polars(pl.when(_KNOWN).then((pl.col("age") > 3.0 * pl.col("cadence")).cast(pl.Float64)).otherwise(-1.0)),
            "duckdb": by_duckdb("SELECT CASE WHEN isnan(age) THEN -1 ELSE (age > 3 * cadence)::INT END FROM t"),
        },
        relative=0.0,
    ),
    Row(
        "assets.completeness",
        only(_outages, "came", "due"),
        lambda c: completeness(c["came"], c["due"]),
        {
            "numpy": _numpy_complete,
            "polars": by_polars(
                pl.when(pl.col("due") > 0.0).then(pl.min_horizontal(pl.col("came") / pl.col("due"), pl.lit(1.0))).otherwise(float("nan"))
            ),
            "duckdb": by_duckdb("SELECT CASE WHEN due > 0 THEN least(came / due, 1) ELSE 'nan'::DOUBLE END FROM t"),
        },
    ),
)
