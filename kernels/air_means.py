"""Means of concentrations with data capture, the daily maximum of 8-hour means, and ppb in µg/m³.

Promises  A mean tells how many values it rests on and how many were due, and is missing below its capture.
          Small negative concentrations count in means as they are; NaN and ±inf are missing.
Leaves    Which hours belong to which day to the caller: hours are labelled by their end, and a local day has 23 to 25 of them.

Source: [aq-directive-2008], [gas-molar-mass] in docs/sources.md.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]

R_J_PER_MOL_K = 8.314462618
AIR_T_K, AIR_P_PA = 293.15, 101325.0
"""The EU's convention for gases: 20 °C and one atmosphere."""
MOLAR_MASS_G: Mapping[str, float] = MappingProxyType(
    {"no2": 46.0055, "o3": 47.9982, "so2": 64.0638, "co": 28.0101, "no": 30.0061, "nox": 46.0055},
)
"""g/mol. NOx is counted as NO2."""
_BLOCK, _LANES = 1024, 64


class Mean(NamedTuple):
    """A mean and what it rests on."""

    value: float  # unit of the values; NaN below the capture
    valid: int
    expected: int


def needed(expected: int, min_fraction: float) -> int:
    """How many of `expected` values a capture of min_fraction asks for: rounded up, but for the error of the product."""
    if not 0.0 <= min_fraction <= 1.0:
        raise KernelInputError("min_fraction", "0 to 1", min_fraction)
    return math.ceil(min_fraction * expected - 1e-9)


@jit
def _sums(values: F64, lanes: F64) -> int:
    """Add the finite values up by lane (rows of lanes: sum, what it lost, lowest, highest); how many there are.

    Lanes are independent, so the loop over them runs on vectors; what a sum loses is kept beside it (Neumaier).
    """
    total, lost, low, high = lanes[0], lanes[1], lanes[2], lanes[3]
    lanes[:2] = 0.0
    low[:], high[:] = np.inf, -np.inf
    n, blocks = 0, values.size // _LANES
    for block in range(blocks + 1):
        mine = values[block * _LANES : min(block * _LANES + _LANES, values.size)]
        for j in range(mine.size):
            there = abs(mine[j]) < np.inf
            v = mine[j] if there else 0.0
            after = total[j] + v
            lost[j] += (total[j] - after) + v if abs(total[j]) >= abs(v) else (v - after) + total[j]
            total[j] = after
            low[j] = v if there & (v < low[j]) else low[j]
            high[j] = v if there & (v > high[j]) else high[j]
            n += 1 if there else 0
    return n


def _mean(values: F64) -> tuple[float, int]:
    """Mean of the finite values, to the last bit or nearly, and their number; NaN of none."""
    lanes = np.empty((4, _LANES))
    n, shift = _sums(values, lanes), 0
    if n == 0:
        return math.nan, 0
    if max(-float(lanes[2].min()), float(lanes[3].max())) * n == math.inf:
        # the sum could pass the largest double, though no mean can: in smaller units it does not
        shift = 64
        _sums(np.ldexp(values, -shift), lanes)
    mean = math.fsum(lanes[:2].ravel().tolist()) / n
    return math.ldexp(min(max(mean, float(lanes[2].min())), float(lanes[3].max())), shift), n


@jit
def _add(values: F64, total: F64, count: F64) -> None:
    for j in range(values.size):
        there = abs(values[j]) < np.inf
        total[j] += values[j] if there else 0.0
        count[j] += 1.0 if there else 0.0


@jit
def _running(values: F64, width: int, needed: int, count: F64, out: F64) -> None:
    """Block by block, one pass for each place in the window: a mean rests on its own hours alone, and the loops run on vectors."""
    out[:] = 0.0
    for start in range(0, values.size, count.size):
        stop = min(start + count.size, values.size)
        count[:] = 0.0
        for back in range(min(width, stop)):
            first = max(start, back)
            _add(values[first - back : stop - back], out[first:stop], count[first - start :])
        mine = out[start:stop]
        for j in range(mine.size):
            mean = mine[j] / count[j]
            mine[j] = mean if count[j] >= needed and abs(mean) < np.inf else np.nan


def _column(name: str, values: npt.ArrayLike) -> F64:
    column = np.ascontiguousarray(values, np.float64)
    if column.ndim != 1:
        raise KernelInputError(name, "one column", column.shape)
    return column


def mean_with_capture(values: F64, min_fraction: float = 0.75, expected: int | None = None) -> Mean:
    """Mean of a window that must hold a share of what was due.

    values        float64[n]; NaN and ±inf = missing, negative values count
    min_fraction  0 … 1; fewer than ceil(min_fraction * expected) valid values give NaN, and so do none at all
    expected      values due, n where not given
    ->            Mean; never outside the values' range, so equal values give themselves, and no finite value is too large

    O(n). Errors: KernelInputError for a fraction outside 0 … 1 or a negative `expected`. Source: [aq-directive-2008].
    """
    column = _column("values", values)
    due = column.size if expected is None else expected
    if due < 0:
        raise KernelInputError("expected", "0 or more", due)
    value, valid = _mean(column)
    return Mean(value if valid >= max(1, needed(due, min_fraction)) else math.nan, valid, due)


def running_means(hourly: F64, width: int = 8, min_fraction: float = 0.75) -> F64:
    """Means of the `width` hours that end with each hour, float64[n]; NaN below the capture (6 of 8).

    hourly  float64[n], one value an hour without gaps in time, NaN and ±inf = missing; hours before the first are missing,
            and so is a mean whose sum is beyond the largest float64
    O(n * width), each from its own hours: nothing drifts. Errors: KernelInputError.
    """
    column = _column("hourly", hourly)
    if width < 1:
        raise KernelInputError("width", "1 hour or more", width)
    out = np.empty_like(column)
    _running(column, width, max(1, needed(width, min_fraction)), np.empty(_BLOCK), out)
    return out


def max_daily_8h_mean(hourly: F64, min_fraction: float = 0.75) -> Mean:
    """Highest 8-hour mean of those that end on one day.

    hourly  float64[7 + hours of the day]: the last seven hours of the day before, then the day's 24 (23 or 25 where clocks change);
            any unit, NaN = missing. The first mean ends with the day's first hour (17:00–01:00), the last with its last (16:00–24:00)
    ->      Mean: the maximum, the valid running means and those due; NaN unless 18 of 24 are valid (6 of 8 hours each)

    Errors: KernelInputError for fewer than 8 hours. Source: [aq-directive-2008], annex VII.
    """
    column = _column("hourly", hourly)
    if column.size < 8:
        raise KernelInputError("hourly", "seven hours of the day before and those of the day", column.size)
    means = running_means(column, 8, min_fraction)[7:]
    valid = int(np.isfinite(means).sum())
    enough = valid >= max(1, needed(means.size, min_fraction))
    return Mean(float(np.nanmax(means)) if enough else math.nan, valid, means.size)


def ppb_to_ug_m3(ppb: F64, molar_mass_g: float, t_k: float = AIR_T_K, p_pa: float = AIR_P_PA) -> F64:
    """Parts per billion of a gas in µg/m³, float64[n] (ppm give mg/m³): ppb · M · P / (R · T) · 10⁻³.

    molar_mass_g  g/mol, see MOLAR_MASS_G; t_k K; p_pa Pa: of the air that the result speaks of
    NaN stays NaN, negative stays negative. Errors: KernelInputError unless mass, temperature and pressure are above zero.
    """
    for name, value in (("molar_mass_g", molar_mass_g), ("t_k", t_k), ("p_pa", p_pa)):
        if not 0.0 < value < math.inf:
            raise KernelInputError(name, "above zero", value)
    return _column("ppb", ppb) * (molar_mass_g * p_pa / (R_J_PER_MOL_K * t_k) * 1e-3)


def ug_m3_to_ppb(ug_m3: F64, molar_mass_g: float, t_k: float = AIR_T_K, p_pa: float = AIR_P_PA) -> F64:
    """The inverse of ppb_to_ug_m3."""
    return np.asarray(_column("ug_m3", ug_m3) / ppb_to_ug_m3(np.ones(1), molar_mass_g, t_k, p_pa), np.float64)
