"""Heat: comfort formulas beside the libraries.

Promises  Two in a hundred temperatures are missing, all weather is possible and within the range of UTCI.
Leaves    Timing to benchmarks.hot.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, only
from benchmarks.rows import Answer, Columns, Row
from kernels.heat import heat_index, humidex, wbgt_shade
from kernels.utci import utci
from kernels.utci_coefficients import COEFFICIENTS


def _weather(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    t = np.where(rng.random(n) < 0.02, np.nan, rng.uniform(-10.0, 40.0, n))
    return {"t": t, "rh": rng.uniform(5.0, 60.0, n), "v": rng.uniform(0.5, 12.0, n), "r": t + rng.uniform(-5.0, 40.0, n)}


def _simple(f: Any, rh: Any) -> Any:
    return (0.5 * (f + 61.0 + 1.2 * (f - 68.0) + 0.094 * rh) + f) / 2.0


def _full(f: Any, rh: Any) -> Any:
    return (
        (-42.379 + 2.04901523 * f + 10.14333127 * rh - 0.22475541 * f * rh - 0.00683783 * f * f - 0.05481717 * rh * rh)
        + 0.00122874 * f * f * rh
        + (0.00085282 * f * rh * rh - 0.00000199 * f * f * rh * rh)
    )


def _numpy_heat_index(c: Columns) -> Answer:
    """Humidity stays below 85 %, so that the humid addition never applies."""
    f, rh = c["t"] * 1.8 + 32.0, c["rh"]
    dry = (13.0 - rh) / 4.0 * np.sqrt(np.maximum(17.0 - np.abs(f - 95.0), 0.0) / 17.0)
    full = _full(f, rh) - np.where((rh < 13.0) & (f >= 80.0) & (f <= 112.0), dry, 0.0)
    simple = _simple(f, rh)
    return np.asarray((np.where(simple >= 80.0, full, simple) - 32.0) / 1.8, np.float64)


def _polars_heat_index() -> pl.Expr:
    f, rh = pl.col("t") * 1.8 + 32.0, pl.col("rh")
    dry = (13.0 - rh) / 4.0 * ((17.0 - (f - 95.0).abs()).clip(0.0) / 17.0).sqrt()
    full = _full(f, rh) - pl.when((rh < 13.0) & (f >= 80.0) & (f <= 112.0)).then(dry).otherwise(0.0)
    simple = _simple(f, rh)
    return (pl.when(simple.is_nan()).then(simple).when(simple >= 80.0).then(full).otherwise(simple) - 32.0) / 1.8


_SQL_SIMPLE = "(0.5e0 * (f + 61 + 1.2e0 * (f - 68) + 0.094e0 * rh) + f) / 2"
_SQL_FULL = """-42.379e0 + 2.04901523e0*f + 10.14333127e0*rh - 0.22475541e0*f*rh - 0.00683783e0*f*f - 0.05481717e0*rh*rh
    + 0.00122874e0*f*f*rh + 0.00085282e0*f*rh*rh - 0.00000199e0*f*f*rh*rh
    - CASE WHEN rh < 13 AND f BETWEEN 80 AND 112 THEN (13 - rh) / 4 * sqrt(greatest(17 - abs(f - 95), 0) / 17) ELSE 0 END"""


def _polynomial(t: Any, v: Any, d: Any, p: Any, step: Callable[[Any, Any, Any], Any]) -> Any:
    """Nested Horner over whole columns, the plainest fast form; step(sum, x, more) is sum * x + more."""
    at, by_p = COEFFICIENTS.size, step(0.0, p, 0.0)
    for i in range(6, -1, -1):
        by_d = step(0.0, p, 0.0)
        for j in range(6 - i, -1, -1):
            by_v = step(0.0, p, 0.0)
            for k in range(6 - i - j, -1, -1):
                at -= 1
                by_t = step(0.0, t, float(COEFFICIENTS[at]))
                for _ in range(6 - i - j - k):
                    at -= 1
                    by_t = step(by_t, t, float(COEFFICIENTS[at]))
                by_v = step(by_v, v, by_t)
            by_d = step(by_d, d, by_v)
        by_p = step(by_p, p, by_d)
    return step(1.0, t, by_p)


def _numbers(total: Any, x: Any, more: Any) -> Any:
    return total * x + more


def _in_sql(total: Any, x: Any, more: Any) -> str:
    total, more = (f"{each!r}e0" if isinstance(each, float) and "e" not in repr(each) else str(each) for each in (total, more))
    return f"({total} * {x} + {more})" if total != "0.0e0" else f"({more})"


def _power(k: Any, log_k: Any) -> Any:
    """Logarithm of Hardy's saturation pressure, Pa."""
    power = 2.7150305 * log_k - 2836.5744 / (k * k) - 6028.076559 / k + 19.54263612
    return power + k * (-0.02737830188 + k * (1.6261698e-5 + k * (7.0229056e-10 - k * 1.8680009e-13)))


def _numpy_utci(c: Columns) -> Answer:
    k = c["t"] + 273.15
    vapour = np.exp(_power(k, np.log(k))) * 1e-3 * (c["rh"] / 100.0)
    return np.where(vapour <= 5.0, _polynomial(c["t"], c["v"], c["r"] - c["t"], vapour, _numbers), np.nan)


def _polars_utci() -> pl.Expr:
    t, k = pl.col("t"), pl.col("t") + 273.15
    vapour = _power(k, k.log()).exp() * 1e-3 * (pl.col("rh") / 100.0)
    return pl.when(vapour <= 5.0).then(_polynomial(t, pl.col("v"), pl.col("r") - t, vapour, _numbers)).otherwise(float("nan"))


_SQL_POWER = """2.7150305e0 * ln(k) - 2836.5744e0 / (k * k) - 6028.076559e0 / k + 19.54263612e0
    + k * (-0.02737830188e0 + k * (1.6261698e-5 + k * (7.0229056e-10 - k * 1.8680009e-13)))"""
_T, _RH = pl.col("t"), pl.col("rh")

ROWS: tuple[Row, ...] = (
    Row(
        "heat.heat_index",
        only(_weather, "t", "rh"),
        lambda c: heat_index(c["t"], c["rh"]),
        {
            "numpy": _numpy_heat_index,
            "polars": by_polars(_polars_heat_index()),
            "duckdb": by_duckdb(
                f"SELECT (CASE WHEN s >= 80 THEN {_SQL_FULL} ELSE s END - 32) / 1.8e0"
                f" FROM (SELECT f, rh, {_SQL_SIMPLE} AS s FROM (SELECT t * 1.8e0 + 32 AS f, rh FROM t))"
            ),
        },
    ),
    Row(
        "heat.humidex",
        only(_weather, "t", "rh"),
        lambda c: humidex(c["t"], c["rh"]),
        {
            "numpy": lambda c: c["t"] + 5.0 / 9.0 * (6.112 * 10.0 ** (7.5 * c["t"] / (237.7 + c["t"])) * c["rh"] / 100.0 - 10.0),
            "polars": by_polars(_T + 5.0 / 9.0 * (6.112 * (10.0 ** (7.5 * _T / (237.7 + _T))) * _RH / 100.0 - 10.0)),
            "duckdb": by_duckdb("SELECT t + 5e0 / 9 * (6.112e0 * 10 ** (7.5e0 * t / (237.7e0 + t)) * rh / 100 - 10) FROM t"),
        },
    ),
    Row(
        "heat.wbgt_shade",
        only(_weather, "t", "rh"),
        lambda c: wbgt_shade(c["t"], c["rh"]),
        {
            "numpy": lambda c: 0.567 * c["t"] + 0.393 * (c["rh"] / 100.0 * 6.105 * np.exp(17.27 * c["t"] / (237.7 + c["t"]))) + 3.94,
            "polars": by_polars(0.567 * _T + 0.393 * (_RH / 100.0 * 6.105 * (17.27 * _T / (237.7 + _T)).exp()) + 3.94),
            "duckdb": by_duckdb("SELECT 0.567e0 * t + 0.393e0 * (rh / 100 * 6.105e0 * exp(17.27e0 * t / (237.7e0 + t))) + 3.94e0 FROM t"),
        },
    ),
    Row(
        "utci.utci",
        _weather,
        lambda c: utci(c["t"], c["rh"], c["v"], c["r"]),
        {
            "numpy": _numpy_utci,
            "polars": by_polars(_polars_utci()),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN p <= 5 THEN {_polynomial('t', 'v', 'd', 'p', _in_sql)} ELSE 'nan'::DOUBLE END"
                f" FROM (SELECT t, v, r - t AS d, exp({_SQL_POWER}) * 1e-3 * rh / 100 AS p FROM (SELECT *, t + 273.15e0 AS k FROM t))"
            ),
        },
        relative=1e-6,
    ),
)
