"""A city with real boundaries loads its own GeoJSON; one that is not sound is refused by name."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import Point, shape

from catalog.cities import load_city
from catalog.errors import ConfigError
from tests.catalog.conftest import Pack

FOLDER = Path(os.environ.get("KOMPAS_REAL_DATA", "nowhere")) / "geo"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"KOMPAS_REAL_DATA names no folder with geo/ (looked for {FOLDER})")

BOX = """id = "real"
names = { en = "Real", fr = "Réelle", nl = "Echt" }
time_zone = "Europe/Brussels"
west = 2.5
south = 49.4
east = 6.5
north = 52.7
"""


def features(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / file).read_text(encoding="utf-8"))["features"]
    return found


def district(code: str, name: str, shape_of: dict[str, Any]) -> dict[str, Any]:
    properties = {"id": f"real.{code}", "level": "district", "population": 1, "name_en": name, "name_fr": name, "name_nl": name}
    return {"type": "Feature", "properties": properties, "geometry": shape_of}


def districts(file: str, code: str, name: str) -> dict[str, Any]:
    each = [district(one["properties"][code].lower(), one["properties"][name], one["geometry"]) for one in features(file)]
    return {"type": "FeatureCollection", "features": each}


@pytest.mark.parametrize(
    ("file", "code", "name", "areas"),
    [("brussels_municipalities_2019.geojson", "nis5", "name_nl", 19), ("zwolle_buurten_2014.geojson", "BU_2014", "BU_NAAM", 78)],
)
def test_real_boundaries_load_and_hold_their_devices(pack: Pack, file: str, code: str, name: str, areas: int) -> None:
    collection = districts(file, code, name)
    places = {one["properties"]["id"]: shape(one["geometry"]).representative_point() for one in collection["features"]}
    rows = [f"{area}.d,noise,{place.y:.6f},{place.x:.6f}" for area, place in places.items()]
    city = load_city("real", pack(collection, city=BOX, devices="\n".join(["id,kind,latitude,longitude", *rows]), name="real"))
    assert len(city.areas) == areas + 1
    for device in city.devices.values():
        assert shape(city.boundaries[device.area]).intersects(Point(device.longitude, device.latitude))
    assert {device.area for device in city.devices.values()} == set(places)


def test_real_boundaries_that_cross_themselves_are_named(pack: Pack) -> None:
    """Three of these municipalities came out of a careless simplification."""
    for one in features("belgium_municipalities_2019_nis1to4.geojson"):
        code, geometry = one["properties"]["nis5"], one["geometry"]
        home = pack(
            {"type": "FeatureCollection", "features": [district(code, code, geometry)]}, city=BOX, devices="id,kind,latitude,longitude\n", name="real"
        )
        if shape(geometry).is_valid:
            assert f"real.{code}" in load_city("real", home).areas
        else:
            with pytest.raises(ConfigError, match=rf"real/areas\.geojson: feature 0 \(real\.{code}\): ring \d+: wanted a closed ring"):
                load_city("real", home)
