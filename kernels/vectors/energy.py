"""Contracts of energy and water: loads, degree days, night flow, counters, return levels.

Promises  Missing in is missing out; an object of results is missing as a whole where nothing of it can be told.
Leaves    The arithmetic to the kernels.
"""

from collections.abc import Mapping

import numpy as np

from kernels import counters, degree_days, energy, return_levels, water
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _load_factor(inputs: Inputs, _: Params) -> object:
    found = energy.load_factor(numbers(inputs["power_kw"]))
    return None if np.isnan(found.factor) else plain({"load_factor": found.factor, "peak_kw": found.peak})


def _energy_intensity(inputs: Inputs, params: Params) -> object:
    year = number(option(inputs, params, "days_year", default=365))
    return plain(energy.energy_intensity(number(inputs["kwh"]), number(inputs["floor_m2"]), number(option(inputs, params, "days_covered")), year)[0])


def _heating_degree_days(inputs: Inputs, params: Params) -> object:
    base, fraction = (number(option(inputs, params, name, default=default)) for name, default in (("base_c", 18.0), ("min_fraction", 0.75)))
    return plain(degree_days.sum_heating(numbers(inputs["t_mean_daily_c"]), base, fraction).value)


def _energy_signature(inputs: Inputs, _: Params) -> object:
    found = energy.energy_signature(numbers(inputs["hdd"]), numbers(inputs["kwh"]))
    return None if np.isnan(found.slope) else plain({"slope": found.slope, "base": found.base, "r2": found.r2})


def _min_night_flow(inputs: Inputs, params: Params) -> object:
    night = water.night_mean(numbers(inputs["hourly_flow_00_to_07_m3h"]))
    if np.isnan(night):
        return None
    use, mean = (number(option(inputs, params, name)) for name in ("legit_night_use_m3h", "mean_day_flow_m3h"))
    found = water.min_night_flow(night, use, mean)
    return plain({"mnf": found.flow[0], "net_night_leak": found.leak[0], "ratio_mnf_mean": found.of_mean[0]})


def _counter_increase(inputs: Inputs, params: Params) -> object:
    drop = number(option(inputs, params, "min_reset_drop", default=0.0))
    return plain(counters.counter_increase(numbers(inputs["readings"]), option(inputs, params, "modulus"), drop).total)


def _prometheus_increase(inputs: Inputs, params: Params) -> object:
    start, end = (number(option(inputs, params, name)) for name in ("range_start_s", "range_end_s"))
    found = counters.prometheus_increase(numbers(inputs["t_s"]), numbers(inputs["values"]), start, end)
    return None if np.isnan(found.increase) else plain({"increase": found.increase, "rate_per_s": found.per_s})


def _return_level_gumbel(inputs: Inputs, params: Params) -> object:
    return plain(return_levels.return_level_gumbel(numbers(inputs["annual_maxima"]), number(option(inputs, params, "return_period_y"))))


def _empirical_return_period(inputs: Inputs, params: Params) -> object:
    return plain(return_levels.empirical_return_period(numbers(inputs["annual_maxima"]), number(option(inputs, params, "level"))))


FUNCTIONS: Mapping[str, Function] = {
    "counter_increase": _counter_increase,
    "empirical_return_period": _empirical_return_period,
    "energy_intensity": _energy_intensity,
    "energy_signature": _energy_signature,
    "heating_degree_days": _heating_degree_days,
    "load_factor": _load_factor,
    "min_night_flow": _min_night_flow,
    "prometheus_increase": _prometheus_increase,
    "return_level_gumbel": _return_level_gumbel,
}
