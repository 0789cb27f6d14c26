"""How rare a high water is: levels by return period, from the highest value of each year.

Promises  Gumbel's distribution by moments, and the plain rank of what was seen; the number of years stands beside every answer.
Leaves    Publishing: `publishable` says how far the years carry. A fit of three parameters belongs offline.
"""

import math
from typing import NamedTuple

import numpy as np

from kernels.columns import Column, valid

EULER_GAMMA = 0.5772156649015329
YEARS_TO_REACH_FAR = 20


class Gumbel(NamedTuple):
    """Location and scale in the unit of the maxima, NaN for fewer than two years; and the years they rest on."""

    location: float
    scale: float
    years: int


def fit_gumbel(annual_maxima: Column) -> Gumbel:
    """Gumbel by moments: scale = s * sqrt(6) / pi with s over n - 1, location = mean - 0.5772 * scale.

    annual_maxima  float64[n]  one per year, any unit; NaN is left out

    O(n). Source: [gumbel-moments].
    """
    seen = valid(annual_maxima)
    if seen.size < 2:
        return Gumbel(math.nan, math.nan, seen.size)
    scale = float(seen.std(ddof=1)) * math.sqrt(6.0) / math.pi
    return Gumbel(float(seen.mean()) - EULER_GAMMA * scale, scale, seen.size)


def return_level_gumbel(annual_maxima: Column, return_period_y: float) -> float:
    """Level that is passed once in return_period_y years on average; NaN for a period of a year or less, or fewer than two years.

    location - scale * ln(-ln(1 - 1/T)), by log1p so that long periods keep their digits. Source: [gumbel-moments].
    """
    fitted = fit_gumbel(annual_maxima)
    if not return_period_y > 1.0 or not math.isfinite(return_period_y):
        return math.nan
    return fitted.location - fitted.scale * math.log(-math.log1p(-1.0 / return_period_y))


def empirical_return_period(annual_maxima: Column, level: float) -> float:
    """(n + 1) / rank in years, where rank = maxima at or above the level; NaN where none was, for no year or no level.

    Source: [weibull-position].
    """
    seen = valid(annual_maxima)
    rank = int(np.count_nonzero(seen >= level))
    return (seen.size + 1) / rank if rank else math.nan


def publishable(years: int, return_period_y: float) -> bool:
    """Whether so many years of maxima carry the period: below 20 years nothing beyond twice their number. Source: [project]."""
    return years >= YEARS_TO_REACH_FAR or return_period_y <= 2 * years
