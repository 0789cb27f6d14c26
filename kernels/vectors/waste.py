"""Contracts of waste: fill of a container, and days until it is full.

Promises  Missing in is missing out.
Leaves    The arithmetic to kernels.waste.
"""

from collections.abc import Mapping

import numpy as np

from kernels import waste
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _fill_level(inputs: Inputs, params: Params) -> object:
    bottom, height = (number(option(inputs, params, name)) for name in ("sensor_to_bottom_cm", "usable_height_cm"))
    return plain(waste.fill_level(bottom, number(inputs["distance_cm"]), height).share[0])


def _days_to_full(inputs: Inputs, params: Params) -> object:
    threshold = number(option(inputs, params, "threshold", default=waste.FULL_AT))
    line, robust = waste.days_to_full(numbers(inputs["t_days"]), numbers(inputs["fill"]), threshold)
    if np.isnan(line.slope):
        return None
    return plain({"ols_slope": line.slope, "ols_days": line.days, "ts_slope": robust.slope, "ts_days": robust.days})


FUNCTIONS: Mapping[str, Function] = {"days_to_full": _days_to_full, "fill_level": _fill_level}
