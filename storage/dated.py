"""The catalogue over time from the tables: for the writer, which marks windows, and for the restater, which computes them.

Promises  Loaded whole, and again only after it changed; a device whose kind or area is gone from the catalogue is left out.
Leaves    What it means to formula.dated.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np

from catalog import tables
from catalog.records import Area, City, Quantity, Record, SensorKind
from catalog.topics import partition_of
from catalog.windows import to_us
from formula.dated import NEVER_US, Dated, Documents, KpiRow, Stands, decode_kpi
from storage.connect import Connection

_CHANGE = f"SELECT no FROM {tables.CATALOGUE_CHANGE.name}"
_DOCUMENTS = f"""
    SELECT entity, id, document FROM {tables.CATALOGUE_DOCUMENT.name}
    WHERE document IS NOT NULL AND entity = ANY('{{city,quantity,kind,area}}')
"""
_KPIS = f"SELECT document::text, live_from, retired_at FROM {tables.KPI.name} ORDER BY id, version"
_QUANTITIES = f"SELECT id, no FROM {tables.QUANTITY.name}"
_DEVICES = f"""
    SELECT no, id, kind, area, cadence_s, valid_from, valid_to, registered_at, latitude, longitude FROM {tables.DEVICE.name}
    ORDER BY no, valid_from NULLS FIRST
"""
_TYPES: dict[str, type[Record]] = {"city": City, "quantity": Quantity, "kind": SensorKind, "area": Area}


class Known(NamedTuple):
    """The catalogue as it was at one change."""

    change: int
    dated: Dated
    partitions: dict[str, frozenset[int]]
    """Input partitions in which a kind has a device: those whose watermarks count."""


def change_of(connection: Connection) -> int:
    """The last transaction that changed the catalogue."""
    row = connection.execute(_CHANGE).fetchone()
    return 0 if row is None else int(row[0])


def load(connection: Connection) -> Known:
    """All of it, in the caller's transaction."""
    change = change_of(connection)
    found: dict[str, dict[str, Any]] = {entity: {} for entity in _TYPES}
    for entity, id_, document in connection.execute(_DOCUMENTS):
        found[entity][id_] = msgspec.json.decode(document, type=_TYPES[entity])
    documents = Documents(found["city"], found["area"], found["quantity"], found["kind"])
    rows = [
        KpiRow(decode_kpi(text), to_us(live_from), None if retired is None else to_us(retired))
        for text, live_from, retired in connection.execute(_KPIS)
    ]
    devices = connection.execute(_DEVICES).fetchall()
    partitions: dict[str, set[int]] = {}
    for row in {row[0]: row for row in devices}.values():  # the newest span of each
        partitions.setdefault(row[2], set()).add(partition_of(row[1]))
    numbers = {id_: number for id_, number in connection.execute(_QUANTITIES) if id_ in documents.quantities}
    dated = Dated(documents, rows, _stands(devices, documents), numbers)
    return Known(change, dated, {kind: frozenset(those) for kind, those in partitions.items()})


def _stands(devices: list[tuple[Any, ...]], documents: Documents) -> Stands:
    kinds = {kind: n for n, kind in enumerate(sorted(documents.kinds))}
    areas = {area: n for n, area in enumerate(sorted(documents.areas))}
    rows, places = [], []
    for no, _, kind, area, cadence_s, valid_from, valid_to, registered, latitude, longitude in devices:
        if kind not in kinds or area not in areas:
            continue
        from_us = -NEVER_US if valid_from is None else to_us(valid_from)
        due_from_us = to_us(registered) if valid_from is None else min(to_us(registered), from_us)
        cadence_us = round((cadence_s or documents.kinds[kind].cadence_s) * 1_000_000)
        rows.append((no, kinds[kind], areas[area], cadence_us, from_us, NEVER_US if valid_to is None else to_us(valid_to), due_from_us))
        places.append((latitude, longitude))
    columns = np.ascontiguousarray(np.array(rows, np.int64).reshape(-1, 7).T)
    latitude, longitude = np.array(places, np.float64).reshape(-1, 2).T
    cadence, since, until, due_from = columns[3:]
    return Stands(columns[0], columns[1].astype(np.int32), columns[2].astype(np.int32), cadence, since, until, due_from, latitude, longitude)
