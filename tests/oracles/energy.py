"""Energy and water the slow way: lists, None for missing, fractions for sums that must be exact."""

import math
from fractions import Fraction
from itertools import pairwise
from statistics import mean, stdev


def increase(readings: list[float | None], modulus: float | None, min_drop: float) -> float | None:
    """Walk the meter's dial: exact, rounded once."""
    total, before, known = Fraction(0), None, 0
    for reading in readings:
        if reading is None or reading < 0 or (modulus is not None and reading >= modulus):
            continue
        now = Fraction(reading)
        if before is not None and now < before:
            if before - now < Fraction(min_drop):
                continue
            rolled = modulus is not None and before - now > Fraction(modulus) / 2
            total += now + (Fraction(modulus) - before if rolled and modulus is not None else 0)
        elif before is not None:
            total += now - before
        before, known = now, known + 1
    return float(total) if known > 1 else None


def prometheus(samples: list[tuple[float, float | None]], start: float, end: float) -> float | None:
    """As the published description: difference, resets added, drawn on to the edges that the samples come close to."""
    inside = [(t, v) for t, v in samples if start < t <= end and v is not None]
    if len(inside) < 2 or inside[-1][0] == inside[0][0]:
        return None
    (t0, v0), (t1, v1) = inside[0], inside[-1]
    resets = sum(a[1] for a, b in pairwise(inside) if b[1] < a[1])
    result, sampled = v1 - v0 + resets, t1 - t0
    spacing = sampled / (len(inside) - 1)
    before = t0 - start if t0 - start < 1.1 * spacing else spacing / 2
    after = end - t1 if end - t1 < 1.1 * spacing else spacing / 2
    if result > 0 and v0 >= 0:
        before = min(before, sampled * v0 / result)
    return result * (sampled + before + after) / sampled


def degree_days(temperatures: list[float | None], base: float, sign: int, share: Fraction) -> float | None:
    known = [t for t in temperatures if t is not None]
    if not known or len(known) < share * len(temperatures):
        return None
    return math.fsum(max(0.0, sign * (base - t)) for t in known)


def load_factor(power: list[float | None]) -> tuple[float, float] | None:
    known = [p for p in power if p is not None]
    return (mean(known) / max(known), max(known)) if known and max(known) > 0 else None


def gumbel_level(maxima: list[float], period: float) -> float:
    """Solve F(x) = 1 - 1/T for the distribution that has this mean and this standard deviation, by halving."""
    scale = stdev(maxima) * math.sqrt(6) / math.pi
    location = mean(maxima) - 0.5772156649015329 * scale
    low, high = location - 10 * scale - 1, location + 60 * scale + 1
    for _ in range(200):
        middle = (low + high) / 2
        below = math.exp(-math.exp(-(middle - location) / scale)) < 1 - 1 / period
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def return_period(maxima: list[float], level: float) -> float | None:
    ranked = sorted(maxima, reverse=True)
    rank = sum(1 for value in ranked if value >= level)
    return (len(ranked) + 1) / rank if rank else None
