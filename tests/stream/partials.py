"""Frames of kompas.partials.v1 by hand, for tests of the combiner: a small catalogue and builders per kind of frame."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from catalog.records import Area, Band, City, Kpi, Measured, Quantity, SensorKind
from catalog.topics import PARTIALS
from kernels.int128 import split
from runtime.frames import Coded, Frame, decode, encode
from stream.rows import COLUMNS, MAGIC, Rows, Said, pack, unpack

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
T0_US = 1_760_000_400 * SECOND_US
"""2025-10-09T09:00:00Z."""
NEVER_US = (1 << 63) - 1


def names(text: str = "x") -> dict[str, str]:
    return {"en": text, "fr": text, "nl": text}


def quantity(id_: str, unit: str, resolution: float, *, counter: bool = False) -> Quantity:
    return Quantity(id=id_, names=names(), unit=unit, possible=(-1e6, 1e6), resolution=resolution, counter=counter)


def kind(id_: str, *quantities: str) -> SensorKind:
    measured = {each: Measured(plausible=(-1e6, 1e6)) for each in quantities}
    return SensorKind(id=id_, names=names(), quantities=measured, cadence_s=10, lateness_s=20, idle_s=60)


def kpi(id_: str, formula: str, unit: str, window: str, **more: Any) -> Kpi:
    given: dict[str, Any] = {
        "id": id_,
        "version": 1,
        "names": names(),
        "descriptions": names(),
        "unit": unit,
        "formula": formula,
        "window": window,
        "better": "lower",
        "owner": "o",
        "steward": "s",
        "source": "test",
        "check_sql": "SELECT 1",
    }
    return Kpi(**(given | more))


def city(id_: str, time_zone: str) -> City:
    return City(id=id_, names=names(), time_zone=time_zone, west=0, south=0, east=1, north=1)


def area(id_: str, level: Any) -> Area:
    parent = None if level == "city" else id_.partition(".")[0]
    return Area(id=id_, city=id_.partition(".")[0], level=level, parent=parent, names=names(), population=1, latitude=0.5, longitude=0.5)


CITIES = [city("alpha", "Europe/Brussels"), city("omega", "America/New_York")]
AREAS = [area("alpha", "city"), area("alpha.a", "neighbourhood"), area("alpha.b", "neighbourhood"), area("omega", "city")]
QUANTITIES = [
    quantity("pm2_5", "ug/m3", 0.1),
    quantity("no2", "ug/m3", 0.1),
    quantity("speed", "km/h", 1.0),
    quantity("vehicles", "1", 1.0),
    quantity("sound_level", "dB", 0.1),
]
KINDS = [kind("air", "pm2_5", "no2"), kind("loop", "speed", "vehicles"), kind("noise", "sound_level")]
BANDS = (Band(id="good", names=names(), to=10.0), Band(id="fair", names=names(), to=20.0), Band(id="poor", names=names()))
KPIS = [
    kpi("pm_minute", "mean(pm2_5)", "ug/m3", "minute", bands=BANDS, min_coverage=0.5),
    kpi("pm_share", "ratio(mean(pm2_5), mean(no2))", "1", "hour", levels=("city",), min_coverage=0.0),
    kpi("speed_high", "p95(speed)", "km/h", "minute", min_coverage=0.0),
    kpi("noise_night", "leq(sound_level, night)", "dB", "day", min_coverage=0.0),
    kpi("per_device", "sum(vehicles) / count_devices(vehicles)", "1", "minute", min_coverage=0.0),
    kpi("loop_hour", "sum(vehicles) / count_devices(vehicles)", "1", "hour", min_coverage=0.0),
    kpi("mixed_back", "ratio(mean(pm2_5, population), mean(no2)) - at(loop_hour, -2h)", "1", "hour", levels=("city",), min_coverage=0.0),
    kpi("share_back", "ratio(mean(pm2_5, count), mean(no2)) - at(pm_share, -5h)", "1", "hour", levels=("city",), min_coverage=0.0),
    kpi("night_back", "leq(sound_level, night) - at(noise_night, -1d)", "dB", "day", min_coverage=0.0),
]


class Row(NamedTuple):
    """One row of a partials frame; sum as a Python integer."""

    key: str
    area: str
    start_us: int
    devices: int
    readings: int
    good_due: int
    sum: int = 0
    real: float = 0.0
    low: int = 0
    high: int = 0
    bins: bytes | None = None


class Owed(NamedTuple):
    """One row of a census frame."""

    area: str
    kind: str
    devices: int
    cadence_us: int = 10 * SECOND_US
    due_from_us: int = 0
    valid_from_us: int = 0
    valid_to_us: int = NEVER_US


Marks = Mapping[str, int | None]


def meta(kind_: str, source: int, offset: int, marks: Marks) -> dict[str, Any]:
    return {"schema": PARTIALS.schema, "kind": kind_, "input_partition": source, "input_offset": offset, "watermarks": dict(marks)}


def coded(texts: Sequence[str]) -> Coded:
    distinct = sorted(set(texts))
    return Coded(np.array([distinct.index(text) for text in texts], np.int32), distinct)


def rows_frame(source: int, offset: int, marks: Marks, rows: Sequence[Row]) -> bytes:
    aggregates, areas = sorted({row.key for row in rows}), sorted({row.area for row in rows})
    matrix = np.zeros((len(rows), len(COLUMNS)), np.int64)
    for n, row in enumerate(rows):
        hi, lo = split(row.sum)
        real = np.array([row.real]).view(np.int64)[0]
        numbers = (row.devices, row.readings, row.good_due, hi, lo, real, row.low, row.high)
        matrix[n] = (aggregates.index(row.key), areas.index(row.area), row.start_us, *numbers)
    bins = {n: row.bins for n, row in enumerate(rows) if row.bins is not None}
    return pack(said(source, offset, marks), Rows(aggregates, areas, matrix, bins))


def said(source: int, offset: int, marks: Marks, **more: int) -> Said:
    return Said(input_partition=source, input_offset=offset, watermarks=dict(marks), **more)


def watermarks_frame(source: int, offset: int, marks: Marks, **more: int) -> bytes:
    return pack(said(source, offset, marks, **more))


def census_frame(source: int, offset: int, marks: Marks, owed: Sequence[Owed]) -> bytes:
    columns: dict[str, Any] = {"area": coded([each.area for each in owed]), "kind": coded([each.kind for each in owed])}
    for name in ("cadence_us", "due_from_us", "valid_from_us", "valid_to_us", "devices"):
        columns[name] = np.array([getattr(each, name) for each in owed], np.int64)
    return encode(meta("census", source, offset, marks), columns)


def catalogue_frame(offset: int, marks: Marks, documents: Sequence[tuple[str, str, str | None]]) -> bytes:
    columns = {
        "entity": coded([entity for entity, _, _ in documents]),
        "id": [id_ for _, id_, _ in documents],
        "document": [text for _, _, text in documents],
    }
    return encode(meta("catalogue", 0, offset, marks) | {"seq": 1}, columns)


def text_of(record: Any, **more: Any) -> str:
    return msgspec.json.encode(msgspec.to_builtins(record) | more).decode()


def documents(kpis: Sequence[Kpi] = KPIS, live_from_us: int = 0) -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = []
    groups: list[tuple[str, Sequence[Any]]] = [("city", CITIES), ("quantity", QUANTITIES), ("kind", KINDS), ("area", AREAS)]
    for entity, records in groups:
        found += [(entity, record.id, text_of(record)) for record in records]
    return found + [("kpi", each.id, text_of(each, live_from_us=live_from_us, hash="h")) for each in kpis]


def frame_of(value: bytes) -> Frame:
    """Any record of kompas.partials.v1 as columns by name; the histogram of each row or None as `bins` where there is any."""
    if value[:4] != MAGIC:
        return decode(value)
    told, rows = unpack(value)
    kind_ = "rows" if rows.matrix.size else "watermarks"
    columns: dict[str, Any] = {name: rows.matrix[:, at].copy() for at, name in enumerate(COLUMNS)}
    columns |= {name: Coded(columns[name].astype(np.int32), texts) for name, texts in (("aggregate", rows.aggregates), ("area", rows.areas))}
    columns["real"] = columns["real"].view(np.float64)
    if rows.bins:
        columns["bins"] = [rows.bins.get(n) for n in range(len(rows.matrix))]
    return Frame({"kind": kind_, **msgspec.to_builtins(told)}, columns, len(rows.matrix))
