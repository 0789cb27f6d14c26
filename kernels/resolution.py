"""What a quantity's resolution stands for, exactly.

Promises  A resolution below 1 is the whole part of 1 that its decimal means (0.1 is 1/10), not the binary fraction beside it, so that
          integer * resolution is the float nearest to the decimal.
"""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def fraction_of(resolution: float) -> Fraction:
    """The resolution as a fraction; one that is no whole part of 1 is taken as it is."""
    parts = round(1.0 / resolution) if 0.0 < resolution < 1.0 else 0
    return Fraction(1, parts) if parts and abs(parts * resolution - 1.0) < 1e-9 else Fraction(resolution)


def in_unit(integers: npt.NDArray[np.int64] | F64, resolution: float) -> F64:
    """float64[n]: numbers of steps in the quantity's unit; NaN stays. O(n)."""
    unit = fraction_of(resolution)
    return np.asarray(integers * float(unit.numerator) / float(unit.denominator), np.float64)
