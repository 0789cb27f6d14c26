"""The city of the day: a demo city in small, with devices of every sensor kind that the catalogue has.

Promises  Made from the catalogue alone: a new kind has its devices here without an edit. Some devices never speak, some stand
          there only from noon on; every kind has a speaking device in each partition that has one of it, so that
          windows close by readings, not by silence.
Leaves    What they say to play.
"""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from catalog.load import Catalogue
from catalog.records import SensorKind
from catalog.topics import partition_of
from formula.compile import compile_kpi

CITY = "lilliput"
ZONE = ZoneInfo("Europe/Brussels")
START = datetime(2025, 12, 31, tzinfo=ZONE).astimezone(UTC)
END = datetime(2026, 1, 1, tzinfo=ZONE).astimezone(UTC)
"""The last local day of a year: with it its month, quarter and year close, too."""
NOON = datetime(2025, 12, 31, 12, tzinfo=ZONE).astimezone(UTC)
SINCE = START - timedelta(hours=2)
"""From here on the sensors stand there and owe readings."""
WEEK_BEFORE = START - timedelta(days=7), END - timedelta(days=7)
"""Played too by kinds whose indicators look back."""
MONTHS = tuple(datetime(2024 + month // 12, month % 12 + 1, 1, tzinfo=ZONE).astimezone(UTC) for month in range(25))
"""Begins of the months that registers have rows for: two years, and the first of the third, which closes them."""

WEST, SOUTH, EAST, NORTH = 4.30, 50.80, 4.40, 50.90
DISTRICTS = (f"{CITY}.d1", f"{CITY}.d2")
NEIGHBOURHOODS = tuple(f"{district}.n{half}" for district in DISTRICTS for half in (1, 2))
DEVICES_AT_LEAST = 210
LATENESS_S = 4_500.0
"""Longer than what one message covers: devices speak after each other."""
MOST_S = 60 * 365 * 86_400.0
"""No reading of this test is too old, no kind ever silent for long enough to close its windows without readings."""
REGISTER_CADENCE_S = 20 * 86_400.0
"""From here on a kind's readings are rows of a register."""


_DRAW = b"/5"
"""Such that no air station and no traffic loop is among them: an annual mean wants 85 % of what was due, a comparison two whole days."""


class Stands(NamedTuple):
    """A device of the city."""

    id: str
    kind: str
    area: str
    speaks: bool
    from_noon: bool


def cadence_s(kind: SensorKind) -> float:
    """How often a device of the kind speaks here: twice or three times in a quarter of an hour."""
    return 300.0 if len(kind.quantities) <= 2 else 450.0


def is_register(kind: SensorKind) -> bool:
    """True for kinds whose readings are rows of a register."""
    return kind.cadence_s >= REGISTER_CADENCE_S


def looking_back(catalogue: Catalogue) -> frozenset[str]:
    """Kinds that an indicator over `at(kpi, -7d)` rests on."""
    plans = [compile_kpi(kpi, catalogue.quantities, catalogue.kpis) for kpi in catalogue.kpis.values()]
    return frozenset(kind for plan in plans if plan.bases for quantity in plan.quantities for kind in catalogue.kinds_of(quantity))


def devices(catalogue: Catalogue) -> list[Stands]:
    """Every device; the same ones whenever it is asked. A register is one in each district."""
    sensors = [kind for kind in catalogue.kinds.values() if not is_register(kind)]
    each = max(-(-DEVICES_AT_LEAST // len(sensors)), 12)
    found = [stands for kind in sensors for stands in _of_kind(kind, each)]
    registers = [kind.id for kind in catalogue.kinds.values() if is_register(kind)]
    return found + [Stands(f"register:{kind}:{area}", kind, area, True, False) for kind in registers for area in DISTRICTS]


def write(folder: Path, catalogue: Catalogue) -> None:
    """`folder/lilliput/` with city.toml, areas.geojson and devices.csv."""
    pack = folder / CITY
    pack.mkdir(parents=True)
    (pack / "city.toml").write_text("\n".join(_city(catalogue)) + "\n", encoding="utf-8")
    (pack / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(_areas())}), encoding="utf-8")
    early = looking_back(catalogue)
    rows = [_row(stands, stands.kind in early) for stands in devices(catalogue)]
    (pack / "devices.csv").write_text("id,kind,area,latitude,longitude,valid_from\n" + "\n".join(rows) + "\n", encoding="utf-8")


def _of_kind(kind: SensorKind, count: int) -> Iterator[Stands]:
    names = [f"{CITY}.{kind.id.replace('_', '-')}-{number:02d}" for number in range(count)]
    # A few never speak and a few come at noon, never the first of their partition: the others close the windows.
    first = {partition_of(name): name for name in reversed(names)}
    for number, name in enumerate(names):
        draw = zlib.crc32(name.encode() + _DRAW) % 5 if first[partition_of(name)] != name else 4
        yield Stands(name, kind.id, NEIGHBOURHOODS[number % 4], draw != 0, draw == 1)


def _city(catalogue: Catalogue) -> Iterator[str]:
    yield f'id = "{CITY}"\nnames = {{ en = "Lilliput", fr = "Lilliput", nl = "Lilliput" }}\ntime_zone = "{ZONE.key}"'
    yield f"west = {WEST}\nsouth = {SOUTH}\neast = {EAST}\nnorth = {NORTH}"
    for kind in catalogue.kinds.values():
        pace = [] if is_register(kind) else [f"cadence_s = {cadence_s(kind)}", f"lateness_s = {LATENESS_S}", "retention_days = 36500"]
        yield "\n".join([f"[kinds.{kind.id}]", *pace, f"idle_s = {MOST_S}", f"max_age_s = {MOST_S}"])


def _areas() -> Iterator[object]:
    middle = (WEST + EAST) / 2
    yield _area(CITY, "city", None, (WEST, EAST))
    for number, (west, east) in enumerate(((WEST, middle), (middle, EAST)), start=1):
        district, half = f"{CITY}.d{number}", (west + east) / 2
        yield _area(district, "district", CITY, (west, east))
        yield _area(f"{district}.n1", "neighbourhood", district, (west, half))
        yield _area(f"{district}.n2", "neighbourhood", district, (half, east))


def _area(code: str, level: str, parent: str | None, columns: tuple[float, float]) -> object:
    west, east = columns
    ring = [[west, SOUTH], [east, SOUTH], [east, NORTH], [west, NORTH], [west, SOUTH]]
    names = {f"name_{language}": code for language in ("en", "fr", "nl")}
    people = {"city": 10_000, "district": 5_000, "neighbourhood": 1_000 + zlib.crc32(code.encode()) % 3_000}[level]
    properties = {"id": code, "level": level, "parent": parent, "population": people, **names}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def _row(stands: Stands, early: bool) -> str:
    column, columns = (DISTRICTS.index(stands.area), 2) if stands.area in DISTRICTS else (NEIGHBOURHOODS.index(stands.area), 4)
    longitude = WEST + (column + 0.5) * (EAST - WEST) / columns
    since = NOON if stands.from_noon else SINCE - timedelta(days=7) if early else SINCE
    if stands.id.startswith("register:"):
        since = MONTHS[0]
    return f"{stands.id},{stands.kind},{stands.area},{(SOUTH + NORTH) / 2},{longitude},{since.isoformat()}"
