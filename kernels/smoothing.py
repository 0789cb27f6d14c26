"""Exponentially weighted averages of a series, regular and irregular.

Promises  A missing value leaves the average where it was; before the first value it is missing. The result lies between the
          smallest and the largest value so far.
Leaves    How long an average may be carried over a gap to the caller, who knows the sensor.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]


@jit
def _regular(values: Any, alpha: float, out: Any) -> None:
    mean = np.nan
    for i in range(values.size):
        x = values[i]
        if np.isfinite(x):
            # the first value starts it, and a weight of 1 is the value itself, to the bit
            mean = x if np.isnan(mean) or alpha == 1.0 else mean + alpha * (x - mean)
        out[i] = mean


@jit
def _irregular(t_s: Any, values: Any, tau_s: float, out: Any) -> None:
    mean, last_s = np.nan, 0.0
    for i in range(values.size):
        x = values[i]
        if np.isfinite(x):
            mean = x if np.isnan(mean) else mean - np.expm1((last_s - t_s[i]) / tau_s) * (x - mean)
            last_s = t_s[i]
        out[i] = mean


def ewma(values: F64, alpha: float) -> F64:
    """Average of a regular series: y = y + alpha * (x - y), beginning with the first value.

    values  float64[n], any unit; NaN or infinite = missing, skipped
    alpha   weight of the newest, 0 < alpha <= 1, else KernelInputError
    ->      float64[n] in the unit of the values; NaN before the first value. Empty gives empty.

    O(n). Source: [ewma].
    """
    if not 0.0 < alpha <= 1.0:
        raise KernelInputError("alpha", "more than 0, at most 1", alpha)
    out = np.empty(values.size)
    _regular(values, alpha, out)
    return out


def ewma_irregular(t_s: F64, values: F64, tau_s: float) -> F64:
    """Average of an irregular series: the newest weighs 1 - exp(-dt / tau), dt since the last value that was there.

    t_s     float64[n], s, ascending: else KernelInputError; of two values of one time the first stands (dt = 0 weighs nothing)
    values  float64[n], any unit; NaN or infinite = missing, skipped
    tau_s   memory, s, > 0, else KernelInputError
    ->      float64[n] in the unit of the values; NaN before the first value

    O(n). Source: [ewma].
    """
    if t_s.shape != values.shape:
        raise KernelInputError("t_s", f"shape {values.shape} like values", t_s.shape)
    if not 0.0 < tau_s < math.inf:
        raise KernelInputError("tau_s", "more than 0 s", tau_s)
    if not bool(np.all(np.diff(t_s) >= 0.0)):
        raise KernelInputError("t_s", "ascending times", t_s.tolist())
    out = np.empty(values.size)
    _irregular(t_s, values, tau_s, out)
    return out
