"""Exponential, logarithm, sine and arc sine as plain arithmetic, so that a kernel's loop over them runs on vectors.

Promises  Within two units in the last place of the true value (sine and arc: four), nearly what the C library gives; no branch, table or call.
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
_TURNS, _RADIANS = 1.0 / 360.0, 0.017453292519943295
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


@jit
def sin_of_degrees(x: float) -> float:
    """Sine of an angle in degrees, below 10^15 in size; NaN of infinities and NaN. Whole half turns give 0 or nearly so."""
    r = x - 360.0 * ((x * _TURNS + _WHOLE) - _WHOLE)
    r = 180.0 - r if r > 90.0 else r
    r = -180.0 - r if r < -90.0 else r
    y = r * _RADIANS
    z = y * y
    p = -8.22063524662433e-18 + z * (1.9572941063391263e-20 + z * -3.868170170630684e-23)
    p = 1.6059043836821613e-10 + z * (-7.647163731819816e-13 + z * (2.8114572543455206e-15 + z * p))
    p = -0.0001984126984126984 + z * (2.7557319223985893e-06 + z * (-2.505210838544172e-08 + z * p))
    p = 1.0 + z * (-0.16666666666666666 + z * (0.008333333333333333 + z * p))
    return float(y * p)


@jit
def arc_of_square(m: float) -> float:
    """asin(sqrt(m)) for 0 <= m <= 1/2: twice the arc of half the angle, whose series is short."""
    half = m / (2.0 + 2.0 * np.sqrt(1.0 - m))
    p = 0.004240907093679363 + half * (0.003880964558837669 + half * 0.0035692053938259347)
    p = 0.005740037670841924 + half * (0.005153309682319905 + half * (0.004660143486915096 + half * p))
    p = 0.008390335809616815 + half * (0.0073125258735988454 + half * (0.006447210311889649 + half * p))
    p = 0.01396484375 + half * (0.011551800896139705 + half * (0.009761609529194078 + half * p))
    p = 0.030381944444444444 + half * (0.022372159090909092 + half * (0.017352764423076924 + half * p))
    p = 0.16666666666666666 + half * (0.075 + half * (0.044642857142857144 + half * p))
    p = 1.0 + half * p
    return float(2.0 * np.sqrt(half) * p)
