"""Contracts of the quality tests."""

from collections.abc import Mapping

import numpy as np

from kernels import qartod
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _gross_range(inputs: Inputs, params: Params) -> object:
    fail, suspect = option(inputs, params, "fail_span"), option(inputs, params, "suspect_span")
    return plain(qartod.gross_range(numbers(inputs["values"]), (fail[0], fail[1]), None if suspect is None else (suspect[0], suspect[1])))


def _spike(inputs: Inputs, params: Params) -> object:
    suspect, fail = (number(option(inputs, params, *names)) for names in (("suspect", "suspect_threshold"), ("fail", "fail_threshold")))
    return plain(qartod.spike(numbers(inputs["values"]), suspect, fail))


def _rate_of_change(inputs: Inputs, params: Params) -> object:
    suspect = number(option(inputs, params, "threshold_per_s", "suspect_per_s"))
    fail = number(option(inputs, params, "fail_threshold_per_s", "fail_per_s"))
    return plain(qartod.rate_of_change(numbers(inputs["values"]), numbers(inputs["t_s"]), suspect, fail))


def _flat_line(inputs: Inputs, params: Params) -> object:
    cadence_s = float(option(inputs, params, "dt_s"))
    steps = [qartod.steps_of(number(option(inputs, params, name)), cadence_s) for name in ("suspect_s", "fail_s")]
    values = numbers(inputs["values"])
    if values.size < 3:
        # the reference does not test so short a series
        return [qartod.GOOD if np.isfinite(value) else qartod.MISSING for value in values]
    # a single value after a gap counts as a line there: least = 1
    return plain(qartod.flat_line(values, (steps[0], steps[1]), float(option(inputs, params, "tolerance", default=0.0)), 1))


def _aggregate(inputs: Inputs, _params: Params) -> object:
    rows = [[qartod.MISSING if flag is None else int(flag) for flag in row] for row in inputs["flags_by_test"]]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"flags_by_test: wanted rows of one length, got {[len(row) for row in rows]}")
    return plain(qartod.aggregate(np.array(rows, np.uint8).reshape(len(rows), -1 if rows and rows[0] else 0)))


FUNCTIONS: Mapping[str, Function] = {
    "qartod_gross_range": _gross_range,
    "qartod_spike": _spike,
    "qartod_rate_of_change": _rate_of_change,
    "qartod_flat_line": _flat_line,
    "qartod_aggregate": _aggregate,
}
