"""Space: distances, interpolation and areas beside the libraries.

Promises  Points fall over a grid of hexagons like a city's areas; DuckDB and Polars have no polygons without an extension, so NumPy alone
          stands beside that kernel, edge by edge.
Leaves    Timing to benchmarks.hot.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, only
from benchmarks.rows import Answer, Columns, Row
from kernels.polygons import AreaIndex, build_index, locate
from kernels.space import EARTH_M, Interpolation, great_circle_m, idw

F64 = npt.NDArray[np.float64]
ACROSS, STATIONS = 6, 12
CENTRE = (50.85, 4.35)


def _points(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "x": rng.uniform(-1.0, ACROSS * np.sqrt(3.0) + 1.0, n),
        "y": rng.uniform(-1.0, ACROSS * 1.5 + 1.0, n),
        "lat": CENTRE[0] + rng.uniform(-0.2, 0.2, n),
        "lon": CENTRE[1] + rng.uniform(-0.2, 0.2, n),
    }


@cache
def _hexagons() -> tuple[F64, ...]:
    angles = np.pi / 3.0 * np.arange(6) + np.pi / 6.0
    corner = np.column_stack((np.cos(angles), np.sin(angles)))
    return tuple(corner + np.array([np.sqrt(3.0) * (i + 0.5 * (j % 2)), 1.5 * j]) for j in range(ACROSS) for i in range(ACROSS))


@cache
def _index() -> AreaIndex:
    return build_index([[ring] for ring in _hexagons()])


@cache
def _stations() -> tuple[F64, F64]:
    rng = np.random.default_rng(7)
    return rng.uniform(0.0, ACROSS, (STATIONS, 2)), rng.uniform(5.0, 50.0, STATIONS)


def _numpy_locate(c: Columns) -> Answer:
    x, y = c["x"], c["y"]
    found = np.full(x.size, -1.0)
    for a, ring in reversed(list(enumerate(_hexagons()))):
        inside = np.zeros(x.size, np.bool_)
        for one, two in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            (x1, y1), (x2, y2) = (one, two) if one[1] < two[1] else (two, one)
            if y1 < y2:
                inside ^= (y1 <= y) & (y < y2) & (x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
        found[inside] = a
    return found


def _numpy_distance(c: Columns) -> Answer:
    lat, lon = np.radians(c["lat"]), np.radians(c["lon"])
    lat0, lon0 = np.radians(CENTRE)
    h = np.sin((lat - lat0) / 2.0) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin((lon - lon0) / 2.0) ** 2
    return np.asarray(2.0 * EARTH_M * np.arctan2(np.sqrt(h), np.sqrt(1.0 - h)))


def _numpy_idw(c: Columns) -> Answer:
    stations, values = _stations()
    square = (c["x"][:, None] - stations[:, 0]) ** 2 + (c["y"][:, None] - stations[:, 1]) ** 2
    return np.asarray((values / square).sum(axis=1) / (1.0 / square).sum(axis=1))


def _distance(c: Columns) -> Answer:
    to = np.column_stack((c["lat"], c["lon"]))
    return great_circle_m(np.broadcast_to(np.array(CENTRE), to.shape), to)


def _square(sx: float, sy: float) -> pl.Expr:
    return (pl.col("x") - sx) ** 2 + (pl.col("y") - sy) ** 2


def _polars_idw(c: Columns) -> Answer:
    stations, values = _stations()
    squares = [_square(*station) for station in stations.tolist()]
    above = pl.sum_horizontal(*(v / square for v, square in zip(values.tolist(), squares, strict=True)))
    return by_polars(above / pl.sum_horizontal(*(1.0 / square for square in squares)))(c)


def _duckdb_idw(c: Columns) -> Answer:
    stations, values = _stations()
    squares = [f"((x - {sx!r}) ** 2 + (y - {sy!r}) ** 2)" for sx, sy in stations.tolist()]
    above = " + ".join(f"{v!r} / {square}" for v, square in zip(values.tolist(), squares, strict=True))
    return by_duckdb(f"SELECT ({above}) / ({' + '.join(f'1 / {square}' for square in squares)}) FROM t")(c)


_LAT, _LON = pl.col("lat").radians(), pl.col("lon").radians()
_LAT0, _LON0 = np.radians(CENTRE).tolist()
_H = ((_LAT - _LAT0) / 2.0).sin() ** 2 + _LAT.cos() * float(np.cos(_LAT0)) * ((_LON - _LON0) / 2.0).sin() ** 2
_SQL_H = f"(sin((radians(lat) - {_LAT0!r}) / 2) ** 2 + cos(radians(lat)) * cos({_LAT0!r}) * sin((radians(lon) - {_LON0!r}) / 2) ** 2)"

ROWS: tuple[Row, ...] = (
    Row(
        "polygons.locate",
        only(_points, "x", "y"),
        lambda c: locate(c["x"], c["y"], _index()).astype(np.float64),
        {"numpy": _numpy_locate},
        relative=0.0,
    ),
    Row(
        "space.great_circle_m",
        only(_points, "lat", "lon"),
        _distance,
        {
            "numpy": _numpy_distance,
            "polars": by_polars(2.0 * EARTH_M * pl.arctan2(_H.sqrt(), (1.0 - _H).sqrt())),
            "duckdb": by_duckdb(f"SELECT 2 * {EARTH_M!r} * atan2(sqrt(h), sqrt(1 - h)) FROM (SELECT {_SQL_H} AS h FROM t)"),
        },
    ),
    Row(
        "space.idw",
        only(_points, "x", "y"),
        lambda c: idw(*_stations(), np.column_stack((c["x"], c["y"])), Interpolation()),
        {"numpy": _numpy_idw, "polars": _polars_idw, "duckdb": _duckdb_idw},
    ),
)
