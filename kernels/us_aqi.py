"""The US index of particulate matter with the breakpoints of 2024, and NowCast.

Promises  The index is computed in whole tenths of the truncated concentration, so half up is exact. Above the table it is 500, and says so.
Leaves    Means of 24 hours to kernels.air_means.

Source: [us-aqi-2024], [nowcast] in docs/sources.md. Concentrations are µg/m³; NaN is missing.
"""

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_INDEX = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))


def _table(highest: tuple[int, ...]) -> I64:
    """Rows (concentration low, high in units of the truncation, index low, high) from the highest concentration of each class."""
    lowest = (0, *(each + 1 for each in highest[:-1]))
    return np.array([(lo, hi, *index) for lo, hi, index in zip(lowest, highest, _INDEX, strict=True)], np.int64)


_PM2_5 = _table((90, 354, 554, 1254, 2254, 3254))
_PM10 = _table((54, 154, 254, 354, 424, 604))


@jit
def _us_aqi(concentration: F64, per_unit: float, table: I64, out: F64) -> None:
    for i in range(concentration.size):
        c = concentration[i]
        if not 0.0 <= c < np.inf:
            out[i] = np.nan
            continue
        # a mean that lies a rounding error below a step is that step: 35.499999999999996 is 35.5
        scaled = c * per_unit * (1.0 + 1e-12)
        if scaled > table[-1, 1]:
            out[i] = 500.0
            continue
        k = int(scaled)
        row = 0
        while k > table[row, 1]:
            row += 1
        span = table[row, 1] - table[row, 0]
        out[i] = table[row, 2] + (2 * (table[row, 3] - table[row, 2]) * (k - table[row, 0]) + span) // (2 * span)


@jit
def _nowcast(hours: F64, out: F64) -> None:
    for r in range(hours.shape[0]):
        low, high, recent = np.inf, -np.inf, 0
        for i in range(min(12, hours.shape[1])):
            c = hours[r, i]
            if np.isfinite(c):
                low, high = min(low, c), max(high, c)
                recent += 1 if i < 3 else 0
        out[r] = np.nan
        if recent < 2:
            continue
        weight = max(low / high, 0.5) if high > 0.0 else 0.5
        total, weights, power = 0.0, 0.0, 1.0
        for i in range(min(12, hours.shape[1])):
            if np.isfinite(hours[r, i]):
                total += power * hours[r, i]
                weights += power
            power *= weight
        out[r] = min(max(total / weights, low), high)


def _column(name: str, values: npt.ArrayLike) -> F64:
    column = np.ascontiguousarray(values, np.float64)
    if column.ndim != 1:
        raise KernelInputError(name, "one column", column.shape)
    return column


def us_aqi_pm2_5(pm2_5: F64) -> F64:
    """US index of PM2.5 from 24 h means (or NowCast).

    pm2_5  float64[n] µg/m³, truncated to 0.1; -> float64[n] whole numbers 0 … 500
    NaN for a missing, infinite or negative concentration; 500 above 325.4 (see beyond_us_aqi_pm2_5). O(n). Source: [us-aqi-2024].
    """
    column = _column("pm2_5", pm2_5)
    out = np.empty_like(column)
    _us_aqi(column, 10.0, _PM2_5, out)
    return out


def us_aqi_pm10(pm10: F64) -> F64:
    """US index of PM10 from 24 h means (or NowCast), truncated to 1 µg/m³; above 604 it is 500. Else as us_aqi_pm2_5."""
    column = _column("pm10", pm10)
    out = np.empty_like(column)
    _us_aqi(column, 1.0, _PM10, out)
    return out


def beyond_us_aqi_pm2_5(pm2_5: F64) -> Bools:
    """True where the truncated concentration lies above the table (325.4 µg/m³), bool[n]; the index stops at 500 there."""
    column = _column("pm2_5", pm2_5)
    return (column * 10.0 * (1.0 + 1e-12) >= 3255.0) & (column < np.inf)


def beyond_us_aqi_pm10(pm10: F64) -> Bools:
    """True where the truncated concentration lies above the table (604 µg/m³), bool[n]."""
    column = _column("pm10", pm10)
    return (column * (1.0 + 1e-12) >= 605.0) & (column < np.inf)


def nowcast_pm(hours: F64) -> F64:
    """NowCast of PM2.5 or PM10 from the last twelve hourly means.

    hours  float64[n, h] µg/m³, column i is i hours ago, 0 the latest; columns from 12 on are not read; NaN or ±inf = missing
    ->     float64[n] µg/m³; NaN unless two of the latest three hours are there

    Missing hours drop out of both sums and keep their exponent. The weight is lowest / highest, at least 0.5; where the highest is not above
    zero it is 0.5, the limit from above, so all zeros give 0. Never outside the hours' range. O(n). Source: [nowcast].
    """
    table = np.ascontiguousarray(hours, np.float64)
    if table.ndim != 2:
        raise KernelInputError("hours", "shape (n, hours)", table.shape)
    out = np.empty(table.shape[0])
    _nowcast(table, out)
    return out
