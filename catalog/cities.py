"""Load a city pack: `cities/<name>/` with city.toml, areas.geojson, devices.csv and, if it has any, kpis/.

Promises  A frozen CityPack, whole or not at all; an error names file, line or feature, wanted and got. Adding a device is adding a row.
Leaves    Laying packs over the catalogue to catalog.packs.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from msgspec import Meta

from catalog import check
from catalog.decode import read_toml, to_record
from catalog.device_rows import load_devices
from catalog.errors import ConfigError, nearest
from catalog.geojson import load_areas
from catalog.load import load_kpis
from catalog.records import Area, City, Device, Kpi, Positive, Record, Target

HOME = Path(__file__).parent.parent / "cities"


class KindOverride(Record, frozen=True, kw_only=True):
    """What a city knows better about a sensor kind than the catalogue; null leaves the catalogue's."""

    cadence_s: Positive | None = None
    lateness_s: Annotated[float, Meta(ge=0)] | None = None
    ahead_s: Annotated[float, Meta(ge=0)] | None = None
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
    for key, override in overrides.items():
        if override.target is not None:
            check.target(override.target, f"{where}: kpis.{key}.target")
    city = to_record(raw, City, where)
    _check(city, name, where)
    areas = load_areas(pack / "areas.geojson", city, home)
    devices = load_devices(pack / "devices.csv", city, areas, home)
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


def _check(city: City, name: str, where: str) -> None:
    """What one field's type cannot hold."""
    if city.id != name:
        raise ConfigError(f"{where}: id", f"{name!r}, the folder's name", city.id)
    try:
        ZoneInfo(city.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = nearest(city.time_zone, sorted(available_timezones()))
        raise ConfigError(f"{where}: time_zone", "a time zone of the IANA list", city.time_zone, meant) from None
    if not (city.west < city.east and city.south < city.north):
        raise ConfigError(where, "west below east and south below north", [city.west, city.south, city.east, city.north])
    begins = (city.day_from, city.evening_from, city.night_from)
    if sum((after - before) % 24 for before, after in zip(begins, (*begins[1:], begins[0]), strict=True)) != 24:
        raise ConfigError(f"{where}: day_from, evening_from, night_from", "hours in the order day, evening, night round the clock", list(begins))


def _overrides(raw: Any, kind: type[Any], where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise ConfigError(where, "a table per id", raw)
    return MappingProxyType({key: to_record(raw[key], kind, f"{where}.{key}") for key in sorted(raw)})
