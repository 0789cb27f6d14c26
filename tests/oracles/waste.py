"""Waste the slow way: one container, one pair of readings at a time."""

from fractions import Fraction
from statistics import median


def fill(bottom: float | None, distance: float | None, height: float | None) -> float | None:
    if bottom is None or distance is None or height is None or height <= 0:
        return None
    return min(1.0, max(0.0, (bottom - distance) / height))


def least_squares(t: list[float], y: list[float]) -> tuple[float, float]:
    """Slope and intercept in exact fractions, rounded once."""
    x, z = [Fraction(v) for v in t], [Fraction(v) for v in y]
    mx, mz = sum(x) / len(x), sum(z) / len(z)
    slope = sum((a - mx) * (b - mz) for a, b in zip(x, z, strict=True)) / sum((a - mx) ** 2 for a in x)
    return float(slope), float(mz - slope * mx)


def theil_sen(t: list[float], y: list[float]) -> tuple[float, float]:
    slopes = [(y[j] - y[i]) / (t[j] - t[i]) for i in range(len(t)) for j in range(len(t)) if t[j] > t[i]]
    slope = median(slopes)
    return slope, median(y) - slope * median(t)


def days(slope: float, intercept: float, now: float, threshold: float) -> float | None:
    return max(0.0, (threshold - intercept) / slope - now) if slope > 0 else None


def since_emptying(fills: list[float | None], emptied_by: float) -> int:
    start, before = 0, None
    for row, share in enumerate(fills):
        if share is not None:
            if before is not None and before - share > emptied_by:
                start = row
            before = share
    return start
