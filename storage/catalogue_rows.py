"""The catalogue's records as rows: upserts that change a row only where its content changed.

Promises  Run again with the same records, nothing is written; rows are never removed, readings and values point at them.
Leaves    Devices (dated) and KPI versions (checked) to storage.registry.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from catalog import tables
from catalog.records import Area, City, KpiDocument, Names, Quantity, SensorKind
from catalog.windows import from_us
from storage.connect import Connection


def upsert(table: tables.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """INSERT … ON CONFLICT (keys) DO UPDATE that touches no row whose content is the same; values by name."""
    quoted = [f'"{column}"' for column in columns]
    free = [f'"{column}"' for column in columns if column not in keys]
    return (
        f"INSERT INTO {table.name} AS old ({', '.join(quoted)}) VALUES ({', '.join(f'%({column})s' for column in columns)})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in free)}"
        f" WHERE ({', '.join(f'old.{column}' for column in free)})"
        f" IS DISTINCT FROM ({', '.join(f'excluded.{column}' for column in free)})"
    )


def _names(names: Names) -> dict[str, str]:
    return {f"name_{language}": names[language] for language in ("en", "fr", "nl")}


def _write(connection: Connection, table: tables.Table, keys: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(upsert(table, keys, tuple(rows[0])), rows)


def write_cities(connection: Connection, cities: Iterable[City]) -> None:
    """Table `city`."""
    _write(connection, tables.CITY, ("id",), (
        {"id": c.id, **_names(c.names), "time_zone": c.time_zone, "languages": list(c.languages),
         "west": c.west, "south": c.south, "east": c.east, "north": c.north}
        for c in cities
    ))  # fmt: skip


def write_areas(connection: Connection, areas: Iterable[Area], boundaries: Mapping[str, Any]) -> None:
    """Table `area`; `boundaries` are GeoJSON geometries by area id, where there are any."""
    _write(connection, tables.AREA, ("id",), (
        {"id": a.id, "city": a.city, "level": a.level, "parent": a.parent, **_names(a.names), "population": a.population,
         "latitude": a.latitude, "longitude": a.longitude, "boundary": Jsonb(boundaries[a.id]) if a.id in boundaries else None}
        for a in areas
    ))  # fmt: skip


def write_quantities(connection: Connection, quantities: Iterable[Quantity]) -> None:
    """Table `quantity`; the database gives each its number once."""
    known = {row[0] for row in connection.execute(f"SELECT id FROM {tables.QUANTITY.name}")}
    rows = [{"id": q.id, "unit": q.unit, "resolution": q.resolution, **_names(q.names)} for q in quantities]
    # An upsert draws a number from the identity even where it only updates; smallint numbers are not for burning.
    _write(connection, tables.QUANTITY, ("id",), (row for row in rows if row["id"] not in known))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {tables.QUANTITY.name} SET (unit, resolution, name_en, name_fr, name_nl)"
            " = (%(unit)s, %(resolution)s, %(name_en)s, %(name_fr)s, %(name_nl)s)"
            " WHERE id = %(id)s AND (unit, resolution, name_en, name_fr, name_nl)"
            " IS DISTINCT FROM (%(unit)s, %(resolution)s, %(name_en)s, %(name_fr)s, %(name_nl)s)",
            [row for row in rows if row["id"] in known],
        )


def write_kinds(connection: Connection, kinds: Iterable[SensorKind]) -> None:
    """Table `sensor_kind`."""
    _write(connection, tables.SENSOR_KIND, ("id",), (
        {"id": k.id, **_names(k.names), "cadence_s": k.cadence_s, "retention_days": k.retention_days, "correcting": k.correcting,
         "document": Jsonb(msgspec.to_builtins(k))}
        for k in kinds
    ))  # fmt: skip


def write_kpis(connection: Connection, documents: Iterable[KpiDocument]) -> None:
    """Table `kpi`: one row per version; the newest is in force."""
    _write(connection, tables.KPI, ("id", "version"), (
        {"id": k.id, "version": k.version, **_names(k.names), "unit": k.unit, "formula": k.formula, "window": k.window, "better": k.better,
         "bands": Jsonb(msgspec.to_builtins(k.bands)), "document": Jsonb(msgspec.to_builtins(k)), "hash": k.hash,
         "live_from": from_us(k.live_from_us), "target": k.target.value if k.target else None, "target_by": k.target.by if k.target else None,
         "retired_at": None}
        for k in documents
    ))  # fmt: skip
