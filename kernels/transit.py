"""Public transport: waiting at a stop of a frequent line, and punctuality of a planned one.

Promises  A waiting time weighs every headway by itself: it is what a passenger who comes at random waits.
Leaves    Which lines are frequent (five an hour or more) to the KPI: excess waiting time says nothing about others.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, column
from kernels.errors import KernelInputError


class Waiting(NamedTuple):
    """Mean waiting times of passengers, in the unit of the headways, and how irregular the line was; NaN where unknown."""

    actual: float
    scheduled: float
    excess: float
    variation: float
    """Coefficient of variation of the actual headways: population standard deviation / mean."""


class Punctuality(NamedTuple):
    """Departures: share on time (NaN for none), and the counts it rests on."""

    on_time: float
    known: int
    cancelled: int


@jit
def _headway_sums(headway: Any, out: Any) -> None:
    first, n = np.nan, 0
    for i in range(headway.size):
        if 0.0 <= headway[i] < np.inf:
            first = headway[i]
            break
    # Why: differences from one of them keep the spread's digits in a single pass; four sums do not wait for each other's additions.
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    e, f, g, h = 0.0, 0.0, 0.0, 0.0
    whole = headway.size - headway.size % 4
    for i in range(0, whole, 4):
        p = headway[i] - first if 0.0 <= headway[i] < np.inf else 0.0
        q = headway[i + 1] - first if 0.0 <= headway[i + 1] < np.inf else 0.0
        r = headway[i + 2] - first if 0.0 <= headway[i + 2] < np.inf else 0.0
        s = headway[i + 3] - first if 0.0 <= headway[i + 3] < np.inf else 0.0
        a, b, c, d = a + p, b + q, c + r, d + s
        e, f, g, h = e + p * p, f + q * q, g + r * r, h + s * s
    for i in range(whole, headway.size):
        p = headway[i] - first if 0.0 <= headway[i] < np.inf else 0.0
        a, e = a + p, e + p * p
    for i in range(headway.size):
        n += 0.0 <= headway[i] < np.inf
    apart, squared = (a + b) + (c + d), (e + f) + (g + h)
    total = apart + n * first
    squares = squared + first * (2.0 * apart + n * first)
    spread, mean = max(squared - apart * apart / n, 0.0), total / n
    out[0] = squares / (2.0 * total) if total > 0.0 else np.nan
    out[1] = np.sqrt(spread / n) / mean if total > 0.0 else np.nan


@jit
def _on_time(delay_s: Any, early_s: float, late_s: float) -> Any:
    known, good = 0, 0
    for i in range(delay_s.size):
        there = abs(delay_s[i]) < np.inf
        known += there
        good += there & (delay_s[i] >= early_s) & (delay_s[i] <= late_s)
    return good, known


def waiting_time(headway: Column) -> float:
    """Mean wait of a passenger who comes at random: sum of h^2 / (2 * sum of h).

    headway  float64[n]  any unit of time, >= 0; NaN and negative are left out
    ->       same unit; NaN where no time is covered

    O(n). Source: [excess-waiting].
    """
    sums = np.zeros(2)
    _headway_sums(np.asarray(headway, np.float64), sums)
    return float(sums[0])


def excess_waiting_time(actual: Column, scheduled: Column) -> Waiting:
    """Actual minus scheduled waiting time. Negative where the plan itself is irregular, or the sample short.

    actual, scheduled  float64[n], float64[m]  headways in one unit of time, spanning the same period (see headways_in)

    O(n + m). Source: [excess-waiting].
    """
    sums = np.zeros(2)
    _headway_sums(np.asarray(actual, np.float64), sums)
    planned = waiting_time(scheduled)
    return Waiting(float(sums[0]), planned, float(sums[0]) - planned, float(sums[1]))


def headways_in(departure_s: Column, start_s: float, end_s: float) -> F64:
    """Headways that span a whole period: the gaps between departures, the first and the last clipped to the period.

    departure_s  float64[n]  s, any order; those outside [start, end] are left out, doubles give a headway of 0
    ->           float64[k + 1] for k departures within, their sum is the period. Without its edges a line that
                 broke down before the period's end would look good. Source: [excess-waiting].
    """
    if not end_s > start_s:
        raise KernelInputError("end_s", f"above start_s = {start_s}", end_s)
    at = column(departure_s)
    within = np.sort(at[(at >= start_s) & (at <= end_s)])
    return np.diff(np.concatenate(([start_s], within, [end_s])))


def on_time_performance(delay_s: Column, early_s: float = -60.0, late_s: float = 300.0, cancelled: int = 0) -> Punctuality:
    """Share of departures with early_s <= delay <= late_s; cancelled ones count as not on time, unknown delays not at all.

    delay_s  float64[n]  s, negative = early; NaN or infinite = not known
    limits   s, both belong to the span; operators define them differently, and an infinite one is none
    ->       at most 1

    O(n). Errors: KernelInputError for a limit that is NaN, fewer than 0 cancelled. Source: [punctuality].
    """
    for name, limit in (("early_s", early_s), ("late_s", late_s)):
        if math.isnan(limit):
            raise KernelInputError(name, "s", limit)
    if cancelled < 0:
        raise KernelInputError("cancelled", "0 or more", cancelled)
    good, known = _on_time(np.asarray(delay_s, np.float64), float(early_s), float(late_s))
    departures = known + cancelled
    return Punctuality(good / departures if departures else math.nan, int(known), cancelled)
