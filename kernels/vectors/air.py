"""Contracts of air quality: from the plain values of a vector to the kernels and back.

Leaves    The arithmetic to kernels.air_index, us_aqi, air_means and air_limits.
"""

from collections.abc import Mapping

import numpy as np

from kernels import air_index, air_limits, air_means, us_aqi
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain

_NAME = {"pm25": "pm2_5", "pm2_5": "pm2_5", "pm2.5": "pm2_5", "pm10": "pm10", "no2": "no2", "o3": "o3", "so2": "so2"}
_ORDER = ("pm25", "pm10", "no2", "o3", "so2")


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _band(version: str, inputs: Inputs, params: Params) -> object:
    rounded = bool(option(inputs, params, "round_to_integer", default=False))
    pollutant = _NAME.get(str(inputs["pollutant"]).lower(), str(inputs["pollutant"]))
    (found,) = air_index.band(version, pollutant, numbers([inputs["conc_ugm3"]]), round_to_integer=rounded)
    return _whole(found)


def eaqi_2024_band(inputs: Inputs, params: Params) -> object:
    """Band of one pollutant's hourly concentration, bands of 2024."""
    return _band(air_index.EAQI_2024, inputs, params)


def eaqi_legacy_band(inputs: Inputs, params: Params) -> object:
    """Band before the revision; `index_version` may name eaqi-2017."""
    return _band(str(option(inputs, params, "index_version", default=air_index.EAQI_CLASSIC)), inputs, params)


def _column(inputs: Inputs, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([number(option(inputs, {}, name, _NAME[name]))])


def eaqi_2024_overall(inputs: Inputs, params: Params) -> object:
    """Worst band over what is there, and the pollutants that reach it, by name."""
    rounded = bool(option(inputs, params, "round_to_integer", default=False))
    found = air_index.overall(air_index.EAQI_2024, *(_column(inputs, name) for name in _ORDER), round_to_integer=rounded)
    drivers = sorted(name for p, name in enumerate(_ORDER) if found.drivers[0] >> p & 1)
    return {"band": _whole(found.band[0]), "drivers": ",".join(drivers)}


def belaqi_daily(inputs: Inputs, _: Params) -> object:
    """BelAQI of a day."""
    return _whole(air_index.belaqi_daily(*(_column(inputs, name) for name in _ORDER[:4]))[0])


def belaqi_hourly(inputs: Inputs, _: Params) -> object:
    """BelAQI of an hour."""
    return _whole(air_index.belaqi_hourly(*(_column(inputs, name) for name in _ORDER[:4]))[0])


def us_aqi_pm25_2024(inputs: Inputs, _: Params) -> object:
    """US index of PM2.5."""
    return _whole(us_aqi.us_aqi_pm2_5(numbers([inputs["pm25_24h_ugm3"]]))[0])


def us_aqi_pm10(inputs: Inputs, _: Params) -> object:
    """US index of PM10."""
    return _whole(us_aqi.us_aqi_pm10(numbers([inputs["pm10_24h_ugm3"]]))[0])


def nowcast_pm(inputs: Inputs, _: Params) -> object:
    """NowCast of the last twelve hours."""
    return plain(us_aqi.nowcast_pm(numbers(inputs["hourly_most_recent_first"])[np.newaxis])[0])


def nowcast_pm25_aqi(inputs: Inputs, _: Params) -> object:
    """US index of the NowCast of PM2.5."""
    return _whole(us_aqi.us_aqi_pm2_5(us_aqi.nowcast_pm(numbers(inputs["hourly_most_recent_first"])[np.newaxis]))[0])


def ppb_to_ugm3(inputs: Inputs, params: Params) -> object:
    """Parts per billion to µg/m³; gas by name, or its molar mass as `M_g_mol`."""
    mass = option(inputs, params, "M_g_mol", "M", "molar_mass_g")
    mass = air_means.MOLAR_MASS_G[str(inputs["gas"]).lower()] if mass is None else float(mass)
    t_k = option(inputs, params, "T_K", "t_k", default=air_means.AIR_T_K)
    p_pa = option(inputs, params, "P_Pa", "p_pa", default=air_means.AIR_P_PA)
    return plain(air_means.ppb_to_ug_m3(numbers([inputs["ppb"]]), mass, float(t_k), float(p_pa))[0])


def mean_with_capture(inputs: Inputs, params: Params) -> object:
    """Mean of a window with enough of what was due."""
    expected = option(inputs, params, "expected", "expected_count")
    share = float(option(inputs, params, "min_fraction", default=0.75))
    return plain(air_means.mean_with_capture(numbers(inputs["values"]), share, None if expected is None else int(expected)).value)


def max_daily_8h_mean(inputs: Inputs, params: Params) -> object:
    """Highest 8-hour mean of a day: seven hours of the day before, then the day's."""
    hours = next(value for name, value in inputs.items() if name.startswith("hourly"))
    share = float(option(inputs, params, "min_fraction", default=0.75))
    return plain(air_means.max_daily_8h_mean(numbers(hours), share).value)


def exceedances(inputs: Inputs, params: Params) -> object:
    """Values strictly above a limit, against the exceedances allowed."""
    allowed = option(inputs, params, "allowed", default=0)
    found = air_limits.exceedances(numbers(inputs["values"]), float(option(inputs, params, "limit")), float(allowed))
    return {"count": found.times, "valid": found.valid, "compliant": found.compliant}


FUNCTIONS: Mapping[str, Function] = {
    each.__name__: each
    for each in (
        eaqi_2024_band,
        eaqi_legacy_band,
        eaqi_2024_overall,
        belaqi_daily,
        belaqi_hourly,
        us_aqi_pm25_2024,
        us_aqi_pm10,
        nowcast_pm,
        nowcast_pm25_aqi,
        ppb_to_ugm3,
        mean_with_capture,
        max_daily_8h_mean,
        exceedances,
    )
}
