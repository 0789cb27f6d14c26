"""Fixed histograms of many groups: one bin per step of the quantity's resolution, so a percentile is exact.

Promises  Merge is addition of counts: the histogram of a union, to the bit, in any order. What lies outside the bins is counted
          beside them, never moved into one; a percentile that would fall there is missing.
Leaves    The choice of the range to the quantity's possible values, which are finite and few at its resolution.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError
from kernels.resolution import in_unit

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Histogram(NamedTuple):
    """g histograms over the integers low to low + bins - 1."""

    low: int
    counts: I64  # [g, bins]
    outside: I64  # [g, 2] readings below and above


def new_histogram(groups: int, low: int, high: int) -> Histogram:
    """Empty histograms over the integers low to high, both included; raises KernelInputError where high < low."""
    if high < low:
        raise KernelInputError("high", f"at least low, {low}", high)
    return Histogram(low, np.zeros((groups, high - low + 1), np.int64), np.zeros((groups, 2), np.int64))


@jit
def _highest(group: Any) -> Any:
    """The highest group, 0 of none; one below 0 wraps around, far above all."""
    highest = np.uint64(0)
    for i in range(group.size):
        highest = max(highest, np.uint64(group[i]))
    return highest


@jit
def _add(group: Any, integer: Any, low: int, counts: Any, outside: Any) -> None:
    bins = np.uint64(counts.shape[1])
    for i in range(integer.size):
        b = np.uint64(integer[i] - low)  # what lies below wraps around, far above
        if b < bins:
            counts[np.uint64(group[i]), b] += 1
        else:
            outside[group[i], 0 if integer[i] < low else 1] += 1


def add(group: I64, integer: I64, into: Histogram) -> None:
    """Count n readings, in place.

    group    int64[n]  0 to groups - 1
    integer  int64[n]  in units of the resolution, |integer| < 2^62

    O(n). Errors: KernelInputError where a shape or a group is out of bounds; nothing is counted then.
    """
    if group.shape != integer.shape:
        raise KernelInputError("integer", f"shape {group.shape} like group", integer.shape)
    if group.size and _highest(group) >= len(into.counts):
        raise KernelInputError("group", f"0 to {len(into.counts) - 1}", (int(group.min()), int(group.max())))
    _add(group, integer, into.low, into.counts, into.outside)


def merge(into: Histogram, more: Histogram) -> None:
    """Add the counts of `more`, in place; same range and groups, else KernelInputError. O(groups * bins)."""
    if (into.low, into.counts.shape) != (more.low, more.counts.shape):
        raise KernelInputError("more", f"low {into.low} and shape {into.counts.shape}", (more.low, more.counts.shape))
    into.counts[:] += more.counts
    into.outside[:] += more.outside


@jit
def _at_rank(counts: Any, g: int, rank: int) -> Any:
    seen = 0
    for b in range(counts.shape[1]):
        seen += counts[g, b]
        if seen > rank:
            return b
    return counts.shape[1]


@jit
def _percentile(low: int, counts: Any, outside: Any, q: float, out: Any) -> None:
    for g in range(counts.shape[0]):
        n = outside[g, 0] + outside[g, 1] + counts[g].sum()
        out[g] = np.nan
        if n == 0:
            continue
        position = q * (n - 1)
        rank = np.int64(np.floor(position))
        part = position - rank
        inside = rank - outside[g, 0]
        if inside < 0:
            continue
        b = _at_rank(counts, g, inside)
        if b == counts.shape[1]:
            continue
        if part == 0.0:
            out[g] = low + b
            continue
        after = _at_rank(counts, g, inside + 1)
        if after < counts.shape[1]:
            out[g] = (low + b) + part * (after - b)


def percentile(of: Histogram, q: float, resolution: float = 1.0) -> F64:
    """The q-quantile of every group, linear between order statistics (type 7, numpy's and SQL's percentile_cont).

    q           0 to 1, else KernelInputError
    resolution  unit per integer: a whole number or a whole part of 1
    ->          float64[groups] in the quantity's unit; NaN for an empty group and where a needed reading lies outside the bins

    O(groups * bins). Source: [percentile-type-7].
    """
    if math.isnan(q) or not 0.0 <= q <= 1.0:
        raise KernelInputError("q", "0 to 1", q)
    out = np.empty(len(of.counts))
    _percentile(of.low, of.counts, of.outside, q, out)
    return in_unit(out, resolution)
