"""Load the catalogue: one file per quantity, sensor kind and KPI, discovered by folder.

Promises  An immutable Catalogue, sorted by id, whole or not at all; a file that is wrong is named with key, wanted and got.
Leaves    City packs to catalog.cities, formulas to formula/.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import msgspec

from catalog import check
from catalog.decode import read_record
from catalog.errors import ConfigError
from catalog.records import Kpi, Quantity, SensorKind

HOME = Path(__file__).parent

T = TypeVar("T")


class Catalogue(NamedTuple):
    """What there is to measure and to promise, by id."""

    quantities: Mapping[str, Quantity]
    kinds: Mapping[str, SensorKind]
    kpis: Mapping[str, Kpi]

    def kinds_of(self, quantity: str) -> tuple[str, ...]:
        """Ids of the sensor kinds that measure `quantity`."""
        return tuple(kind.id for kind in self.kinds.values() if quantity in kind.quantities)


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read `quantities/`, `sensors/` and `kpis/` of `folder` (default: this package); raises ConfigError."""
    home = (folder or HOME).resolve()
    if not home.is_dir():
        raise ConfigError(str(home), "a folder with quantities/, sensors/ and kpis/", "nothing")
    catalogue = Catalogue(
        quantities=_folder(home / "quantities", Quantity, home),
        kinds=load_kinds(home / "sensors", home),
        kpis=load_kpis(home / "kpis", home),
    )
    check.quantities(catalogue.quantities, f"{home.name}/quantities")
    check.kinds(catalogue.kinds, catalogue.quantities, f"{home.name}/sensors")
    check.kpis(catalogue.kpis, f"{home.name}/kpis")
    return catalogue


def load_kinds(folder: Path, home: Path) -> Mapping[str, SensorKind]:
    """The sensor kinds of one folder; a retention of 0 days is without limit."""
    kinds = _folder(folder, SensorKind, home)
    return MappingProxyType({id_: msgspec.structs.replace(kind, retention_days=kind.retention_days or None) for id_, kind in kinds.items()})


def load_kpis(folder: Path, home: Path) -> Mapping[str, Kpi]:
    """The KPIs of one folder; a city pack without its own has none."""
    return _folder(folder, Kpi, home) if folder.is_dir() else MappingProxyType({})


def _folder(folder: Path, kind: type[T], home: Path) -> Mapping[str, T]:
    if not folder.is_dir():
        raise ConfigError(str(folder), "a folder of TOML files", "nothing")
    return MappingProxyType({path.stem: read_record(path, kind, home) for path in sorted(folder.glob("*.toml"))})
