"""UTCI, the universal thermal climate index, and its bands of heat and cold stress.

Promises  A number only where the polynomial holds: air -50 … 50 °C, radiant minus air -30 … 70 K, wind at 10 m 0.5 … 17 m/s, vapour up
          to 5 kPa, humidity 0 … 100 %; outside and for anything missing it is NaN. Calm air is raised to 0.5 m/s only if asked for.
Leaves    Mean radiant temperature to whoever measures or models it.

Source: [utci], [utci-bands] in docs/sources.md.
"""

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.elementary import exp, log
from kernels.errors import KernelInputError
from kernels.utci_coefficients import COEFFICIENTS, DEGREE

F64 = npt.NDArray[np.float64]
Block = tuple[F64, F64, F64, F64]
Sums = tuple[F64, F64, F64]

BANDS = (
    "extreme cold",
    "very strong cold",
    "strong cold",
    "moderate cold",
    "slight cold",
    "none",
    "moderate heat",
    "strong heat",
    "very strong heat",
    "extreme heat",
)
"""Names of bands 1 to 10, as contracts have them; boards take theirs from the catalogue."""
# each band is closed above, but -40 itself is very strong cold
_UPPER_C = np.array([np.nextafter(-40.0, -np.inf), -27.0, -13.0, 0.0, 9.0, 26.0, 32.0, 38.0, 46.0])
_BLOCK = 64


def _groups() -> F64:
    """The coefficients as rows of powers of the air temperature, filled up with zeros: float64[84, 7]."""
    rows, at = [], 0
    for rest in (DEGREE - p - d - v for p in range(DEGREE + 1) for d in range(DEGREE + 1 - p) for v in range(DEGREE + 1 - p - d)):
        rows.append(np.pad(COEFFICIENTS[at : at + rest + 1], (0, DEGREE - rest)))
        at += rest + 1
    return np.array(rows)


_GROUPS = _groups()


@jit
def _gather(columns: Block, start: int, calm: float, x: Block) -> None:
    """One block's air (NaN where the polynomial does not hold), wind, radiant minus air and vapour.

    Vapour is Hardy's saturation pressure over water (ITS-90), kPa, times humidity.
    """
    temperature, humidity, wind, radiant = columns
    air, moving, over, vapour = x
    for j in range(min(_BLOCK, temperature.size - start)):
        t, rh, v = temperature[start + j], humidity[start + j], wind[start + j]
        d = radiant[start + j] - t
        v = calm if (v >= 0.0) & (v < calm) else v
        there = (t >= -50.0) & (t <= 50.0) & (rh >= 0.0) & (rh <= 100.0) & (d >= -30.0) & (d <= 70.0) & (v >= 0.5) & (v <= 17.0)
        k = (t if there else 0.0) + 273.15
        power = 2.7150305 * log(k) - 2836.5744 / (k * k) - 6028.076559 / k + 19.54263612
        power += k * (-0.02737830188 + k * (1.6261698e-5 + k * (7.0229056e-10 - k * 1.8680009e-13)))
        p = exp(power) * 1e-3 * (rh / 100.0)
        air[j] = t if there & (p <= 5.0) else np.nan
        moving[j], over[j], vapour[j] = v, d, p


@jit
def _add_air(c: F64, degree: int, air: F64, moving: F64, by_wind: F64) -> None:
    """One step of Horner in wind, with a polynomial of that degree in air; what a shorter one lacks is zero in c, so three lengths do."""
    c0, c1, c2, c3, c4, c5, c6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    if degree <= 1:
        for j in range(_BLOCK):
            by_wind[j] = by_wind[j] * moving[j] + (c0 + air[j] * c1)
    elif degree <= 3:
        for j in range(_BLOCK):
            by_wind[j] = by_wind[j] * moving[j] + (c0 + air[j] * (c1 + air[j] * (c2 + air[j] * c3)))
    else:
        for j in range(_BLOCK):
            high = c3 + air[j] * (c4 + air[j] * (c5 + air[j] * c6))
            by_wind[j] = by_wind[j] * moving[j] + (c0 + air[j] * (c1 + air[j] * (c2 + air[j] * high)))


@jit
def _polynomial(groups: F64, x: Block, sums: Sums) -> None:
    """Nested Horner for one block of points: the innermost loops run over points. sums is work space, the answer in its last."""
    air, moving, over, vapour = x
    by_wind, by_radiation, by_vapour = sums
    g = groups.shape[0]
    by_vapour[:] = 0.0
    for p in range(6, -1, -1):
        by_radiation[:] = 0.0
        for d in range(6 - p, -1, -1):
            by_wind[:] = 0.0
            for v in range(6 - p - d, -1, -1):
                g -= 1
                _add_air(groups[g], 6 - p - d - v, air, moving, by_wind)
            for j in range(_BLOCK):
                by_radiation[j] = by_radiation[j] * over[j] + by_wind[j]
        for j in range(_BLOCK):
            by_vapour[j] = by_vapour[j] * vapour[j] + by_radiation[j]


@jit
def _utci(columns: Block, calm: float, groups: F64, x: Block, sums: Sums, out: F64) -> None:
    for block in range((out.size + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        _gather(columns, start, calm, x)
        _polynomial(groups, x, sums)
        for j in range(min(_BLOCK, out.size - start)):
            out[start + j] = x[0][j] + sums[2][j]


def utci(temperature: F64, humidity: F64, wind: F64, mean_radiant_temperature: F64, *, raise_calm: bool = False) -> F64:
    """Universal thermal climate index, float64[n] °C.

    temperature               float64[n] °C, air
    humidity                  float64[n] %, relative
    wind                      float64[n] m/s at 10 m
    mean_radiant_temperature  float64[n] °C
    raise_calm                True takes wind of 0 … 0.5 m/s as 0.5; else it gives NaN like all that lies outside the polynomial's range

    NaN and ±inf anywhere give NaN; the range is closed. O(n). Errors: KernelInputError for columns of different length. Source: [utci].
    """
    columns = [np.ascontiguousarray(each, np.float64) for each in (temperature, humidity, wind, mean_radiant_temperature)]
    if any(each.ndim != 1 or each.size != columns[0].size for each in columns):
        raise KernelInputError("temperature, humidity, wind, mean_radiant_temperature", "columns of one length", [each.shape for each in columns])
    out = np.empty_like(columns[0])
    work = np.zeros((7, _BLOCK))
    x, sums = (work[0], work[1], work[2], work[3]), (work[4], work[5], work[6])
    _utci((columns[0], columns[1], columns[2], columns[3]), 0.5 if raise_calm else 0.0, _GROUPS, x, sums, out)
    return out


def utci_band(utci_c: F64) -> F64:
    """Band of thermal stress, float64[n]: 1 extreme cold … 6 none … 10 extreme heat (names in BANDS); NaN where UTCI is missing or infinite.

    Closed above: 26.0 is none, 46.0 very strong heat; -40.0 is very strong cold. Source: [utci-bands].
    """
    values = np.ascontiguousarray(utci_c, np.float64)
    return np.where(np.isfinite(values), np.searchsorted(_UPPER_C, values, side="left") + 1.0, np.nan)
