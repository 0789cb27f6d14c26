"""Contracts of heat and thermal comfort: from the plain values of a vector to the kernels and back.

Leaves    The arithmetic to kernels.heat and kernels.utci.
"""

from collections.abc import Callable, Mapping

import numpy as np

from kernels import heat, utci
from kernels.vectors.plain import F64, Function, Inputs, Params, numbers, option, plain


def _of_air(kernel: Callable[[F64, F64], F64], inputs: Inputs) -> object:
    return plain(kernel(numbers([inputs["t_c"]]), numbers([inputs["rh_pct"]]))[0])


def heat_index_nws_c(inputs: Inputs, _: Params) -> object:
    """Heat index of the US weather service, °C."""
    return _of_air(heat.heat_index, inputs)


def humidex(inputs: Inputs, _: Params) -> object:
    """Humidex from humidity, or from a dew point `td_c`."""
    if inputs.get("rh_pct") is None and inputs.get("td_c") is not None:
        return plain(heat.humidex_from_dew_point(numbers([inputs["t_c"]]), numbers([inputs["td_c"]]))[0])
    return _of_air(heat.humidex, inputs)


def wbgt_simple(inputs: Inputs, _: Params) -> object:
    """Wet bulb globe temperature in the shade."""
    return _of_air(heat.wbgt_shade, inputs)


def utci_c(inputs: Inputs, params: Params) -> object:
    """UTCI; `clamp_low_wind` raises calm air to 0.5 m/s."""
    raised = bool(option(inputs, params, "clamp_low_wind", "raise_calm", default=False))
    columns = (numbers([inputs[name]]) for name in ("t_c", "rh_pct", "v10_ms", "tmrt_c"))
    return plain(utci.utci(*columns, raise_calm=raised)[0])


def utci_band(inputs: Inputs, _: Params) -> object:
    """Name of the band of thermal stress."""
    (band,) = utci.utci_band(numbers([inputs["utci_c"]]))
    return None if np.isnan(band) else utci.BANDS[int(band) - 1]


def heat_days(inputs: Inputs, params: Params) -> object:
    """Counts of hot nights and days, and of heat waves; thresholds by the names of kernels.heat.Thresholds."""
    given = {name: option(inputs, params, name) for name in heat.Thresholds._fields}
    thresholds = heat.Thresholds(**{name: value for name, value in given.items() if value is not None})
    return heat.heat_days(numbers(inputs["tmin"]), numbers(inputs["tmax"]), thresholds)._asdict()


FUNCTIONS: Mapping[str, Function] = {each.__name__: each for each in (heat_index_nws_c, humidex, wbgt_simple, utci_c, utci_band, heat_days)}
