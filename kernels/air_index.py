"""Air quality indices by band: the European index in its three versions and BelAQI, daily and hourly.

Promises  An upper edge belongs to the lower band. A missing, infinite or negative concentration has no band and never becomes the best one.
          `INDEX_VERSION` names what a value was computed with; history of one version is not comparable with another's.
Leaves    Averaging to kernels.air_means, names and colours of bands to the catalogue, rounding to whoever displays.

Concentrations are µg/m³. Order of pollutants everywhere: PM2.5, PM10, NO2, O3, SO2.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

POLLUTANTS = ("pm2_5", "pm10", "no2", "o3", "so2")

# Source: [eaqi-2024]; all five hourly
EAQI_2024 = "eaqi-2024"
# Source: [eaqi-classic]; PM as 24 h running means, gases hourly
EAQI_CLASSIC = "eaqi-classic"
# Source: [eaqi-2017]; five bands
EAQI_2017 = "eaqi-2017"
# Source: [belaqi-2022], tables 1 and 2
BELAQI_DAILY, BELAQI_HOURLY = "belaqi-2022-daily", "belaqi-2022-hourly"


def _table(*rows: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(edge) for edge in row) for row in rows)


EDGES: Mapping[str, tuple[tuple[float, ...], ...]] = MappingProxyType(
    {
        EAQI_2024: _table((5, 15, 50, 90, 140), (15, 45, 120, 195, 270), (10, 25, 60, 100, 150), (60, 100, 120, 160, 180), (20, 40, 125, 190, 275)),
        EAQI_CLASSIC: _table(
            (10, 20, 25, 50, 75), (20, 40, 50, 100, 150), (40, 90, 120, 230, 340), (50, 100, 130, 240, 380), (100, 200, 350, 500, 750)
        ),
        EAQI_2017: _table((10, 20, 25, 50), (20, 35, 50, 100), (40, 100, 200, 400), (80, 120, 180, 240), (100, 200, 350, 500)),
        BELAQI_DAILY: _table(
            (2.5, 5, 7.5, 10, 15, 25, 35, 40, 50),
            (5, 15, 25, 35, 45, 60, 70, 80, 100),
            (5, 10, 15, 20, 25, 30, 35, 40, 50),
            (30, 60, 70, 80, 100, 130, 160, 190, 220),
        ),
        BELAQI_HOURLY: _table(
            (3.5, 7.5, 10, 15, 20, 35, 50, 60, 75),
            (10, 20, 35, 45, 60, 80, 95, 110, 140),
            (10, 15, 20, 30, 40, 45, 50, 60, 75),
            (30, 65, 75, 90, 110, 150, 180, 210, 240),
        ),
    }
)
"""Upper edges of all bands but the last, by index version and pollutant in their order."""


class Overall(NamedTuple):
    """The worst band over the pollutants that are there."""

    band: F64  # [n] 1 is best; NaN where no pollutant has a band
    drivers: U8  # [n] bit p is set where pollutant p reaches the worst band
    index_version: str


@jit
def _band(c: float, edges: tuple[float, ...]) -> float:
    """Band from 1, 0 where there is none; the edges' number is known when it is compiled, so this is straight arithmetic."""
    found = 1.0
    for edge in edges:
        found += 1.0 if c > edge else 0.0
    return found if (c >= 0.0) & (c < np.inf) else 0.0


@jit
def _raise(concentration: F64, edges: tuple[float, ...], band: F64) -> None:
    """Raise the bands to this pollutant's."""
    for i in range(band.size):
        mine = _band(concentration[i], edges)
        band[i] = mine if mine > band[i] else band[i]


@jit
def _mark(concentration: F64, edges: tuple[float, ...], bit: int, band: F64, drivers: U8) -> None:
    """Set the bit where this pollutant reaches the band."""
    for i in range(band.size):
        mine = _band(concentration[i], edges)
        drivers[i] |= np.uint8(bit if mine == band[i] and mine > 0.0 else 0)


@jit
def _zero_to_nan(band: F64) -> None:
    for i in range(band.size):
        band[i] = np.nan if band[i] == 0.0 else band[i]


@jit
def _publishable(pm2_5: F64, pm10: F64, no2: F64, o3: F64, band: F64) -> None:
    """NaN where the minimum set is not there."""
    for i in range(band.size):
        dust = ((pm2_5[i] >= 0.0) & (pm2_5[i] < np.inf)) | ((pm10[i] >= 0.0) & (pm10[i] < np.inf))
        gases = (no2[i] >= 0.0) & (no2[i] < np.inf) & (o3[i] >= 0.0) & (o3[i] < np.inf)
        band[i] = band[i] if dust & gases else np.nan


def _columns(concentrations: tuple[npt.ArrayLike, ...]) -> list[F64]:
    columns = [np.ascontiguousarray(each, np.float64).reshape(-1) for each in concentrations]
    sizes = {each.size for each in columns}
    if len(sizes) > 1:
        raise KernelInputError("concentrations", "columns of one length", [each.size for each in columns])
    return columns


def _rounded(column: F64) -> F64:
    """Half up to whole numbers; a negative one stays, or -0.3 would become a good 0."""
    return np.where(column < 0.0, column, np.floor(column + 0.5))


def _worst(version: str, columns: list[F64]) -> F64:
    """The worst band over the columns, 0 where none has one."""
    found = np.zeros(columns[0].size)
    for column, edges in zip(columns, EDGES[version], strict=True):
        _raise(column, edges, found)
    return found


def overall(version: str, *concentrations: npt.ArrayLike, round_to_integer: bool = False) -> Overall:
    """The worst band over the pollutants that are there, and which pollutants reach it.

    version           a key of EDGES
    concentrations    float64[n] each, µg/m³, in the order of POLLUTANTS as far as the version's table goes; NaN = missing
    round_to_integer  half up to whole µg/m³ before the look-up, as the published tables of the European index print them
    ->                Overall of n; band NaN where nothing is there

    A negative (averaged) concentration, NaN and ±inf have no band; -0.0 is zero. O(n * pollutants). Errors: KernelInputError for an
    unknown version or columns of different number or length. Source: the version's tag in docs/sources.md.
    """
    edges = EDGES.get(version)
    if edges is None:
        raise KernelInputError("version", f"one of {', '.join(EDGES)}", version)
    if len(concentrations) != len(edges):
        raise KernelInputError("concentrations", f"{len(edges)} columns", len(concentrations))
    columns = [_rounded(each) for each in _columns(concentrations)] if round_to_integer else _columns(concentrations)
    found, drivers = _worst(version, columns), np.zeros(columns[0].size, np.uint8)
    for p, column in enumerate(columns):
        _mark(column, edges[p], 1 << p, found, drivers)
    _zero_to_nan(found)
    return Overall(found, drivers, version)


def band(version: str, pollutant: str, concentration: npt.ArrayLike, *, round_to_integer: bool = False) -> F64:
    """Band of one pollutant, float64[n], 1 is best; NaN for a missing, infinite or negative concentration.

    version, pollutant  a key of EDGES and a name of POLLUTANTS that its table has; concentration float64[n] µg/m³
    Errors: KernelInputError for an unknown version or pollutant.
    """
    known = POLLUTANTS[: len(EDGES[version])] if version in EDGES else ()
    if pollutant not in known:
        raise KernelInputError("pollutant", f"one of {', '.join(known) or 'a known version'}", f"{pollutant} of {version}")
    (column,) = _columns((concentration,))
    found = np.zeros(column.size)
    _raise(_rounded(column) if round_to_integer else column, EDGES[version][known.index(pollutant)], found)
    _zero_to_nan(found)
    return found


def _index(version: str, *concentrations: F64) -> F64:
    found = _worst(version, _columns(concentrations))
    _zero_to_nan(found)
    return found


def eaqi_2024(pm2_5: F64, pm10: F64, no2: F64, o3: F64, so2: F64) -> F64:
    """European Air Quality Index with the bands of 2024, from hourly means.

    each float64[n] µg/m³, NaN = missing; -> float64[n] 1 good … 6 extremely poor, worst over what is there, NaN where nothing is.
    Whether the set suffices to publish says `eaqi_complete`. Source: [eaqi-2024].
    """
    return _index(EAQI_2024, pm2_5, pm10, no2, o3, so2)


def eaqi_classic(pm2_5: F64, pm10: F64, no2: F64, o3: F64, so2: F64) -> F64:
    """The index as it was before 2024, six bands; PM as 24 h running means, gases hourly. Shapes as eaqi_2024. Source: [eaqi-classic]."""
    return _index(EAQI_CLASSIC, pm2_5, pm10, no2, o3, so2)


def eaqi_2017(pm2_5: F64, pm10: F64, no2: F64, o3: F64, so2: F64) -> F64:
    """The index as it began in 2017, five bands; PM as 24 h running means, gases hourly. Shapes as eaqi_2024. Source: [eaqi-2017]."""
    return _index(EAQI_2017, pm2_5, pm10, no2, o3, so2)


def eaqi_complete(pm2_5: F64, pm10: F64, no2: F64, o3: F64, *, traffic: bool = False) -> Bools:
    """Whether the minimum set of a published station index is there, bool[n]: NO2, PM2.5 or PM10 and, away from traffic, O3.

    Source: [eaqi-2017]; whether the revised index keeps the rule is not known.
    """
    there = [(each >= 0.0) & (each < np.inf) for each in _columns((pm2_5, pm10, no2, o3))]
    return np.asarray((there[0] | there[1]) & there[2] & (there[3] | traffic), np.bool_)


def _belaqi(version: str, *concentrations: F64) -> F64:
    columns = _columns(concentrations)
    found = _worst(version, columns)
    _publishable(columns[0], columns[1], columns[2], columns[3], found)
    return found


def belaqi_daily(pm2_5: F64, pm10: F64, no2: F64, o3: F64) -> F64:
    """BelAQI of a day (November 2022) from day means of PM2.5, PM10, NO2 and the highest 8-hour mean of O3.

    each float64[n] µg/m³, NaN = missing; -> float64[n] 1 excellent … 10 horrible; NaN unless NO2, O3 and PM2.5 or PM10 are there.
    Source: [belaqi-2022]; the minimum set is [project].
    """
    return _belaqi(BELAQI_DAILY, pm2_5, pm10, no2, o3)


def belaqi_hourly(pm2_5: F64, pm10: F64, no2: F64, o3: F64) -> F64:
    """BelAQI of an hour (November 2022) from hourly means. Shapes, missing and source as belaqi_daily."""
    return _belaqi(BELAQI_HOURLY, pm2_5, pm10, no2, o3)
