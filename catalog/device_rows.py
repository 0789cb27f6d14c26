"""Read a city's devices from `devices.csv`: one row, one device.

Promises  Devices by id with the area they stand in, found from the position where the row leaves it open; an error names file, line,
          column, wanted and got.
Leaves    Whether the kind exists to catalog.packs.
"""

import csv
import io
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from catalog import geometry
from catalog.decode import read_text, shown, to_record
from catalog.errors import ConfigError
from catalog.geojson import Areas
from catalog.records import LEVELS, City, Device

COLUMNS = ("id", "kind", "area", "latitude", "longitude", "manual", "cadence_s", "valid_from", "valid_to", "owner")
NEEDED = ("id", "kind", "latitude", "longitude")

_TRUTH = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}


def load_devices(path: Path, city: City, areas: Areas, home: Path) -> Mapping[str, Device]:
    """The rows of a file, sorted by id; raises ConfigError."""
    where = shown(path, home)
    rows = csv.DictReader(io.StringIO(read_text(path)))
    header = rows.fieldnames or []
    for column in NEEDED:
        if column not in header:
            raise ConfigError(f"{where}: header", f"the column {column}", list(header))
    for column in header:
        if column not in COLUMNS:
            raise ConfigError(f"{where}: header", f"only {', '.join(COLUMNS)}", column)
    find = _Finder(areas)
    devices: dict[str, Device] = {}
    for row in rows:
        here = f"{where}:{rows.line_num}"
        if None in row or any(value is None for value in row.values()):
            raise ConfigError(here, f"{len(header)} fields", "another number")
        device = _device({key: value.strip() for key, value in row.items()}, city, find, here)
        if device.id in devices:
            raise ConfigError(f"{here}: id", "an id that no other row has", device.id)
        devices[device.id] = device
    return MappingProxyType({key: devices[key] for key in sorted(devices)})


def _device(row: dict[str, str], city: City, find: "_Finder", here: str) -> Device:
    if row.get("manual", "").lower() not in _TRUTH:
        raise ConfigError(f"{here}: manual", "true or false", row["manual"])
    latitude, longitude = _number(row, "latitude", here), _number(row, "longitude", here)
    if not (city.south <= latitude <= city.north and city.west <= longitude <= city.east):
        box = f"a position in the city's box {city.south}..{city.north} N, {city.west}..{city.east} E"
        raise ConfigError(f"{here}: latitude, longitude", box, (latitude, longitude))
    area = row.get("area", "") or find(longitude, latitude)
    if not area or area not in find.areas:
        raise ConfigError(f"{here}: area", "an area of areas.geojson, or a position inside one", row.get("area") or (latitude, longitude))
    raw = {
        "id": row["id"],
        "city": city.id,
        "kind": row["kind"],
        "area": area,
        "latitude": latitude,
        "longitude": longitude,
        "manual": _TRUTH[row.get("manual", "").lower()],
        "cadence_s": _number(row, "cadence_s", here) if row.get("cadence_s") else None,
        "valid_from": _time(row, "valid_from", here),
        "valid_to": _time(row, "valid_to", here),
        "owner": row.get("owner", ""),
    }
    return to_record(raw, Device, here)


def _number(row: dict[str, str], key: str, here: str) -> float:
    with suppress(ValueError):
        if math.isfinite(number := float(row[key])):
            return number
    raise ConfigError(f"{here}: {key}", "a number", row[key])


def _time(row: dict[str, str], key: str, here: str) -> str | None:
    text = row.get(key)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{here}: {key}", "an ISO 8601 time", text) from None
    if at.tzinfo is None:
        raise ConfigError(f"{here}: {key}", "a time with its offset, or Z", text)
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Finder:
    """Which area a position lies in: the lowest level that holds it, the first by id on a shared edge."""

    def __init__(self, areas: Areas) -> None:
        self.areas = areas.areas
        parts = sorted((LEVELS.index(area.level), area.id) for area in areas.areas.values() if area.level != "city")
        self._shapes = [(code, geometry.polygons(areas.boundaries[code])) for _, code in parts]
        self._boxes = [geometry.bounds(shape) for _, shape in self._shapes]

    def __call__(self, longitude: float, latitude: float) -> str | None:
        for (code, parts), (west, south, east, north) in zip(self._shapes, self._boxes, strict=True):
            if west <= longitude <= east and south <= latitude <= north and geometry.contains(parts, (longitude, latitude)):
                return code
        return None
