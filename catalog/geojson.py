"""Read a city's areas from `areas.geojson`: WGS84 polygons with id, level, parent, names and population.

Promises  Areas parents first with valid boundaries, or an error that names file, feature, wanted and got.
Leaves    The city around it and its devices to catalog.cities.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from catalog import geometry
from catalog.decode import read_text, shown, to_record
from catalog.errors import ConfigError
from catalog.records import LANGUAGES, LEVELS, Area, City

_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84", "WGS 84")
_MARGIN = 0.01
"""Degrees by which a boundary may pass the city's box: a box is drawn by hand."""
_KNOWN = {"id", "level", "parent", "population", *(f"name_{language}" for language in LANGUAGES)}


class Areas(NamedTuple):
    """Areas by id, parents first, and their boundaries as GeoJSON geometry."""

    areas: dict[str, Area]
    boundaries: dict[str, dict[str, Any]]


def load_areas(path: Path, city: City, home: Path) -> Areas:
    """Every feature an area; the city's own feature may be absent and is then made of its parts."""
    where = shown(path, home)
    features = _features(path, where)
    found: dict[str, Area] = {}
    boundaries: dict[str, dict[str, Any]] = {}
    for number, feature in enumerate(features):
        here = f"{where}: feature {number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise ConfigError(f"{here}: type", "'Feature'", feature.get("type") if isinstance(feature, dict) else feature)
        properties = feature.get("properties")
        code = properties.get("id") if isinstance(properties, dict) else None
        here = f"{here} ({code})" if code is not None else here
        shape = _geometry(feature.get("geometry"), city, here)
        area = _area(properties, shape, city, here)
        if area.id in found:
            raise ConfigError(f"{here}: id", "a code that no other feature has", area.id)
        found[area.id], boundaries[area.id] = area, shape
    if city.id not in found:
        found[city.id], boundaries[city.id] = _city_of_parts(found, boundaries, city, where)
    return _sorted(found, boundaries, city, where)


def _features(path: Path, where: str) -> list[Any]:
    try:
        document = msgspec.json.decode(read_text(path))
    except msgspec.DecodeError as error:
        raise ConfigError(where, "GeoJSON", str(error)) from error
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise ConfigError(f"{where}: type", "'FeatureCollection'", document.get("type") if isinstance(document, dict) else document)
    crs = document.get("crs")
    if crs is not None and not any(name in str(crs) for name in _WGS84):
        raise ConfigError(f"{where}: crs", "WGS84 longitude and latitude (no crs member, as RFC 7946 has it)", crs)
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise ConfigError(f"{where}: features", "at least one feature", features)
    return features


def _area(properties: Any, shape: dict[str, Any], city: City, here: str) -> Area:
    if not isinstance(properties, dict):
        raise ConfigError(f"{here}: properties", f"an object with {', '.join(sorted(_KNOWN))}", properties)
    for key in ("id", "level", "population"):
        if properties.get(key) is None:
            raise ConfigError(f"{here}: {key}", "a value", "nothing")
    longitude, latitude = geometry.middle(geometry.polygons(shape))
    level = properties["level"]
    parent = properties.get("parent")
    if parent is None and level == "district":
        parent = city.id
    raw = {
        "id": properties["id"],
        "city": city.id,
        "level": level,
        "parent": parent,
        "names": {language: properties.get(f"name_{language}") for language in LANGUAGES},
        "population": properties["population"],
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
    }
    return to_record(raw, Area, here)


def _geometry(shape: Any, city: City, here: str) -> dict[str, Any]:
    kind = shape.get("type") if isinstance(shape, dict) else shape
    if kind not in ("Polygon", "MultiPolygon"):
        raise ConfigError(f"{here}: geometry", "a Polygon or MultiPolygon", kind)
    try:
        parts = geometry.polygons(shape)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ConfigError(f"{here}: coordinates", "rings of [longitude, latitude]", str(error)) from error
    if not parts or not all(parts):
        raise ConfigError(f"{here}: coordinates", "at least one ring", shape.get("coordinates"))
    for part in parts:
        for number, ring in enumerate(part):
            for point in ring:
                _check_position(point, city, here)
            fault = geometry.ring_fault(ring)
            if fault is not None:
                raise ConfigError(f"{here}: ring {number}", "a closed ring of four or more positions that does not touch itself", fault)
        fault = geometry.hole_fault(part)
        if fault is not None:
            raise ConfigError(f"{here}: holes", "holes inside the outer ring", fault)
    return {"type": kind, "coordinates": shape["coordinates"]}


def _check_position(point: geometry.Point, city: City, here: str) -> None:
    x, y = point
    if not (math.isfinite(x) and math.isfinite(y)) or abs(x) > 180 or abs(y) > 90:
        hint = "WGS84 longitude and latitude in degrees (projected metres, Lambert 72 or RD say, must be converted first)"
        raise ConfigError(f"{here}: coordinates", hint, point)
    if _in_box(x, y, city):
        return
    if _in_box(y, x, city):
        raise ConfigError(f"{here}: coordinates", "longitude before latitude", point)
    box = f"positions in the city's box {city.west}..{city.east} E, {city.south}..{city.north} N (city.toml)"
    raise ConfigError(f"{here}: coordinates", box, point)


def _in_box(x: float, y: float, city: City) -> bool:
    return city.west - _MARGIN <= x <= city.east + _MARGIN and city.south - _MARGIN <= y <= city.north + _MARGIN


def _city_of_parts(found: dict[str, Area], boundaries: dict[str, dict[str, Any]], city: City, where: str) -> tuple[Area, dict[str, Any]]:
    parts = [area for area in found.values() if area.parent == city.id]
    if not parts:
        raise ConfigError(f"{where}: features", f"one of level 'city' with id {city.id!r}, or areas whose parent is it", "neither")
    coordinates: list[Any] = []
    for area in parts:
        shape = boundaries[area.id]
        coordinates += [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    whole = {"type": "MultiPolygon", "coordinates": coordinates}
    west, south, east, north = geometry.bounds(geometry.polygons(whole))
    area = Area(
        id=city.id,
        city=city.id,
        level="city",
        parent=None,
        names=city.names,
        population=sum(part.population for part in parts),
        latitude=round((south + north) / 2, 6),
        longitude=round((west + east) / 2, 6),
    )
    return area, whole


def _sorted(found: dict[str, Area], boundaries: dict[str, dict[str, Any]], city: City, where: str) -> Areas:
    for area in found.values():
        here = f"{where}: {area.id}"
        if (area.level == "city") != (area.id == city.id):
            raise ConfigError(f"{here}: level", f"'city' for {city.id!r} and for nothing else", area.level)
        if area.id == city.id:
            if area.parent is not None:
                raise ConfigError(f"{here}: parent", "none for the city itself", area.parent)
            continue
        if area.parent is None or area.parent not in found:
            raise ConfigError(f"{here}: parent", "the id of a feature of this file", area.parent)
        if LEVELS.index(found[area.parent].level) <= LEVELS.index(area.level):
            raise ConfigError(f"{here}: parent", f"an area of a higher level than {area.level}", f"{area.parent}, {found[area.parent].level}")
    order = sorted(found, key=lambda code: (-LEVELS.index(found[code].level), code))
    return Areas({code: found[code] for code in order}, {code: boundaries[code] for code in order})
