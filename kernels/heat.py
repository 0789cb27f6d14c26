"""Heat: heat index, humidex, WBGT in the shade, and counts of hot days and nights.

Promises  Missing, infinite or impossible weather gives NaN: humidity outside 0 to 100 %, air outside -100 to 100 °C.
Leaves    Radiation and wind to kernels.utci; whether a number means anything in cool air to the reader: below 26.7 °C show the air.

Temperatures are °C, humidity is relative in %.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.elementary import exp
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
_LN_10 = 2.302585092994046


class HeatDays(NamedTuple):
    """Counts over days; a missing day counts in none."""

    tropical_nights: int
    summer_days: int
    tropical_days: int
    heatwaves: int


class Thresholds(NamedTuple):
    """What makes a day or night hot. Source: [tropical-night], [heat-wave-kmi]."""

    tropical_night_c: float = 20.0  # a night is tropical strictly above
    summer_day_c: float = 25.0  # a day is one from here on
    tropical_day_c: float = 30.0
    wave_days: int = 5  # consecutive summer days of a heat wave
    wave_tropical_days: int = 3  # of which tropical at least
    summer_day_above: bool = False  # True: strictly above, as ETCCDI's SU counts


@jit
def _heat_index(t_c: F64, rh: F64, out: F64) -> None:
    """Every branch is computed and one is chosen, so that the loop runs on vectors."""
    for i in range(t_c.size):
        t, h = t_c[i] * 1.8 + 32.0, rh[i]
        there = (t_c[i] > -100.0) & (t_c[i] < 100.0) & (h >= 0.0) & (h <= 100.0)
        simple = (0.5 * (t + 61.0 + 1.2 * (t - 68.0) + 0.094 * h) + t) / 2.0
        full = -42.379 + 2.04901523 * t - 0.00683783 * t * t
        full += h * (10.14333127 - 0.22475541 * t + 0.00122874 * t * t)
        full += h * h * (-0.05481717 + 0.00085282 * t - 0.00000199 * t * t)
        off = (17.0 - abs(t - 95.0)) / 17.0
        dry = (13.0 - h) / 4.0 * np.sqrt(off if off > 0.0 else 0.0)
        full -= dry if (h < 13.0) & (t >= 80.0) & (t <= 112.0) else 0.0
        full += (h - 85.0) / 10.0 * ((87.0 - t) / 5.0) if (h > 85.0) & (t >= 80.0) & (t <= 87.0) else 0.0
        found = (full if simple >= 80.0 else simple) - 32.0
        out[i] = found / 1.8 if there else np.nan


@jit
def _humidex(t_c: F64, dew_c: F64, rh: F64, out: F64) -> None:
    """Vapour at dew_c, at share rh."""
    for i in range(t_c.size):
        t, d, h = t_c[i], dew_c[i], rh[i]
        there = (t > -100.0) & (t < 100.0) & (d > -100.0) & (d < 100.0) & (h >= 0.0) & (h <= 100.0)
        e_hpa = 6.112 * exp(_LN_10 * (7.5 * d / (237.7 + d))) * h / 100.0
        out[i] = t + 5.0 / 9.0 * (e_hpa - 10.0) if there else np.nan


@jit
def _wbgt_shade(t_c: F64, rh: F64, out: F64) -> None:
    for i in range(t_c.size):
        t, h = t_c[i], rh[i]
        there = (t > -100.0) & (t < 100.0) & (h >= 0.0) & (h <= 100.0)
        e_hpa = h / 100.0 * 6.105 * exp(17.27 * t / (237.7 + t))
        out[i] = 0.567 * t + 0.393 * e_hpa + 3.94 if there else np.nan


def _columns(*values: npt.ArrayLike) -> list[F64]:
    columns = [np.ascontiguousarray(each, np.float64) for each in values]
    if any(each.ndim != 1 or each.size != columns[0].size for each in columns):
        raise KernelInputError("temperature, humidity", "columns of one length", [each.shape for each in columns])
    return columns


def heat_index(temperature: F64, humidity: F64) -> F64:
    """Heat index of the US weather service, float64[n] °C.

    temperature  float64[n] °C; humidity float64[n] %; NaN, ±inf and humidity outside 0 … 100 = missing
    ->           below 80 °F the mean of the simple formula and the air, as the service's text says; else the regression with its two adjustments

    O(n). Errors: KernelInputError for columns of different length. Source: [heat-index-nws].
    """
    t_c, rh = _columns(temperature, humidity)
    out = np.empty_like(t_c)
    _heat_index(t_c, rh, out)
    return out


def humidex(temperature: F64, humidity: F64) -> F64:
    """Humidex, float64[n] °C: T + 5/9·(e - 10), e = 6.112·10^(7.5T/(237.7+T))·RH/100 hPa. Arguments, missing, errors as heat_index.

    Source: [humidex].
    """
    t_c, rh = _columns(temperature, humidity)
    out = np.empty_like(t_c)
    _humidex(t_c, t_c, rh, out)
    return out


def humidex_from_dew_point(temperature: F64, dew_point: F64) -> F64:
    """Humidex from the dew point (°C): the same vapour formula at the dew point, so that a dew point equal to the air is 100 % humidity."""
    t_c, dew_c = _columns(temperature, dew_point)
    out = np.empty_like(t_c)
    _humidex(t_c, dew_c, np.full_like(t_c, 100.0), out)
    return out


def wbgt_shade(temperature: F64, humidity: F64) -> F64:
    """Wet bulb globe temperature in the shade, float64[n] °C: 0.567T + 0.393e + 3.94. No sun, no wind: not for safety at work.

    Arguments, missing, errors as heat_index. Source: [wbgt-simple].
    """
    t_c, rh = _columns(temperature, humidity)
    out = np.empty_like(t_c)
    _wbgt_shade(t_c, rh, out)
    return out


def heat_waves(highest_c: F64, thresholds: Thresholds | None = None) -> list[tuple[int, int]]:
    """Heat waves as (first day, days): maximal runs of summer days that are long enough and hold enough tropical ones.

    highest_c  float64[n] °C, one a day; a missing day (NaN, ±inf) ends a run. Source: [heat-wave-kmi].
    """
    at = thresholds or Thresholds()
    (top,) = _columns(highest_c)
    hot = _summer(top, at)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], hot, [False])).astype(np.int8)))
    runs = [(int(first), int(last - first)) for first, last in edges.reshape(-1, 2)]
    tropical = [int((top[first : first + days] >= at.tropical_day_c).sum()) for first, days in runs]
    return [run for run, hottest in zip(runs, tropical, strict=True) if run[1] >= at.wave_days and hottest >= at.wave_tropical_days]


def _summer(top: F64, at: Thresholds) -> npt.NDArray[np.bool_]:
    above = top > at.summer_day_c if at.summer_day_above else top >= at.summer_day_c
    return np.asarray(above & np.isfinite(top), np.bool_)


def heat_days(lowest_c: F64, highest_c: F64, thresholds: Thresholds | None = None) -> HeatDays:
    """Tropical nights, summer days, tropical days and heat waves over days in order.

    lowest_c, highest_c  float64[n] °C, one a day; NaN, ±inf = missing: counts nowhere, and ends a heat wave
    O(n). Errors: KernelInputError. Source: [tropical-night], [heat-wave-kmi].
    """
    at = thresholds or Thresholds()
    (low,), (top,) = _columns(lowest_c), _columns(highest_c)
    tropical_nights = int(((low > at.tropical_night_c) & np.isfinite(low)).sum())
    tropical_days = int(((top >= at.tropical_day_c) & np.isfinite(top)).sum())
    return HeatDays(tropical_nights, int(_summer(top, at).sum()), tropical_days, len(heat_waves(top, at)))
