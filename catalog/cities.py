"""Load a city pack: `cities/<name>/` with city.toml, areas.geojson, devices.csv and, if it has any, kpis/.

Promises  A frozen CityPack, whole or not at all; an error names file, line or feature, wanted and got. Adding a device is adding a row.
Leaves    Laying packs over the catalogue to catalog.packs.
"""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from catalog import check, geometry
from catalog.decode import read_text, read_toml, shown, to_record
from catalog.errors import ConfigError
from catalog.geojson import Areas, load_areas
from catalog.load import load_kpis
from catalog.records import LEVELS, Area, City, Device, Kpi, Positive, Record, Target

HOME = Path(__file__).parent.parent / "cities"

_COLUMNS = ("id", "kind", "area", "latitude", "longitude", "manual", "cadence_s", "valid_from", "valid_to")
_NEEDED = ("id", "kind", "latitude", "longitude")
_TRUTH = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}


class KindOverride(Record, frozen=True, kw_only=True):
    """What a city knows better about a sensor kind than the catalogue; null leaves the catalogue's."""

    cadence_s: Positive | None = None
    lateness_s: Annotated[float, Meta(ge=0)] | None = None
    idle_s: Positive | None = None
    max_age_s: Positive | None = None
    max_hold_s: Positive | None = None
    retention_days: Annotated[int, Meta(ge=1)] | None = None


class KpiOverride(Record, frozen=True, kw_only=True):
    """What a city promises and who answers for it; null leaves the catalogue's."""

    target: Target | None = None
    owner: str | None = None
    steward: str | None = None


class CityPack(NamedTuple):
    """A city as it runs; mappings by id, areas parents first, devices sorted."""

    city: City
    areas: Mapping[str, Area]
    boundaries: Mapping[str, dict[str, Any]]
    """GeoJSON geometry of each area."""
    devices: Mapping[str, Device]
    kinds: Mapping[str, KindOverride]
    kpi_overrides: Mapping[str, KpiOverride]
    kpis: Mapping[str, Kpi]
    """The pack's own KPIs."""


def load_city(name: str, folder: Path | None = None) -> CityPack:
    """Read the pack `name` in `folder` (default: the repository's cities/); raises ConfigError."""
    home = (folder or HOME).resolve()
    pack = home / name
    if not pack.is_dir():
        there = ", ".join(city_names(home)) or "none"
        raise ConfigError(f"{home.name}/{name}", f"a city pack; there is: {there}", "nothing")
    raw = read_toml(pack / "city.toml")
    where = f"{home.name}/{name}/city.toml"
    kinds = _overrides(raw.pop("kinds", {}), KindOverride, f"{where}: kinds")
    overrides = _overrides(raw.pop("kpis", {}), KpiOverride, f"{where}: kpis")
    city = to_record(raw, City, where)
    if city.id != name:
        raise ConfigError(f"{where}: id", f"{name!r}, the folder's name", city.id)
    if not (city.west < city.east and city.south < city.north):
        raise ConfigError(where, "west below east and south below north", [city.west, city.south, city.east, city.north])
    areas = load_areas(pack / "areas.geojson", city, home)
    devices = _devices(pack / "devices.csv", city, areas, home)
    kpis = load_kpis(pack / "kpis", home)
    check.kpis(kpis, f"{home.name}/{name}/kpis")
    return CityPack(city, MappingProxyType(areas.areas), MappingProxyType(areas.boundaries), devices, kinds, overrides, kpis)


def city_names(folder: Path | None = None) -> list[str]:
    """Names of the packs in `folder`, sorted."""
    home = folder or HOME
    return sorted(path.parent.name for path in home.glob("*/city.toml"))


def topic_of(device: Device, payload_format: str = "json") -> str:
    """The MQTT topic a device publishes on."""
    return f"city/{device.city}/{device.id}/{payload_format}"


def _overrides(raw: Any, kind: type[Any], where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise ConfigError(where, "a table per id", raw)
    return MappingProxyType({key: to_record(raw[key], kind, f"{where}.{key}") for key in sorted(raw)})


def _devices(path: Path, city: City, areas: Areas, home: Path) -> Mapping[str, Device]:
    where = shown(path, home)
    rows = csv.DictReader(io.StringIO(read_text(path)))
    header = rows.fieldnames or []
    for column in _NEEDED:
        if column not in header:
            raise ConfigError(f"{where}: header", f"the column {column}", list(header))
    for column in header:
        if column not in _COLUMNS:
            raise ConfigError(f"{where}: header", f"only {', '.join(_COLUMNS)}", column)
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
    }
    return to_record(raw, Device, here)


def _number(row: dict[str, str], key: str, here: str) -> float:
    try:
        return float(row[key])
    except ValueError:
        raise ConfigError(f"{here}: {key}", "a number", row[key]) from None


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
