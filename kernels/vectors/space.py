"""Contracts of space: interpolation between stations, means over people."""

import math
from collections.abc import Mapping

import numpy as np

from kernels.space import Interpolation, idw, population_weighted
from kernels.vectors.plain import Function, Inputs, Params, numbers, option, plain


def _idw(inputs: Inputs, params: Params) -> object:
    points = [numbers(point) for point in inputs["points_x_y_v"]]
    rows = np.array(points, np.float64).reshape(len(points), 3)
    radius = option(inputs, params, "radius", "radius_m", "max_distance")
    # without a radius there is no neighbourhood that could be too thin
    least = int(option(inputs, params, "min_stations", "min_points", default=1 if radius is None else 3))
    how = Interpolation(float(option(inputs, params, "power", default=2.0)), math.inf if radius is None else float(radius), least)
    return plain(idw(rows[:, :2], rows[:, 2], numbers(inputs["at"]).reshape(1, 2), how)[0])


def _population_weighted(inputs: Inputs, _params: Params) -> object:
    found = population_weighted(numbers(inputs["conc"]), numbers(inputs["population"]))
    return plain({"pwm": found.mean, "covered_share": found.covered_share})


FUNCTIONS: Mapping[str, Function] = {"idw": _idw, "population_weighted": _population_weighted}
