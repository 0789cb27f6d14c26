"""The packs that ship: drawings that tile, names and codes that are the official ones, devices where they say they are."""

import math

import pytest
from shapely.geometry import Point, shape
from shapely.ops import unary_union

from catalog import geometry
from catalog.cities import HOME, CityPack, city_names, load_city
from catalog.decode import read_toml, to_record
from catalog.load import load_catalogue
from catalog.packs import configured
from catalog.records import City
from catalog.schematic import draw
from simulators.registers import is_register

PACKS = {name: load_city(name) for name in city_names()}

MUNICIPALITIES = {
    "brussels.21001": ("Anderlecht", "Anderlecht"),
    "brussels.21002": ("Auderghem", "Oudergem"),
    "brussels.21003": ("Berchem-Sainte-Agathe", "Sint-Agatha-Berchem"),
    "brussels.21004": ("Bruxelles", "Brussel"),
    "brussels.21005": ("Etterbeek", "Etterbeek"),
    "brussels.21006": ("Evere", "Evere"),
    "brussels.21007": ("Forest", "Vorst"),
    "brussels.21008": ("Ganshoren", "Ganshoren"),
    "brussels.21009": ("Ixelles", "Elsene"),
    "brussels.21010": ("Jette", "Jette"),
    "brussels.21011": ("Koekelberg", "Koekelberg"),
    "brussels.21012": ("Molenbeek-Saint-Jean", "Sint-Jans-Molenbeek"),
    "brussels.21013": ("Saint-Gilles", "Sint-Gillis"),
    "brussels.21014": ("Saint-Josse-ten-Noode", "Sint-Joost-ten-Node"),
    "brussels.21015": ("Schaerbeek", "Schaarbeek"),
    "brussels.21016": ("Uccle", "Ukkel"),
    "brussels.21017": ("Watermael-Boitsfort", "Watermaal-Bosvoorde"),
    "brussels.21018": ("Woluwe-Saint-Lambert", "Sint-Lambrechts-Woluwe"),
    "brussels.21019": ("Woluwe-Saint-Pierre", "Sint-Pieters-Woluwe"),
}


@pytest.fixture(params=PACKS.values(), ids=lambda pack: pack.city.id)
def pack(request: pytest.FixtureRequest) -> CityPack:
    found: CityPack = request.param
    return found


def test_brussels_has_its_nineteen_municipalities() -> None:
    brussels = PACKS["brussels"]
    districts = {code: (area.names["fr"], area.names["nl"]) for code, area in brussels.areas.items() if area.level == "district"}
    assert districts == MUNICIPALITIES
    assert brussels.areas["brussels"].names["nl"] == "Brussels Hoofdstedelijk Gewest"
    assert all(sum(area.parent == code for area in brussels.areas.values()) >= 3 for code in districts)


def test_children_tile_their_parent_exactly(pack: CityPack) -> None:
    shapes = {code: shape(boundary) for code, boundary in pack.boundaries.items()}
    for code, area in pack.areas.items():
        assert shapes[code].is_valid, code
        children = [shapes[child.id] for child in pack.areas.values() if child.parent == code]
        if area.level == "neighbourhood":
            assert not children
            continue
        whole = shapes[code].area
        assert math.isclose(sum(child.area for child in children), whole, rel_tol=1e-12), f"{code}: overlap or gap"
        assert unary_union(children).symmetric_difference(shapes[code]).area <= 1e-12 * whole, code


def test_populations_add_up(pack: CityPack) -> None:
    for code, area in pack.areas.items():
        children = [child.population for child in pack.areas.values() if child.parent == code]
        assert not children or sum(children) == area.population, code
        assert area.population > 0


def test_every_device_stands_in_its_neighbourhood(pack: CityPack) -> None:
    shapes = {code: shape(boundary) for code, boundary in pack.boundaries.items()}
    for device in pack.devices.values():
        if is_register(device):
            continue
        assert pack.areas[device.area].level == "neighbourhood"
        assert shapes[device.area].contains(Point(device.longitude, device.latitude)), device.id
        assert device.id.startswith(f"{pack.city.id}.")


def test_markers_lie_in_their_areas(pack: CityPack) -> None:
    for code, area in pack.areas.items():
        assert geometry.contains(geometry.polygons(pack.boundaries[code]), (area.longitude, area.latitude)), code


def test_one_manual_device_per_kind_with_a_neighbour_of_its_kind(pack: CityPack) -> None:
    manual = [device for device in pack.devices.values() if device.manual]
    assert sorted(device.kind for device in manual) == sorted(kind.id for kind in load_catalogue().kinds.values() if not kind.correcting)
    for device in manual:
        assert device.id.endswith("-manual")
        played = [one for one in pack.devices.values() if one.kind == device.kind and one.area == device.area and not one.manual]
        assert played, device.id


def test_fleets_have_the_size_of_a_demo() -> None:
    sensors = {name: sum(not is_register(device) for device in pack.devices.values()) for name, pack in PACKS.items()}
    assert 1_900 <= sensors["brussels"] <= 2_100
    assert 250 <= sensors["zwolle"] <= 350


def test_every_register_has_a_device_for_each_of_its_areas_and_says_so_in_its_id(pack: CityPack) -> None:
    registers = [device for device in pack.devices.values() if is_register(device)]
    kinds = load_catalogue().kinds
    assert {device.kind for device in registers} == {kind.id for kind in kinds.values() if kind.correcting}
    found: dict[str, set[str]] = {}
    for device in registers:
        _, dataset, area = device.id.split(":")
        assert (area, device.manual) == (device.area, False)
        assert geometry.contains(geometry.polygons(pack.boundaries[area]), (device.longitude, device.latitude)), device.id
        found.setdefault(dataset, set()).add(area)
    districts = {code for code, area in pack.areas.items() if area.level == "district"}
    assert set(map(frozenset, found.values())) == {frozenset(districts), frozenset({pack.city.id})}


def test_the_packs_run_side_by_side() -> None:
    both = configured(load_catalogue(), list(PACKS.values()))
    assert set(both.kpis) >= set(load_catalogue().kpis)


def test_the_drawing_is_what_its_plan_gives(pack: CityPack) -> None:
    """Stale: run `./kompas catalog draw <city>`."""
    folder = HOME / pack.city.id
    city = to_record(read_toml(folder / "city.toml"), City, "city.toml")
    drawn = draw(city, folder)
    assert drawn.areas == (folder / "areas.geojson").read_text(encoding="utf-8")
    assert drawn.devices == (folder / "devices.csv").read_text(encoding="utf-8")


def test_a_longer_fleet_moves_no_device(pack: CityPack, tmp_path: object) -> None:
    folder = HOME / pack.city.id
    plan = (folder / "schematic.toml").read_text(encoding="utf-8")
    assert isinstance(tmp_path, type(folder))
    (tmp_path / "schematic.toml").write_text(plan.replace('prefix = "air", count = ', 'prefix = "air", count = 1'), encoding="utf-8")
    city = to_record(read_toml(folder / "city.toml"), City, "city.toml")
    before, after = set(draw(city, folder).devices.splitlines()), set(draw(city, tmp_path).devices.splitlines())
    assert before < after
