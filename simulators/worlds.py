"""City packs as the simulators need them: the pack, the catalogue as it wants it, and the referee's ground."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from catalog.cities import CityPack, load_city
from catalog.load import Catalogue, load_catalogue
from catalog.packs import configured
from simulators.ground import Ground, ground


class World(NamedTuple):
    """One city with everything that is known about it."""

    pack: CityPack
    catalogue: Catalogue
    ground: Ground


def world(name: str, cities_dir: Path | None = None, catalog_dir: Path | None = None) -> World:
    """The city `name`; raises ConfigError."""
    return worlds([name], cities_dir, catalog_dir)[0]


def worlds(names: Sequence[str], cities_dir: Path | None = None, catalog_dir: Path | None = None) -> list[World]:
    """Cities that run side by side under one catalogue; raises ConfigError."""
    packs = [load_city(name, cities_dir) for name in names]
    catalogue = configured(load_catalogue(catalog_dir), packs)
    return [World(pack, catalogue, ground(pack.city, pack.areas, pack.devices, catalogue.kinds, catalogue.kpis)) for pack in packs]
