"""128-bit integers inside kernel loops: device means and weights, as (hi, lo) of two int64 (lo: the bits of an unsigned one).

Promises  Modulo 2^128, no float on the way; a mean is rounded once, half to even, to 2^-50.
Leaves    Whole columns of them to kernels.int128.
"""

from typing import Any

import numpy as np

from kernels._jit import jit


@jit
def scaled(v: int, fraction: int) -> Any:
    """v * 2^50 + fraction (0 <= fraction <= 2^50) as (hi, lo)."""
    lo = np.uint64(v) << np.uint64(50)
    after = lo + np.uint64(fraction)
    return (v >> 14) + (1 if after < lo else 0), np.int64(after)


@jit
def divide(hi: Any, lo: Any, count: Any) -> Any:
    """floor((hi, lo) / count) where the quotient fits 64 bits, and the remainder; count > 0."""
    if hi == lo >> 63:
        q = lo // count
        return q, lo - q * count
    negative = hi < 0
    high, low = np.uint64(hi), np.uint64(lo)
    if negative:
        low = ~low + np.uint64(1)
        high = ~high + (np.uint64(1) if low == np.uint64(0) else np.uint64(0))
    remainder, quotient = np.uint64(0), np.uint64(0)
    for bit in range(127, -1, -1):
        source = high >> np.uint64(bit - 64) if bit >= 64 else low >> np.uint64(bit)
        remainder = (remainder << np.uint64(1)) | (source & np.uint64(1))
        quotient <<= np.uint64(1)
        if remainder >= np.uint64(count):
            remainder -= np.uint64(count)
            quotient |= np.uint64(1)
    q, r = np.int64(quotient), np.int64(remainder)
    if negative:
        return (-q, 0) if r == 0 else (-q - 1, count - r)
    return q, r


@jit
def device_mean(hi: int, lo: int, count: int) -> Any:
    """(hi, lo) / count in units of 2^-50, half to even, as (hi, lo); 0 < count < 2^47 (readings, or a year in µs)."""
    q, r = divide(hi, lo, count)
    if count < 8192:
        r <<= 50
        fraction = r // count
        r -= fraction * count
    else:
        fraction = 0
        for bits in (13, 13, 12, 12):
            r <<= bits
            digit = r // count
            r -= digit * count
            fraction = (fraction << bits) + digit
    twice = 2 * r
    if twice > count or (twice == count and fraction & 1 == 1):
        fraction += 1
    return scaled(q, fraction)


@jit
def multiplied(hi: Any, lo: Any, weight: Any) -> Any:
    """(hi, lo) * weight as (hi, lo), modulo 2^128; 0 <= weight."""
    low, w, mask, shift = np.uint64(lo), np.uint64(weight), np.uint64(0xFFFFFFFF), np.uint64(32)
    ll, lh, hl, hh = (low & mask) * (w & mask), (low & mask) * (w >> shift), (low >> shift) * (w & mask), (low >> shift) * (w >> shift)
    middle = (ll >> shift) + (lh & mask) + (hl & mask)
    top = hh + (lh >> shift) + (hl >> shift) + (middle >> shift)
    return hi * weight + np.int64(top), np.int64((ll & mask) | (middle << shift))
