"""Contracts of impact: interrupted time series, difference in differences."""

from collections.abc import Mapping

import numpy as np

from kernels.impact import Panel, did_2x2, did_regression, interrupted_series
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _its_regression(inputs: Inputs, params: Params) -> object:
    lags = option(inputs, params, "maxlags")
    found = interrupted_series(numbers(inputs["y"]), int(option(inputs, params, "t0")), None if lags is None else int(lags))
    if np.isnan(found.params).all():
        return {"params": None, "hac_se": None}
    return plain({"params": found.params, "hac_se": found.se})


def _did_2x2(inputs: Inputs, _params: Params) -> object:
    control, treated = ([number(value) for value in inputs[name]] for name in ("control_pre_post", "treated_pre_post"))
    return plain(did_2x2((control[0], control[1]), (treated[0], treated[1])))


def _did_regression(inputs: Inputs, _params: Params) -> object:
    rows = inputs["rows_unit_time_treated_post_y"]
    columns = [numbers(row[k] for row in rows) for k in (2, 3, 4)]
    # A time may be a label: only the pre-trends read it
    found = did_regression(Panel([row[0] for row in rows], np.zeros(len(rows)), *columns))
    return plain({"effect": found.effect, "cluster_se": found.se})


FUNCTIONS: Mapping[str, Function] = {"its_regression": _its_regression, "did_2x2": _did_2x2, "did_regression": _did_regression}
