"""DDSketch: quantiles of any positive, negative and zero values within a relative error, mergeable without loss.

gamma = (1 + a) / (1 - a); bucket i holds (gamma^(i-1), gamma^i] and answers 2 gamma^i / (gamma + 1), within a of all it holds.

Promises  Merge adds counts: the sketch of a union, to the bit, in any order. Nothing collapses: what is larger than `largest` is
          counted beside the buckets, and a quantile that falls there is missing. NaN is counted as missing and never has a rank.
Leaves    Values nearer to 0 than `smallest` answer 0. Where the range of a quantity is known, kernels.histogram is exact.

Source: [ddsketch] in docs/sources.md
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.elementary import log
from kernels.errors import KernelInputError

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

ZERO, BELOW, ABOVE, MISSING = range(4)
_STRETCH = 1024
_NORMAL = 2.2250738585072014e-308


class Sketch(NamedTuple):
    """One sketch; buckets k stand for the keys first + k."""

    gamma: float
    per_log: float
    """1 / ln(gamma)"""
    smallest: float
    first: int
    positive: I64  # [buckets]
    negative: I64  # [buckets] of -x
    beside: I64  # [4] zeros, below -largest, above largest, missing


def new_sketch(relative_accuracy: float = 0.01, smallest: float = 1e-9, largest: float = 1e12) -> Sketch:
    """An empty sketch for magnitudes from `smallest` to `largest`.

    relative_accuracy  in (0, 1); about 1 / accuracy * ln(largest / smallest) / 2 buckets of 16 bytes
    Errors: KernelInputError for an accuracy or a range that is none.
    """
    if not 0.0 < relative_accuracy < 1.0:
        raise KernelInputError("relative_accuracy", "more than 0 and less than 1", relative_accuracy)
    if not 0.0 < smallest <= largest < math.inf:
        raise KernelInputError("smallest, largest", "0 < smallest <= largest, finite", (smallest, largest))
    step = 2.0 * relative_accuracy / (1.0 - relative_accuracy)
    per_log = 1.0 / math.log1p(step)
    first, last = math.ceil(math.log(smallest) * per_log) - 1, math.ceil(math.log(largest) * per_log) + 1
    buckets = last - first + 1
    return Sketch(1.0 + step, per_log, smallest, first, np.zeros(buckets, np.int64), np.zeros(buckets, np.int64), np.zeros(4, np.int64))


@jit
def _keys(values: Any, per_log: float, key: Any) -> None:
    """The key of each value's size; meaningless where that is 0, subnormal or no number."""
    for i in range(values.size):
        key[i] = np.ceil(log(abs(values[i])) * per_log)


@jit
def _count(values: Any, key: Any, sketch: Any) -> None:
    per_log, smallest, first, positive, negative, beside = sketch
    buckets = positive.size
    for i in range(values.size):
        x = values[i]
        size = abs(x)
        if _NORMAL <= size < np.inf and size >= smallest:
            k = np.int64(key[i]) - first
        elif np.isnan(x):
            beside[3] += 1
            continue
        elif size < smallest:
            beside[0] += 1
            continue
        else:
            k = np.int64(-1) if np.isinf(x) else np.int64(np.ceil(np.log(size) * per_log)) - first
        if 0 <= k < buckets:
            if x > 0.0:
                positive[k] += 1
            else:
                negative[k] += 1
        else:
            beside[2 if x > 0.0 else 1] += 1


@jit
def _add(values: Any, key: Any, sketch: Any) -> None:
    """Keys of a stretch first, in a loop that runs on vectors, then the counts."""
    for begin in range(0, values.size, key.size):
        some = values[begin : begin + key.size]
        _keys(some, sketch[0], key)
        _count(some, key, sketch)


def add(values: F64, into: Sketch) -> None:
    """Count the values, in place.

    values  float64[n], any unit; NaN is counted as missing, infinities as beyond the range, -0.0 and subnormals as zero

    O(n). Errors: none.
    """
    key = np.empty(min(values.size, _STRETCH) or 1)
    _add(np.ascontiguousarray(values), key, (into.per_log, into.smallest, into.first, into.positive, into.negative, into.beside))


def merge(into: Sketch, more: Sketch) -> None:
    """Add the counts of `more`, in place; the same accuracy and range, else KernelInputError. O(buckets)."""
    same = (into.gamma, into.smallest, into.first, into.positive.size) == (more.gamma, more.smallest, more.first, more.positive.size)
    if not same:
        raise KernelInputError("more", f"gamma {into.gamma!r} over keys from {into.first}", f"gamma {more.gamma!r} from {more.first}")
    into.positive[:] += more.positive
    into.negative[:] += more.negative
    into.beside[:] += more.beside


def count(of: Sketch) -> int:
    """Values in it that are not missing."""
    return int(of.positive.sum() + of.negative.sum() + of.beside[:MISSING].sum())


def quantile(of: Sketch, q: float) -> float:
    """Near the value of rank floor(q * (n - 1)): the lower quantile, within the relative accuracy.

    q   0 to 1, else KernelInputError
    ->  in the unit of the values; NaN for an empty sketch and where that rank lies beyond the range

    O(buckets).
    """
    if not 0.0 <= q <= 1.0:
        raise KernelInputError("q", "0 to 1", q)
    n = count(of)
    if n == 0:
        return math.nan
    rank = math.floor(q * (n - 1)) - int(of.beside[BELOW])
    if rank < 0:
        return math.nan
    negatives = int(of.negative.sum())
    if rank < negatives:
        return -_value(of, _at_rank(of.negative, negatives - 1 - rank))
    rank -= negatives + int(of.beside[ZERO])
    if rank < 0:
        return 0.0
    return _value(of, _at_rank(of.positive, rank)) if rank < int(of.positive.sum()) else math.nan


def _at_rank(counts: I64, rank: int) -> int:
    return int(np.searchsorted(np.cumsum(counts), rank, side="right"))


def _value(of: Sketch, k: int) -> float:
    return float(math.exp((k + of.first) / of.per_log) * 2.0 / (1.0 + of.gamma))
