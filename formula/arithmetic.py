"""Plain arithmetic of the formula language on columns of n areas.

Promises  NaN is missing and goes through; a division by zero is missing, too.
Leaves    Everything with a name of its own in a standard to kernels/.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def divide(above: F64, below: F64) -> F64:
    """above / below, element by element; NaN where below is zero."""
    return np.divide(above, np.where(below == 0.0, np.nan, below))


def percent(share: F64) -> F64:
    """A share (0 to 1) as a percentage."""
    return share * 100.0


def share(percentage: F64) -> F64:
    """A percentage as a share."""
    return percentage / 100.0


def lowest(*values: F64) -> F64:
    """The lowest of the columns, NaN where one of them is."""
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*values)), np.float64)


def highest(*values: F64) -> F64:
    """The highest of the columns, NaN where one of them is."""
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*values)), np.float64)


def clamp(value: F64, low: F64, high: F64) -> F64:
    """value inside [low, high]; NaN where any of the three is."""
    return np.minimum(np.maximum(value, low), high)


def level_of_service(speed: F64, free_speed: F64) -> F64:
    """1 (A) to 6 (F) of an urban street, by mean speed over free-flow speed; NaN where one is missing. Source: [hcm]."""
    from kernels.service_level import los_free_flow_share

    level = np.asarray(los_free_flow_share(divide(speed, free_speed)), np.float64)
    return np.where(level > 0.0, level, np.nan)
