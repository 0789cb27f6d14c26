"""Check catalogue files one by one, so that a person sees every fault and not only the first.

Promises  What load_catalogue and load_city would refuse is found, file by file, and nothing else; drafts outside the catalogue are checked, too.
Leaves    Formulas to the function that is handed in (formula.compile.compile_kpi), printing to cli/.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from catalog import check
from catalog.cities import load_city
from catalog.decode import read_record, read_toml
from catalog.errors import ConfigError
from catalog.load import HOME, Catalogue, load_catalogue
from catalog.packs import configured
from catalog.records import Kpi, Quantity, Record, SensorKind

Compile = Callable[[Kpi, Mapping[str, Quantity], Mapping[str, Kpi]], Any]
"""Checks a formula against the quantities and the other KPIs."""

R = TypeVar("R", bound=Record)

_FOLDERS = ("quantities", "sensors", "kpis")
_TELLING = (("formula", "kpis"), ("check_sql", "kpis"), ("cadence_s", "sensors"), ("quantities", "sensors"), ("resolution", "quantities"))
"""A key that tells what a file outside the catalogue's folders is meant to be."""


def verify_catalogue(folder: Path | None, compile_kpi: Compile) -> list[str]:
    """Faults of every file of the catalogue; empty where there is none."""
    home = folder or HOME
    faults = verify_files([path for name in _FOLDERS for path in sorted((home / name).glob("*.toml"))], folder, compile_kpi)
    if faults:
        return faults
    try:
        load_catalogue(folder)
    except ConfigError as error:
        return [str(error)]
    return []


def verify_city(name: str, folder: Path | None, catalogue: Catalogue, compile_kpi: Compile) -> list[str]:
    """The first fault of a city pack, or those of its own KPIs' formulas."""
    try:
        pack = load_city(name, folder)
        whole = configured(catalogue, [pack])
    except ConfigError as error:
        return [str(error)]
    where = f"cities/{name}/kpis"
    known = Catalogue(whole.quantities, whole.kinds, whole.kpis)
    return [fault for kpi in pack.kpis.values() for fault in _formula_faults(kpi, f"{where}/{kpi.id}.toml", known, compile_kpi)]


def verify_files(paths: Iterable[Path], folder: Path | None, compile_kpi: Compile) -> list[str]:
    """Faults of these files: catalogue files, drafts of them, or files of a city pack."""
    known = Catalogue(_readable(folder, "quantities", Quantity), {}, _readable(folder, "kpis", Kpi))
    faults: list[str] = []
    for path in paths:
        try:
            faults += _verify(path, folder, known, compile_kpi)
        except ConfigError as error:
            faults.append(str(error))
    return faults


def _verify(path: Path, folder: Path | None, known: Catalogue, compile_kpi: Compile) -> list[str]:
    home = path.resolve().parent.parent if path.resolve().parent.name in _FOLDERS else path.resolve().parent
    if path.suffix in (".geojson", ".csv") or path.name == "city.toml":
        pack = path.resolve().parent
        return verify_city(pack.name, pack.parent, load_catalogue(folder), compile_kpi)
    if path.suffix != ".toml":
        raise ConfigError(str(path), "a .toml file of the catalogue, or city.toml, areas.geojson or devices.csv of a city pack", path.name)
    kind = _kind(path)
    where = f"{home.name}/{path.parent.name}" if path.parent.name in _FOLDERS else home.name
    if kind == "quantities":
        check.quantities({path.stem: read_record(path, Quantity, home)}, where)
    elif kind == "sensors":
        check.kinds({path.stem: read_record(path, SensorKind, home)}, known.quantities, where)
    else:
        kpi = read_record(path, Kpi, home)
        check.kpis({path.stem: kpi}, where)
        return _formula_faults(kpi, f"{where}/{path.name}", known, compile_kpi)
    return []


def _formula_faults(kpi: Kpi, where: str, known: Catalogue, compile_kpi: Compile) -> list[str]:
    try:
        compile_kpi(kpi, known.quantities, known.kpis)
    except ConfigError as error:
        return [f"{where}: {error}"]
    return []


def _kind(path: Path) -> str:
    if path.resolve().parent.name in _FOLDERS:
        return path.resolve().parent.name
    raw = read_toml(path)
    for key, kind in _TELLING:
        if key in raw:
            return kind
    raise ConfigError(str(path), "a quantity, a sensor kind or a KPI (with resolution, cadence_s or formula)", sorted(raw))


def _readable(folder: Path | None, name: str, kind: type[R]) -> dict[str, R]:
    """The records of a folder that can be read: a broken one is named by its own check, not by everything that rests on it."""
    home = (folder or HOME).resolve()
    records: dict[str, R] = {}
    for path in sorted((home / name).glob("*.toml")):
        with suppress(ConfigError):
            records[path.stem] = read_record(path, kind, home)
    return records
