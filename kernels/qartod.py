"""Quality tests on a series, as QARTOD names them: gross range, spike, rate of change, flat line, and their roll-up.

Flags: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing. A value that is NaN or infinite is missing.

Promises  Comparisons are strict: a value on the end of a span, or a step of exactly the threshold, passes. A threshold that is not
          there is NaN and tests nothing; 0 is a threshold.
Leaves    Thresholds to the configuration of a sensor kind, what a flag means for a KPI to catalog.quality.

Source: [qartod-tests] in docs/sources.md
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

GOOD, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9
PRECEDENCE = (MISSING, NOT_EVALUATED, GOOD, SUSPECT, FAIL)
"""From what gives way to what prevails."""


@jit
def _graded(amount: float, suspect: float, fail: float) -> int:
    if amount > fail:
        return 4
    return 3 if amount > suspect else 1


@jit
def _gross_range(values: Any, low: float, high: float, inner_low: float, inner_high: float, out: Any) -> None:
    # no branch hangs on a value: the compiler takes several at once
    for i in range(values.size):
        x = values[i]
        inside = np.uint8(1) if (x >= inner_low) & (x <= inner_high) else np.uint8(3)
        near = inside if (x >= low) & (x <= high) else np.uint8(4)
        out[i] = near if abs(x) < np.inf else np.uint8(9)


@jit
def _spike(values: Any, suspect: float, fail: float, out: Any) -> None:
    last = values.size - 1
    for i in range(values.size):
        if not np.isfinite(values[i]):
            out[i] = 9
        elif 0 < i < last and np.isfinite(values[i - 1]) and np.isfinite(values[i + 1]):
            out[i] = _graded(abs(values[i] - (values[i - 1] + values[i + 1]) / 2.0), suspect, fail)
        else:
            out[i] = 2


@jit
def _rate(values: Any, t_s: Any, limits: Any, least_s: float, out: Any) -> None:
    suspect, fail = limits
    for i in range(values.size):
        out[i] = 1
        if not np.isfinite(values[i]):
            out[i] = 9
        elif i > 0 and np.isfinite(values[i - 1]) and t_s[i] != t_s[i - 1]:
            step_s = abs(t_s[i] - t_s[i - 1])
            out[i] = _graded(abs(values[i] - values[i - 1]) / (least_s if step_s < least_s else step_s), suspect, fail)


@jit
def _flat_line(values: Any, steps: Any, tolerance: float, least: int, out: Any) -> None:
    most = max(steps[0], steps[1])
    for i in range(values.size):
        x = values[i]
        if not np.isfinite(x):
            out[i] = 9
            continue
        low, high, n = x, x, 0
        enough, flat = most + 1, -1  # reaches from which on there are enough values, and up to which they stand still
        for j in range(i, max(i - most, 0) - 1, -1):
            if np.isfinite(values[j]):
                low, high, n = min(low, values[j]), max(high, values[j]), n + 1
            if not high - low < tolerance:
                break
            flat = i - j
            if n >= least:
                enough = min(enough, flat)
        out[i] = 1
        if enough <= steps[0] <= flat:
            out[i] = 3
        if enough <= steps[1] <= flat:
            out[i] = 4


@jit
def _aggregate(flags: Any, rank: Any, code: Any, out: Any) -> Any:
    """The highest rank over all: that of an unknown flag, where there is one."""
    highest = np.uint8(0)
    out[:] = 0
    for j in range(flags.shape[0]):
        for i in range(flags.shape[1]):
            out[i] = max(out[i], rank[flags[j, i]])
    for i in range(out.size):
        highest = max(highest, out[i])
        out[i] = code[out[i]]
    return highest


def gross_range(values: F64, fail_span: tuple[float, float], suspect_span: tuple[float, float] | None = None) -> U8:
    """4 outside fail_span, 3 outside suspect_span, else 1; ends pass.

    values  float64[n], the spans in their unit, either end first; no suspect_span: only 4
    ->      uint8[n]

    O(n). Errors: KernelInputError where a span is NaN or suspect_span reaches beyond fail_span.
    """
    low, high = sorted(fail_span)
    inner_low, inner_high = sorted(suspect_span or fail_span)
    if not low <= inner_low <= inner_high <= high:
        raise KernelInputError("suspect_span", f"within {low:g} to {high:g}", suspect_span)
    out = np.empty(values.size, np.uint8)
    _gross_range(values, float(low), float(high), float(inner_low), float(inner_high), out)
    return out


def spike(values: F64, suspect: float = math.nan, fail: float = math.nan) -> U8:
    """How far a value lies from the mean of its two neighbours: more than `fail` 4, more than `suspect` 3.

    values   float64[n], a regular series; the thresholds in its unit, >= 0 or NaN
    ->       uint8[n]; 2 for the first, the last and any with a missing neighbour

    O(n). Errors: KernelInputError for a threshold below 0.
    """
    _refuse_negative(suspect=suspect, fail=fail)
    out = np.empty(values.size, np.uint8)
    _spike(values, suspect, fail, out)
    return out


def rate_of_change(values: F64, t_s: F64, suspect_per_s: float, fail_per_s: float = math.nan, least_s: float = 0.0) -> U8:
    """The step from the value before, per second: more than `fail_per_s` 4, more than `suspect_per_s` 3.

    values   float64[n]; t_s float64[n] in s; thresholds per s, >= 0 or NaN
    least_s  a change is one over this time at least: noise does not shrink with the time between two values, as a real change does
    ->       uint8[n]; 1 for the first, after a gap and where two values have one time: no rate, no objection

    O(n). Errors: KernelInputError for a shape or a threshold below 0.
    """
    if t_s.shape != values.shape:
        raise KernelInputError("t_s", f"shape {values.shape} like values", t_s.shape)
    _refuse_negative(suspect_per_s=suspect_per_s, fail_per_s=fail_per_s, least_s=least_s)
    out = np.empty(values.size, np.uint8)
    _rate(values, t_s, (float(suspect_per_s), float(fail_per_s)), float(least_s), out)
    return out


def flat_line(values: F64, steps: tuple[int, int], tolerance: float, least: int = 2) -> U8:
    """Whether the value stood still: the range over the sample and the `steps` before it lies below `tolerance`.

    values     float64[n], a regular series
    steps      samples before it for suspect (3) and for fail (4): duration over cadence, see `steps_of`; -1 tests nothing
    tolerance  in the unit of the values; 0 never fires, as the comparison is strict
    least      values that must be there to speak of a line; missing ones within it are passed over
    ->         uint8[n]; 1 until the series is long enough

    O(n) where values move, O(n * steps) where they stand still. Errors: KernelInputError for a negative tolerance.
    """
    _refuse_negative(tolerance=tolerance)
    out = np.empty(values.size, np.uint8)
    _flat_line(values, np.array(steps, np.int64), tolerance, least, out)
    return out


def steps_of(duration_s: float, cadence_s: float) -> int:
    """Samples that a duration spans, whole ones; -1 for a duration that is NaN. Raises KernelInputError for a cadence of 0 or less."""
    if not cadence_s > 0.0:
        raise KernelInputError("cadence_s", "more than 0 s", cadence_s)
    return -1 if math.isnan(duration_s) else math.floor(duration_s / cadence_s * (1.0 + 1e-12))


def aggregate(flags: U8) -> U8:
    """The flag that prevails over tests: 4 > 3 > 1 > 2 > 9.

    flags  uint8[tests, n] of 1, 2, 3, 4, 9, else KernelInputError
    ->     uint8[n]; 9 where there is no test

    O(tests * n).
    """
    if flags.ndim != 2:
        raise KernelInputError("flags", "shape (tests, n)", flags.shape)
    unknown = len(PRECEDENCE)
    rank, out = np.full(256, unknown, np.uint8), np.empty(flags.shape[1], np.uint8)
    rank[list(PRECEDENCE)] = range(unknown)
    if _aggregate(flags, rank, np.array([*PRECEDENCE, 0], np.uint8), out) == unknown:
        raise KernelInputError("flags", "1, 2, 3, 4 or 9", sorted(set(flags.ravel().tolist())))
    return out


def _refuse_negative(**thresholds: float) -> None:
    for name, given in thresholds.items():
        if given < 0.0:
            raise KernelInputError(name, "0 or more", given)
