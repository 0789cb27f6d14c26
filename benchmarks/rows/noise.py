"""Noise: energy means, Lden and counts above a threshold beside the libraries.

Promises  Two in a hundred levels are missing; every side leaves the same ones out.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.noise import lden, leq, noise_exceedance

_WEIGHTS = (12.0 / 24.0, 4.0 / 24.0 * 10.0**0.5, 8.0 / 24.0 * 10.0)


def _levels(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {name: np.where(rng.random(n) < 0.02, np.nan, rng.normal(mean, 8.0, n)) for name, mean in (("day", 62), ("evening", 58), ("night", 52))}


def _numpy_leq(c: Columns) -> Answer:
    return flat([10.0 * np.log10(np.nanmean(10.0 ** (c["day"] / 10.0)))])


def _numpy_lden(c: Columns) -> Answer:
    energies = (weight * 10.0 ** (c[name] / 10.0) for name, weight in zip(("day", "evening", "night"), _WEIGHTS, strict=True))
    return 10.0 * np.log10(sum(energies, start=np.zeros(1)))


def _numpy_exceedance(c: Columns) -> Answer:
    above = c["day"] > 65.0
    valid = (~np.isnan(c["day"])).sum()
    return flat([above.sum(), (above[1:] & ~above[:-1]).sum() + above[0], above.sum() / valid])


_DAY = pl.col("day").fill_nan(None)
_ABOVE = (_DAY > 65.0).fill_null(value=False)
_ENERGIES = [weight * (10.0 ** (pl.col(name) / 10.0)) for name, weight in zip(("day", "evening", "night"), _WEIGHTS, strict=True)]
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
)
