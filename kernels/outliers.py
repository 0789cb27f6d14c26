"""Robust outliers: the scaled median absolute deviation, and Hampel's test in a moving window.

Promises  A missing value is in no median and is never flagged. The window shrinks at the ends of the series.
Leaves    Which scale is too small to believe (`min_scale`) to the caller: where all neighbours are equal, the deviation is 0 and
          without it any difference is an outlier.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NORMAL = 1.482602218505602
"""1 / the third quartile of the normal distribution: makes the deviation of a normal sample its standard deviation."""


@jit
def _middle(ordered: Any, n: int) -> Any:
    half = n // 2
    return ordered[half] if n % 2 == 1 else (ordered[half - 1] + ordered[half]) / 2.0


@jit
def _deviation(ordered: Any, n: int, centre: float) -> float:
    """Median of |x - centre| of n values in order, centre their median: walk outwards from it."""
    right = 0
    while right < n and ordered[right] < centre:
        right += 1
    left, before, distance = right - 1, 0.0, 0.0
    for _ in range(n // 2 + 1):
        before = distance
        if right == n or (left >= 0 and centre - ordered[left] <= ordered[right] - centre):
            distance = centre - ordered[left]
            left -= 1
        else:
            distance = ordered[right] - centre
            right += 1
    return distance if n % 2 == 1 else (before + distance) / 2.0


@jit
def _insert(ordered: Any, n: int, x: float) -> None:
    at = n
    while at > 0 and ordered[at - 1] > x:
        ordered[at] = ordered[at - 1]
        at -= 1
    ordered[at] = x


@jit
def _remove(ordered: Any, n: int, x: float) -> None:
    at = 0
    while at < n - 1 and ordered[at] != x:
        at += 1
    for i in range(at, n - 1):
        ordered[i] = ordered[i + 1]


@jit
def _hampel(values: Any, before: int, after: int, n_sigma: float, min_scale: float, ordered: Any, out: Any) -> None:
    n = 0
    for i in range(min(after, values.size)):
        if np.isfinite(values[i]):
            _insert(ordered, n, values[i])
            n += 1
    for i in range(values.size):
        if i + after < values.size and np.isfinite(values[i + after]):
            _insert(ordered, n, values[i + after])
            n += 1
        gone = i - before - 1
        if gone >= 0 and np.isfinite(values[gone]):
            _remove(ordered, n, values[gone])
            n -= 1
        out[i] = False
        if np.isfinite(values[i]):
            centre = _middle(ordered, n)
            scale = max(1.482602218505602 * _deviation(ordered, n, centre), min_scale)
            out[i] = abs(values[i] - centre) > n_sigma * scale


def mad_scaled(values: F64) -> float:
    """Median absolute deviation from the median, scaled to a standard deviation.

    values  float64[n], any unit; NaN or infinite = missing, left out
    ->      in the unit of the values; 0.0 for one value or all equal ones; NaN for none

    O(n log n). Source: [mad].
    """
    ordered = np.sort(values[np.isfinite(values)])
    if ordered.size == 0:
        return math.nan
    return NORMAL * float(_deviation(ordered, ordered.size, _middle(ordered, ordered.size)))


def hampel(values: F64, half_window: int, n_sigma: float = 3.0, min_scale: float = 0.0) -> Bools:
    """True where a value lies more than n_sigma scaled deviations from the median of the samples around it.

    values       float64[n], any unit; NaN or infinite = missing: never flagged, a range test is for it
    half_window  samples before and after, >= 0: the answer for a sample is known that many samples later
    n_sigma      >= 0
    min_scale    the least scale to believe, in the unit of the values, >= 0
    ->           bool[n]; False for a missing value, and for one without neighbours

    O(n * half_window). Errors: KernelInputError for a parameter below 0. Source: [hampel].
    """
    return _flags(values, (half_window, half_window), n_sigma, min_scale)


def hampel_trailing(values: F64, window: int, n_sigma: float = 3.0, min_scale: float = 0.0) -> Bools:
    """As `hampel`, over the sample and the `window` samples before it: known at once, for a stream."""
    return _flags(values, (window, 0), n_sigma, min_scale)


def _flags(values: F64, reach: tuple[int, int], n_sigma: float, min_scale: float) -> Bools:
    for name, given in (("window", min(reach)), ("n_sigma", n_sigma), ("min_scale", min_scale)):
        if not given >= 0:
            raise KernelInputError(name, "0 or more", given)
    out = np.empty(values.size, np.bool_)
    _hampel(values, reach[0], reach[1], n_sigma, min_scale, np.empty(sum(reach) + 2), out)
    return out
