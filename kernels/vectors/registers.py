"""Contracts of a city's registers: rates, budgets, deliveries, small numbers.

Promises  Missing in is missing out; an object of results is missing as a whole where nothing of it can be told.
Leaves    The arithmetic to the kernels.
"""

from collections.abc import Mapping

import numpy as np

from kernels import registers, rounding, suppression
from kernels.vectors.plain import Function, Inputs, Params, number, option, plain


def _rate_per(inputs: Inputs, params: Params) -> object:
    per, sure = (number(option(inputs, params, name, default=default)) for name, default in (("base", 1000), ("confidence", 0.95)))
    found = registers.rate_with_interval(number(inputs["events"]), number(inputs["population"]), per, sure)
    return None if np.isnan(found.rate[0]) else plain({"rate": found.rate[0], "ci_low": found.low[0], "ci_high": found.high[0]})


def _budget_per_client(inputs: Inputs, params: Params) -> object:
    names = ("spent_eur", "planned_year_eur", "clients", "year_fraction")
    found = registers.budget(*(number(option(inputs, params, name)) for name in names))
    told = dict(zip(("utilisation", "pace", "per_client_eur", "linear_forecast_eur"), (float(column[0]) for column in found), strict=True))
    return None if all(np.isnan(value) for value in told.values()) else plain(told)


def _delivery_vs_plan(inputs: Inputs, _: Params) -> object:
    return plain(registers.delivery_vs_plan(number(inputs["delivered"]), number(inputs["planned"]))[0])


def _new_dwellings_per_1000(inputs: Inputs, _: Params) -> object:
    return plain(registers.new_dwellings_per_1000(number(inputs["delivered"]), number(inputs["stock_jan1"]))[0])


def _suppress_small(inputs: Inputs, params: Params) -> object:
    counts = inputs["counts"]
    row = np.array([suppression.MISSING if n is None else int(n) for n in counts], np.int64)
    hidden = suppression.suppress_row(row, int(option(inputs, params, "k", default=suppression.SMALL))).cell
    return [None if gone else n for n, gone in zip(counts, hidden, strict=True)]


def _round_to_5(inputs: Inputs, _: Params) -> object:
    n = inputs["n"]
    if n is None:
        return None
    if float(n).is_integer():
        fives = int(rounding.round_to_5(np.array([int(n)]))[0])
        return None if fives == suppression.MISSING else fives
    return int(rounding.round_half_up(float(n), 5.0)[0])


FUNCTIONS: Mapping[str, Function] = {
    "budget_per_client": _budget_per_client,
    "delivery_vs_plan": _delivery_vs_plan,
    "new_dwellings_per_1000": _new_dwellings_per_1000,
    "rate_per": _rate_per,
    "round_to_5": _round_to_5,
    "suppress_small": _suppress_small,
}
