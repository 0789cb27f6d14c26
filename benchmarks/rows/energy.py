"""Energy, water and counters: their hot kernels beside the libraries.

Promises  Counters reset now and then and miss readings; every side counts the same increase.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.counters import counter_increase, counter_increase_of_integers, prometheus_increase
from kernels.degree_days import heating_degree_days, sum_heating
from kernels.energy import load_factor

NAN = float("nan")


def _meters(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    total = np.cumsum(rng.integers(0, 50, n))
    resets = np.maximum.accumulate(np.where(rng.random(n) < 1e-4, total, 0))
    whole = total - resets
    return {
        "second": np.arange(1, n + 1) * 60.0,
        "reading": np.where(rng.random(n) < 0.02, np.nan, whole / 8.0),
        "whole": whole,
        "t_mean": np.where(rng.random(n) < 0.02, np.nan, rng.normal(11.0, 8.0, n)),
        "base": np.full(n, 18.0),
        "power": np.where(rng.random(n) < 0.02, np.nan, rng.gamma(2.0, 30.0, n)),
    }


def _ours_load(c: Columns) -> Answer:
    return flat(load_factor(c["power"]))


def _numpy_load(c: Columns) -> Answer:
    known = c["power"][np.isfinite(c["power"])]
    return flat((known.mean() / known.max(), known.max()))


def _numpy_increase(c: Columns) -> Answer:
    known = c["reading"][np.isfinite(c["reading"])]
    step = np.diff(known)
    return flat([np.where(step < 0.0, known[1:], step).sum()])


def _numpy_integers(c: Columns) -> Answer:
    step = np.diff(c["whole"])
    return flat([np.where(step < 0, c["whole"][1:], step).sum()])


def _drawn_on(found: Answer, end: float) -> Answer:
    """The increase from first and last time, first value, rise and number of samples of the range (0, end]."""
    first_s, last_s, first, rise, n = found
    sampled = last_s - first_s
    spacing = sampled / (n - 1)
    before = min(first_s if first_s < 1.1 * spacing else spacing / 2, sampled * first / rise)
    after = end - last_s if end - last_s < 1.1 * spacing else spacing / 2
    return flat([rise * (sampled + before + after) / sampled])


def _end(c: Columns) -> float:
    return float(c["second"][-1]) + 30.0


def _numpy_prometheus(c: Columns) -> Answer:
    known = ~np.isnan(c["reading"])
    value, second = c["reading"][known], c["second"][known]
    rise = value[-1] - value[0] + value[:-1][np.diff(value) < 0.0].sum()
    return _drawn_on(flat((second[0], second[-1], value[0], rise, value.size)), _end(c))


def _polars_prometheus(c: Columns) -> Answer:
    return _drawn_on(_POLARS_RANGE(c), _end(c))


def _duckdb_prometheus(c: Columns) -> Answer:
    return _drawn_on(_DUCKDB_RANGE(c), _end(c))


def _steps(column: str) -> pl.Expr:
    known = pl.col(column).filter(pl.col(column).is_finite())
    return pl.when(known.diff() < 0).then(known).otherwise(known.diff()).sum()


_SEEN = pl.col("reading").is_finite()
_VALUE, _SECOND = pl.col("reading").filter(_SEEN), pl.col("second").filter(_SEEN)
_POLARS_RANGE = by_polars(
    _SECOND.first().alias("first_s"),
    _SECOND.last().alias("last_s"),
    _VALUE.first().alias("first"),
    (_VALUE.last() - _VALUE.first() + _VALUE.shift(1).filter(_VALUE.diff() < 0.0).sum()).alias("rise"),
    _VALUE.len().alias("n"),
)
_DUCKDB_RANGE = by_duckdb(
    "SELECT min(second), max(second), arg_min(v, second), arg_max(v, second) - arg_min(v, second) + coalesce(sum(before) FILTER (v < before), 0),"
    " count(*) FROM (SELECT second, reading AS v, lag(reading) OVER (ORDER BY second) AS before FROM t WHERE NOT isnan(reading))"
)
_COLD = pl.col("t_mean").filter(pl.col("t_mean").is_finite())
_POWER = pl.col("power").filter(pl.col("power").is_finite())
_SQL_STEPS = """
    SELECT sum(CASE WHEN v < before THEN v ELSE v - before END)
    FROM (SELECT v, lag(v) OVER (ORDER BY second) AS before FROM (SELECT second, {column} AS v FROM t WHERE {known}))
"""

ROWS: tuple[Row, ...] = (
    Row(
        "counters.counter_increase",
        only(_meters, "second", "reading"),
        lambda c: flat([counter_increase(c["reading"]).total]),
        {
            "numpy": _numpy_increase,
            "polars": by_polars(_steps("reading")),
            "duckdb": by_duckdb(_SQL_STEPS.format(column="reading", known="NOT isnan(reading)")),
        },
    ),
    Row(
        "counters.counter_increase_of_integers",
        only(_meters, "second", "whole"),
        lambda c: flat([counter_increase_of_integers(c["whole"])]),
        {"numpy": _numpy_integers, "polars": by_polars(_steps("whole")), "duckdb": by_duckdb(_SQL_STEPS.format(column="whole", known="true"))},
        relative=0.0,
    ),
    Row(
        "counters.prometheus_increase",
        only(_meters, "second", "reading"),
        lambda c: flat([prometheus_increase(c["second"], c["reading"], 0.0, float(c["second"][-1]) + 30.0).increase]),
        {"numpy": _numpy_prometheus, "polars": _polars_prometheus, "duckdb": _duckdb_prometheus},
    ),
    Row(
        "degree_days.heating_degree_days",
        only(_meters, "t_mean", "base"),
        lambda c: heating_degree_days(c["t_mean"], c["base"]),
        {
            "numpy": lambda c: np.maximum(c["base"] - c["t_mean"], 0.0),
            "polars": by_polars((pl.col("base") - pl.col("t_mean")).clip(0.0)),
            "duckdb": by_duckdb("SELECT CASE WHEN isnan(t_mean) THEN t_mean ELSE greatest(base - t_mean, 0) END FROM t"),
        },
    ),
    Row(
        "degree_days.sum_heating",
        only(_meters, "t_mean"),
        lambda c: flat(sum_heating(c["t_mean"])[:2]),
        {
            "numpy": lambda c: flat((np.nansum(np.maximum(18.0 - c["t_mean"], 0.0)), np.count_nonzero(np.isfinite(c["t_mean"])))),
            "polars": by_polars((18.0 - _COLD).clip(0.0).sum().alias("sum"), _COLD.len().alias("n")),
            "duckdb": by_duckdb("SELECT sum(greatest(18 - t_mean, 0)), count(*) FROM t WHERE NOT isnan(t_mean)"),
        },
    ),
    Row(
        "energy.load_factor",
        only(_meters, "power"),
        _ours_load,
        {
            "numpy": _numpy_load,
            "polars": by_polars((_POWER.mean() / _POWER.max()).alias("factor"), _POWER.max().alias("peak")),
            "duckdb": by_duckdb("SELECT avg(power) / max(power), max(power) FROM t WHERE NOT isnan(power)"),
        },
    ),
)
