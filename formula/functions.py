"""Pure functions of the formula language: one declaration each, with argument units, result unit and the kernel behind it.

A unit is one of the catalogue, or a letter in angle brackets: `<a>` is any unit, the same wherever it stands in one call. A plain
number takes the unit that is wanted. `number` wants a number that is written in the formula.

Promises  What a function is called with has the units of its declaration; kernels are loaded when a value is computed first.
Leaves    Checking a call to formula/signature, the arithmetic to the kernels.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Function(NamedTuple):
    """One function: arguments as `name unit, …`, a last `…` after arguments that may be given again."""

    name: str
    arguments: str
    unit: str
    kernel: str
    """module:function, from n-long float64 columns (a `number`: a float) to one."""
    does: str
    example: str


_FUNCTIONS = (
    Function(
        "ratio", "above <a>, below <b>", "<a>/<b>", "formula.arithmetic:divide",
        "one value divided by another; missing where it is divided by zero",
        "ratio(sum(bicycle_count), sum(vehicle_count))",
    ),
    Function("percent", "share 1", "%", "formula.arithmetic:percent", "a share as a percentage", "percent(time_share(fill_level, 80))"),
    Function("share", "percentage %", "1", "formula.arithmetic:share", "a percentage as a share", "share(mean(humidity))"),
    Function("abs", "value <a>", "<a>", "numpy:abs", "the value without its sign", "abs(mean(temperature) - 18)"),
    Function(
        "lowest", "value <a>, other <a>, …", "<a>", "formula.arithmetic:lowest",
        "the lowest of the values; missing where one is", "lowest(mean(no2), mean(o3))",
    ),
    Function(
        "highest", "value <a>, other <a>, …", "<a>", "formula.arithmetic:highest",
        "the highest of the values; missing where one is", "highest(mean(no2), mean(o3))",
    ),
    Function(
        "clamp", "value <a>, low <a>, high <a>", "<a>", "formula.arithmetic:clamp",
        "the value, or the limit that it passes", "clamp(mean(humidity), 0, 100)",
    ),
    Function(
        "rate_per", "events <a>, population <b>, base number", "<a>/<base> <b>", "kernels.registers:rate_per",
        "events per so many of a population; missing where there is no population",
        "rate_per(sum(vehicle_count), population(), 1000)",
    ),
    Function(
        "eaqi", "pm2_5 ug/m3, pm10 ug/m3, no2 ug/m3, o3 ug/m3, so2 ug/m3", "1", "kernels.air_index:eaqi_2024",
        "European air quality index with the bands of 2024, from hourly means: 1 good to 6 extremely poor, worst of the pollutants that are there",
        "eaqi(mean(pm2_5), mean(pm10), mean(no2), mean(o3), mean(so2))",
    ),
    Function(
        "eaqi_classic", "pm2_5 ug/m3, pm10 ug/m3, no2 ug/m3, o3 ug/m3, so2 ug/m3", "1", "kernels.air_index:eaqi_classic",
        "the European index as it was before 2024, from day means of particles and hourly means of gases: 1 to 6",
        "eaqi_classic(mean(pm2_5), mean(pm10), mean(no2), mean(o3), mean(so2))",
    ),
    Function(
        "belaqi", "pm2_5 ug/m3, pm10 ug/m3, no2 ug/m3, o3 ug/m3", "1", "kernels.air_index:belaqi_hourly",
        "BelAQI of an hour (November 2022): 1 excellent to 10 horrible; missing unless NO2, O3 and PM2.5 or PM10 are there",
        "belaqi(mean(pm2_5), mean(pm10), mean(no2), mean(o3))",
    ),
    Function(
        "belaqi_day", "pm2_5 ug/m3, pm10 ug/m3, no2 ug/m3, o3 ug/m3", "1", "kernels.air_index:belaqi_daily",
        "BelAQI of a day (November 2022) from day means, of ozone the highest 8-hour mean: 1 to 10; missing as belaqi."
        " No aggregate is an 8-hour mean: with max(o3), as in the example, the index is an upper bound",
        "belaqi_day(mean(pm2_5), mean(pm10), mean(no2), max(o3))",
    ),
    Function(
        "us_aqi_pm2_5", "pm2_5 ug/m3", "1", "kernels.us_aqi:us_aqi_pm2_5",
        "US air quality index of 2024 for a day mean of PM2.5: 0 to 500", "us_aqi_pm2_5(mean(pm2_5))",
    ),
    Function(
        "us_aqi_pm10", "pm10 ug/m3", "1", "kernels.us_aqi:us_aqi_pm10",
        "US air quality index for a day mean of PM10: 0 to 500", "us_aqi_pm10(mean(pm10))",
    ),
    Function(
        "lden", "day dB, evening dB, night dB", "dB", "kernels.noise:lden",
        "day-evening-night level of 12, 4 and 8 hours, 5 dB on the evening and 10 on the night; missing where a part is",
        "lden(leq(sound_level, day), leq(sound_level, evening), leq(sound_level, night))",
    ),
    Function(
        "heat_index", "temperature degC, humidity %", "degC", "kernels.heat:heat_index",
        "heat index of the US weather service, shade; says something above 27 degrees", "heat_index(mean(temperature), mean(humidity))",
    ),
    Function(
        "humidex", "temperature degC, humidity %", "degC", "kernels.heat:humidex",
        "how warm moist air feels, shade", "humidex(mean(temperature), mean(humidity))",
    ),
    Function(
        "wbgt", "temperature degC, humidity %", "degC", "kernels.heat:wbgt_shade",
        "wet bulb globe temperature, approximation for the shade without wind; not for decisions on safety at work",
        "wbgt(mean(temperature), mean(humidity))",
    ),
    Function(
        "utci", "temperature degC, humidity %, wind m/s, radiant degC", "degC", "kernels.utci:utci",
        "universal thermal climate index, wind at 10 m; missing outside the range that it holds for (wind below 0.5 m/s, too)",
        "utci(mean(temperature), mean(humidity), mean(wind_speed), mean(temperature))",
    ),
    Function(
        "degree_days", "mean degC, base degC", "K.d", "kernels.degree_days:heating_degree_days",
        "heating degree days of one day: how far its mean lies below the base, 0 above", "degree_days(mean(temperature), 18)",
    ),
    Function(
        "cooling_degree_days", "mean degC, base degC", "K.d", "kernels.degree_days:cooling_degree_days",
        "cooling degree days of one day: how far its mean lies above the base, 0 below", "cooling_degree_days(mean(temperature), 24)",
    ),
    Function(
        "travel_time_index", "travel_time <a>, free_flow <a>", "1", "kernels.speed:travel_time_index",
        "travel time over travel time in free flow; of speeds write ratio(free speed, speed)",
        "travel_time_index(mean(travel_time), p15(travel_time))",
    ),
    Function(
        "congestion", "travel_time <a>, free_flow <a>", "%", "kernels.speed:congestion_pct",
        "how much longer than in free flow, 0 where faster", "congestion(mean(travel_time), p15(travel_time))",
    ),
    Function(
        "level_of_service", "speed <a>, free_speed <a>", "1", "formula.arithmetic:level_of_service",
        "level of service of an urban street by its mean speed over the free-flow speed: 1 (A) to 6 (F)",
        "level_of_service(mean(vehicle_speed), p85(vehicle_speed))",
    ),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = MappingProxyType({function.name: function for function in _FUNCTIONS})


@cache
def kernel_of(name: str) -> Callable[..., F64]:
    """The kernel behind a function."""
    module, _, attribute = FUNCTIONS[name].kernel.partition(":")
    found: Callable[..., F64] = getattr(import_module(module), attribute)
    return found
