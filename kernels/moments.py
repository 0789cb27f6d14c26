"""Moments of many groups in integers of the resolution: count, sum, sum of squares, smallest and largest.

Promises  Exact and mergeable: the cells of a union are the cells of its parts put together, to the bit, in any order.
          Mean, variance and deviation are the correctly rounded quotients of exact integers.
Leaves    Missing values to the caller (an integer has none): what is not there is not added.

Bounds: |integer| < 2^47, fewer than 2^33 readings a group, so that a sum of squares stays below 2^127.
"""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError
from kernels.int128 import to_ints
from kernels.resolution import fraction_of, in_unit

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

COUNT, SUM_HI, SUM_LO, SQUARE_HI, SQUARE_LO, LOW, HIGH = range(7)
FIELDS = 7
LARGEST = (1 << 47) - 1


class Summary(NamedTuple):
    """Moments of g groups in the quantity's unit; NaN where a group is empty."""

    readings: I64
    mean: F64
    variance: F64
    low: F64
    high: F64


def new_cells(groups: int) -> I64:
    """int64[groups, FIELDS] of empty groups."""
    return np.zeros((groups, FIELDS), np.int64)


@jit
def _plus(cells: Any, g: int, at: int, hi: int, lo: Any) -> None:
    after = np.uint64(cells[g, at + 1]) + lo
    cells[g, at] += hi + (1 if after < lo else 0)
    cells[g, at + 1] = np.int64(after)


@jit
def _square(v: int) -> Any:
    """v * v as (hi, lo) for |v| < 2^47."""
    size = np.uint64(abs(v))
    upper, lower = size >> np.uint64(24), size & np.uint64(0xFFFFFF)
    middle = upper * lower
    lo = lower * lower
    add = middle << np.uint64(25)
    after = lo + add
    hi = (middle >> np.uint64(39)) + (np.uint64(1) if after < add else np.uint64(0))
    top = upper * upper
    add = top << np.uint64(48)
    last = after + add
    hi += (top >> np.uint64(16)) + (np.uint64(1) if last < add else np.uint64(0))
    return np.int64(hi), last


@jit
def _add(group: Any, integer: Any, cells: Any) -> None:
    for i in range(integer.size):
        g, v = group[i], integer[i]
        if cells[g, 0] == 0:
            cells[g, 5] = v
            cells[g, 6] = v
        else:
            cells[g, 5] = min(cells[g, 5], v)
            cells[g, 6] = max(cells[g, 6], v)
        cells[g, 0] += 1
        _plus(cells, g, 1, v >> 63, np.uint64(v))
        hi, lo = _square(v)
        _plus(cells, g, 3, hi, lo)


@jit
def _merge(cells: Any, more: Any) -> None:
    for g in range(cells.shape[0]):
        if more[g, 0] == 0:
            continue
        if cells[g, 0] == 0:
            cells[g, 5] = more[g, 5]
            cells[g, 6] = more[g, 6]
        else:
            cells[g, 5] = min(cells[g, 5], more[g, 5])
            cells[g, 6] = max(cells[g, 6], more[g, 6])
        cells[g, 0] += more[g, 0]
        _plus(cells, g, 1, more[g, 1], np.uint64(more[g, 2]))
        _plus(cells, g, 3, more[g, 3], np.uint64(more[g, 4]))


def add(group: I64, integer: I64, cells: I64) -> None:
    """Add n readings to the groups' cells, in place.

    group    int64[n]  0 to groups - 1
    integer  int64[n]  in units of the resolution, |integer| < 2^47
    cells    int64[groups, FIELDS]

    O(n). Errors: KernelInputError where a shape, a group or an integer is out of bounds; nothing is added then.
    """
    if cells.ndim != 2 or cells.shape[1] != FIELDS:
        raise KernelInputError("cells", f"shape (groups, {FIELDS})", cells.shape)
    if group.shape != integer.shape:
        raise KernelInputError("integer", f"shape {group.shape} like group", integer.shape)
    if group.size and (group.min() < 0 or group.max() >= len(cells)):
        raise KernelInputError("group", f"0 to {len(cells) - 1}", (int(group.min()), int(group.max())))
    if integer.size and (integer.min() < -LARGEST or integer.max() > LARGEST):
        raise KernelInputError("integer", f"at most {LARGEST} away from 0", (int(integer.min()), int(integer.max())))
    _add(group, integer, cells)


def merge(cells: I64, more: I64) -> None:
    """Add the groups of `more` to those of `cells`, in place; both int64[groups, FIELDS]. Associative and commutative. O(groups)."""
    if cells.shape != more.shape:
        raise KernelInputError("more", f"shape {cells.shape} like cells", more.shape)
    _merge(cells, more)


def summary(cells: I64, resolution: float, ddof: int = 0) -> Summary:
    """What the cells say, in the quantity's unit.

    resolution  unit per integer: a whole number or a whole part of 1
    ddof        0 for the variance of these readings, 1 for an estimate of the population's
    ->          mean, variance, low and high are NaN for an empty group; variance, too, where count <= ddof. All equal gives 0.0.

    O(groups) in Python's integers: once per report, not per reading.
    """
    count = cells[:, COUNT].copy()
    sums, squares = to_ints(cells[:, SUM_HI], cells[:, SUM_LO]), to_ints(cells[:, SQUARE_HI], cells[:, SQUARE_LO])
    unit = fraction_of(resolution)
    mean, variance = np.full(len(cells), math.nan), np.full(len(cells), math.nan)
    for g, n in enumerate(count.tolist()):
        if n > 0:
            mean[g] = float(Fraction(sums[g], n) * unit)
        if n > ddof:
            variance[g] = float(Fraction(n * squares[g] - sums[g] ** 2, n * (n - ddof)) * unit * unit) if n > 0 else math.nan
    empty = count == 0
    low, high = (np.where(empty, math.nan, in_unit(cells[:, at], resolution)) for at in (LOW, HIGH))
    return Summary(count, mean, variance, low, high)
