"""Contracts of a city's own things: lamps, completeness, uptime.

Promises  Missing in is missing out; an object of results is missing as a whole where nothing of it can be told.
Leaves    The arithmetic to kernels.assets.
"""

from collections.abc import Mapping

import numpy as np

from kernels import assets
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _streetlight_availability(inputs: Inputs, _: Params) -> object:
    counts = [number(inputs[name]) for name in ("working", "faulty", "unknown")]
    found = assets.streetlight_availability(counts[0], counts[1], counts[2], number(inputs["total"]) if "total" in inputs else None)
    if all(np.isnan(column[0]) for column in found):
        return None
    return plain({"availability_known": found.of_known[0], "availability_total": found.of_all[0], "unknown_share": found.unknown[0]})


def _completeness(inputs: Inputs, params: Params) -> object:
    return plain(assets.completeness(number(inputs["received_distinct"]), number(option(inputs, params, "expected")))[0])


def _uptime(inputs: Inputs, params: Params) -> object:
    period = number(option(inputs, params, "period_s"))
    if not period > 0.0:
        return None
    down = np.array([numbers(each) for each in inputs["down_intervals_s"]], np.float64).reshape(-1, 2)
    found = assets.uptime(down[:, 0], down[:, 1], period)
    return plain({"availability": found.availability, "down_s": found.down_s})


FUNCTIONS: Mapping[str, Function] = {"completeness": _completeness, "streetlight_availability": _streetlight_availability, "uptime": _uptime}
