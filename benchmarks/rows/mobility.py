"""Traffic, parking and public transport: their hot kernels beside the libraries.

Promises  Two in a hundred numbers are missing; every side leaves out, or passes on, the same ones.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.bikeshare import time_share
from kernels.flow import density, flow_vph
from kernels.parking import parking_occupancy
from kernels.queue import queue
from kernels.service_level import FREEWAY_DENSITY, los_freeway_density
from kernels.speed import mean_speeds, travel_time_index
from kernels.transit import excess_waiting_time, on_time_performance

F64 = npt.NDArray[np.float64]
NAN = float("nan")


def gaps(values: F64, rng: np.random.Generator) -> F64:
    """Two in a hundred missing."""
    return np.where(rng.random(values.size) < 0.02, np.nan, values)


def _traffic(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    speed = gaps(rng.gamma(9.0, 5.0, n) + 1.0, rng)
    return {
        "count": gaps(rng.poisson(12.0, n).astype(np.float64), rng),
        "interval": np.full(n, 60.0),
        "flow": gaps(rng.poisson(700.0, n).astype(np.float64), rng),
        "speed": speed,
        "time": gaps(rng.gamma(30.0, 10.0, n), rng),
        "free": rng.uniform(150.0, 300.0, n),
        "density": gaps(rng.gamma(3.0, 5.0, n), rng),
    }


def _queues(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {"came": rng.poisson(5.0, n).astype(np.float64), "could": rng.poisson(5.3, n).astype(np.float64)}


def _transit(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {"headway": gaps(rng.gamma(4.0, 120.0, n), rng), "delay": gaps(np.rint(rng.normal(120.0, 150.0, n)), rng)}


def _spaces(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    spaces = rng.integers(20, 900, n).astype(np.float64)
    return {
        "taken": gaps(np.rint(spaces * rng.random(n) * 1.05), rng),
        "spaces": spaces,
        "shut": rng.integers(0, 10, n).astype(np.float64),
        "bikes": gaps(rng.integers(0, 12, n).astype(np.float64), rng),
        "lasted": rng.integers(1, 900, n).astype(np.float64),
    }


def _quotient(above: F64, below: F64, scale: float = 1.0) -> F64:
    with np.errstate(all="ignore"):
        return np.where((above >= 0.0) & (below > 0.0), above / below * scale, np.nan)


def _numpy_speeds(c: Columns) -> Answer:
    v = c["speed"]
    moving = v[v > 0.0]
    return flat((moving.mean(), moving.size / (1.0 / moving).sum(), moving.size))


def _numpy_levels(c: Columns) -> Answer:
    k = c["density"]
    return np.where(k >= 0.0, np.searchsorted(FREEWAY_DENSITY, k) + 1.0, -1.0)


def _numpy_queue(c: Columns) -> Answer:
    total = np.cumsum(c["came"] - c["could"])
    return total - np.minimum(np.minimum.accumulate(total), 0.0)


def _numpy_waiting(c: Columns) -> Answer:
    h = c["headway"][c["headway"] >= 0.0]
    return flat((np.dot(h, h) / (2.0 * h.sum()), h.std() / h.mean()))


def _numpy_on_time(c: Columns) -> Answer:
    d = c["delay"]
    return flat([np.count_nonzero((d >= -60.0) & (d <= 300.0)) / np.count_nonzero(np.isfinite(d))])


def _numpy_parking(c: Columns) -> Answer:
    usable = c["spaces"] - c["shut"]
    return flat((_quotient(c["taken"], usable), np.maximum(usable - c["taken"], 0.0)))


def _numpy_share(c: Columns) -> Answer:
    known = c["bikes"] >= 0.0
    return flat([c["lasted"][c["bikes"] >= 1.0].sum() / c["lasted"][known].sum()])


def _ours_parking(c: Columns) -> Answer:
    found = parking_occupancy(c["taken"], c["spaces"], c["shut"])
    return flat((found.share, found.free))


def _ours_waiting(c: Columns) -> Answer:
    found = excess_waiting_time(c["headway"], ())
    return flat((found.actual, found.variation))


def _over(above: str, below: str, scale: float = 1.0) -> pl.Expr:
    return (
        pl.when((pl.col(above) >= 0.0) & (pl.col(above) == pl.col(above)) & (pl.col(below) > 0.0))
        .then(pl.col(above) / pl.col(below) * scale)
        .otherwise(NAN)
    )


def _sql_over(above: str, below: str, scale: str = "1") -> str:
    known = f"{above} >= 0 AND NOT isnan({above}) AND {below} > 0 AND NOT isnan({below})"
    return f"SELECT CASE WHEN {known} THEN {above} / {below} * {scale} ELSE 'nan'::DOUBLE END FROM t"


_MOVING = pl.col("speed").filter((pl.col("speed") > 0.0) & pl.col("speed").is_finite())
_HEADWAY = pl.col("headway").filter(pl.col("headway").is_finite())
_TOTAL = (pl.col("came") - pl.col("could")).cum_sum()
_USABLE = pl.col("spaces") - pl.col("shut")
_LEVEL = pl.lit(1.0) + sum((pl.col("density") > edge).cast(pl.Float64) for edge in FREEWAY_DENSITY)
_SQL_LEVEL = " + ".join(f"(density > {edge!r})::INT" for edge in FREEWAY_DENSITY.tolist())

ROWS: tuple[Row, ...] = (
    Row(
        "flow.flow_vph",
        only(_traffic, "count", "interval"),
        lambda c: flow_vph(c["count"], c["interval"]),
        {
            "numpy": lambda c: _quotient(c["count"], c["interval"], 3600.0),
            "polars": by_polars(_over("count", "interval", 3600.0)),
            "duckdb": by_duckdb(_sql_over("count", "interval", "3600")),
        },
    ),
    Row(
        "flow.density",
        only(_traffic, "flow", "speed"),
        lambda c: density(c["flow"], c["speed"]),
        {
            "numpy": lambda c: _quotient(c["flow"], c["speed"]),
            "polars": by_polars(_over("flow", "speed")),
            "duckdb": by_duckdb(_sql_over("flow", "speed")),
        },
    ),
    Row(
        "speed.travel_time_index",
        only(_traffic, "time", "free"),
        lambda c: travel_time_index(c["time"], c["free"]),
        {
            "numpy": lambda c: _quotient(c["time"], c["free"]),
            "polars": by_polars(_over("time", "free")),
            "duckdb": by_duckdb(_sql_over("time", "free")),
        },
    ),
    Row(
        "speed.mean_speeds",
        only(_traffic, "speed"),
        lambda c: flat(mean_speeds(c["speed"])),
        {
            "numpy": _numpy_speeds,
            "polars": by_polars(_MOVING.mean(), (_MOVING.len() / (1.0 / _MOVING).sum()).alias("space"), _MOVING.len().alias("n")),
            "duckdb": by_duckdb("SELECT avg(speed), count(*) / sum(1 / speed), count(*) FROM t WHERE speed > 0 AND isfinite(speed)"),
        },
    ),
    Row(
        "service_level.los_freeway_density",
        only(_traffic, "density"),
        lambda c: los_freeway_density(c["density"]).astype(np.float64),
        {
            "numpy": _numpy_levels,
            "polars": by_polars(pl.when(pl.col("density").is_finite() & (pl.col("density") >= 0.0)).then(_LEVEL).otherwise(-1.0)),
            "duckdb": by_duckdb(f"SELECT CASE WHEN isfinite(density) AND density >= 0 THEN 1.0 + {_SQL_LEVEL} ELSE -1 END FROM t"),
        },
    ),
    Row(
        "queue.queue",
        _queues,
        lambda c: queue(c["came"], c["could"]).end,
        {
            "numpy": _numpy_queue,
            "polars": by_polars(_TOTAL - pl.min_horizontal(_TOTAL.cum_min(), pl.lit(0.0))),
            "duckdb": by_duckdb(
                "SELECT s - least(min(s) OVER (ORDER BY r), 0) FROM (SELECT r, sum(came - could) OVER (ORDER BY r) AS s"
                " FROM (SELECT *, row_number() OVER () AS r FROM t)) ORDER BY r"
            ),
        },
        relative=0.0,
    ),
    Row(
        "transit.excess_waiting_time",
        only(_transit, "headway"),
        _ours_waiting,
        {
            "numpy": _numpy_waiting,
            "polars": by_polars(
                (_HEADWAY.dot(_HEADWAY) / (2.0 * _HEADWAY.sum())).alias("wait"), (_HEADWAY.std(ddof=0) / _HEADWAY.mean()).alias("cv")
            ),
            "duckdb": by_duckdb(
                "SELECT sum(headway * headway) / (2 * sum(headway)), stddev_pop(headway) / avg(headway) FROM t WHERE NOT isnan(headway)"
            ),
        },
    ),
    Row(
        "transit.on_time_performance",
        only(_transit, "delay"),
        lambda c: flat([on_time_performance(c["delay"]).on_time]),
        {
            "numpy": _numpy_on_time,
            "polars": by_polars(pl.col("delay").is_between(-60.0, 300.0).sum() / pl.col("delay").is_finite().sum()),
            "duckdb": by_duckdb("SELECT count(*) FILTER (delay BETWEEN -60 AND 300) / count(*) FROM t WHERE NOT isnan(delay)"),
        },
    ),
    Row(
        "parking.parking_occupancy",
        only(_spaces, "taken", "spaces", "shut"),
        _ours_parking,
        {
            "numpy": _numpy_parking,
            "polars": by_polars(
                (pl.col("taken") / _USABLE).alias("share"),
                pl.when(pl.col("taken").is_nan()).then(NAN).otherwise(pl.max_horizontal(_USABLE - pl.col("taken"), pl.lit(0.0))).alias("free"),
            ),
            "duckdb": by_duckdb(
                "SELECT taken / (spaces - shut), CASE WHEN isnan(taken) THEN 'nan'::DOUBLE ELSE greatest(spaces - shut - taken, 0) END FROM t"
            ),
        },
    ),
    Row(
        "bikeshare.time_share",
        only(_spaces, "bikes", "lasted"),
        lambda c: flat([time_share(c["bikes"], c["lasted"])[0]]),
        {
            "numpy": _numpy_share,
            "polars": by_polars(
                pl.col("lasted").filter((pl.col("bikes") >= 1.0) & pl.col("bikes").is_finite()).sum()
                / pl.col("lasted").filter(pl.col("bikes").is_finite()).sum()
            ),
            "duckdb": by_duckdb("SELECT sum(lasted) FILTER (bikes >= 1) / sum(lasted) FROM t WHERE NOT isnan(bikes)"),
        },
    ),
)
