"""Register what a city has: catalogue and city packs into tables, and the documents that Kafka shall know.

Promises  One transaction, idempotent: the same packs twice write nothing. Cities that do not run now are left as they are.
Leaves    What changed devices and KPI versions mean to storage.spans and storage.definitions, telling Kafka to storage.publish.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from catalog import tables
from catalog.cities import CityPack
from catalog.load import Catalogue
from catalog.records import Device, KpiDocument
from catalog.windows import from_us, to_us
from storage import backdated, spans
from storage import catalogue_rows as rows
from storage.connect import Connection
from storage.definitions import Stored, document, next_window_us

_DEVICE_COLUMNS = ", ".join(tables.DEVICE.columns)
_SPANS = f"SELECT {_DEVICE_COLUMNS} FROM {tables.DEVICE_CURRENT.name} WHERE city = ANY(%s)"
_BEGIN_SPAN = f"INSERT INTO {tables.DEVICE.name} ({_DEVICE_COLUMNS}) VALUES (coalesce(%s, nextval('device_no')), {', '.join(['%s'] * 12)})"
_CHANGE_SPAN = (
    f"UPDATE {tables.DEVICE.name} SET (city, kind, area, latitude, longitude, manual, cadence_s, valid_from, valid_to, registered_at, owner)"
    f" = ROW({', '.join(['%s'] * 11)}) WHERE no = %s AND valid_from IS NOT DISTINCT FROM %s"
)
_KPIS = f"SELECT DISTINCT ON (id) id, version, hash, live_from, retired_at IS NULL FROM {tables.KPI.name} ORDER BY id, version DESC"
_RETIRE = f"""
    UPDATE {tables.KPI.name} SET retired_at = %s
    WHERE retired_at IS NULL AND NOT (id, version) IN (SELECT * FROM unnest(%s::text[], %s::int[]))
"""
_DOCUMENT = rows.upsert(tables.CATALOGUE_DOCUMENT, ("entity", "id"), tables.CATALOGUE_DOCUMENT.columns)
_GONE = f"""
    UPDATE {tables.CATALOGUE_DOCUMENT.name} SET document = NULL, hash = ''
    WHERE entity = %(entity)s AND document IS NOT NULL AND NOT id = ANY(%(ids)s)
      AND (%(cities)s::text[] IS NULL OR document::jsonb ->> 'city' = ANY(%(cities)s))
"""


class Wanted(NamedTuple):
    """All that shall be registered: the catalogue and the city packs that run."""

    catalogue: Catalogue
    packs: tuple[CityPack, ...]


def register(connection: Connection, wanted: Wanted, now_us: int) -> None:
    """Write the tables and the documents in one transaction; raises ConfigError before anything is written for good."""
    with connection.transaction():
        rows.write_cities(connection, (pack.city for pack in wanted.packs))
        rows.write_quantities(connection, wanted.catalogue.quantities.values())
        rows.write_kinds(connection, wanted.catalogue.kinds.values())
        for pack in wanted.packs:
            rows.write_areas(connection, pack.areas.values(), pack.boundaries)
        devices, todo = _register_devices(connection, wanted.packs, now_us)
        kpis = _register_kpis(connection, wanted, now_us)
        _write_documents(connection, wanted, kpis, devices)
        backdated.mark(connection, todo, now_us)


def _register_devices(connection: Connection, packs: Iterable[CityPack], now_us: int) -> tuple[list[Device], list[spans.Change]]:
    """Bring table `device` up to date; the devices of these cities as they are published, gone ones with their end, and what changed."""
    packs = list(packs)
    stored = {row[1]: _span(row) for row in connection.execute(_SPANS, ([pack.city.id for pack in packs],))}
    wanted = {device.id: device for pack in packs for device in pack.devices.values()}
    todo: list[spans.Change] = []
    newest: dict[str, spans.Span] = dict(stored)
    for id_, device in wanted.items():
        todo += spans.changes(stored.get(id_), device, now_us)
    for id_, span in stored.items():
        if id_ not in wanted:
            todo += spans.gone(span, now_us)
    with connection.cursor() as cursor:
        # Spans that end first: the one that begins there must not overlap, not even for a moment.
        cursor.executemany(_CHANGE_SPAN, [(*_values(c.new)[2:], c.old.no, _at(c.old.valid_from_us)) for c in todo if c.old is not None])
        cursor.executemany(_BEGIN_SPAN, [_values(c.new) for c in todo if c.old is None])
    newest.update((change.new.id, change.new) for change in todo)
    return [spans.record(span) for span in newest.values()], todo


def _register_kpis(connection: Connection, wanted: Wanted, now_us: int) -> list[KpiDocument]:
    known = {row[0]: Stored(row[1], row[2], to_us(row[3]), row[4]) for row in connection.execute(_KPIS)}
    zones = [row[0] for row in connection.execute(f"SELECT DISTINCT time_zone FROM {tables.CITY.name}")]
    documents = [document(kpi, known.get(kpi.id), next_window_us(kpi, now_us, zones) if known else 0) for kpi in wanted.catalogue.kpis.values()]
    connection.execute(_RETIRE, (from_us(now_us), [d.id for d in documents], [d.version for d in documents]))
    rows.write_kpis(connection, documents)
    return documents


def _write_documents(connection: Connection, wanted: Wanted, kpis: Iterable[KpiDocument], devices: Iterable[Device]) -> None:
    cities = [pack.city.id for pack in wanted.packs]
    entities: dict[str, Iterable[Any]] = {
        "city": tuple(pack.city for pack in wanted.packs),
        "quantity": wanted.catalogue.quantities.values(),
        "kind": wanted.catalogue.kinds.values(),
        "kpi": tuple(kpis),
        "area": tuple(area for pack in wanted.packs for area in pack.areas.values()),
        "device": tuple(devices),
    }
    with connection.cursor() as cursor:
        for entity, records in entities.items():
            texts = [(record.id, msgspec.json.encode(record).decode()) for record in records]
            cursor.executemany(
                _DOCUMENT,
                [{"entity": entity, "id": id_, "document": text, "hash": hashlib.sha256(text.encode()).hexdigest()} for id_, text in texts],
            )
            if entity != "city":
                scope = cities if entity in ("area", "device") else None
                cursor.execute(_GONE, {"entity": entity, "ids": [id_ for id_, _ in texts], "cities": scope})


def _span(row: tuple[Any, ...]) -> spans.Span:
    return spans.Span._make((*row[:9], _us(row[9]), _us(row[10]), to_us(row[11]), row[12]))


def _values(span: spans.Span) -> tuple[Any, ...]:
    *plain, valid_from_us, valid_to_us, registered_at_us, owner = span
    return (*plain, _at(valid_from_us), _at(valid_to_us), from_us(registered_at_us), owner)


def _us(at: Any) -> int | None:
    return None if at is None else to_us(at)


def _at(at_us: int | None) -> Any:
    return None if at_us is None else from_us(at_us)
