"""Columns that kernels take: float64 arrays of one length, NaN where a value is missing.

Promises  One length, C order, float64; a single number stands for a column of it. No array of the caller's is ever written to.
Leaves    Units and sense to the kernels; an infinity is no measurement and counts as missing there.
"""

import math
from collections.abc import Sized

import numpy as np
import numpy.typing as npt

from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
Column = npt.ArrayLike
"""float64[n], or one number for all rows; NaN = missing."""


def column(values: Column) -> F64:
    """float64[n] of what is given; a single number gives one row."""
    return np.ascontiguousarray(np.atleast_1d(np.asarray(values, np.float64)))


def columns(**named: Column) -> tuple[F64, ...]:
    """The named columns at one length; a single row stands for all.

    Errors: KernelInputError where two lengths differ and neither is one, or where an array has more than one dimension.
    """
    found = {name: column(values) for name, values in named.items()}
    for name, values in found.items():
        if values.ndim != 1:
            raise KernelInputError(name, "one dimension", values.shape)
    lengths = {values.size for values in found.values()} - {1}
    if len(lengths) > 1:
        raise KernelInputError(", ".join(found), "one length", tuple(values.size for values in found.values()))
    n = lengths.pop() if lengths else 1
    return tuple(values if values.size == n else np.full(n, values[0]) for values in found.values())


def valid(values: Column) -> F64:
    """The finite values, in order."""
    found = column(values)
    return found[np.isfinite(found)]


def good(values: Column, flag: npt.ArrayLike, use: tuple[int, ...] = (1, 2)) -> F64:
    """The values whose quality flag is among `use`, all others missing: float64[n]. 4 (fail) and 9 (missing) are never to be used.

    flag  int[n]  as [qartod-flags]
    """
    if {4, 9} & set(use):
        raise KernelInputError("use", "flags other than 4 and 9", use)
    found, flags = column(values), np.asarray(flag)
    same_length(found, flags, "flag")
    return np.where(np.isin(flags, use), found, np.nan)


def needed(min_fraction: float, expected: int) -> int:
    """How many of `expected` values must be valid: ceil(min_fraction * expected), free of the quotient's rounding."""
    if not 0.0 <= min_fraction <= 1.0:
        raise KernelInputError("min_fraction", "0 to 1", min_fraction)
    return math.ceil(min_fraction * expected - 1e-9)


def same_length(first: Sized, second: Sized, where: str) -> None:
    """Refuse two columns of different lengths."""
    if len(first) != len(second):
        raise KernelInputError(where, f"{len(first)} values like the first", len(second))
