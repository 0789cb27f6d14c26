"""The city of a chaos run: a pack and a catalogue with lateness and idle times of seconds and indicators that close while it runs.

Promises  Written from the tables below alone; the same files whenever they are asked for. Some devices never speak, and the
          stops of one neighbourhood are all silent, so that an area without data is judged, too.
Leaves    What the devices say to load.py.
"""

import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from catalog.load import HOME
from simulators.worlds import World, world

CITY = "pandemonium"
DISTRICTS = (f"{CITY}.d1", f"{CITY}.d2")
NEIGHBOURHOODS = tuple(f"{district}.n{half}" for district in DISTRICTS for half in (1, 2))
WEST, SOUTH, EAST, NORTH = 4.30, 50.80, 4.40, 50.90
LATENESS_S, IDLE_S, MAX_AGE_S = 2.0, 4.0, 3_600.0
SILENT_AREA = NEIGHBOURHOODS[-1], "stop"
"""Where no device of this kind ever speaks."""
TESTED = ("air", "sound")
"""Kinds with deferred tests. Their devices now and then send what they kept while they were offline: a piece of the quarter of an hour before,
so that there is something to test at once."""
UNTIMED = "weather"
"""Devices of this kind now and then send readings without a time; no indicator rests on them, because such readings are at least once."""


class Kind(NamedTuple):
    """A sensor kind of this city: how many there are, how often each speaks, and the plausible range of each quantity."""

    devices: int
    cadence_s: float
    quantities: dict[str, tuple[float, float]]
    more: str = ""
    tests: str = ""
    """Thresholds of the deferred tests."""


_AIR_TESTS = """
[quality_tests.pm2_5]
spike_suspect = 5.0
spike_fail = 20.0
rate_suspect_per_s = 8.0
rate_fail_per_s = 30.0
neighbour_radius_m = 3000.0
neighbour_min_scale = 1.0
"""
_SOUND_TESTS = """
[quality_tests.sound_level]
flat_suspect_s = 5.0
flat_fail_s = 10.0
flat_tolerance = 0.15
"""
KINDS: dict[str, Kind] = {
    "air": Kind(12, 1.0, {"pm2_5": (-5.0, 500.0), "pm10": (-5.0, 1_000.0)}, tests=_AIR_TESTS),
    "sound": Kind(12, 1.0, {"sound_level": (20.0, 130.0)}, tests=_SOUND_TESTS),
    "parking": Kind(8, 2.0, {"parking_free": (0.0, 5_000.0)}, 'reporting = "on_change"\nmax_hold_s = 20.0'),
    "meter": Kind(8, 2.0, {"water_used": (0.0, 90_000_000.0)}),
    "stop": Kind(8, 2.0, {"departures": (0.0, 500.0), "departures_on_time": (0.0, 500.0)}),
    "loop": Kind(12, 1.0, {"vehicle_count": (0.0, 300.0), "vehicle_speed": (0.0, 180.0)}),
    UNTIMED: Kind(4, 2.0, {"temperature": (-30.0, 45.0)}),
}
KPIS: dict[str, tuple[str, str, str]] = {
    "air_mean": ("mean(pm2_5)", "minute", "ug/m3"),
    "air_high": ("p95(pm2_5)", "minute", "ug/m3"),
    "air_coarse": ("mean(pm10) - mean(pm2_5)", "minute", "ug/m3"),
    "air_quarter": ("mean(pm2_5)", "quarter_hour", "ug/m3"),
    "sound_energy": ("leq(sound_level)", "minute", "dB"),
    "sound_peak": ("max(sound_level)", "minute", "dB"),
    "parking_held": ("time_mean(parking_free)", "minute", "spaces"),
    "parking_left": ("last_sum(parking_free)", "minute", "spaces"),
    "water_drawn": ("increase(water_used)", "minute", "m3"),
    "punctuality": ("percent(ratio(sum(departures_on_time), sum(departures)))", "minute", "%"),
    "vehicles": ("sum(vehicle_count)", "minute", "vehicles"),
    "vehicles_quarter": ("sum(vehicle_count)", "quarter_hour", "vehicles"),
    "loops_heard": ("count(vehicle_speed)", "minute", "1"),
}
"""Formula, window and unit by id."""


class Stands(NamedTuple):
    """A device of the city."""

    id: str
    kind: str
    area: str
    speaks: bool


def devices() -> list[Stands]:
    """Every device, sorted by kind and number."""
    return [_stands(kind, number) for kind, of in KINDS.items() for number in range(of.devices)]


def write(folder: Path) -> World:
    """`folder/cities/pandemonium` and `folder/catalog`, and what the simulators make of them."""
    pack, catalogue = folder / "cities" / CITY, folder / "catalog"
    for each in (pack, catalogue / "sensors", catalogue / "kpis", catalogue / "quantities"):
        each.mkdir(parents=True, exist_ok=True)
    for id_, kind in KINDS.items():
        (catalogue / "sensors" / f"{id_}.toml").write_text(_kind(id_, kind), encoding="utf-8")
        for quantity in kind.quantities:
            shutil.copy(HOME / "quantities" / f"{quantity}.toml", catalogue / "quantities")
    for kpi in KPIS:
        (catalogue / "kpis" / f"{kpi}.toml").write_text(_kpi(kpi), encoding="utf-8")
    (pack / "city.toml").write_text(_city(), encoding="utf-8")
    (pack / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(_areas())}), encoding="utf-8")
    rows = [f"{one.id},{one.kind},{one.area},{(SOUTH + NORTH) / 2},{_longitude(one.area)}" for one in devices()]
    (pack / "devices.csv").write_text("id,kind,area,latitude,longitude\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return world(CITY, folder / "cities", catalogue)


def _stands(kind: str, number: int) -> Stands:
    area = NEIGHBOURHOODS[number % len(NEIGHBOURHOODS)]
    silent = (area, kind) == SILENT_AREA or number == 5
    return Stands(f"{CITY}.{kind}-{number:02d}", kind, area, not silent)


def _names(text: str) -> str:
    return f'{{ en = "{text}", fr = "{text}", nl = "{text}" }}'


def _kind(id_: str, kind: Kind) -> str:
    paces = f"cadence_s = {kind.cadence_s}\nlateness_s = {LATENESS_S}\nidle_s = {IDLE_S}\nmax_age_s = {MAX_AGE_S}"
    ranges = "\n".join(f"{quantity} = {{ plausible = [{low}, {high}] }}" for quantity, (low, high) in kind.quantities.items())
    head = f'id = "{id_}"\nnames = {_names(id_)}\n{paces}\nowner = "Chaos"\nsource = "[project]"\n{kind.more}'
    return f"{head}\n\n[quantities]\n{ranges}\n{kind.tests}"


def _kpi(id_: str) -> str:
    formula, window, unit = KPIS[id_]
    lines = [f'id = "{id_}"', "version = 1", f"names = {_names(id_)}", f"descriptions = {_names(id_)}", f'unit = "{unit}"', f'formula = "{formula}"']
    lines += [f'window = "{window}"', "min_coverage = 0.5", 'better = "neither"', 'owner = "Chaos"', 'steward = "Chaos"', 'source = "[project]"']
    return "\n".join([*lines, 'check_sql = "SELECT 1"']) + "\n"


def _city() -> str:
    box = f"west = {WEST}\nsouth = {SOUTH}\neast = {EAST}\nnorth = {NORTH}"
    return f'id = "{CITY}"\nnames = {_names("Pandemonium")}\ntime_zone = "Europe/Brussels"\n{box}\n'


def _areas() -> Iterator[object]:
    yield _area(CITY, "city", None, (WEST, EAST))
    width = (EAST - WEST) / 4
    for number, district in enumerate(DISTRICTS):
        yield _area(district, "district", CITY, (WEST + 2 * number * width, WEST + 2 * (number + 1) * width))
    for number, area in enumerate(NEIGHBOURHOODS):
        yield _area(area, "neighbourhood", DISTRICTS[number // 2], (WEST + number * width, WEST + (number + 1) * width))


def _area(code: str, level: str, parent: str | None, columns: tuple[float, float]) -> object:
    west, east = columns
    ring = [[west, SOUTH], [east, SOUTH], [east, NORTH], [west, NORTH], [west, SOUTH]]
    names = {f"name_{language}": code for language in ("en", "fr", "nl")}
    properties = {"id": code, "level": level, "parent": parent, "population": 1_000 + zlib.crc32(code.encode()) % 3_000, **names}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def _longitude(area: str) -> float:
    return WEST + (NEIGHBOURHOODS.index(area) + 0.5) * (EAST - WEST) / len(NEIGHBOURHOODS)
