"""Noise: energy means, Lden, percentile levels and runs above a threshold beside the libraries.

Promises  Two in a hundred levels are missing; every side leaves the same ones out. Durations are whole seconds.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.noise import lden, leq, leq_weighted, ln_percentile, noise_events, noise_exceedance

_WEIGHTS = (12.0 / 24.0, 4.0 / 24.0 * 10.0**0.5, 8.0 / 24.0 * 10.0)


def _levels(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    means = (("day", 62), ("evening", 58), ("night", 52))
    levels = {name: np.where(rng.random(n) < 0.02, np.nan, rng.normal(mean, 8.0, n)) for name, mean in means}
    return {**levels, "lasted_s": rng.integers(1, 900, n).astype(np.float64)}


def _numpy_leq(c: Columns) -> Answer:
    return flat([10.0 * np.log10(np.nanmean(10.0 ** (c["day"] / 10.0)))])


def _numpy_weighted(c: Columns) -> Answer:
    weights = np.where(np.isnan(c["day"]), 0.0, c["lasted_s"])
    return flat([10.0 * np.log10(np.nansum(weights * 10.0 ** (c["day"] / 10.0)) / weights.sum())])


def _numpy_lden(c: Columns) -> Answer:
    energies = (weight * 10.0 ** (c[name] / 10.0) for name, weight in zip(("day", "evening", "night"), _WEIGHTS, strict=True))
    return 10.0 * np.log10(sum(energies, start=np.zeros(1)))


def _numpy_exceedance(c: Columns) -> Answer:
    above = c["day"] > 65.0
    valid = (~np.isnan(c["day"])).sum()
    return flat([above.sum(), (above[1:] & ~above[:-1]).sum() + above[0], above.sum() / valid])


def _numpy_events(c: Columns) -> Answer:
    above = c["day"] > 65.0
    edge = np.diff(above.astype(np.int8), prepend=0, append=0)
    start, end = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    return flat([start, end - start, np.maximum.reduceat(np.where(above, c["day"], -np.inf), start)])


def _polars_events(c: Columns) -> Answer:
    marked = pl.DataFrame(dict(c)).with_row_index("i").with_columns(_ABOVE.alias("above")).with_columns(pl.col("above").rle_id().alias("run"))
    found = marked.filter("above").group_by("run").agg(pl.col("i").first(), pl.len().alias("n"), pl.col("day").max()).sort("i")
    return flat(found[name].to_numpy() for name in ("i", "n", "day"))


_DAY = pl.col("day").fill_nan(None)
_ABOVE = (_DAY > 65.0).fill_null(value=False)
_ENERGIES = [weight * (10.0 ** (pl.col(name) / 10.0)) for name, weight in zip(("day", "evening", "night"), _WEIGHTS, strict=True)]
_WEIGHT = pl.col("lasted_s").filter(pl.col("day").is_not_nan())
_HEARD = pl.col("day").filter(pl.col("day").is_not_nan())
_SQL_RUNS = "SELECT i, day, i - row_number() OVER (ORDER BY i) AS run FROM (SELECT row_number() OVER () - 1 AS i, day FROM t)"
_SQL_ABOVE = "SELECT isnan(day) AS missing, day > 65 AND NOT isnan(day) AS above FROM t"

ROWS: tuple[Row, ...] = (
    Row(
        "noise.leq",
        only(_levels, "day"),
        lambda c: flat([leq(c["day"])]),
        {
            "numpy": _numpy_leq,
            "polars": by_polars(10.0 * (10.0 ** (_DAY / 10.0)).mean().log10()),
            "duckdb": by_duckdb("SELECT 10 * log10(avg(10 ** (day / 10)) FILTER (NOT isnan(day))) FROM t"),
        },
    ),
    Row(
        "noise.leq_weighted",
        only(_levels, "day", "lasted_s"),
        lambda c: flat([leq_weighted(c["day"], c["lasted_s"])]),
        {
            "numpy": _numpy_weighted,
            "polars": by_polars(10.0 * ((_WEIGHT * 10.0 ** (_HEARD / 10.0)).sum() / _WEIGHT.sum()).log10()),
            "duckdb": by_duckdb("SELECT 10 * log10(sum(lasted_s * 10 ** (day / 10)) / sum(lasted_s)) FROM t WHERE NOT isnan(day)"),
        },
    ),
    Row(
        "noise.ln_percentile",
        only(_levels, "day"),
        lambda c: flat([ln_percentile(c["day"], 10.0)]),
        {
            "numpy": lambda c: flat([np.nanpercentile(c["day"], 90.0)]),
            "polars": by_polars(_DAY.quantile(0.9, "linear")),
            "duckdb": by_duckdb("SELECT quantile_cont(day, 0.9) FROM t WHERE NOT isnan(day)"),
        },
    ),
    Row(
        "noise.lden",
        only(_levels, "day", "evening", "night"),
        lambda c: lden(c["day"], c["evening"], c["night"]),
        {
            "numpy": _numpy_lden,
            "polars": by_polars(10.0 * (_ENERGIES[0] + _ENERGIES[1] + _ENERGIES[2]).log10()),
            "duckdb": by_duckdb(
                f"SELECT 10 * log10({_WEIGHTS[0]!r} * 10 ** (day / 10) + {_WEIGHTS[1]!r} * 10 ** (evening / 10)"
                f" + {_WEIGHTS[2]!r} * 10 ** (night / 10)) FROM t"
            ),
        },
    ),
    Row(
        "noise.noise_exceedance",
        only(_levels, "day"),
        lambda c: flat(noise_exceedance(c["day"], 65.0)),
        {
            "numpy": _numpy_exceedance,
            "polars": by_polars(
                _ABOVE.sum().alias("samples"),
                (_ABOVE & ~_ABOVE.shift(1, fill_value=False)).sum().alias("events"),
                (_ABOVE.sum() / _DAY.count()).alias("fraction"),
            ),
            "duckdb": by_duckdb(
                "SELECT count(*) FILTER (above), count(*) FILTER (above AND NOT was), count(*) FILTER (above) / count(*) FILTER (NOT missing)"
                f" FROM (SELECT above, missing, coalesce(lag(above) OVER (), false) AS was FROM ({_SQL_ABOVE}))"
            ),
        },
    ),
    Row(
        "noise.noise_events",
        only(_levels, "day"),
        lambda c: flat(noise_events(c["day"], 65.0)),
        {
            "numpy": _numpy_events,
            "polars": _polars_events,
            "duckdb": by_duckdb(
                f"SELECT min(i), count(*), max(day) FROM ({_SQL_RUNS} WHERE day > 65 AND NOT isnan(day)) GROUP BY run ORDER BY min(i)"
            ),
        },
        relative=0.0,
    ),
)
