"""The quality tests beside the libraries, on a series with two in a hundred missing.

Promises  Every side gives the same flags, 9 for a missing value included.
Leaves    Timing to benchmarks.hot.
"""

from typing import Any

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, only
from benchmarks.rows import Answer, Columns, Row
from kernels import qartod

LOW, HIGH, STEPS = 18.0, 22.0, 5


def _series(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    # to a hundredth, so that some windows stand still; a whole number of them a step, so that all sides round alike
    values = np.rint(20.0 + 2.0 * np.sin(np.arange(n) / 500.0) + rng.normal(0.0, 0.4, n)) + rng.integers(0, 2, n) * 0.5
    flags = rng.choice(np.array([1, 2, 3, 4, 9], np.uint8), (3, n), p=[0.8, 0.1, 0.05, 0.03, 0.02])
    return {
        "i": np.arange(n),
        "s": np.where(rng.random(n) < 0.02, np.nan, values),
        "t": np.cumsum(rng.integers(1, 4, n)).astype(np.float64),
        "a": flags[0],
        "b": flags[1],
        "c": flags[2],
    }


def _graded(amount: Answer) -> Answer:
    return np.where(amount > 2.0, 4.0, np.where(amount > 1.0, 3.0, 1.0))


def _numpy_range(c: Columns) -> Answer:
    s = c["s"]
    found = np.where((s < LOW - 1.0) | (s > HIGH + 1.0), 4.0, np.where((s < LOW) | (s > HIGH), 3.0, 1.0))
    return np.where(np.isnan(s), 9.0, found)


def _numpy_spike(c: Columns) -> Answer:
    s = c["s"]
    away = np.full(s.size, np.nan)
    away[1:-1] = np.abs(s[1:-1] - (s[:-2] + s[2:]) / 2.0)
    return np.where(np.isnan(s), 9.0, np.where(np.isnan(away), 2.0, _graded(away)))


def _numpy_rate(c: Columns) -> Answer:
    s = c["s"]
    rate = np.zeros(s.size)
    rate[1:] = np.abs(np.diff(s) / np.diff(c["t"]))
    return np.where(np.isnan(s), 9.0, _graded(rate))


def _numpy_flat(c: Columns) -> Answer:
    s = c["s"]
    high, low = np.where(np.isnan(s), -np.inf, s), np.where(np.isnan(s), np.inf, s)
    windows = [np.lib.stride_tricks.sliding_window_view(each, STEPS + 1) for each in (high, low)]
    found = np.ones(s.size)
    found[STEPS:] = np.where(windows[0].max(axis=1) - windows[1].min(axis=1) < 0.6, 3.0, 1.0)
    return np.where(np.isnan(s), 9.0, found)


def _numpy_roll_up(c: Columns) -> Answer:
    rank = np.array([0, 2, 1, 3, 4, 0, 0, 0, 0, 0])
    worst = np.maximum(np.maximum(rank[c["a"]], rank[c["b"]]), rank[c["c"]])
    return np.asarray(np.array([9.0, 2.0, 1.0, 3.0, 4.0])[worst])


_S = pl.col("s").fill_nan(None)
_MISSING = pl.col("s").is_nan()


def _polars_graded(amount: pl.Expr) -> Any:
    return pl.when(amount > 2.0).then(4.0).when(amount > 1.0).then(3.0)


_AWAY = (_S - (_S.shift(1) + _S.shift(-1)) / 2.0).abs()
_RATE = ((_S - _S.shift(1)) / (pl.col("t") - pl.col("t").shift(1))).abs()
_RANGE = _S.rolling_max(STEPS + 1, min_samples=1) - _S.rolling_min(STEPS + 1, min_samples=1)
_T = "(SELECT i, t, CASE WHEN isnan(s) THEN NULL ELSE s END AS s FROM t)"
_GRADED = "WHEN d > 2 THEN 4 WHEN d > 1 THEN 3"
_OVER = f"OVER (ORDER BY i ROWS BETWEEN {STEPS} PRECEDING AND CURRENT ROW)"
_RANKED = "greatest({})".format(", ".join(f"CASE {name} WHEN 4 THEN 4 WHEN 3 THEN 3 WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE 0 END" for name in "abc"))

ROWS: tuple[Row, ...] = (
    Row(
        "qartod.gross_range",
        only(_series, "s"),
        lambda c: qartod.gross_range(c["s"], (LOW - 1.0, HIGH + 1.0), (LOW, HIGH)).astype(np.float64),
        {
            "numpy": _numpy_range,
            "polars": by_polars(
                pl.when(_MISSING)
                .then(9.0)
                .when((pl.col("s") < LOW - 1.0) | (pl.col("s") > HIGH + 1.0))
                .then(4.0)
                .when((pl.col("s") < LOW) | (pl.col("s") > HIGH))
                .then(3.0)
                .otherwise(1.0)
            ),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN isnan(s) THEN 9 WHEN s < {LOW - 1} OR s > {HIGH + 1} THEN 4 WHEN s < {LOW} OR s > {HIGH} THEN 3 ELSE 1 END FROM t"
            ),
        },
        relative=0.0,
    ),
    Row(
        "qartod.spike",
        only(_series, "i", "s"),
        lambda c: qartod.spike(c["s"], 1.0, 2.0).astype(np.float64),
        {
            "numpy": _numpy_spike,
            "polars": by_polars(pl.when(_MISSING).then(9.0).when(_AWAY.is_null()).then(2.0).otherwise(_polars_graded(_AWAY).otherwise(1.0))),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN s IS NULL THEN 9 WHEN d IS NULL THEN 2 {_GRADED} ELSE 1 END FROM"
                f" (SELECT i, s, abs(s - (lag(s) OVER (ORDER BY i) + lead(s) OVER (ORDER BY i)) / 2) AS d FROM {_T}) ORDER BY i"
            ),
        },
        relative=0.0,
    ),
    Row(
        "qartod.rate_of_change",
        only(_series, "i", "s", "t"),
        lambda c: qartod.rate_of_change(c["s"], c["t"], 1.0, 2.0).astype(np.float64),
        {
            "numpy": _numpy_rate,
            "polars": by_polars(pl.when(_MISSING).then(9.0).otherwise(_polars_graded(_RATE).otherwise(1.0))),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN s IS NULL THEN 9 {_GRADED} ELSE 1 END FROM"
                f" (SELECT i, s, abs((s - lag(s) OVER (ORDER BY i)) / (t - lag(t) OVER (ORDER BY i))) AS d FROM {_T}) ORDER BY i"
            ),
        },
        relative=0.0,
    ),
    Row(
        "qartod.flat_line",
        only(_series, "i", "s"),
        lambda c: qartod.flat_line(c["s"], (STEPS, -1), 0.6, 1).astype(np.float64),
        {
            "numpy": _numpy_flat,
            "polars": by_polars(pl.when(_MISSING).then(9.0).when((_RANGE < 0.6) & (pl.int_range(pl.len()) >= STEPS)).then(3.0).otherwise(1.0)),
            "duckdb": by_duckdb(
                "SELECT CASE WHEN s IS NULL THEN 9 WHEN d < 0.6 AND i >= 5 THEN 3 ELSE 1 END FROM"
                f" (SELECT i, s, max(s) {_OVER} - min(s) {_OVER} AS d FROM {_T}) ORDER BY i"
            ),
        },
        relative=0.0,
    ),
    Row(
        "qartod.aggregate",
        only(_series, "a", "b", "c"),
        lambda c: qartod.aggregate(np.array([c["a"], c["b"], c["c"]])).astype(np.float64),
        {
            "numpy": _numpy_roll_up,
            "polars": by_polars(
                pl.max_horizontal(*(pl.col(name).replace_strict({4: 4, 3: 3, 1: 2, 2: 1, 9: 0}) for name in "abc")).replace_strict(
                    {4: 4.0, 3: 3.0, 2: 1.0, 1: 2.0, 0: 9.0}
                )
            ),
            "duckdb": by_duckdb(f"SELECT CASE {_RANKED} WHEN 4 THEN 4 WHEN 3 THEN 3 WHEN 2 THEN 1 WHEN 1 THEN 2 ELSE 9 END FROM t"),
        },
        relative=0.0,
    ),
)
