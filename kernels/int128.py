"""128-bit integers as two int64 columns: exact sums that no city overflows.

Promises  Two's complement: value = hi * 2^64 + lo, lo unsigned, stored as the bits of an int64. Sums wrap at 2^127 only.
Leaves    Summing inside other kernels' loops to those kernels (the compile cache does not see callees in other files).
"""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

_MASK = (1 << 64) - 1


def add(hi: I64, lo: I64, more_hi: I64, more_lo: I64) -> tuple[I64, I64]:
    """Element-wise sum of two columns of 128-bit integers; int64[n] each, O(n)."""
    with np.errstate(over="ignore"):
        low = lo.view(np.uint64) + more_lo.view(np.uint64)
        carry = low < lo.view(np.uint64)
        high: I64 = hi + more_hi + carry
    return high, low.view(np.int64)


def to_ints(hi: I64, lo: I64) -> list[int]:
    """The integers themselves, as Python's; int64[n] each, O(n)."""
    return [(high << 64) | (low & _MASK) for high, low in zip(hi.tolist(), lo.tolist(), strict=True)]


def split(number: int) -> tuple[int, int]:
    """hi and lo (both as int64) of one integer in [-2^127, 2^127)."""
    low = number & _MASK
    return number >> 64, low - (1 << 64) if low >> 63 else low
