"""The last step of an aggregate: from merged partials to a value in the quantity's unit.

Promises  Integers stay integers to the end and are rounded once, to the nearest float64 (a percentile's interpolation and
          the resolution's decimal included). NaN where no device gave a good reading.
Leaves    Merging to kernels/combine, putting aggregates together to the plan.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from catalog.records import Quantity
from formula.spec import DEVICE_MEANS, DEVICE_SUMS, AggregateSpec, scale
from kernels.combine import Merged
from kernels.int128 import to_ints

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bins = tuple[I64, I64]
"""Distinct integers of the resolution, ascending, and how many readings each has."""

MEAN_BITS = 50
"""A device's mean enters sums as an integer of 2^-50 of the scale."""


def finalise(spec: AggregateSpec, quantity: Quantity, merged: Merged, bins: Sequence[Bins | None] = ()) -> F64:
    """One value per area.

    merged  columns of n areas (kernels.combine.merge)
    bins    for percentile: n histograms, None where there is none
    ->      float64[n] in the unit of the aggregate; NaN = no device
    """
    worth = scale(spec, quantity)
    devices = merged.devices.tolist()
    if spec.weight:
        return _weighted(spec.weight, merged, worth)
    if spec.function in DEVICE_MEANS:
        below = worth.denominator << MEAN_BITS
        return _each(devices, [total * worth.numerator for total in to_ints(merged.sum_hi, merged.sum_lo)], [n * below for n in devices])
    if spec.function == "increase":
        return _scaled([int(steps) for steps in merged.real.tolist()], to_ints(merged.sum_hi, merged.sum_lo), worth)
    if spec.function in DEVICE_SUMS:
        return _scaled(devices, to_ints(merged.sum_hi, merged.sum_lo), worth)
    if spec.function == "min":
        return _scaled(devices, merged.low.tolist(), worth)
    if spec.function == "max":
        return _scaled(devices, merged.high.tolist(), worth)
    if spec.function == "count_devices":
        return _scaled(devices, devices, worth)
    if spec.function == "leq":
        return np.array([_level(real, n) for real, n in zip(merged.real.tolist(), devices, strict=True)], np.float64)
    rank = Fraction(repr(spec.argument or 0.0)) / 100
    return np.array([math.nan if pair is None else percentile(*pair, rank, worth) for pair in bins], np.float64)


def _weighted(weight: str, merged: Merged, worth: Fraction) -> F64:
    """Sum over weight: of whole readings by their number, of device means (2^-50) by the people around them."""
    totals = [total * worth.numerator for total in to_ints(merged.sum_hi, merged.sum_lo)]
    if weight == "count":
        return _each(merged.readings.tolist(), totals, [worth.denominator * n for n in merged.readings.tolist()])
    people = [int(weight) for weight in merged.real.tolist()]
    return _each(people, totals, [(worth.denominator << MEAN_BITS) * n for n in people])


def percentile(bins: I64, counts: I64, rank: Fraction, worth: Fraction) -> float:
    """Type 7 (linear between the two neighbours) of the pooled readings, exact until its one rounding.

    bins, counts  int64[k], bins ascending, counts > 0; rank in [0, 1]; worth of one bin; NaN where nothing is counted
    """
    upto = np.cumsum(counts)
    if not upto.size or upto[-1] == 0:
        return math.nan
    place = (int(upto[-1]) - 1) * rank
    whole = math.floor(place)
    low = int(bins[np.searchsorted(upto, whole, side="right")])
    high = int(bins[np.searchsorted(upto, min(whole + 1, int(upto[-1]) - 1), side="right")])
    exact = (low + (place - whole) * (high - low)) * worth
    return exact.numerator / exact.denominator


def _scaled(devices: list[int], totals: list[int], worth: Fraction) -> F64:
    return _each(devices, [total * worth.numerator for total in totals], [worth.denominator] * len(totals))


def _each(devices: list[int], above: list[int], below: list[int]) -> F64:
    """Python divides integers correctly rounded, whatever their size."""
    return np.array([a / b if n else math.nan for n, a, b in zip(devices, above, below, strict=True)], np.float64)


def _level(energy: float, devices: int) -> float:
    return 10.0 * math.log10(energy / devices) if devices and energy > 0.0 else math.nan
