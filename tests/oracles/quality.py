"""The quality tests, slow and obvious: one value at a time, from the words of the test."""

import math
from collections.abc import Sequence
from statistics import median

Values = Sequence[float]


def _there(value: float) -> bool:
    return math.isfinite(value)


def _grade(amount: float, suspect: float | None, fail: float | None) -> int:
    if fail is not None and amount > fail:
        return 4
    return 3 if suspect is not None and amount > suspect else 1


def gross_range(values: Values, fail: tuple[float, float], suspect: tuple[float, float]) -> list[int]:
    out = []
    for x in values:
        outside = [not min(span) <= x <= max(span) for span in (fail, suspect)]
        out.append(9 if not _there(x) else 4 if outside[0] else 3 if outside[1] else 1)
    return out


def spike(values: Values, suspect: float | None, fail: float | None) -> list[int]:
    out = []
    for i, x in enumerate(values):
        around = [values[j] for j in (i - 1, i + 1) if 0 <= j < len(values) and _there(values[j])]
        if not _there(x):
            out.append(9)
        else:
            out.append(2 if len(around) < 2 else _grade(abs(x - sum(around) / 2.0), suspect, fail))
    return out


def rate_of_change(values: Values, t_s: Values, limits: tuple[float | None, float | None], least_s: float) -> list[int]:
    out = []
    for i, x in enumerate(values):
        if not _there(x):
            out.append(9)
        elif i == 0 or not _there(values[i - 1]) or t_s[i] == t_s[i - 1]:
            out.append(1)
        else:
            out.append(_grade(abs(x - values[i - 1]) / max(t_s[i] - t_s[i - 1], least_s), *limits))
    return out


def flat_line(values: Values, steps: tuple[int, int], tolerance: float, least: int) -> list[int]:
    out = []
    for i, x in enumerate(values):
        worst = 1
        for flag, count in zip((3, 4), steps, strict=True):
            window = [v for v in values[i - count : i + 1] if _there(v)] if 0 <= count <= i else []
            if len(window) >= least and max(window) - min(window) < tolerance:
                worst = flag
        out.append(worst if _there(x) else 9)
    return out


def aggregate(flags: Sequence[Sequence[int]]) -> list[int]:
    return [next((code for code in (4, 3, 1, 2) if code in column), 9) for column in zip(*flags, strict=True)]


def neighbours(values: Values, places: Sequence[tuple[float, float]], radius: float, limits: tuple[float, float, float, int]) -> list[int]:
    suspect, fail, min_scale, least = limits
    out = []
    for i, x in enumerate(values):
        others = [values[j] for j, place in enumerate(places) if j != i and math.dist(place, places[i]) <= radius and _there(values[j])]
        if not _there(x):
            out.append(9)
        elif len(others) < least:
            out.append(2)
        else:
            scale = max(1.482602218505602 * median(abs(v - median(others)) for v in others), min_scale)
            out.append(_grade(abs(x - median(others)), suspect * scale, fail * scale))
    return out
