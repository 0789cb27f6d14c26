"""Counters that only rise (energy, water, pulses): the exact increase, and the increase as Prometheus tells it.

Promises  Exact: every rise counts once; a fall is a reset to zero or, of a meter with a known modulus, a rollover. Over one meter without
          modulus it is what kernels.ordered adds up. Integers stay integers; floats are summed with their rounding errors kept.
          As Prometheus: the same number as increase() and rate() over the same samples.
Leaves    Choosing: bill with the exact increase, chart with either.
"""

from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, column, same_length
from kernels.errors import KernelInputError
from kernels.ratio import ratio


class Increase(NamedTuple):
    """Increase over all readings (NaN for fewer than two valid ones), and what happened on the way."""

    total: float
    valid: int
    resets: int
    rollovers: int
    faults: int
    """Readings left out: negative, at or above the modulus, or a fall too small to be a reset."""


class Extrapolated(NamedTuple):
    """Prometheus' increase() and rate(); NaN where it gives nothing."""

    increase: float
    per_s: float


@jit
def _keep(total: Any, x: float) -> None:
    """total[0] + total[1] += x, with the rounding error of the sum in total[1] (Neumaier)."""
    s = total[0] + x
    total[1] += (total[0] - s) + x if abs(total[0]) >= abs(x) else (x - s) + total[0]
    total[0] = s


@jit
def _close(total: Any, end: float, base: float) -> None:
    """A stretch without a fall counts its end less its base: no step of it is rounded by itself."""
    _keep(total, end)
    _keep(total, -base)


@jit
def _increase(reading: Any, modulus: float, min_drop: float, total: Any, count: Any) -> None:
    valid, faults, base, before = 0, 0, np.nan, np.nan
    for i in range(reading.size):
        now = reading[i]
        if not 0.0 <= now < modulus:
            faults += np.isfinite(now)
            continue
        if now < before:
            drop = before - now
            if drop < min_drop:
                faults += 1
                continue
            rolled = drop > 0.5 * modulus
            _close(total, modulus if rolled else before, base)
            count[2 if rolled else 1] += 1
            base = 0.0
        elif valid == 0:
            base = now
        valid += 1
        before = now
    if valid > 1:
        _close(total, before, base)
    count[0], count[3] = valid, faults


@jit
def _increase_of_integers(reading: Any, modulus: int, out: Any) -> None:
    total = 0
    for i in range(1, reading.size):
        step = reading[i] - reading[i - 1]
        if step < 0:
            step = reading[i] + (modulus - reading[i - 1] if modulus > 0 and -2 * step > modulus else 0)
        total += step
    out[0] = total


@jit
def _extrapolated(t: Any, value: Any, start: float, end: float, out: Any) -> None:
    n, first_t, last_t, first, last, rise = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(t.size):
        if start < t[i] <= end and not np.isnan(value[i]):
            if n == 0:
                first_t, first = t[i], value[i]
            elif value[i] < last:
                rise += last
            last_t, last = t[i], value[i]
            n += 1
    sampled = last_t - first_t
    if n < 2 or not sampled > 0.0:
        return
    rise += last - first
    spacing = sampled / (n - 1)
    to_start, to_end = first_t - start, end - last_t
    if to_start >= 1.1 * spacing:
        to_start = 0.5 * spacing
    if rise > 0.0 and first >= 0.0:
        to_start = min(to_start, sampled * (first / rise))  # not beyond where the counter would be zero
    if to_end >= 1.1 * spacing:
        to_end = 0.5 * spacing
    out[0] = rise * ((sampled + to_start + to_end) / sampled)


def counter_increase(reading: Column, modulus: float | None = None, min_reset_drop: float = 0.0) -> Increase:
    """Exact increase over consecutive valid readings of one meter.

    reading         float64[n]  in order of time; NaN = missing; negative, or at or above the modulus: a fault, left out
    modulus         value at which the meter starts again at 0, where known: a fall of more than half of it is a rollover
    min_reset_drop  a smaller fall is jitter, its reading a fault and left out; 0: every fall is a reset
    ->              sum of b - a for b >= a, of b at a reset, of b + modulus - a at a rollover. The first reading adds nothing

    O(n), one pass. Source: [project].
    """
    if modulus is not None and not modulus > 0.0:
        raise KernelInputError("modulus", "> 0 or None", modulus)
    total, count = np.zeros(2), np.zeros(4, np.int64)
    _increase(np.asarray(reading, np.float64), np.inf if modulus is None else float(modulus), float(min_reset_drop), total, count)
    known = int(count[0])
    return Increase(float(total[0] + total[1]) + 0.0 if known > 1 else float("nan"), known, int(count[1]), int(count[2]), int(count[3]))


def counter_increase_of_integers(reading: np.ndarray[Any, np.dtype[np.int64]], modulus: int = 0) -> int:
    """The same over valid readings that are integers of a resolution, exact to the unit (within 64 bits); modulus 0: none.

    reading  int64[n]  in order of time, >= 0; fewer than two give 0: the caller knows that there is no increase to speak of
    """
    out = np.zeros(1, np.int64)
    _increase_of_integers(np.asarray(reading, np.int64), int(modulus), out)
    return int(out[0])


def prometheus_increase(t_s: Column, value: Column, range_start_s: float, range_end_s: float) -> Extrapolated:
    """increase() and rate() over the samples in (start, end], extrapolated towards the range's edges.

    t_s    float64[n]  s, ascending
    value  float64[n]  NaN = no sample
    ->     NaN for fewer than two samples (an empty range has none), or all at one time. Not a regression; may be no integer

    O(n). Source: [prometheus-rate].
    """
    t, v = column(t_s), column(value)
    same_length(t, v, "value")
    out: F64 = np.full(1, np.nan)
    _extrapolated(t, v, float(range_start_s), float(range_end_s), out)
    return Extrapolated(float(out[0]), float(ratio(out[0], range_end_s - range_start_s)[0]))
