"""Statistics, slow and obvious: lists, fractions, sorted copies."""

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import NamedTuple

Values = Sequence[float]


class Moments(NamedTuple):
    """Of one group, exact."""

    readings: int
    total: int
    squares: int
    low: int
    high: int


def moments(integers: Sequence[int]) -> Moments:
    return Moments(len(integers), sum(integers), sum(v * v for v in integers), min(integers), max(integers))


def variance(integers: Sequence[int], ddof: int) -> Fraction:
    mean = Fraction(sum(integers), len(integers))
    return sum(((v - mean) ** 2 for v in integers), Fraction(0)) / (len(integers) - ddof)


def percentile(integers: Sequence[int], q: Fraction) -> Fraction:
    """Linear between order statistics."""
    ordered, position = sorted(integers), q * (len(integers) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def lower_quantile(values: Values, q: float) -> float:
    there = sorted(v for v in values if not math.isnan(v))
    return there[math.floor(q * (len(there) - 1))]


def rank_span(values: Values, x: float) -> tuple[float, float]:
    """Shares of values below, and at or below, x."""
    there = [v for v in values if not math.isnan(v)]
    return sum(v < x for v in there) / len(there), sum(v <= x for v in there) / len(there)


def ewma(values: Values, alpha: float) -> list[float]:
    """Each answer from its closed form: weights of all values that came."""
    out: list[float] = []
    there: list[float] = []
    for value in values:
        there += [] if math.isnan(value) else [value]
        n = len(there)
        weights = [(1 - alpha) ** (n - 1 - i) * (alpha if i else 1.0) for i in range(n)]
        out.append(math.fsum(w * v for w, v in zip(weights, there, strict=True)) if there else math.nan)
    return out


def ewma_irregular(t_s: Values, values: Values, tau_s: float) -> list[float]:
    out: list[float] = []
    mean, last = math.nan, 0.0
    for t, value in zip(t_s, values, strict=True):
        if not math.isnan(value):
            weight = 1.0 if math.isnan(mean) else 1.0 - math.exp(-(t - last) / tau_s)
            mean = value if math.isnan(mean) else (1.0 - weight) * mean + weight * value
            last = t
        out.append(mean)
    return out


def mad(values: Values) -> float:
    there = [v for v in values if not math.isnan(v)]
    return 1.482602218505602 * median(abs(v - median(there)) for v in there) if there else math.nan


def hampel(values: Values, before: int, after: int, n_sigma: float, min_scale: float) -> list[bool]:
    out = []
    for i, value in enumerate(values):
        around = [v for v in values[max(0, i - before) : i + after + 1] if not math.isnan(v)]
        out.append(not math.isnan(value) and abs(value - median(around)) > n_sigma * max(mad(around), min_scale))
    return out


def impute(values: Values, max_gap: int) -> list[float]:
    out = list(values)
    for i, value in enumerate(values):
        if math.isnan(value):
            before = next((j for j in range(i, -1, -1) if not math.isnan(values[j])), None)
            after = next((j for j in range(i, len(values)) if not math.isnan(values[j])), None)
            if before is not None and after is not None and after - before - 1 <= max_gap:
                out[i] = values[before] + (values[after] - values[before]) * (i - before) / (after - before)
    return out


class Windowed(NamedTuple):
    """Rows are start, end, count, sum."""

    emitted: list[tuple[int, int, int, float]]
    open: list[tuple[int, int, int, float]]
    dropped: int


def event_time_windows(events: Sequence[tuple[int, float]], size: int, step: int, lateness: int) -> Windowed:
    """Every window of every event tried by hand, in a dictionary."""
    windows: dict[int, list[float]] = {}
    emitted: list[tuple[int, int, int, float]] = []
    watermark, dropped = -math.inf, 0
    for t, value in events:
        starts = [s for s in range(t - size - step, t + step) if s % step == 0 and s <= t < s + size]
        fitting = [s for s in starts if s + size > watermark]
        dropped += not fitting
        for start in fitting:
            windows.setdefault(start, []).append(value)
        watermark = max(watermark, t - lateness)
        closed = [start for start in sorted(windows) if start + size <= watermark]
        emitted += [_row(start, size, windows.pop(start)) for start in closed]
    return Windowed(emitted, [_row(start, size, windows[start]) for start in sorted(windows)], dropped)


def _row(start: int, size: int, values: list[float]) -> tuple[int, int, int, float]:
    return start, start + size, len(values), sum(values)
