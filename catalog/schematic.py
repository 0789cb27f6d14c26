"""Draw a schematic city: municipalities and neighbourhoods on a honeycomb, and a demo fleet of devices spread over them.

Promises  areas.geojson and devices.csv are a function of `cities/<name>/schematic.toml` alone; neighbourhoods tile their district and
          districts the city, exactly; a device's place depends on its own number only.
Leaves    Real boundaries to real packs: nothing here knows where a street runs.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from catalog.decode import read_toml, to_record
from catalog.errors import ConfigError
from catalog.geometry import Point, in_ring
from catalog.hexgrid import Cell, Honeycomb, components, neighbours, shape
from catalog.records import LANGUAGES, City, Names, Positive, Record

Count = Annotated[int, Meta(ge=1)]
_GOLDEN = 0.6180339887498949
_MANUAL_CADENCE_S = 3600
"""A manual device speaks when somebody lets it; a short cadence would make its silence lower the coverage around it."""


class District(Record, frozen=True, kw_only=True):
    """A municipality or district: where it lies and how much of the drawing it gets."""

    id: str
    names: Names
    population: Count
    cells: Count
    """Number of neighbourhoods."""
    centres: tuple[tuple[float, float, float], ...]
    """Longitude, latitude, reach in km: of two districts, a place belongs to the one whose reach covers it better."""


class Fleet(Record, frozen=True, kw_only=True):
    """The demo devices of one kind."""

    prefix: str
    count: Count


class RegisterPlan(Record, frozen=True, kw_only=True):
    """A register: one device `register:<dataset>:<area>` for each area of its level."""

    kind: str
    level: Literal["district", "city"] = "district"


class Schematic(Record, frozen=True, kw_only=True):
    """`cities/<name>/schematic.toml`."""

    side_m: Positive
    outline: tuple[tuple[float, float], ...]
    districts: tuple[District, ...]
    fleets: dict[str, Fleet]
    registers: dict[str, RegisterPlan] = msgspec.field(default_factory=dict)
    """By dataset, as it stands in the devices' ids."""


class Drawing(NamedTuple):
    """What the pack's files will say."""

    areas: str
    devices: str


class _Place(NamedTuple):
    id: str
    names: Names
    parent: str | None
    population: int
    cells: list[Cell]


def draw(city: City, pack: Path) -> Drawing:
    """The texts of areas.geojson and devices.csv; raises ConfigError where the plan cannot be drawn."""
    where = f"cities/{city.id}/schematic.toml"
    plan = to_record(read_toml(pack / "schematic.toml"), Schematic, where)
    comb = Honeycomb(city.west, city.south, plan.side_m)
    territory = _territory(plan, comb, city, where)
    hoods = [hood for district in plan.districts for hood in _neighbourhoods(district, territory[district.id], comb, city)]
    return Drawing(_geojson(city, plan, comb, hoods), _csv(city, plan, comb, hoods))


def _territory(plan: Schematic, comb: Honeycomb, city: City, where: str) -> dict[str, list[Cell]]:
    outline = [*plan.outline, plan.outline[0]]
    inside = [cell for cell in comb.cells(city.east, city.north) if in_ring(comb.centre(cell), outline)]
    owner = {cell: min(plan.districts, key=lambda one: (_beyond(comb, cell, one), one.id)).id for cell in inside}
    _join_strays(owner)
    found: dict[str, list[Cell]] = {district.id: [] for district in plan.districts}
    for cell in inside:
        found[owner[cell]].append(cell)
    for district in plan.districts:
        if len(found[district.id]) < district.cells:
            raise ConfigError(f"{where}: {district.id}", f"at least {district.cells} cells of the honeycomb", len(found[district.id]))
    return found


def _beyond(comb: Honeycomb, cell: Cell, district: District) -> float:
    """Power distance: squared distance less squared reach, m²."""
    x, y = comb.metres(comb.centre(cell))
    places = ((*comb.metres((lon, lat)), reach_km * 1_000.0) for lon, lat, reach_km in district.centres)
    return min((x - px) ** 2 + (y - py) ** 2 - reach_m**2 for px, py, reach_m in places)


def _join_strays(owner: dict[Cell, str]) -> None:
    """Give a piece that hangs apart from its owner's main part to the neighbour it touches most, until none does."""
    while True:
        strays = [piece for name in sorted(set(owner.values())) for piece in components(cell for cell, who in owner.items() if who == name)[1:]]
        if not strays:
            return
        for piece in strays:
            touched = [owner[near] for cell in sorted(piece) for near in neighbours(cell) if near in owner and near not in piece]
            winner = max(sorted(set(touched)), key=touched.count)
            owner.update(dict.fromkeys(piece, winner))


def _neighbourhoods(district: District, cells: list[Cell], comb: Honeycomb, city: City) -> Iterator[_Place]:
    places = {cell: comb.metres(comb.centre(cell)) for cell in cells}
    owner = _clustered(places, district.cells)
    names = sorted(set(owner.values()))
    shares = _shares(district.population, [sum(1 for who in owner.values() if who == name) for name in names])
    for number, (name, population) in enumerate(zip(names, shares, strict=True), start=1):
        yield _Place(
            id=f"{city.id}.{district.id}.n{number:02d}",
            names={language: f"{district.names[language]} {number}" for language in LANGUAGES},
            parent=f"{city.id}.{district.id}",
            population=population,
            cells=sorted(cell for cell, who in owner.items() if who == name),
        )


def _clustered(places: dict[Cell, Point], wanted: int) -> dict[Cell, str]:
    """k-means with far-apart starts, then strays joined: connected parts of about equal size."""
    centres = [min(places.values(), key=lambda p: (p[1] - p[0], p))]
    while len(centres) < wanted:
        centres.append(max(places.values(), key=lambda p: (min(_squared(p, c) for c in centres), p)))
    nearest: dict[Cell, int] = {}
    for _ in range(30):
        nearest = {cell: min(range(wanted), key=lambda i: (_squared(place, centres[i]), i)) for cell, place in places.items()}
        for i in range(wanted):
            mine = [places[cell] for cell, who in nearest.items() if who == i]
            if mine:
                centres[i] = (sum(p[0] for p in mine) / len(mine), sum(p[1] for p in mine) / len(mine))
    owner = {cell: f"{who:03d}" for cell, who in nearest.items()}
    _join_strays(owner)
    return owner


def _squared(a: Point, b: Point) -> float:
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2


def _shares(total: int, weights: list[int]) -> list[int]:
    """Whole parts of `total` in proportion, summing to it exactly."""
    whole, given, done = sum(weights), [], 0
    for index in range(len(weights)):
        upto = total * sum(weights[: index + 1]) // whole
        given.append(upto - done)
        done = upto
    return given


def _geojson(city: City, plan: Schematic, comb: Honeycomb, hoods: list[_Place]) -> str:
    everything = [cell for hood in hoods for cell in hood.cells]
    population = sum(district.population for district in plan.districts)
    features = [_feature(_Place(city.id, city.names, None, population, everything), "city", comb)]
    for one in plan.districts:
        code = f"{city.id}.{one.id}"
        cells = [cell for hood in hoods if hood.parent == code for cell in hood.cells]
        features.append(_feature(_Place(code, one.names, city.id, one.population, cells), "district", comb))
    features += [_feature(hood, "neighbourhood", comb) for hood in hoods]
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"


def _feature(place: _Place, level: str, comb: Honeycomb) -> str:
    properties: dict[str, Any] = {"id": place.id, "level": level, "parent": place.parent}
    properties |= {f"name_{language}": place.names[language] for language in LANGUAGES}
    properties["population"] = place.population
    return msgspec.json.encode({"type": "Feature", "properties": properties, "geometry": shape(comb.rings(place.cells))}).decode()


def _csv(city: City, plan: Schematic, comb: Honeycomb, hoods: list[_Place]) -> str:
    lines = ["id,kind,area,latitude,longitude,manual,cadence_s,valid_from,valid_to"]
    for kind, fleet in sorted(plan.fleets.items()):
        name = f"{city.id}.{fleet.prefix}"
        lines += [_row(f"{name}-{number:04d}", kind, number, hoods, comb) + ",,,," for number in range(1, fleet.count + 1)]
        # beside device 1, so that a KPI of that area has a neighbour to stand on
        lines.append(_row(f"{name}-manual", kind, 1, hoods, comb) + f",true,{_MANUAL_CADENCE_S},,")
    for dataset, register in sorted(plan.registers.items()):
        areas = [f"{city.id}.{district.id}" for district in plan.districts] if register.level == "district" else [city.id]
        lines += [_register_row(dataset, register.kind, area, hoods, comb) for area in areas]
    return "\n".join(lines) + "\n"


def _row(device: str, kind: str, number: int, hoods: list[_Place], comb: Honeycomb) -> str:
    chance = hashlib.blake2b(device.encode(), digest_size=24).digest()
    one, two, three = (int.from_bytes(chance[i : i + 8], "big") / 2**64 for i in (0, 8, 16))
    hood = _by_population(hoods, (number * _GOLDEN + _phase(kind)) % 1.0)
    cell = hood.cells[int(one * len(hood.cells))]
    reach_m = 0.8 * comb.side_m
    longitude, latitude = comb.offset(cell, (two - 0.5) * reach_m, (three - 0.5) * reach_m)
    return f"{device},{kind},{hood.id},{latitude:.6f},{longitude:.6f}"


def _register_row(dataset: str, kind: str, area: str, hoods: list[_Place], comb: Honeycomb) -> str:
    """A register has no place of its own: it is shown at a cell in the middle of its area's list."""
    cells = [cell for hood in hoods if area in (hood.parent, (hood.parent or "").partition(".")[0]) for cell in hood.cells]
    longitude, latitude = comb.centre(cells[len(cells) // 2])
    return f"register:{dataset}:{area},{kind},{area},{latitude:.6f},{longitude:.6f},,,,"


def _phase(kind: str) -> float:
    return int.from_bytes(hashlib.blake2b(kind.encode(), digest_size=8).digest(), "big") / 2**64


def _by_population(hoods: list[_Place], share: float) -> _Place:
    left = share * sum(hood.population for hood in hoods)
    for hood in hoods:
        left -= hood.population
        if left < 0:
            return hood
    return hoods[-1]
