"""Roads: detectors and levels of service beside the libraries.

Promises  Two in a hundred shares and speeds are missing; on-times are all there, because a missing one hides the whole sum.
Leaves    Timing to benchmarks.hot; flows, speeds and travel times to benchmarks.rows.mobility.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from benchmarks.rows.mobility import NAN, gaps
from kernels.flow import density_from_occupancy, summed_on_time
from kernels.service_level import URBAN_STREET_KMH, los_urban_street

CLASS = 2
EDGES = URBAN_STREET_KMH[CLASS]


def _detectors(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "occupancy": gaps(rng.random(n), rng),
        "vehicle": rng.uniform(4.0, 12.0, n),
        "detector": rng.uniform(1.0, 2.0, n),
        "on_time": rng.gamma(2.0, 0.3, n),
        "speed": gaps(rng.uniform(0.0, 70.0, n), rng),
    }


def _numpy_density(c: Columns) -> Answer:
    share, length = c["occupancy"], c["vehicle"] + c["detector"]
    return np.where((share >= 0.0) & (share <= 1.0) & (length > 0.0), 1000.0 * share / length, np.nan)


def _numpy_on_time(c: Columns) -> Answer:
    on = c["on_time"]
    return flat([np.where((on >= 0.0) & (on < np.inf), on, np.nan).sum()])


def _numpy_street(c: Columns) -> Answer:
    v = c["speed"]
    return np.where((v >= 0.0) & (v < np.inf), 6.0 - np.searchsorted(EDGES[::-1], v), -1.0)


_SHARE, _LENGTH, _ON, _SPEED = pl.col("occupancy"), pl.col("vehicle") + pl.col("detector"), pl.col("on_time"), pl.col("speed")
_WORSE = pl.lit(1.0) + sum(_SPEED.le(edge).cast(pl.Float64) for edge in EDGES.tolist())
_SQL_WORSE = " + ".join(f"(speed <= {edge!r})::INT" for edge in EDGES.tolist())

ROWS: tuple[Row, ...] = (
    Row(
        "flow.density_from_occupancy",
        only(_detectors, "occupancy", "vehicle", "detector"),
        lambda c: density_from_occupancy(c["occupancy"], c["vehicle"], c["detector"]),
        {
            "numpy": _numpy_density,
            "polars": by_polars(pl.when(_SHARE.is_between(0.0, 1.0) & (_LENGTH > 0.0)).then(1000.0 * _SHARE / _LENGTH).otherwise(NAN)),
            "duckdb": by_duckdb(
                "SELECT CASE WHEN occupancy BETWEEN 0 AND 1 AND vehicle + detector > 0 THEN 1000 * occupancy / (vehicle + detector)"
                " ELSE 'nan'::DOUBLE END FROM t"
            ),
        },
    ),
    Row(
        "flow.summed_on_time",
        only(_detectors, "on_time"),
        lambda c: flat([summed_on_time(c["on_time"])]),
        {
            "numpy": _numpy_on_time,
            "polars": by_polars(pl.when((_ON >= 0.0) & _ON.is_finite()).then(_ON).otherwise(NAN).sum()),
            "duckdb": by_duckdb("SELECT sum(CASE WHEN on_time >= 0 AND isfinite(on_time) THEN on_time ELSE 'nan'::DOUBLE END) FROM t"),
        },
    ),
    Row(
        "service_level.los_urban_street",
        only(_detectors, "speed"),
        lambda c: los_urban_street(c["speed"], CLASS).astype(np.float64),
        {
            "numpy": _numpy_street,
            "polars": by_polars(pl.when(_SPEED.is_finite() & (_SPEED >= 0.0)).then(_WORSE).otherwise(-1.0)),
            "duckdb": by_duckdb(f"SELECT CASE WHEN isfinite(speed) AND speed >= 0 THEN 1.0 + {_SQL_WORSE} ELSE -1 END FROM t"),
        },
        relative=0.0,
    ),
)
