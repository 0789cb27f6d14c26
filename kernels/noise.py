"""Noise levels: energy means, Lden, percentile levels and exceedance events.

Promises  Decibels are never averaged as numbers: energies are. NaN and +inf are missing; -inf is silence, which counts and adds no energy.
Leaves    Hours of the day to kernels.noise_day, façade corrections and years to whoever reports.

Source: [noise-directive], [iso-1996-1] in docs/sources.md. Levels are dB(A).
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.elementary import DB, exp, log
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

PART_HOURS = (12.0, 4.0, 8.0)
"""Hours of day, evening and night in Lden."""
_PENALTIES_DB = (0.0, 5.0, 10.0)
_LANES = 64


class Energy(NamedTuple):
    """What an energy mean rests on; adding two gives that of the union."""

    energy_s: float  # sum of duration times 10^(level / 10)
    time_s: float

    def level_db(self) -> float:
        """The energy mean; NaN of no time, -inf of silence."""
        if not self.time_s > 0.0:
            return math.nan
        return 10.0 * math.log10(self.energy_s / self.time_s) if self.energy_s > 0.0 else -math.inf


class Exceedance(NamedTuple):
    """How often and how long a level lies above a threshold."""

    samples: int
    events: int
    fraction: float  # of the valid samples; NaN of none


class Events(NamedTuple):
    """Maximal runs above a threshold, in order."""

    start: I64  # [k] index of the first sample
    length: I64  # [k] samples
    peak_db: F64  # [k]


@jit
def _energy(levels: F64, weights: F64, top: float, lane: F64) -> tuple[float, float]:
    """Sums of weight * 10^((level - top) / 10) and of weight over what is there, by lane as in _energies."""
    lane[:] = 0.0
    energy, time = 0.0, 0.0
    whole = levels.size - levels.size % _LANES
    for block in range(0, whole, _LANES):
        for j in range(_LANES):
            level, weight = levels[block + j], weights[block + j]
            there = (level < np.inf) & (weight > 0.0)
            mine = weight * exp((level - top) * DB)
            lane[0, j] += mine if there else 0.0
            lane[1, j] += weight if there else 0.0
    for i in range(whole, levels.size):
        if levels[i] < np.inf and weights[i] > 0.0:
            energy += weights[i] * exp((levels[i] - top) * DB)
            time += weights[i]
    for j in range(_LANES):
        energy, time = energy + lane[0, j], time + lane[1, j]
    return energy, time


@jit
def _top(levels: F64, top: F64, count: F64) -> None:
    """Highest level and number of what is there, by lane: lanes are independent, so the loop over them runs on vectors."""
    top[:] = -np.inf
    count[:] = 0.0
    blocks = levels.size // _LANES
    for block in range(blocks):
        for j in range(_LANES):
            level = levels[block * _LANES + j]
            there = level < np.inf
            top[j] = level if there & (level > top[j]) else top[j]
            count[j] += 1.0 if there else 0.0
    for i in range(blocks * _LANES, levels.size):
        if levels[i] < np.inf:
            top[0] = max(top[0], levels[i])
            count[0] += 1.0


@jit
def _energies(levels: F64, top: float, energy: F64) -> None:
    """Sums of 10^((level - top) / 10) by lane."""
    energy[:] = 0.0
    blocks = levels.size // _LANES
    for block in range(blocks):
        for j in range(_LANES):
            level = levels[block * _LANES + j]
            mine = exp((level - top) * DB)
            energy[j] += mine if level < np.inf else 0.0
    for i in range(blocks * _LANES, levels.size):
        if levels[i] < np.inf:
            energy[0] += exp((levels[i] - top) * DB)


@jit
def _leq(levels: F64, lane: F64, count: F64) -> float:
    _top(levels, lane, count)
    top, n = -np.inf, 0.0
    for j in range(lane.size):
        top = max(top, lane[j])
        n += count[j]
    if n == 0.0:
        return np.nan
    if top == -np.inf:
        return top
    _energies(levels, top, lane)
    energy = 0.0
    for j in range(lane.size):
        energy += lane[j]
    return float(top + 10.0 * np.log10(energy / n))


@jit
def _lden(parts: tuple[F64, F64, F64], weights: tuple[float, float, float], out: F64) -> None:
    """Relative to the loudest part, so that no level is too high or low; a part of no weight is silent."""
    day, evening, night = parts
    w_day, w_evening, w_night = weights
    for i in range(day.size):
        a = day[i] if w_day > 0.0 else -np.inf
        b = evening[i] if w_evening > 0.0 else -np.inf
        c = night[i] if w_night > 0.0 else -np.inf
        there = (a < np.inf) & (b < np.inf) & (c < np.inf)
        top = a if a > b else b
        top = c if c > top else top
        top = top if top > -np.inf else 0.0
        energy = w_day * exp((a - top) * DB) + w_evening * exp((b - top) * DB) + w_night * exp((c - top) * DB)
        level = top + log(energy) / DB if energy > 0.0 else -np.inf
        out[i] = level if there else np.nan


@jit
def _counts(levels: F64, threshold: float) -> tuple[int, int, int]:
    """Number of runs, of samples above and of valid samples."""
    runs, above, valid, before = 0, 0, 0, -np.inf
    for i in range(levels.size):
        level = levels[i]
        up, was_up = (level > threshold) & (level < np.inf), (before > threshold) & (before < np.inf)
        runs += 1 if up and not was_up else 0
        above += 1 if up else 0
        valid += 1 if level < np.inf else 0
        before = level
    return runs, above, valid


@jit
def _runs(levels: F64, threshold: float, start: I64, length: I64, peak: F64) -> int:
    """Fill the runs, as many as _counts has found."""
    runs, inside = 0, False
    for i in range(levels.size):
        level = levels[i]
        if threshold < level < np.inf:
            if not inside:
                start[runs], length[runs], peak[runs] = i, 0, level
                runs += 1
            length[runs - 1] += 1
            peak[runs - 1] = max(peak[runs - 1], level)
            inside = True
        else:
            inside = False
    return runs


def _column(name: str, values: npt.ArrayLike) -> F64:
    column = np.ascontiguousarray(values, np.float64)
    if column.ndim != 1:
        raise KernelInputError(name, "one column", column.shape)
    return column


def leq(levels_db: F64) -> float:
    """Energy mean of equal intervals, dB: 10·log10 of the mean of 10^(L/10).

    levels_db  float64[n]; NaN, +inf = missing, skipped; -inf = silence, counted
    ->         NaN of nothing, -inf of silence; equal levels give themselves, and no level is too high or low for the arithmetic
    O(n). Source: [iso-1996-1].
    """
    return float(_leq(_column("levels_db", levels_db), np.empty(_LANES), np.empty(_LANES)))


def energy(levels_db: F64, durations_s: F64) -> Energy:
    """Energy and time of levels with durations, for merging by addition.

    levels_db    float64[n] dB; NaN, +inf = missing, and so is their time
    durations_s  float64[n] s; 0 or NaN = not there
    Errors: KernelInputError for a negative duration or columns of different length.
    """
    return Energy(*_energy(*_weighted(levels_db, durations_s), 0.0, np.empty((2, _LANES))))


def _weighted(levels_db: F64, durations_s: F64) -> tuple[F64, F64]:
    levels, weights = _column("levels_db", levels_db), _column("durations_s", durations_s)
    if levels.size != weights.size:
        raise KernelInputError("durations_s", f"{levels.size} values like levels_db", weights.size)
    if bool((weights < 0.0).any()) or bool(np.isinf(weights).any()):
        raise KernelInputError("durations_s", "0 s or more, finite", float(weights[(weights < 0.0) | np.isinf(weights)][0]))
    return levels, weights


def leq_weighted(levels_db: F64, durations_s: F64) -> float:
    """Energy mean weighted by duration, dB. Arguments and errors as energy; NaN of no time, -inf of silence. Source: [iso-1996-1]."""
    levels, weights = _weighted(levels_db, durations_s)
    there = levels[(levels < np.inf) & (weights > 0.0)]
    top = float(there.max()) if there.size else 0.0
    top = top if math.isfinite(top) else 0.0
    return top + Energy(*_energy(levels, weights, top, np.empty((2, _LANES)))).level_db()


def lden(day: F64, evening: F64, night: F64, hours: tuple[float, float, float] = PART_HOURS) -> F64:
    """Day-evening-night level, float64[n] dB, with 5 dB on the evening and 10 dB on the night.

    day, evening, night  float64[n] dB each; NaN, +inf = missing
    hours                length of the three parts; a member state may choose others. A part of 0 hours is not asked for
    ->                   NaN where a part is missing, -inf where all are silent

    The indicator is a yearly one: that of a single day is for screening. O(n). Errors: KernelInputError for columns of different length
    or hours below zero or all zero. Source: [noise-directive], annex I.
    """
    parts = _column("day", day), _column("evening", evening), _column("night", night)
    if len({part.size for part in parts}) > 1:
        raise KernelInputError("evening, night", f"{parts[0].size} values like day", [part.size for part in parts])
    total = sum(hours)
    if min(hours) < 0.0 or not total > 0.0:
        raise KernelInputError("hours", "0 or more each, and some", hours)
    weights = [h / total * 10.0 ** (penalty / 10.0) for h, penalty in zip(hours, _PENALTIES_DB, strict=True)]
    out = np.empty(parts[0].size)
    _lden(parts, (weights[0], weights[1], weights[2]), out)
    return out


def ln_percentile(levels_db: F64, n_percent: float) -> float:
    """LN, the level exceeded N % of the time: the (100 - N)th percentile, linear between order statistics.

    levels_db  float64[n] dB, short equal intervals; NaN, +inf = missing; -inf sorts lowest
    n_percent  0 (the maximum) … 100 (the minimum)
    ->         NaN of nothing; L10 >= L50 >= L90 always. Not mergeable: pool levels in a fixed histogram instead
    O(n log n). Errors: KernelInputError for another n_percent.
    """
    if not 0.0 <= n_percent <= 100.0:
        raise KernelInputError("n_percent", "0 to 100", n_percent)
    column = _column("levels_db", levels_db)
    ordered = np.sort(column[column < np.inf])
    if ordered.size == 0:
        return math.nan
    place = (ordered.size - 1) * (100.0 - n_percent) / 100.0
    below = math.floor(place)
    low, high, part = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)]), place - below
    if part == 0.0 or low == high:
        return low
    return min(max(low + part * (high - low), low), high) if low > -math.inf else low


def noise_exceedance(levels_db: F64, threshold_db: float) -> Exceedance:
    """Samples strictly above a threshold, their maximal runs, and their share of the valid samples.

    levels_db     float64[n] dB, equal intervals; a missing sample (NaN, +inf) ends a run and counts in no share
    threshold_db  dB; nothing lies above one that is not known, which would read as quiet: NaN is an error
    O(n). Errors: KernelInputError for that. Source: [project].
    """
    runs, above, valid = _counts(_column("levels_db", levels_db), _threshold(threshold_db))
    return Exceedance(above, runs, above / valid if valid else math.nan)


def noise_events(levels_db: F64, threshold_db: float) -> Events:
    """The runs that noise_exceedance counts, one by one: first sample, number of samples, highest level. Errors as there."""
    column, threshold = _column("levels_db", levels_db), _threshold(threshold_db)
    runs, _, _ = _counts(column, threshold)
    events = Events(np.empty(runs, np.int64), np.empty(runs, np.int64), np.empty(runs))
    _runs(column, threshold, *events)
    return events


def _threshold(threshold_db: float) -> float:
    if math.isnan(threshold_db):
        raise KernelInputError("threshold_db", "a level in dB", threshold_db)
    return float(threshold_db)
