"""City packs: what loads, and how each fault of a pack is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.cities import city_names, load_city, topic_of
from catalog.errors import ConfigError
from tests.catalog.conftest import CITY, DEVICES, Pack, box, collection, feature


def test_a_pack_loads_parents_first(pack: Pack) -> None:
    city = load_city("mini", pack())
    assert list(city.areas) == ["mini", "mini.a", "mini.b", "mini.a.n1", "mini.a.n2"]
    assert city.areas["mini.a.n1"].names == {"en": "mini.a.n1 en", "fr": "mini.a.n1 fr", "nl": "mini.a.n1 nl"}
    assert city.boundaries["mini.b"]["type"] == "Polygon"
    assert city_names(pack()) == ["mini"]


def test_a_device_without_area_gets_the_lowest_that_holds_it(pack: Pack) -> None:
    devices = load_city("mini", pack()).devices
    assert {code: device.area for code, device in devices.items()} == {
        "mini.air-1": "mini.a.n2",
        "mini.air-2": "mini.b",
        "mini.noise-1": "mini.a.n1",
    }
    assert devices["mini.air-2"].valid_from == "2025-12-31T23:00:00Z"
    assert devices["mini.air-2"].cadence_s == 30.0
    assert [code for code, device in devices.items() if device.manual] == ["mini.noise-1"]
    assert topic_of(devices["mini.air-1"]) == "city/mini/mini.air-1/json"


def test_adding_a_device_is_adding_a_row(pack: Pack) -> None:
    assert "mini.new" in load_city("mini", pack(devices=DEVICES + "mini.new,noise,,50.01,4.19,,,,\n")).devices


def test_only_four_columns_are_needed_in_any_order(pack: Pack) -> None:
    devices = load_city("mini", pack(devices="kind,longitude,latitude,id\nnoise,4.01,50.01,mini.x\n")).devices
    assert devices["mini.x"].area == "mini.a.n1"
    assert not devices["mini.x"].manual


def test_a_city_made_of_its_districts(pack: Pack) -> None:
    areas = collection()
    areas["features"] = [one for one in areas["features"] if one["properties"]["level"] == "district"]
    for one in areas["features"]:
        del one["properties"]["parent"]
    city = load_city("mini", pack(areas))
    assert city.areas["mini"].population == 200
    assert city.areas["mini.a"].parent == "mini"
    assert city.boundaries["mini"]["type"] == "MultiPolygon"
    assert (city.areas["mini"].longitude, city.areas["mini"].latitude) == (4.1, 50.05)


def test_a_multipolygon_with_a_hole_and_heights_loads(pack: Pack) -> None:
    areas = collection()
    ring = [[x, y, 17.0] for x, y in box(4.1, 50.0, 4.2, 50.1)]
    hole = box(4.13, 50.03, 4.17, 50.07)[::-1]
    areas["features"][2]["geometry"] = {"type": "MultiPolygon", "coordinates": [[ring, hole]]}
    areas["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    pack(areas)
    with pytest.raises(
        ConfigError, match=r"mini/devices\.csv:2: area: wanted an area of areas\.geojson, or a position inside one, got \(50\.05, 4\.15\)"
    ):
        load_city("mini", pack(areas, devices="id,kind,latitude,longitude\nmini.x,noise,50.05,4.15\n"))
    outside_the_hole = "id,kind,latitude,longitude\nmini.x,noise,50.01,4.15\nmini.y,noise,50.03,4.15\n"
    assert {one.area for one in load_city("mini", pack(areas, devices=outside_the_hole)).devices.values()} == {"mini.b"}


def change(index: int, **properties: Any) -> dict[str, Any]:
    areas = collection()
    areas["features"][index]["properties"] |= properties
    return areas


def ring(index: int, positions: list[list[float]]) -> dict[str, Any]:
    areas = collection()
    areas["features"][index]["geometry"]["coordinates"] = [positions]
    return areas


def geometry(shape: Any) -> dict[str, Any]:
    areas = collection()
    areas["features"][2]["geometry"] = shape
    return areas


BOW = [[4.1, 50.0], [4.2, 50.1], [4.2, 50.02], [4.1, 50.1], [4.1, 50.0]]
SPIKE = [[4.1, 50.0], [4.2, 50.0], [4.2, 50.1], [4.2, 50.05], [4.1, 50.1], [4.1, 50.0]]
OUTER, OUTSIDE = box(4.1, 50.0, 4.15, 50.1), box(4.14, 50.02, 4.18, 50.05)
LAMBERT = [[148_000.0, 170_000.0], [149_000.0, 170_000.0], [149_000.0, 171_000.0], [148_000.0, 170_000.0]]
AREAS: list[tuple[str, dict[str, Any] | str, str]] = [
    ("no JSON", "{", r"mini/areas\.geojson: wanted GeoJSON, got 'Input data was truncated'"),
    ("no collection", {"type": "Feature"}, r"mini/areas\.geojson: type: wanted 'FeatureCollection', got 'Feature'"),
    ("no feature", {"type": "FeatureCollection", "features": []}, r"features: wanted at least one feature, got \[\]"),
    (
        "Lambert 72 declared",
        collection() | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::31370"}}},
        r"crs: wanted WGS84 longitude and latitude .*31370",
    ),
    ("Lambert 72 in silence", ring(2, LAMBERT), r"feature 2 \(mini\.b\): coordinates: wanted WGS84 .*Lambert 72.*, got \(148000\.0, 170000\.0\)"),
    (
        "latitude first",
        ring(2, [[y, x] for x, y in box(4.1, 50.0, 4.2, 50.1)]),
        r"mini\.b\): coordinates: wanted longitude before latitude, got \(50\.0, 4\.1\)",
    ),
    (
        "elsewhere",
        ring(2, box(6.0, 52.0, 6.1, 52.1)),
        r"coordinates: wanted positions in the city's box 4\.0\.\.4\.2 E, 50\.0\.\.50\.1 N \(city\.toml\), got \(6\.0, 52\.0\)",
    ),
    ("point", geometry({"type": "Point", "coordinates": [4.1, 50.0]}), r"mini\.b\): geometry: wanted a Polygon or MultiPolygon, got 'Point'"),
    ("no geometry", geometry(None), r"geometry: wanted a Polygon or MultiPolygon, got None"),
    ("no rings", geometry({"type": "Polygon", "coordinates": []}), r"coordinates: wanted at least one ring, got \[\]"),
    ("text", geometry({"type": "Polygon", "coordinates": [[["a", "b"]]]}), r"coordinates: wanted rings of \[longitude, latitude\]"),
    (
        "open ring",
        ring(2, box(4.1, 50.0, 4.2, 50.1)[:-1]),
        r"mini\.b\): ring 0: wanted a closed ring .*got 'an open ring from \(4\.1, 50\.0\) to \(4\.1, 50\.1\)'",
    ),
    ("two positions", ring(2, [[4.1, 50.0], [4.2, 50.0], [4.1, 50.0]]), r"ring 0: wanted .*got '3 positions'"),
    ("bow tie", ring(2, BOW), r"mini\.b\): ring 0: wanted .*got 'a ring that crosses itself near"),
    ("spike", ring(2, SPIKE), r"ring 0: wanted .*got 'a ring that crosses itself near"),
    ("flat", ring(2, [[4.1, 50.0], [4.15, 50.0], [4.2, 50.0], [4.1, 50.0]]), r"ring 0: wanted .*got 'a ring without area'"),
    (
        "hole outside",
        geometry({"type": "Polygon", "coordinates": [OUTER, OUTSIDE]}),
        r"mini\.b\): holes: wanted holes inside the outer ring, got 'hole 1 that leaves",
    ),
    ("code twice", change(1, id="mini.a.n1"), r"feature 1 \(mini\.a\.n1\): id: wanted a code that no other feature has, got 'mini\.a\.n1'"),
    ("no code", change(1, id=None), r"feature 1: id: wanted a value, got 'nothing'"),
    ("bad code", change(1, id="Mini A"), r"feature 1 \(Mini A\): id: wanted str matching regex"),
    ("unknown level", change(1, level="ward"), r"mini\.a\.n2\): level: wanted one of city, district, neighbourhood, got 'ward'"),
    ("orphan", change(1, parent="mini.c"), r"mini/areas\.geojson: mini\.a\.n2: parent: wanted the id of a feature of this file, got 'mini\.c'"),
    ("no parent", change(1, parent=None), r"mini\.a\.n2: parent: wanted the id of a feature of this file, got None"),
    (
        "parent below",
        change(3, parent="mini.a.n1"),
        r"mini\.a: parent: wanted an area of a higher level than district, got 'mini\.a\.n1, neighbourhood'",
    ),
    ("two cities", change(3, level="city", parent=None), r"mini\.a: level: wanted 'city' for 'mini' and for nothing else, got 'city'"),
    ("city has a parent", change(4, parent="mini.a"), r"mini: parent: wanted none for the city itself, got 'mini\.a'"),
    ("no Dutch name", change(2, name_nl=None), r"mini\.b\): names\.nl: wanted a text, got 'nothing'"),
    ("population", change(2, population=-1), r"mini\.b\): population: wanted int >= 0, got -1"),
]


@pytest.mark.parametrize(("areas", "sentence"), [case[1:] for case in AREAS], ids=[case[0] for case in AREAS])
def test_a_wrong_area_says_feature_wanted_and_got(pack: Pack, areas: dict[str, Any] | str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_city("mini", pack(areas))


ROW = "mini.air-1,air_quality,,50.05,4.05,,,,"
ROWS = [
    ("no such column", DEVICES.replace("manual,cadence_s", "manuel,cadence_s"), r"mini/devices\.csv: header: wanted only .*, got 'manuel'"),
    ("column missing", "id,latitude,longitude\n", r"header: wanted the column kind, got \['id', 'latitude', 'longitude'\]"),
    ("empty file", "", r"header: wanted the column id, got \[\]"),
    ("short row", DEVICES.replace(ROW, "mini.air-1,air_quality"), r"mini/devices\.csv:2: wanted 9 fields, got 'another number'"),
    ("long row", DEVICES.replace(ROW, ROW + ",x"), r"mini/devices\.csv:2: wanted 9 fields"),
    ("twice", DEVICES + ROW + "\n", r"mini/devices\.csv:5: id: wanted an id that no other row has, got 'mini\.air-1'"),
    ("no number", DEVICES.replace("50.05,4.05", "north,4.05"), r"devices\.csv:2: latitude: wanted a number, got 'north'"),
    ("not a number", DEVICES.replace("50.05,4.05", "nan,4.05"), r"devices\.csv:2: latitude: wanted a number, got 'nan'"),
    ("a cadence without end", DEVICES.replace("false,30,", "false,inf,"), r"devices\.csv:3: cadence_s: wanted a number, got 'inf'"),
    (
        "swapped",
        DEVICES.replace("50.05,4.05", "4.05,50.05"),
        r"devices\.csv:2: latitude, longitude: wanted a position in the city's box .*got \(4\.05, 50\.05\)",
    ),
    (
        "unknown area",
        DEVICES.replace("mini.b,", "mini.z,"),
        r"devices\.csv:3: area: wanted an area of areas\.geojson, or a position inside one, got 'mini\.z'",
    ),
    ("manual", DEVICES.replace("true", "perhaps"), r"devices\.csv:4: manual: wanted true or false, got 'perhaps'"),
    ("cadence", DEVICES.replace("3600", "0"), r"devices\.csv:4: cadence_s: wanted float > 0\.0, got 0\.0"),
    ("time", DEVICES.replace("2026-01-01T00:00:00+01:00", "soon"), r"devices\.csv:3: valid_from: wanted an ISO 8601 time, got 'soon'"),
    ("naive time", DEVICES.replace("+01:00", ""), r"devices\.csv:3: valid_from: wanted a time with its offset, or Z"),
    ("bad id", DEVICES.replace("mini.air-1", "Mini#1"), r"devices\.csv:2: id: wanted str matching regex .*, got 'Mini#1'"),
]


@pytest.mark.parametrize(("devices", "sentence"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_a_wrong_row_says_line_wanted_and_got(pack: Pack, devices: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_city("mini", pack(devices=devices))


HEADS = [
    ("folder and id", CITY.replace('"mini"', '"maxi"'), r"cities/mini/city\.toml: id: wanted 'mini', the folder's name, got 'maxi'"),
    ("box", CITY.replace("west = 4.0", "west = 5.0"), r"cities/mini/city\.toml: wanted west below east and south below north"),
    (
        "parts of the day out of order",
        CITY + "evening_from = 23\nnight_from = 19\n",
        r"city\.toml: day_from, evening_from, night_from: wanted hours in the order day, evening, night round the clock, got \[7, 23, 19\]",
    ),
    ("no time zone", CITY.replace('time_zone = "Europe/Brussels"\n', ""), r"city\.toml: time_zone: wanted a value, got 'nothing'"),
    (
        "unknown time zone",
        CITY.replace("Europe/Brussels", "Europe/Brusels"),
        r"city\.toml: time_zone: wanted a time zone of the IANA list, got 'Europe/Brusels'; did you mean Europe/Brussels\?",
    ),
    (
        "misspelt key of a target",
        CITY + '[kpis.noise_night]\ntarget = { value = 40.0, by = 2030-01-01, gaol = "quiet" }\n',
        r"city\.toml: kpis\.noise_night: target: wanted only value, by, goal, got 'gaol'; did you mean goal\?",
    ),
    (
        "target without a day",
        CITY + '[kpis.noise_night]\ntarget = { value = 40.0, by = "soon", goal = "quiet" }\n',
        r"city\.toml: kpis\.noise_night\.target\.by: wanted a date, as 2030-01-01, got 'soon'",
    ),
    ("unknown override", CITY + "[kinds.noise]\nlate_s = 1.0\n", r"city\.toml: kinds\.noise: wanted only cadence_s, .*, got 'late_s'"),
]


@pytest.mark.parametrize(("city", "sentence"), [case[1:] for case in HEADS], ids=[case[0] for case in HEADS])
def test_a_wrong_city_toml_says_key_wanted_and_got(pack: Pack, city: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_city("mini", pack(city=city))


def test_an_unknown_city_says_which_there_are(pack: Pack) -> None:
    with pytest.raises(ConfigError, match=r"cities/gotham: wanted a city pack; there is: mini, got 'nothing'"):
        load_city("gotham", pack())


def test_a_file_that_is_missing_is_named(pack: Pack) -> None:
    home = pack()
    (home / "mini" / "devices.csv").unlink()
    with pytest.raises(ConfigError, match=r"devices\.csv: wanted a readable file, got 'No such file"):
        load_city("mini", home)


def test_a_large_ring_is_checked_in_little_time(pack: Pack) -> None:
    """A real municipality has thousands of positions; comparing every pair of edges would take minutes."""
    import math

    n = 20_000
    ring = [[4.15 + 0.04 * math.cos(2 * math.pi * i / n), 50.05 + 0.04 * math.sin(2 * math.pi * i / n)] for i in range(n)]
    areas = collection()
    areas["features"][2] = feature("mini.b", "district", "mini", [*ring, ring[0]])
    assert json.dumps(areas)
    assert "mini.b" in load_city("mini", pack(areas)).areas


def test_paths_in_errors_begin_at_the_packs(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_city("mini", pack("{"))
    assert str(caught.value).startswith("cities/mini/areas.geojson: ")
    assert str(tmp_path) not in str(caught.value)
