"""Air quality: bands, the US index and running means beside the libraries.

Promises  Two in a hundred concentrations are missing, none is negative; every side leaves the same ones out.
Leaves    Timing to benchmarks.hot.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.air_index import BELAQI_HOURLY, EAQI_2024, EDGES, POLLUTANTS, belaqi_hourly, eaqi_2024, overall
from kernels.air_limits import exceedances
from kernels.air_means import mean_with_capture, running_means
from kernels.us_aqi import nowcast_pm, us_aqi_pm2_5

F64 = npt.NDArray[np.float64]
_SCALE = {"pm2_5": 9.0, "pm10": 14.0, "no2": 15.0, "o3": 30.0, "so2": 6.0}
_AQI = ((0, 90, 0, 50), (91, 354, 51, 100), (355, 554, 101, 150), (555, 1254, 151, 200), (1255, 2254, 201, 300), (2255, 3254, 301, 500))


def _air(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    # to a tenth, as sensors give them: no truncation hangs on the last bit
    return {name: np.where(rng.random(n) < 0.02, np.nan, np.rint(rng.gamma(2.0, scale, n) * 10.0) / 10.0) for name, scale in _SCALE.items()}


def _numpy_each(version: str, columns: list[F64]) -> list[F64]:
    return [np.where(np.isnan(c), np.nan, np.searchsorted(edges, c) + 1.0) for c, edges in zip(columns, EDGES[version], strict=True)]


def _numpy_bands(version: str, columns: list[F64]) -> Answer:
    bands = _numpy_each(version, columns)
    worst = bands[0]
    for each in bands[1:]:
        worst = np.fmax(worst, each)
    return worst


def _numpy_overall(c: Columns) -> Answer:
    bands = _numpy_each(EAQI_2024, [c[name] for name in POLLUTANTS])
    worst = np.fmax.reduce(bands)
    return flat([worst, sum((each == worst) * (1 << p) for p, each in enumerate(bands))])


def _polars_overall(c: Columns) -> Answer:
    bands = [_polars_band(name, edges).alias(f"b{p}") for p, (name, edges) in enumerate(zip(POLLUTANTS, EDGES[EAQI_2024], strict=True))]
    columns = [pl.col(f"b{p}") for p in range(len(bands))]
    found = pl.DataFrame(dict(c)).select(*bands).with_columns(pl.max_horizontal(*columns).alias("worst"))
    drivers = pl.sum_horizontal(*((each == pl.col("worst")).fill_null(value=False) * (1 << p) for p, each in enumerate(columns)))
    told = found.select(pl.col("worst").fill_null(float("nan")), drivers.alias("drivers"))
    return flat([told["worst"].to_numpy(), told["drivers"].to_numpy()])


def _numpy_belaqi(c: Columns) -> Answer:
    there = ~((np.isnan(c["pm2_5"]) & np.isnan(c["pm10"])) | np.isnan(c["no2"]) | np.isnan(c["o3"]))
    return np.where(there, _numpy_bands(BELAQI_HOURLY, [c[name] for name in POLLUTANTS[:4]]), np.nan)


def _numpy_us_aqi(c: Columns) -> Answer:
    table = np.array(_AQI, np.float64)
    tenths = np.floor(c["pm2_5"] * 10.0)
    low, high, first, last = table[np.minimum(np.searchsorted(table[:, 1], tenths), 5)].T
    return np.where(tenths > 3254, 500.0, np.floor((last - first) / (high - low) * (tenths - low) + first + 0.5))


def _hours(n: int, seed: int) -> Columns:
    """The last twelve hours of a twelfth as many stations, by hour."""
    rng = np.random.default_rng(seed)
    return {f"h{ago}": np.where(rng.random(n // 12) < 0.1, np.nan, rng.gamma(2.0, 9.0, n // 12)) for ago in range(12)}


def _numpy_nowcast(c: Columns) -> Answer:
    hours = np.stack(list(c.values()), axis=1)
    known = ~np.isnan(hours)
    low, high = np.where(known, hours, np.inf).min(axis=1), np.where(known, hours, -np.inf).max(axis=1)
    weights = np.maximum(low / high, 0.5)[:, np.newaxis] ** np.arange(12)
    found = np.where(known, hours * weights, 0.0).sum(axis=1) / np.where(known, weights, 0.0).sum(axis=1)
    return np.where(known[:, :3].sum(axis=1) >= 2, found, np.nan)


_AGO = tuple(pl.col(f"h{ago}").fill_nan(None) for ago in range(12))
_WEIGHT = pl.max_horizontal(pl.min_horizontal(*_AGO) / pl.max_horizontal(*_AGO), 0.5)
_WEIGHED = pl.sum_horizontal(*(hour * _WEIGHT**ago for ago, hour in enumerate(_AGO)))
_WEIGHTS = pl.sum_horizontal(*(pl.when(hour.is_not_null()).then(_WEIGHT**ago) for ago, hour in enumerate(_AGO)))
_RECENT = pl.sum_horizontal(*(hour.is_not_null().cast(pl.Int32) for hour in _AGO[:3]))
_NOWCAST = pl.when(_RECENT >= 2).then(_WEIGHED / _WEIGHTS).otherwise(float("nan"))


def _sql_nowcast() -> str:
    known = ", ".join(f"CASE WHEN isnan(h{ago}) THEN NULL ELSE h{ago} END AS h{ago}" for ago in range(12))
    hours = ", ".join(f"h{ago}" for ago in range(12))
    weighed = " + ".join(f"coalesce(h{ago} * w ** {ago}, 0)" for ago in range(12))
    weights = " + ".join(f"CASE WHEN h{ago} IS NULL THEN 0 ELSE w ** {ago} END" for ago in range(12))
    recent = " + ".join(f"(h{ago} IS NOT NULL)::INT" for ago in range(3))
    return (
        f"SELECT CASE WHEN {recent} >= 2 THEN ({weighed}) / ({weights}) ELSE 'nan'::DOUBLE END "
        f"FROM (SELECT *, greatest(least({hours}) / greatest({hours}), 0.5) AS w FROM (SELECT {known} FROM t))"
    )


def _numpy_running(c: Columns) -> Answer:
    known = np.isfinite(c["o3"])
    ones, o3 = np.ones(8), np.where(known, c["o3"], 0.0)
    count = np.convolve(known.astype(np.float64), ones)[: o3.size]
    return np.where(count >= 6, np.convolve(o3, ones)[: o3.size] / np.maximum(count, 1.0), np.nan)


def _polars_band(name: str, edges: tuple[float, ...]) -> pl.Expr:
    found = pl.lit(float(len(edges) + 1))
    for number in range(len(edges), 0, -1):
        found = pl.when(pl.col(name) <= edges[number - 1]).then(float(number)).otherwise(found)
    return pl.when(pl.col(name).is_nan()).then(None).otherwise(found)


def _polars_worst(version: str) -> pl.Expr:
    return pl.max_horizontal(*(_polars_band(name, edges) for name, edges in zip(POLLUTANTS, EDGES[version], strict=False)))


def _sql_bands(version: str) -> list[str]:
    bands = []
    for name, edges in zip(POLLUTANTS, EDGES[version], strict=False):
        steps = " ".join(f"WHEN {name} <= {edge} THEN {number}" for number, edge in enumerate(edges, start=1))
        bands.append(f"CASE WHEN isnan({name}) THEN NULL {steps} ELSE {len(edges) + 1} END")
    return bands


def _sql_worst(version: str) -> str:
    return f"greatest({', '.join(_sql_bands(version))})"


def _sql_overall() -> str:
    bands = _sql_bands(EAQI_2024)
    named = ", ".join(f"{each} AS b{p}" for p, each in enumerate(bands))
    names = [f"b{p}" for p in range(len(bands))]
    drivers = " + ".join(f"CASE WHEN {name} = worst THEN {1 << p} ELSE 0 END" for p, name in enumerate(names))
    worst = f"SELECT *, greatest({', '.join(names)}) AS worst FROM (SELECT {named} FROM t)"
    return f"SELECT coalesce(worst::DOUBLE, 'nan'::DOUBLE), {drivers} FROM ({worst})"


_DUST_AND_GASES = ~((pl.col("pm2_5").is_nan() & pl.col("pm10").is_nan()) | pl.col("no2").is_nan() | pl.col("o3").is_nan())
_TENTHS = (pl.col("pm2_5") * 10.0).floor()
_POLARS_AQI = pl.lit(500.0)
for _low, _high, _first, _last in reversed(_AQI):
    _POLARS_AQI = pl.when(_high >= _TENTHS).then(((_last - _first) / (_high - _low) * (_TENTHS - _low) + _first + 0.5).floor()).otherwise(_POLARS_AQI)
_SQL_AQI = " ".join(f"WHEN k <= {high} THEN floor({(last - first) / (high - low)!r} * (k - {low}) + {first}.5)" for low, high, first, last in _AQI)
_O3 = pl.col("o3").fill_nan(None)
_WINDOW = "OVER (ROWS BETWEEN 7 PRECEDING AND CURRENT ROW)"

ROWS: tuple[Row, ...] = (
    Row(
        "air_index.eaqi_2024",
        _air,
        lambda c: eaqi_2024(c["pm2_5"], c["pm10"], c["no2"], c["o3"], c["so2"]),
        {
            "numpy": lambda c: _numpy_bands(EAQI_2024, [c[name] for name in POLLUTANTS]),
            "polars": by_polars(_polars_worst(EAQI_2024).fill_null(float("nan"))),
            "duckdb": by_duckdb(f"SELECT coalesce({_sql_worst(EAQI_2024)}::DOUBLE, 'nan'::DOUBLE) FROM t"),
        },
        relative=0.0,
    ),
    Row(
        "air_index.overall",
        _air,
        lambda c: flat(overall(EAQI_2024, *(c[name] for name in POLLUTANTS))[:2]),
        {"numpy": _numpy_overall, "polars": _polars_overall, "duckdb": by_duckdb(_sql_overall())},
        relative=0.0,
    ),
    Row(
        "air_index.belaqi_hourly",
        only(_air, *POLLUTANTS[:4]),
        lambda c: belaqi_hourly(c["pm2_5"], c["pm10"], c["no2"], c["o3"]),
        {
            "numpy": _numpy_belaqi,
            "polars": by_polars(pl.when(_DUST_AND_GASES).then(_polars_worst(BELAQI_HOURLY)).otherwise(float("nan"))),
            "duckdb": by_duckdb(
                "SELECT CASE WHEN (isnan(pm2_5) AND isnan(pm10)) OR isnan(no2) OR isnan(o3) THEN 'nan'::DOUBLE"
                f" ELSE {_sql_worst(BELAQI_HOURLY)}::DOUBLE END FROM t"
            ),
        },
        relative=0.0,
    ),
    Row(
        "us_aqi.us_aqi_pm2_5",
        only(_air, "pm2_5"),
        lambda c: us_aqi_pm2_5(c["pm2_5"]),
        {
            "numpy": _numpy_us_aqi,
            "polars": by_polars(pl.when(pl.col("pm2_5").is_nan()).then(float("nan")).otherwise(_POLARS_AQI)),
            "duckdb": by_duckdb(f"SELECT CASE WHEN isnan(k) THEN k {_SQL_AQI} ELSE 500 END FROM (SELECT floor(pm2_5 * 10) AS k FROM t)"),
        },
        relative=0.0,
    ),
    Row(
        "air_means.running_means",
        only(_air, "o3"),
        lambda c: running_means(c["o3"]),
        {
            "numpy": _numpy_running,
            "polars": by_polars(_O3.rolling_mean(8, min_samples=6).fill_null(float("nan"))),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN count(v) {_WINDOW} >= 6 THEN avg(v) {_WINDOW} ELSE 'nan'::DOUBLE END"
                " FROM (SELECT CASE WHEN isnan(o3) THEN NULL ELSE o3 END AS v FROM t)"
            ),
        },
    ),
    Row(
        "us_aqi.nowcast_pm",
        only(_hours, *(f"h{ago}" for ago in range(12))),
        lambda c: nowcast_pm(np.stack(list(c.values()), axis=1)),
        {"numpy": _numpy_nowcast, "polars": by_polars(_NOWCAST.alias("nowcast")), "duckdb": by_duckdb(_sql_nowcast())},
    ),
    Row(
        "air_means.mean_with_capture",
        only(_air, "pm10"),
        lambda c: flat(mean_with_capture(c["pm10"])[:2]),
        {
            "numpy": lambda c: flat([np.nanmean(c["pm10"]), (~np.isnan(c["pm10"])).sum()]),
            "polars": by_polars(pl.col("pm10").fill_nan(None).mean().alias("mean"), pl.col("pm10").is_not_nan().sum().alias("valid")),
            "duckdb": by_duckdb("SELECT avg(pm10) FILTER (NOT isnan(pm10)), count(*) FILTER (NOT isnan(pm10)) FROM t"),
        },
    ),
    Row(
        "air_limits.exceedances",
        only(_air, "pm10"),
        lambda c: flat(exceedances(c["pm10"], 45.0)[:2]),
        {
            "numpy": lambda c: flat([(c["pm10"] > 45.0).sum(), (~np.isnan(c["pm10"])).sum()]),
            "polars": by_polars(
                ((pl.col("pm10") > 45.0) & pl.col("pm10").is_not_nan()).sum().alias("times"), pl.col("pm10").is_not_nan().sum().alias("valid")
            ),
            "duckdb": by_duckdb("SELECT count(*) FILTER (pm10 > 45 AND NOT isnan(pm10)), count(*) FILTER (NOT isnan(pm10)) FROM t"),
        },
        relative=0.0,
    ),
)
