"""A small city pack to break: two districts, one of them in two neighbourhoods, and three devices."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CITY = """id = "mini"
names = { en = "Mini", fr = "Mini", nl = "Mini" }
time_zone = "Europe/Brussels"
west = 4.0
south = 50.0
east = 4.2
north = 50.1
"""

DEVICES = """id,kind,area,latitude,longitude,manual,cadence_s,valid_from,valid_to
mini.air-1,air_quality,,50.05,4.05,,,,
mini.air-2,air_quality,mini.b,50.05,4.15,false,30,2026-01-01T00:00:00+01:00,
mini.noise-1,noise,,50.02,4.02,true,3600,,
"""


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(code: str, level: str, parent: str | None, ring: list[list[float]]) -> dict[str, Any]:
    names = {f"name_{language}": f"{code} {language}" for language in ("en", "fr", "nl")}
    properties = {"id": code, "level": level, "parent": parent, "population": 100, **names}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def collection() -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            feature("mini.a.n1", "neighbourhood", "mini.a", box(4.0, 50.0, 4.1, 50.04)),
            feature("mini.a.n2", "neighbourhood", "mini.a", box(4.0, 50.04, 4.1, 50.1)),
            feature("mini.b", "district", "mini", box(4.1, 50.0, 4.2, 50.1)),
            feature("mini.a", "district", "mini", box(4.0, 50.0, 4.1, 50.1)),
            feature("mini", "city", None, box(4.0, 50.0, 4.2, 50.1)),
        ],
    }


Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Write the pack with what a test changes; returns the folder of packs."""

    def write(areas: dict[str, Any] | str | None = None, devices: str = DEVICES, city: str = CITY, name: str = "mini") -> Path:
        home = tmp_path / "cities"
        (home / name).mkdir(parents=True, exist_ok=True)
        text = areas if isinstance(areas, str) else json.dumps(collection() if areas is None else areas)
        (home / name / "areas.geojson").write_text(text, encoding="utf-8")
        (home / name / "city.toml").write_text(city, encoding="utf-8")
        (home / name / "devices.csv").write_text(devices, encoding="utf-8")
        return home

    return write
