"""Exponential and logarithm as plain arithmetic, so that a kernel's loop over them runs on vectors.

Promises  Within two units in the last place of the true value, which is what the C library gives or nearly so; no branch, no table, no call.
Leaves    Everything outside the stated range to the caller.

Source: [project]; Cody and Waite's reduction, Taylor's series on what remains.
"""

import numpy as np

from kernels._jit import jit

_LOG2_E = 1.4426950408889634
_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
"""ln 2 in two pieces: the first has so few bits that its product with an exponent is exact."""
_WHOLE = 6755399441055744.0
"""1.5 * 2^52: adding it rounds to a whole number, which then stands in the lowest bits."""
_HALF_ROOT = 0x3FE6A09E667F3BCD
"""The bits of the square root of 1/2."""
DB = 0.23025850929940458
"""ln(10) / 10: exp(level * DB) is 10^(level / 10)."""


@jit
def exp(x: float) -> float:
    """e^x for -708 <= x <= 709; 0 below, infinite above, NaN of NaN. exp(0) is 1."""
    y = 709.0 if x > 709.0 else x
    y = -708.0 if y < -708.0 else y
    shifted = y * _LOG2_E + _WHOLE
    k = shifted - _WHOLE
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 2.08767569878681e-09 + r * 1.6059043836821613e-10
    p = 2.7557319223985893e-07 + r * (2.505210838544172e-08 + r * p)
    p = 2.48015873015873e-05 + r * (2.7557319223985893e-06 + r * p)
    p = 1.388888888888889e-03 + r * (1.984126984126984e-04 + r * p)
    p = 4.1666666666666664e-02 + r * (8.333333333333333e-03 + r * p)
    p = r + r * r * (0.5 + r * (1.6666666666666666e-01 + r * p))
    scale = np.int64((np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)).view(np.float64)
    found = float(scale + scale * p)
    found = 0.0 if x < -708.0 else found
    return float(np.inf if x > 709.0 else found)


@jit
def log(x: float) -> float:
    """Natural logarithm of a normal, finite x > 0; of anything else a meaningless number. log(1) is 0."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(_HALF_ROOT)) >> np.int64(52)
    f = np.int64(bits - (exponent << np.int64(52))).view(np.float64) - 1.0
    k = np.float64(exponent)
    s = f / (2.0 + f)
    z = s * s
    w = 1.0 / 15.0 + z * (1.0 / 17.0 + z * (1.0 / 19.0))
    w = 1.0 / 9.0 + z * (1.0 / 11.0 + z * (1.0 / 13.0 + z * w))
    w = 1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * w))
    half = 0.5 * f * f
    return float(k * _LN2_HIGH - ((half - (s * (half + 2.0 * z * w) + k * _LN2_LOW)) - f))
