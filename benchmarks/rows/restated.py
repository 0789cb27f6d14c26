"""What the restater and the sketches add: outliers, neighbours, values that stand still, percentiles of bins and hashes beside the libraries.

Promises  Readings come at regular times, so that a duration is a number of rows and the libraries' windows can express it; two in a
          hundred of the neighbours' values are missing.
Leaves    Timing to benchmarks.hot.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels import histogram, hyperloglog
from kernels.neighbours import Limits, Nearby, nearby, neighbour_disagreement
from kernels.outliers import NORMAL, mad_scaled
from kernels.standstill import standstill

F64 = npt.NDArray[np.float64]
SENSORS, AROUND, SCALE = 12, (-2, -1, 1, 2), 0.5
CADENCE_US, SUSPECT, FAIL, STILL = 60_000_000, 10, 30, 0.1
BINS, Q = 200, 0.9
NAMES = tuple(f"s{s}" for s in range(SENSORS))


def _series(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    stands = rng.random(n // 100 + 1).repeat(100)[:n] < 0.3
    return {
        "i": np.arange(n),
        "x": np.where(rng.random(n) < 0.02, np.nan, rng.normal(20.0, 3.0, n)),
        "v": np.where(stands, 7.0, rng.normal(7.0, 2.0, n)),
        "joined": rng.random(n) > 1e-3,
        "id": rng.integers(0, 1 << 40, n),
        "g": np.arange(n) // BINS,
        "b": np.arange(n) % BINS,
        "count": rng.poisson(3.0, n),
    }


def _ring(n: int, seed: int) -> Columns:
    """As many times as give n values of sensors on a circle, each with two neighbours on either side."""
    rng, times = np.random.default_rng(seed), n // SENSORS
    common = np.cumsum(rng.normal(0.0, 0.1, times))
    far = 1.0 + 9.0 * (rng.random((times, SENSORS)) < 0.02)
    values = 20.0 + common[:, None] + far * rng.normal(0.0, 1.0, (times, SENSORS))
    values[rng.random(values.shape) < 0.02] = np.nan
    return {name: values[:, s].copy() for s, name in enumerate(NAMES)}


@cache
def _near() -> Nearby:
    angle = 2.0 * np.pi / SENSORS * np.arange(SENSORS)
    return nearby(1000.0 * np.cos(angle), 1000.0 * np.sin(angle), 1200.0)


def _disagreement(c: Columns) -> Answer:
    values = np.stack([c[name] for name in NAMES], axis=1)
    return neighbour_disagreement(values, _near(), Limits(min_scale=SCALE)).T.ravel().astype(np.float64)


def _median(values: F64) -> F64:
    """Along the last axis, over what is there: the missing ones are sorted last."""
    ordered, n = np.sort(values, axis=-1), (~np.isnan(values)).sum(axis=-1, keepdims=True)
    low, high = (np.take_along_axis(ordered, np.maximum(at, 0), axis=-1) for at in ((n - 1) // 2, n // 2))
    return np.asarray((low + high) / 2.0)


def _numpy_disagreement(c: Columns) -> Answer:
    values = np.stack([c[name] for name in NAMES])
    around = np.stack([np.roll(values, -k, axis=0) for k in AROUND], axis=-1)
    centre = _median(around)
    away = np.abs(values - centre[..., 0]) / np.maximum(NORMAL * _median(np.abs(around - centre))[..., 0], SCALE)
    found = np.where(away > 8.0, 4.0, np.where(away > 4.0, 3.0, 1.0))
    few = (~np.isnan(around)).sum(axis=-1) < 3
    return np.where(np.isnan(values), 9.0, np.where(few, 2.0, found)).ravel()


def _around(s: int) -> list[str]:
    return [NAMES[(s + k) % SENSORS] for k in AROUND]


def _polars_disagreement(c: Columns) -> Answer:
    frame = pl.DataFrame(dict(c)).with_columns(pl.col(name).fill_nan(None) for name in NAMES)
    frame = frame.with_columns(pl.concat_list(*_around(s)).list.median().alias(f"m{s}") for s in range(SENSORS))
    flags = []
    for s, name in enumerate(NAMES):
        apart = pl.concat_list(*((pl.col(each) - pl.col(f"m{s}")).abs() for each in _around(s))).list.median()
        away = (pl.col(name) - pl.col(f"m{s}")).abs() / pl.max_horizontal(NORMAL * apart, pl.lit(SCALE))
        few = pl.sum_horizontal(*(pl.col(each).is_not_null().cast(pl.Int32) for each in _around(s))) < 3
        graded = pl.when(away > 8.0).then(4.0).when(away > 4.0).then(3.0).otherwise(1.0)
        flags.append(pl.when(pl.col(name).is_null()).then(9.0).when(few).then(2.0).otherwise(graded).alias(name))
    found = frame.select(*flags)
    return flat(found[name].to_numpy() for name in NAMES)


def _sql_disagreement() -> str:
    known = ", ".join(f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}" for name in NAMES)
    medians = ", ".join(f"list_median([{', '.join(_around(s))}]) AS m{s}" for s in range(SENSORS))
    flags = []
    for s, name in enumerate(NAMES):
        apart = f"list_median([{', '.join(f'abs({each} - m{s})' for each in _around(s))}])"
        away = f"abs({name} - m{s}) / greatest({NORMAL!r} * {apart}, {SCALE!r})"
        few = " + ".join(f"({each} IS NULL)::INT" for each in _around(s))
        flags.append(f"CASE WHEN {name} IS NULL THEN 9 WHEN {few} > 1 THEN 2 WHEN {away} > 8 THEN 4 WHEN {away} > 4 THEN 3 ELSE 1 END")
    return f"SELECT {', '.join(flags)} FROM (SELECT *, {medians} FROM (SELECT {known} FROM t))"


def _standstill(c: Columns) -> Answer:
    n = c["v"].size
    rows = c["v"], c["i"] * CADENCE_US, np.ones(n, np.bool_)
    durations = np.repeat(np.array([[SUSPECT], [FAIL]]) * CADENCE_US, n, axis=1)
    return standstill(rows, c["joined"], np.full(n, STILL), durations).astype(np.float64)


def _numpy_standstill(c: Columns) -> Answer:
    n, found = c["v"].size, np.ones(c["v"].size)
    broken = np.cumsum(~c["joined"])
    for steps, flag in ((SUSPECT, 3.0), (FAIL, 4.0)):
        windows = np.lib.stride_tricks.sliding_window_view(c["v"], steps + 1)
        still = (windows.max(axis=1) - windows.min(axis=1) < STILL) & (broken[steps:] == broken[: n - steps])
        found[steps:][still] = flag
    return found


def _polars_still(steps: int) -> pl.Expr:
    v, joined = pl.col("v"), pl.col("joined").cast(pl.Int32)
    return ((v.rolling_max(steps + 1) - v.rolling_min(steps + 1) < STILL) & (joined.rolling_sum(steps) == steps)).fill_null(value=False)


def _sql_still(steps: int) -> str:
    over = f"OVER (ORDER BY i ROWS BETWEEN {steps} PRECEDING AND CURRENT ROW)"
    joined = f"sum(joined::INT) OVER (ORDER BY i ROWS BETWEEN {steps - 1} PRECEDING AND CURRENT ROW) = {steps}"
    return f"(i >= {steps} AND max(v) {over} - min(v) {over} < {STILL!r} AND {joined})"


def _percentile(c: Columns) -> Answer:
    counts = c["count"][: c["count"].size // BINS * BINS].reshape(-1, BINS)
    return histogram.percentile(histogram.Histogram(0, counts, np.zeros((len(counts), 2), np.int64)), Q)


def _numpy_percentile(c: Columns) -> Answer:
    until = np.cumsum(c["count"][: c["count"].size // BINS * BINS].reshape(-1, BINS), axis=1)
    place = Q * (until[:, -1:] - 1)
    rank = np.floor(place)
    at, after = (until > rank).argmax(axis=1), (until > rank + 1).argmax(axis=1)
    return np.asarray(at + (place - rank)[:, 0] * (after - at), np.float64)


_UNTIL, _PLACE = pl.col("count").cum_sum().over("g"), Q * (pl.col("count").sum().over("g") - 1)


def _polars_percentile(c: Columns) -> Answer:
    bins = pl.DataFrame(dict(c)).with_columns(_UNTIL.alias("until"), _PLACE.alias("place"))
    low, high = (pl.col("b").filter(pl.col("until") > pl.col("place").floor() + more).first() for more in (0, 1))
    found = bins.group_by("g").agg((low + (pl.col("place").first() % 1.0) * (high - low)).alias("p")).sort("g")
    return found["p"].to_numpy()[: c["g"].size // BINS]


_SQL_PERCENTILE = f"""
    SELECT p FROM (
        SELECT g, min(b) FILTER (until > floor(place)) + (first(place) - floor(first(place)))
            * (min(b) FILTER (until > floor(place) + 1) - min(b) FILTER (until > floor(place))) AS p
        FROM (SELECT g, b, sum(count) OVER (PARTITION BY g ORDER BY b) AS until,
            {Q!r}::DOUBLE * (sum(count) OVER (PARTITION BY g) - 1) AS place FROM t)
        WHERE g < (SELECT count(*) // {BINS} FROM t) GROUP BY g ORDER BY g)
"""


def _numpy_hashes(c: Columns) -> Answer:
    x = c["id"].view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return flat([x ^ (x >> np.uint64(31))])


_X = pl.col("id").cast(pl.UInt64) + pl.lit(0x9E3779B97F4A7C15, pl.UInt64)
_X = (_X ^ (_X // (1 << 30))) * pl.lit(0xBF58476D1CE4E5B9, pl.UInt64)
_X = (_X ^ (_X // (1 << 27))) * pl.lit(0x94D049BB133111EB, pl.UInt64)


def _numpy_mad(c: Columns) -> Answer:
    known = c["x"][np.isfinite(c["x"])]
    return flat([NORMAL * np.median(np.abs(known - np.median(known)))])


_KNOWN = pl.col("x").filter(pl.col("x").is_finite())

ROWS: tuple[Row, ...] = (
    Row(
        "outliers.mad_scaled",
        only(_series, "x"),
        lambda c: flat([mad_scaled(c["x"])]),
        {
            "numpy": _numpy_mad,
            "polars": by_polars(NORMAL * (_KNOWN - _KNOWN.median()).abs().median()),
            "duckdb": by_duckdb(f"SELECT {NORMAL!r} * mad(x) FROM t WHERE isfinite(x)"),
        },
    ),
    Row(
        "neighbours.neighbour_disagreement",
        _ring,
        _disagreement,
        {"numpy": _numpy_disagreement, "polars": _polars_disagreement, "duckdb": by_duckdb(_sql_disagreement())},
        relative=0.0,
    ),
    Row(
        "standstill.standstill",
        only(_series, "i", "v", "joined"),
        _standstill,
        {
            "numpy": _numpy_standstill,
            "polars": by_polars(pl.when(_polars_still(FAIL)).then(4.0).when(_polars_still(SUSPECT)).then(3.0).otherwise(1.0)),
            "duckdb": by_duckdb(f"SELECT CASE WHEN {_sql_still(FAIL)} THEN 4 WHEN {_sql_still(SUSPECT)} THEN 3 ELSE 1 END FROM t ORDER BY i"),
        },
        relative=0.0,
    ),
    Row(
        "histogram.percentile",
        only(_series, "g", "b", "count"),
        _percentile,
        {"numpy": _numpy_percentile, "polars": _polars_percentile, "duckdb": by_duckdb(_SQL_PERCENTILE)},
    ),
    Row(
        "hyperloglog.hash_ids",
        only(_series, "id"),
        lambda c: flat([hyperloglog.hash_ids(c["id"])]),
        {"numpy": _numpy_hashes, "polars": by_polars(_X ^ (_X // (1 << 31)))},
        relative=0.0,
    ),
)
