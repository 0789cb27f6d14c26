"""Rows of a file as a map reads them: device, time, values; what cannot be carried is told with its line.

Promises  Every row gives a Row or a Skipped, none is dropped in silence; a value or time that cannot be read stays as the
          text that it is, so that the platform refuses it and says so.
Leaves    Payloads and sending to replay.py.
"""

import csv
import gzip
import io
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from catalog.windows import from_us, to_us
from runtime.errors import ConfigError
from simulators.maps import Entries, Map, TimeShape

_TOPIC_LEVEL = re.compile(r"[^+#/\x00]{1,128}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class Value(NamedTuple):
    """One value of a row; text where the file's text is no number or must stay as it is."""

    quantity: str
    value: float | str
    unit: str | None


class Row(NamedTuple):
    """One row's readings of one device."""

    line: int
    device: str
    at_us: int | None
    """Null where the text is no time."""
    time_text: str
    values: tuple[Value, ...]
    position: tuple[float | str, float | str] | None


class Skipped(NamedTuple):
    """A row, or a part of one, that no message can carry."""

    line: int
    why: str


def read(path: Path, shape: Map) -> Iterator[Row | Skipped]:
    """All rows in the file's order (or time's, where the map says so). Raises ConfigError where the file cannot be read."""
    try:
        rows = _rows(path, shape)
        if not shape.file.sort:
            yield from rows
            return
        whole = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(str(path), f"a {shape.file.kind} file in {shape.file.encoding}", str(error)) from error
    last = max((row.at_us for row in whole if isinstance(row, Row) and row.at_us is not None), default=0)
    yield from sorted(whole, key=lambda row: row.at_us if isinstance(row, Row) and row.at_us is not None else last)


def time_us(text: str, shape: TimeShape) -> int | None:
    """µs UTC, or None where the text is no such time or names an hour that the spring leaves out."""
    try:
        if shape.format in ("epoch_s", "epoch_ms"):
            return round(float(text) * (1_000_000 if shape.format == "epoch_s" else 1_000))
        at = datetime.fromisoformat(text) if shape.format == "iso" else datetime.strptime(text, shape.format)  # noqa: DTZ007 - zone follows
        if at.tzinfo is not None:
            return to_us(at)
        if not shape.zone:
            return None
        zone = ZoneInfo(shape.zone)
        local_us = to_us(at.replace(tzinfo=zone, fold=int(shape.repeated_hour == "second")))
        return local_us if from_us(local_us).astimezone(zone).replace(tzinfo=None) == at else None
    except (ValueError, OverflowError):
        return None


def number(text: object, decimal: str) -> float | None:
    """The finite number that a cell says, or None."""
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return float(text) if math.isfinite(text) else None
    if not isinstance(text, str):
        return None
    plain = text.strip().replace(decimal, ".") if decimal != "." else text.strip()
    found = float(plain) if _NUMBER.fullmatch(plain) else math.nan
    return found if math.isfinite(found) else None


class _Fields(NamedTuple):
    """A row before its meaning: field to what stands there, and to its unit's label."""

    line: int
    values: Mapping[str, Any]
    units: Mapping[str, str]


def _rows(path: Path, shape: Map) -> Iterator[Row | Skipped]:
    for fields in _fields(path, shape):
        if isinstance(fields, Skipped):
            yield fields
            continue
        absent = [name for name in shape.time.columns if name not in fields.values]
        if absent:
            yield Skipped(fields.line, f"no column {absent[0]!r}")
        elif shape.wide is None:
            yield _long(fields, shape)
        else:
            yield from _wide(fields, shape)


def _fields(path: Path, shape: Map) -> Iterator[_Fields | Skipped]:
    with path.open("rb") as raw:
        unpacked: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        with io.TextIOWrapper(unpacked, encoding=shape.file.encoding, newline="") as text:
            if shape.file.kind == "csv":
                yield from _csv(text, shape, path.name)
            else:
                for line, content in enumerate(text, start=1):
                    yield _json(line, content, shape)


def _csv(text: io.TextIOWrapper, shape: Map, where: str) -> Iterator[_Fields | Skipped]:
    reader = csv.reader(text, delimiter=shape.file.delimiter)
    header = [name.strip() for name in next(reader, [])]
    position = (shape.position.latitude, shape.position.longitude) if shape.position else ()
    for name in (*shape.time.columns, *([shape.device.column] if shape.device.column else []), *(value.column for value in shape.values), *position):
        if name not in header:
            raise ConfigError(f"{where}: header", f"a column {name!r}, as the map says", header)
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            yield Skipped(reader.line_num, f"wanted {len(header)} fields, got {len(cells)}")
        else:
            yield _Fields(reader.line_num, dict(zip(header, cells, strict=True)), {})


def _json(line: int, content: str, shape: Map) -> _Fields | Skipped:
    body = content.partition(shape.file.after)[2] if shape.file.after else content
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return Skipped(line, f"wanted a JSON object, got {body[:40]!r} ({error})")
    if not isinstance(found, dict):
        return Skipped(line, f"wanted a JSON object, got {body[:40]!r}")
    entries = shape.file.entries
    if entries is None:
        return _Fields(line, found, {})
    listed = found.get(entries.list)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return Skipped(line, f"wanted a list of objects under {entries.list!r}")
    values, units = _unfolded(listed, entries)
    return _Fields(line, {**found, **values}, units)


def _unfolded(listed: list[dict[str, Any]], entries: Entries) -> tuple[dict[str, Any], dict[str, str]]:
    values, units = {}, {}
    for entry in listed:
        name = str(entry.get(entries.name))
        values[name] = next((entry[key] for key in entries.value if key in entry), None)
        if entries.unit is not None and isinstance(entry.get(entries.unit), str):
            units[name] = entry[entries.unit]
    return values, units


def _long(fields: _Fields, shape: Map) -> Row | Skipped:
    device = shape.device.constant or _device(fields.values.get(shape.device.column), shape)
    if device is None:
        return Skipped(fields.line, f"wanted a device in {shape.device.column!r}, got {fields.values.get(shape.device.column)!r}")
    values = []
    for wanted in shape.values:
        cell = fields.values.get(wanted.column)
        if cell is None or str(cell).strip() in shape.missing:
            continue
        unit = fields.units.get(wanted.column) if wanted.unit_as_written else wanted.unit
        found = None if wanted.text_as_written and isinstance(cell, str) else number(cell, shape.decimal)
        values.append(Value(wanted.quantity, str(cell) if found is None else found, unit))
    return Row(fields.line, device, *_time(fields, shape), tuple(values), _position(fields, shape))


def _wide(fields: _Fields, shape: Map) -> Iterator[Row | Skipped]:
    assert shape.wide is not None  # noqa: S101 - the caller has looked
    at = _time(fields, shape)
    for name, cell in fields.values.items():
        if name in shape.time.columns or name in shape.wide.without or cell is None or str(cell).strip() in shape.missing:
            continue
        device, found = _device(name, shape), number(cell, shape.decimal)
        if device is None:
            yield Skipped(fields.line, f"wanted a device id as a column's name, got {name!r}")
        else:
            value = Value(shape.wide.quantity, str(cell) if found is None else found, shape.wide.unit)
            yield Row(fields.line, device, *at, (value,), None)


def _device(text: object, shape: Map) -> str | None:
    if text is None or not str(text).strip():
        return None
    plain = str(text).strip()
    named = shape.device.ids.get(plain)
    found = named if named is not None else shape.device.prefix + (plain.lower() if shape.device.lower else plain)
    return found if _TOPIC_LEVEL.fullmatch(found) else None


def _time(fields: _Fields, shape: Map) -> tuple[int | None, str]:
    text = " ".join(str(fields.values[name]).strip() for name in shape.time.columns)
    return time_us(text, shape.time), text


def _position(fields: _Fields, shape: Map) -> tuple[float | str, float | str] | None:
    if shape.position is None:
        return None
    cells = [fields.values.get(name) for name in (shape.position.latitude, shape.position.longitude)]
    if all(cell is None or str(cell).strip() in shape.missing for cell in cells):
        return None
    degrees = [number(cell, shape.decimal) for cell in cells]
    latitude, longitude = (str(cell) if found is None else found for cell, found in zip(cells, degrees, strict=True))
    return latitude, longitude
