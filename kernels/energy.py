"""Energy: load factor, intensity by floor area, and consumption against the weather.

Promises  Means and peaks of the same valid intervals. A meter that feeds in more than it takes has no load factor.
Leaves    Interval means (a quarter of an hour in Belgium and the Netherlands) to the aggregates.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from kernels._jit import jit
from kernels.columns import F64, Column, column, columns, same_length
from kernels.ratio import ratio


class Load(NamedTuple):
    """Mean over peak, and the peak itself in the unit of the power; NaN where there is no positive peak."""

    factor: float
    peak: float


class Signature(NamedTuple):
    """Consumption = base + slope * degree days: kWh per K d, kWh, and the share of variance explained; NaN where it cannot be fitted."""

    slope: float
    base: float
    r2: float


@jit
def _mean_and_peak(power: Any, out: Any) -> None:
    total, peak, n = 0.0, -np.inf, 0
    for i in range(power.size):
        p = power[i]
        if abs(p) < np.inf:
            n += 1
            total += p
            if p > peak:  # noqa: PLR1730 - the built-in costs a third of this loop's time
                peak = p
    out[0], out[1] = total / n, peak


def load_factor(power: Column) -> Load:
    """Mean power over peak power of the valid intervals.

    power  float64[n]  mean power by interval (kW); NaN or infinite = missing; none at all, or a peak <= 0, gives NaN

    O(n). Source: [energy-practice].
    """
    sums, found = np.zeros(2), np.asarray(power, np.float64)
    _mean_and_peak(found, sums)
    mean, peak = float(sums[0]), float(sums[1])
    if not peak > 0.0:
        return Load(np.nan, np.nan)
    if not math.isfinite(mean):  # the sum passed the largest double, the mean cannot: in smaller units neither does
        _mean_and_peak(np.ldexp(found, -64), sums)
        mean = min(float(sums[0]), float(sums[1])) * 2.0**64
    return Load(float(ratio(mean, peak)[0]), peak)


def energy_intensity(energy_kwh: Column, floor_m2: Column, days_covered: Column, days_year: Column = 365.0) -> F64:
    """kWh per m2 and year: energy / floor * days of the year / days covered; float64[n].

    floor and days covered <= 0, or a missing number, give missing. Naive for a part of a year: heating is not even over it.
    Source: [u4ssc] EN: E: E: 4A.
    """
    energy, floor, covered, year = columns(energy_kwh=energy_kwh, floor_m2=floor_m2, days_covered=days_covered, days_year=days_year)
    return ratio(ratio(energy, floor), ratio(covered, year))


def energy_signature(degree_days: Column, energy_kwh: Column) -> Signature:
    """Least squares line of consumption over heating degree days.

    degree_days, energy_kwh  float64[n]; pairs with a missing number are left out
    ->                       NaN for fewer than 2 pairs, or degree days all equal; consumption all equal has no variance to explain: r2 NaN

    O(n). Source: [energy-practice].
    """
    x, y = column(degree_days), column(energy_kwh)
    same_length(x, y, "energy_kwh")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if x.size < 2 or x.min() == x.max():
        return Signature(np.nan, np.nan, np.nan)
    from scipy import stats  # heavy: once per report

    line = stats.linregress(x, y)
    return Signature(float(line.slope), float(line.intercept), float(line.rvalue) ** 2)


def expected_energy(signature: Signature, degree_days: Column) -> F64:
    """What the weather lets expect: base + slope * degree days, float64[n] in kWh; NaN = missing."""
    return signature.base + signature.slope * column(degree_days)
