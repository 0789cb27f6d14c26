"""City packs and catalogues for tests, made as files of the same form as the real ones.

`write_city` writes a pack of one district with one neighbourhood in a box; `write_catalogue` writes the repository's quantities and
sensor kinds with a choice of its KPIs and of our own, so that a replay of old data has few windows to close.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from catalog.load import HOME

OWN_KPIS = Path(__file__).parent / "kpis"


class Box(NamedTuple):
    """Degrees, WGS84."""

    west: float
    south: float
    east: float
    north: float

    def has(self, latitude: float, longitude: float) -> bool:
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


class DeviceRow(NamedTuple):
    """A row of devices.csv; it stands in the middle of the city's only neighbourhood."""

    id: str
    kind: str
    cadence_s: float | None = None
    valid_from: str = ""


def write_city(
    folder: Path, name: str, box: Box, time_zone: str, devices: Sequence[DeviceRow], kinds: Mapping[str, Mapping[str, float]] | None = None
) -> None:
    """`folder/<name>/` with city.toml, areas.geojson and devices.csv; kinds overrides what the catalogue says of a sensor kind."""
    pack = folder / name
    pack.mkdir(parents=True)
    names = f'{{ en = "{name}", fr = "{name}", nl = "{name}" }}'
    lines = [f'id = "{name}"', f"names = {names}", f'time_zone = "{time_zone}"']
    lines += [f"{side} = {float(degrees)!r}" for side, degrees in box._asdict().items()]
    for kind, fields in (kinds or {}).items():
        lines += ["", f"[kinds.{kind}]", *(f"{field} = {value!r}" for field, value in fields.items())]
    (pack / "city.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ring = [[box.west, box.south], [box.east, box.south], [box.east, box.north], [box.west, box.north], [box.west, box.south]]
    places = [(name, "city", None), (f"{name}.d", "district", name), (f"{name}.n", "neighbourhood", f"{name}.d")]
    features = [
        {
            "type": "Feature",
            "properties": {"id": code, "level": level, "parent": parent, "name_en": code, "name_fr": code, "name_nl": code, "population": 1_000},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for code, level, parent in places
    ]
    (pack / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    middle = f"{(box.south + box.north) / 2},{(box.west + box.east) / 2}"
    rows = [f"{row.id},{row.kind},{name}.n,{middle},{'' if row.cadence_s is None else row.cadence_s},{row.valid_from}" for row in devices]
    (pack / "devices.csv").write_text("id,kind,area,latitude,longitude,cadence_s,valid_from\n" + "\n".join(rows) + "\n", encoding="utf-8")


def write_catalogue(folder: Path, kpis: Sequence[str], own: Sequence[str] = ()) -> Path:
    """`folder/catalog` with all quantities and kinds and only these KPIs: the repository's by id, then ours from tests/packs/kpis."""
    catalogue = folder / "catalog"
    for part in ("quantities", "sensors"):
        shutil.copytree(HOME / part, catalogue / part)
    (catalogue / "kpis").mkdir()
    for name in kpis:
        shutil.copy(HOME / "kpis" / f"{name}.toml", catalogue / "kpis")
    for name in own:
        shutil.copy(OWN_KPIS / f"{name}.toml", catalogue / "kpis")
    return catalogue
