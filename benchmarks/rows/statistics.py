"""Statistics: mergeable sums and sketches, averages and outliers beside the libraries.

Promises  Integers of the resolution in a thousand groups; a series with two in a hundred missing. Sketches are compared by their
          counts, which any library can make, not by their answers.
Leaves    Timing to benchmarks.hot.
"""

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels import ddsketch, histogram, hyperloglog, moments, tdigest
from kernels.gaps import impute_linear
from kernels.outliers import NORMAL, hampel
from kernels.smoothing import ewma, ewma_irregular
from kernels.windows import event_time_windows

GROUPS, BINS, ALPHA, REACH, P, TAU_S = 1000, 2000, 0.1, 3, 12, 600.0
QUANTILES, WINDOW_S, SHUFFLED_S = (0.5, 0.9), 600, 100
_PER_LOG = ddsketch.new_sketch().per_log


def _readings(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    series = 20.0 + np.cumsum(rng.normal(0.0, 0.1, n))
    gaps = rng.random(n) < 0.02
    gaps[[0, -1]] = False
    return {
        "g": rng.integers(0, GROUPS, n),
        "v": rng.integers(0, BINS, n),
        "x": rng.lognormal(3.0, 1.0, n),
        "hash": hyperloglog.hash_ids(rng.integers(0, n, n)),
        "moment": np.maximum(np.arange(n) + rng.integers(-SHUFFLED_S, 1, n), 0),
        "t": np.cumsum(rng.integers(1, 60, n)).astype(np.float64),
        "s": np.where(gaps, np.nan, series),
    }


def _moments(c: Columns) -> Answer:
    cells = moments.new_cells(GROUPS)
    moments.add(c["g"], c["v"], cells)
    return flat(cells[:, at] for at in (moments.COUNT, moments.SUM_LO, moments.SQUARE_LO, moments.LOW, moments.HIGH))


def _numpy_moments(c: Columns) -> Answer:
    v = c["v"].astype(np.float64)
    low, high = np.full(GROUPS, BINS), np.full(GROUPS, -1)
    np.minimum.at(low, c["g"], c["v"])
    np.maximum.at(high, c["g"], c["v"])
    sums = [np.bincount(c["g"], weights, GROUPS) for weights in (None, v, v * v)]
    return flat([*sums, low, high])


def _polars_moments(c: Columns) -> Answer:
    v = pl.col("v")
    some = (pl.len().alias("n"), v.sum().alias("s"), (v * v).sum().alias("q"), v.min().alias("low"), v.max().alias("high"))
    found = pl.DataFrame(dict(c)).group_by("g").agg(*some).sort("g")
    return flat(found[name].to_numpy() for name in ("n", "s", "q", "low", "high"))


def _histogram(c: Columns) -> Answer:
    bins = histogram.new_histogram(1, 0, BINS - 1)
    histogram.add(np.zeros(c["v"].size, np.int64), c["v"], bins)
    return flat(bins.counts)


def _polars_histogram(c: Columns) -> Answer:
    found = pl.DataFrame(dict(c)).group_by("v").agg(pl.len().alias("n"))
    counts = np.zeros(BINS)
    counts[found["v"].to_numpy()] = found["n"].to_numpy()
    return counts


def _ddsketch(c: Columns) -> Answer:
    sketch = ddsketch.new_sketch()
    ddsketch.add(c["x"], sketch)
    return flat([sketch.positive[sketch.positive > 0]])


def _registers(c: Columns) -> Answer:
    registers = hyperloglog.new_registers(P)
    hyperloglog.add(c["hash"], registers)
    return flat([registers])


def _numpy_registers(c: Columns) -> Answer:
    rest = c["hash"] << np.uint64(P)
    # the top 52 bits are exact in a float: its exponent is the place of the first bit that is set
    _, exponent = np.frexp((rest >> np.uint64(P)).astype(np.float64))
    rank = np.minimum(64 - P - exponent + 1, 64 - P + 1)
    registers = np.zeros(1 << P, np.int64)
    np.maximum.at(registers, (c["hash"] >> np.uint64(64 - P)).astype(np.int64), rank)
    return flat([registers])


_RANK = pl.min_horizontal((pl.col("hash") * (1 << P)).bitwise_leading_zeros() + 1, pl.lit(64 - P + 1, pl.UInt32))


def _polars_registers(c: Columns) -> Answer:
    found = pl.DataFrame(dict(c)).group_by((pl.col("hash") // (1 << (64 - P))).alias("at")).agg(_RANK.max().alias("rank"))
    registers = np.zeros(1 << P)
    registers[found["at"].to_numpy()] = found["rank"].to_numpy()
    return registers


def _polars_irregular(c: Columns) -> Answer:
    # Polars takes moments and a half-life, both in whole nanoseconds here
    at = (pl.col("t").cast(pl.Int64) * 1_000_000_000).cast(pl.Datetime("ns"))
    mean = pl.col("s").fill_nan(None).ewm_mean_by(at, half_life=f"{round(TAU_S * math.log(2.0) * 1e9)}ns")
    return by_polars(mean.forward_fill())(c)


def _numpy_impute(c: Columns) -> Answer:
    there = ~np.isnan(c["s"])
    at = np.arange(c["s"].size, dtype=np.float64)
    return np.interp(at, at[there], c["s"][there])


def _numpy_hampel(c: Columns) -> Answer:
    s: npt.NDArray[np.float64] = np.pad(np.nan_to_num(c["s"], nan=0.0), REACH, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(s, 2 * REACH + 1)[REACH:-REACH]
    middle = np.median(around, axis=1)
    scale = NORMAL * np.median(np.abs(around - middle[:, None]), axis=1)
    return (np.abs(around[:, REACH] - middle) > 3.0 * scale).astype(np.float64)


_S = pl.col("s").fill_nan(0.0)
_AROUND = tuple(_S.shift(k) for k in range(-REACH, REACH + 1))


def _polars_hampel(c: Columns) -> Answer:
    middle, apart = pl.concat_list(*_AROUND).list.median(), [(each - pl.col("m")).abs() for each in _AROUND]
    found = pl.DataFrame(dict(c)).with_columns(middle.alias("m"))
    flags = found.select(((_S - pl.col("m")).abs() > 3.0 * NORMAL * pl.concat_list(*apart).list.median()).alias("f"))
    return flags["f"].to_numpy()[REACH:-REACH].astype(np.float64)


def _hampel(c: Columns) -> Answer:
    return hampel(np.nan_to_num(c["s"], nan=0.0), REACH)[REACH:-REACH].astype(np.float64)


def _tdigest(c: Columns) -> Answer:
    digest = tdigest.new_digest()
    tdigest.add(c["x"], digest)
    return flat([tdigest.quantile(digest, q) for q in QUANTILES])


def _windows(c: Columns) -> Answer:
    found = event_time_windows(c["moment"], c["x"], WINDOW_S, WINDOW_S, 120)
    return flat([found.events, found.total])


def _numpy_windows(c: Columns) -> Answer:
    of = c["moment"] // WINDOW_S
    return flat([np.bincount(of), np.bincount(of, c["x"])])


_BY_WINDOW = (pl.len().alias("n"), pl.col("x").sum().alias("s"))


def _polars_windows(c: Columns) -> Answer:
    found = pl.DataFrame(dict(c)).group_by((pl.col("moment") // WINDOW_S).alias("w")).agg(*_BY_WINDOW).sort("w")
    return flat([found["n"].to_numpy(), found["s"].to_numpy()])


_KEY = (pl.col("x").log() * _PER_LOG).ceil()
_SQL_NUMBERED = "SELECT CASE WHEN isnan(s) THEN NULL ELSE s END AS s, row_number() OVER () AS n FROM t"
_SQL_MOMENTS = "count(*), sum(v), sum(v * v), min(v), max(v)"

ROWS: tuple[Row, ...] = (
    Row(
        "moments.add",
        only(_readings, "g", "v"),
        _moments,
        {
            "numpy": _numpy_moments,
            "polars": _polars_moments,
            "duckdb": by_duckdb(f"SELECT * EXCLUDE g FROM (SELECT g, {_SQL_MOMENTS} FROM t GROUP BY g ORDER BY g)"),
        },
        relative=0.0,
    ),
    Row(
        "histogram.add",
        only(_readings, "v"),
        _histogram,
        {
            "numpy": lambda c: flat([np.bincount(c["v"], minlength=BINS)]),
            "polars": _polars_histogram,
            "duckdb": by_duckdb(f"SELECT count(t.v) FROM range({BINS}) r LEFT JOIN t ON t.v = r.range GROUP BY r.range ORDER BY r.range"),
        },
        relative=0.0,
    ),
    Row(
        "ddsketch.add",
        only(_readings, "x"),
        _ddsketch,
        {
            "numpy": lambda c: flat([np.unique(np.ceil(np.log(c["x"]) * _PER_LOG), return_counts=True)[1]]),
            "polars": lambda c: flat([pl.DataFrame(dict(c)).group_by(_KEY.alias("k")).agg(pl.len().alias("n")).sort("k")["n"].to_numpy()]),
            "duckdb": by_duckdb(f"SELECT n FROM (SELECT ceil(ln(x) * {_PER_LOG!r}) AS k, count(*) AS n FROM t GROUP BY k ORDER BY k)"),
        },
        relative=0.0,
    ),
    # A digest answers ranks, so its value is near the libraries' exact one: at the median and the ninth decile of a long series within 2 %.
    Row(
        "tdigest.add",
        only(_readings, "x"),
        _tdigest,
        {
            "numpy": lambda c: np.quantile(c["x"], QUANTILES),
            "polars": by_polars(*(pl.col("x").quantile(q, "linear").alias(f"q{q}") for q in QUANTILES)),
            "duckdb": by_duckdb("SELECT " + ", ".join(f"approx_quantile(x, {q})" for q in QUANTILES) + " FROM t"),
        },
        relative=0.02,
    ),
    Row(
        "windows.event_time_windows",
        only(_readings, "moment", "x"),
        _windows,
        {
            "numpy": _numpy_windows,
            "polars": _polars_windows,
            "duckdb": by_duckdb(f"SELECT n, s FROM (SELECT moment // {WINDOW_S} AS w, count(*) AS n, sum(x) AS s FROM t GROUP BY w ORDER BY w)"),
        },
    ),
    Row("hyperloglog.add", only(_readings, "hash"), _registers, {"numpy": _numpy_registers, "polars": _polars_registers}, relative=0.0),
    Row(
        "smoothing.ewma",
        only(_readings, "s"),
        lambda c: ewma(c["s"], ALPHA),
        {"polars": by_polars(pl.col("s").fill_nan(None).ewm_mean(alpha=ALPHA, adjust=False, ignore_nulls=True).forward_fill())},
    ),
    # The walk passes 0, and near it a last digit of both sides is many digits of the average.
    Row(
        "smoothing.ewma_irregular",
        only(_readings, "t", "s"),
        lambda c: ewma_irregular(c["t"], c["s"], TAU_S),
        {"polars": _polars_irregular},
        relative=1e-6,
    ),
    Row("outliers.hampel", only(_readings, "s"), _hampel, {"numpy": _numpy_hampel, "polars": _polars_hampel}, relative=0.0),
    Row(
        "gaps.impute_linear",
        only(_readings, "s"),
        lambda c: impute_linear(c["s"], 1000)[0],
        {
            "numpy": _numpy_impute,
            "polars": by_polars(pl.col("s").fill_nan(None).interpolate()),
            "duckdb": by_duckdb(f"SELECT fill(s ORDER BY n) OVER (ORDER BY n) FROM ({_SQL_NUMBERED})"),
        },
    ),
)
