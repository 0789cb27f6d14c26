"""Waste containers: the fill of every reading beside the libraries.

Promises  Two in a hundred distances are missing; shares and flags of all sides are compared.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat
from benchmarks.rows import Answer, Columns, Row
from kernels.waste import fill_level

NAN = float("nan")


def _echoes(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    distance = np.where(rng.random(n) < 0.02, np.nan, rng.uniform(0.0, 130.0, n))
    return {"bottom": rng.uniform(110.0, 130.0, n), "distance": distance, "height": rng.uniform(90.0, 105.0, n)}


def _ours(c: Columns) -> Answer:
    found = fill_level(c["bottom"], c["distance"], c["height"])
    return flat((found.share, found.flag))


def _numpy(c: Columns) -> Answer:
    raw = (c["bottom"] - c["distance"]) / c["height"]
    flag = np.where(np.isnan(raw), 9.0, np.where((raw < 0.0) | (raw > 1.0), 3.0, 1.0))
    return flat((np.clip(raw, 0.0, 1.0), flag))


_RAW = (pl.col("bottom") - pl.col("distance")) / pl.col("height")
_SQL = "(bottom - distance) / height"

ROWS: tuple[Row, ...] = (
    Row(
        "waste.fill_level",
        _echoes,
        _ours,
        {
            "numpy": _numpy,
            "polars": by_polars(
                _RAW.clip(0.0, 1.0).alias("share"),
                pl.when(_RAW.is_nan()).then(9.0).when(_RAW.is_between(0.0, 1.0)).then(1.0).otherwise(3.0).alias("flag"),
            ),
            "duckdb": by_duckdb(
                "SELECT CASE WHEN isnan(f) THEN f ELSE least(greatest(f, 0), 1) END,"
                " CASE WHEN isnan(f) THEN 9 WHEN f BETWEEN 0 AND 1 THEN 1 ELSE 3 END"
                f" FROM (SELECT {_SQL} AS f FROM t)"
            ),
        },
    ),
)
