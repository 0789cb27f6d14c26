"""Registers the slow way: probabilities summed term by term, disclosure by the rank of the equations."""

import math
from fractions import Fraction

import numpy as np


def poisson_at_most(k: int, expected: float) -> float:
    """P(N <= k)."""
    return math.fsum(math.exp(-expected + n * math.log(expected) - math.lgamma(n + 1)) for n in range(k + 1)) if expected > 0 else 1.0


def poisson_interval(k: int, confidence: float) -> tuple[float, float]:
    """The expectations at which k events or more, and k or fewer, have half of the rest as their probability."""
    tail = (1 - confidence) / 2
    high = _where(lambda expected: poisson_at_most(k, expected) < tail, k)
    low = 0.0 if k == 0 else _where(lambda expected: 1 - poisson_at_most(k - 1, expected) > tail, k)
    return low, high


def _where(passed, k: int) -> float:
    low, high = 0.0, 10.0 * k + 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if passed(middle) else (middle, high)
    return (low + high) / 2


def suppress_row(counts: list[int], k: int) -> tuple[list[int | None], bool]:
    """Cells as published and whether the total may be."""
    shown: list[int | None] = [None if 0 < n < k else n for n in counts]
    while True:
        hidden = [n for n, cell in zip(counts, shown, strict=True) if cell is None]
        if not hidden or (len(hidden) > 1 and sum(hidden) >= k):
            return shown, True
        left = [(n, at) for at, n in enumerate(counts) if shown[at] is not None and n > 0]
        if not left:
            return shown, False
        shown[min(left)[1]] = None


def told_by_equations(hidden: np.ndarray) -> np.ndarray:
    """Hidden numbers of a table with its totals that the equations fix: those whose unit vector the rows of the system span."""
    at = [(int(i), int(j)) for i, j in np.argwhere(hidden)]
    rows, cols = hidden.shape
    system = [[Fraction(int(i == line)) for i, _ in at] for line in range(rows)] + [[Fraction(int(j == line)) for _, j in at] for line in range(cols)]
    # the total of a line stands on the other side, but whether it is fixed does not depend on its sign
    rank, out = rank_of(system), np.zeros(hidden.shape, bool)
    for n, place in enumerate(at):
        out[place] = rank_of([*system, [Fraction(int(m == n)) for m in range(len(at))]]) == rank
    return out


def rank_of(system: list[list[Fraction]]) -> int:
    rows, rank = [list(row) for row in system], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            factor = rows[r][column] / rows[rank][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[rank], strict=True)]
        rank += 1
    return rank


def round_to_fives(n: int) -> int:
    return -1 if n == -1 else min(range(n - 5, n + 6), key=lambda m: (m % 5 != 0, abs(m - n)))


def half_up(value: float, step: Fraction) -> Fraction:
    return math.floor(Fraction(value) / step + Fraction(1, 2)) * step
