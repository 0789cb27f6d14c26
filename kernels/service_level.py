"""Levels of service A to F of roads and junctions, as codes 1 to 6.

Promises  An edge belongs to the better level; -1 where the measure is missing, negative or infinite.
Leaves    Which measure a road has to its KPI. Levels are a convention of the United States: show citizens the travel time index.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.columns import F64, Column, column
from kernels.errors import KernelInputError

I8 = npt.NDArray[np.int8]

KM_PER_MILE = 1.609344
FREEWAY_DENSITY = np.array([11.0, 18.0, 26.0, 35.0, 45.0]) / KM_PER_MILE
"""Upper edges A to E, passenger cars per kilometre and lane. Source: [hcm]."""
SIGNAL_DELAY_S = np.array([10.0, 20.0, 35.0, 55.0, 80.0])
"""Upper edges A to E, control delay per vehicle in s. Source: [hcm]."""
URBAN_STREET_KMH = {
    1: np.array([42.0, 34.0, 27.0, 21.0, 16.0]) * KM_PER_MILE,
    2: np.array([35.0, 28.0, 22.0, 17.0, 13.0]) * KM_PER_MILE,
    3: np.array([30.0, 24.0, 18.0, 14.0, 10.0]) * KM_PER_MILE,
    4: np.array([25.0, 19.0, 13.0, 9.0, 7.0]) * KM_PER_MILE,
}
"""Mean speeds above which a street of a class has level A to E, km/h. Source: [hcm] of 2000."""
FREE_FLOW_SHARE = np.array([0.85, 0.67, 0.50, 0.40, 0.30])
"""Shares of the base free-flow speed above which a street has level A to E. Source: [hcm] of 2010, from knowledge."""
LETTERS = "ABCDEF"


@jit
def _rising(measure: Any, edges: Any, out: Any) -> None:
    for i in range(out.size):
        v = measure[i]
        code = 1
        for j in range(edges.size):
            code += v > edges[j]
        out[i] = code if v >= 0.0 and np.isfinite(v) else -1


@jit
def _falling(measure: Any, edges: Any, out: Any) -> None:
    for i in range(out.size):
        v = measure[i]
        code = 1
        for j in range(edges.size):
            code += v <= edges[j]
        out[i] = code if v >= 0.0 and np.isfinite(v) else -1


def level_of_rising(measure: Column, edges: F64) -> I8:
    """int8[n] level of a measure that is worse the higher it is; upper edges of A to E, ascending. O(n)."""
    found = column(measure)
    out = np.empty(found.size, np.int8)
    _rising(found, edges, out)
    return out


def level_of_falling(measure: Column, edges: F64) -> I8:
    """int8[n] level of a measure that is better the higher it is: A above the first edge, F at or below the last. O(n)."""
    found = column(measure)
    out = np.empty(found.size, np.int8)
    _falling(found, edges, out)
    return out


def los_freeway_density(density: Column) -> I8:
    """Level of a basic freeway section by its density in passenger cars per km and lane. Source: [hcm]."""
    return level_of_rising(density, FREEWAY_DENSITY)


def los_signal_delay(control_delay_s: Column) -> I8:
    """Level of a junction with signals by its control delay, s per vehicle. Source: [hcm]."""
    return level_of_rising(control_delay_s, SIGNAL_DELAY_S)


def los_urban_street(mean_speed_kmh: Column, street_class: int) -> I8:
    """Level of an urban street of class 1 to 4 by its mean travel speed, km/h. Source: [hcm] of 2000."""
    if street_class not in URBAN_STREET_KMH:
        raise KernelInputError("street_class", "1 to 4", street_class)
    return level_of_falling(mean_speed_kmh, URBAN_STREET_KMH[street_class])


def los_free_flow_share(share: Column) -> I8:
    """Level of an urban street by mean speed over base free-flow speed (0 to about 1). Source: [hcm] of 2010, from knowledge."""
    return level_of_falling(share, FREE_FLOW_SHARE)


def letter(code: int) -> str | None:
    """A to F for 1 to 6, None for -1."""
    return LETTERS[code - 1] if code > 0 else None
