"""Areas in each other, the slow way: what is told is what the equations fix, by their rank."""

from fractions import Fraction

import numpy as np

from tests.oracles.registers import rank_of


def fixed(above: list[int], unknown: list[bool]) -> list[bool]:
    """Unknown areas whose count follows from the known ones: those whose unit vector the equations span."""
    at = [n for n, gone in enumerate(unknown) if gone]
    system = [[Fraction((above[n] == area) - (n == area)) for n in at] for area in sorted({a for a in above if a >= 0})]
    whole = rank_of(system)
    out = [False] * len(above)
    for n in at:
        out[n] = rank_of([*system, [Fraction(int(m == n)) for m in at]]) == whole
    return out


def sums_told(above: list[int], unknown: list[bool], count: np.ndarray) -> list[tuple[int, int]]:
    """Per area whose own count is known, how many unknown areas below it are left, and what they hold together."""
    found = []
    for area in sorted({a for a in above if a >= 0}):
        rest = fixed_without(above, unknown, area)
        if rest[area]:
            left = [n for n in range(len(above)) if above[n] == area and not rest[n]]
            found.append((len(left), int(count[left].sum())))
    return found


def fixed_without(above: list[int], unknown: list[bool], area: int) -> list[bool]:
    """What is known, or follows, where the equation of one area is not used."""
    cut = [-1 if a == area else a for a in above]
    return [not gone or told for gone, told in zip(unknown, fixed(cut, unknown), strict=True)]
