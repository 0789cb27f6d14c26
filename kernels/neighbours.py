"""Whether a sensor disagrees with those around it at the same time.

A value is suspect (3) or fails (4) where it lies further from the median of its neighbours than so many scaled median absolute
deviations of them; the scale is at least `min_scale`, so that neighbours that agree by chance accuse nobody.

Promises  A sensor is not its own neighbour. Too few neighbours with a value: not evaluated (2). Missing stays 9.
Leaves    Which sensors measure the same thing to the caller; local events (a fire, an accident) to whoever reads the flag.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError
from kernels.outliers import _deviation, _insert, _middle

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


class Nearby(NamedTuple):
    """Neighbours of each of n sensors: those of i are `sensor[first[i] : first[i + 1]]`."""

    first: I64  # [n + 1]
    sensor: I64


class Limits(NamedTuple):
    """When a sensor disagrees."""

    suspect: float = 4.0
    """In scaled deviations."""
    fail: float = 8.0
    min_scale: float = 0.0
    """In the unit of the values."""
    least: int = 3
    """Neighbours with a value that it takes."""


def nearby(x_m: F64, y_m: F64, radius_m: float) -> Nearby:
    """Which sensors lie within radius_m (included) of each other, in projected metres.

    x_m, y_m  float64[n]; NaN: without a place, nobody's neighbour
    ->        Nearby, neighbours in ascending order

    O(n^2), once per change of sensors. Errors: KernelInputError for shapes or a radius below 0.
    """
    if x_m.shape != y_m.shape:
        raise KernelInputError("y_m", f"shape {x_m.shape} like x_m", y_m.shape)
    if not radius_m >= 0.0:
        raise KernelInputError("radius_m", "0 m or more", radius_m)
    found = [np.flatnonzero(np.hypot(x_m - x_m[i], y_m - y_m[i]) <= radius_m) for i in range(x_m.size)]
    others = [each[each != i] for i, each in enumerate(found)]
    first = np.concatenate(([0], np.cumsum([each.size for each in others], dtype=np.int64))).astype(np.int64)
    return Nearby(first, np.concatenate([*others, np.empty(0, np.int64)]).astype(np.int64))


@jit
def _disagreement(values: Any, first: Any, sensor: Any, limits: Any, ordered: Any, out: Any) -> None:
    suspect, fail, min_scale, least = limits
    for i in range(values.shape[0]):
        for s in range(values.shape[1]):
            x = values[i, s]
            if not np.isfinite(x):
                out[i, s] = 9
                continue
            n = 0
            for j in range(first[s], first[s + 1]):
                if np.isfinite(values[i, sensor[j]]):
                    _insert(ordered, n, values[i, sensor[j]])
                    n += 1
            if n < least:
                out[i, s] = 2
                continue
            centre = _middle(ordered, n)
            scale = max(1.482602218505602 * _deviation(ordered, n, centre), min_scale)
            away = abs(x - centre)
            out[i, s] = 4 if away > fail * scale else 3 if away > suspect * scale else 1


def neighbour_disagreement(values: F64, near: Nearby, limits: Limits) -> U8:
    """Flags of n sensors at t times.

    values  float64[t, n], one unit; NaN or infinite = missing
    ->      uint8[t, n] of 1, 2, 3, 4, 9

    O(t * n * neighbours^2), with few neighbours. Errors: KernelInputError where shapes do not fit or limits.least < 1.
    """
    if values.ndim != 2 or near.first.size != values.shape[1] + 1:
        raise KernelInputError("values", f"shape (t, {near.first.size - 1})", values.shape)
    if limits.least < 1:
        raise KernelInputError("limits.least", "at least 1", limits.least)
    most = int(np.diff(near.first).max(initial=0))
    out = np.empty(values.shape, np.uint8)
    numbers = (float(limits.suspect), float(limits.fail), float(limits.min_scale), limits.least)
    _disagreement(values, near.first, near.sensor, numbers, np.empty(most + 1), out)
    return out
