"""What a settled system says of itself: its database in one snapshot, and its topics read from their beginnings.

Promises  Reads and changes nothing. Watermarks are read before everything else, and then the system is awaited once more: what they have
          passed is stored, and windows that close meanwhile are told apart by them.
Leaves    Judging to chaos.verdict.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import pandas as pd
from aiokafka import ConsumerRecord, TopicPartition
from psycopg import IsolationLevel

from catalog import tables
from catalog.kpi_value import KpiValue
from catalog.records import City
from catalog.topics import KPIS, READINGS, REJECTED, Topic
from catalog.windows import to_us
from chaos.consumer import Consumer, Settled
from chaos.oracle import Passed
from chaos.oracle_ground import FAR_US, Place
from chaos.oracle_readings import KEY
from chaos.verdict import Row
from runtime import clock, kafka
from runtime.clock import iso_s
from runtime.frames import DamagedFrame, decode
from simulators.worlds import World
from storage import ledger, ledger_books, queries, settled
from storage.connect import Connection, world

SETTLED_S = 120.0
_WATERMARKS = f"SELECT kind, bool_or(watermark IS NULL), min(watermark) FROM {tables.WATERMARK.name} GROUP BY kind"
_LIVE_FROM = f"SELECT id, live_from FROM {tables.KPI.name} WHERE retired_at IS NULL"
_DEVICES = f"""
    SELECT id, kind, area, cadence_s, valid_from, valid_to, registered_at, latitude, longitude
    FROM {tables.DEVICE.name} WHERE city = %s ORDER BY id, valid_from
"""
_READINGS = f"SELECT device, quantity, measured_at, received_at, value, quality FROM {tables.READING_NAMED.name} WHERE city = %s"
_VALUES = f"""
    SELECT v.kpi, v.version, v.area, v.window_start, v.window_end, v.revision, v.value, v.state, v.coverage, v.devices
    FROM {tables.KPI_VALUE.name} v JOIN {tables.AREA.name} a ON a.id = v.area WHERE a.city = %s
"""
_ROWS = f"""
    SELECT (SELECT count(*) FROM {tables.READING.name}),
           (SELECT coalesce(sum(total), 0)::bigint FROM {tables.STORED_TOTAL.name} WHERE name = 'readings')
"""
_SHOWN = f"""
    SELECT l.kpi, l.area, l.window_start FROM {tables.KPI_LATEST.name} l
    LEFT JOIN {tables.KPI_VALUE.name} v USING (kpi, version, area, window_start, revision, state, coverage, devices)
    WHERE l.slot = 'last' AND (v.kpi IS NULL OR v.value IS DISTINCT FROM l.value OR EXISTS (
        SELECT FROM {tables.KPI_VALUE.name} n
        WHERE n.kpi = l.kpi AND n.version = l.version AND n.area = l.area AND n.window_start > l.window_start))
"""


class Evidence(NamedTuple):
    """Everything that is compared."""

    passed: Passed
    closed_us: int
    """Up to here windows of every kind were closed when the look began."""
    places: tuple[Place, ...]
    readings: pd.DataFrame
    """KEY, received_us, value, quality."""
    values: Sequence[Row]
    shown: Sequence[str]
    """Windows of kpi_latest's slot `last` that are not the newest settled ones, or say something else."""
    rows: int
    told_rows: int
    """Readings in the table, and stored ever as the writers count it."""
    ledger: ledger.Found
    unsettled: str
    """What the system still waited for; empty where it was settled."""
    said: Consumer
    refused: Counter[tuple[str, str]]
    """Records and messages in the topic of refusals by device and reason."""


def gather(there: World, conninfo: str, bootstrap: str, settled_s: float = SETTLED_S) -> Evidence:
    """Look at everything once; raises Unavailable."""
    return asyncio.run(_gather(there, conninfo, bootstrap, settled_s))


def in_readings(bootstrap: str, wanted: pd.DataFrame) -> "pd.Series[bool]":
    """Which of the readings (KEY) are in kompas.readings.v1."""
    found: set[tuple[str, str, int]] = set()
    if len(wanted):
        asyncio.run(_read(bootstrap, READINGS, lambda record: found.update(keys_of(record.value))))
    return pd.Series([key in found for key in wanted[KEY].itertuples(index=False, name=None)], wanted.index, dtype=bool)


def keys_of(value: bytes) -> list[tuple[str, str, int]]:
    """KEY of every reading in a frame; heartbeats, the catalogue and damaged frames have none."""
    try:
        frame = decode(value)
    except DamagedFrame:
        return []
    if frame.meta.get("kind") != "readings":
        return []
    device, quantity = frame.columns["device"], frame.columns["quantity"]
    rows = zip(device.codes.tolist(), quantity.codes.tolist(), frame.columns["measured_at"].tolist(), strict=True)
    return [(device.texts[d], quantity.texts[q], at_us) for d, q, at_us in rows]


def refusals_of(headers: Iterable[tuple[str, bytes]]) -> Counter[tuple[str, str]]:
    """What one record of kompas.rejected.v1 refuses, by the device in its MQTT topic and the reason; what the worker refuses has no such topic."""
    given = {name: value.decode() for name, value in headers}
    levels = given["origin"].split("/") if given["origin"].startswith("mqtt:") else []
    device = levels[2] if len(levels) > 2 else ""
    found = Counter[tuple[str, str]]()
    for rejection in msgspec.json.decode(given["rejections"]):
        found[device, rejection["reason"]] += rejection.get("count", 1)
    return found


async def _gather(there: World, conninfo: str, bootstrap: str, settled_s: float) -> Evidence:
    city, unsettled = there.pack.city, ""
    with queries.reader(conninfo, "kompas chaos") as connection:
        marks = watermarks_of(connection)
        async with settled.Look(bootstrap, connection) as look:
            try:
                await look.wait(settled_s, lambda _: None)
            except TimeoutError as error:
                unsettled = str(error)
        found = ledger.judge(ledger_books.read(connection), caught_up=not unsettled)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        live_from_us = {kpi: to_us(at) for kpi, at in _ask(connection, _LIVE_FROM)}
        places = places_of(connection, there)
        readings, values = _readings(connection, city), values_of(connection, city)
        ((rows, told),) = _ask(connection, _ROWS)
        shown = [f"{kpi} {area} {iso_s(to_us(start))}" for kpi, area, start in _ask(connection, _SHOWN)]
        connection.rollback()
    passed = Passed(marks, clock.now_us(), live_from_us)
    closed_us = min((at for at in marks.values() if at is not None), default=0)
    said, refused = Consumer(), Counter[tuple[str, str]]()
    await _read(bootstrap, KPIS, lambda record: _hear(record, said, there))
    await _read(bootstrap, REJECTED, lambda record: refused.update(refusals_of(record.headers)))
    return Evidence(passed, closed_us, places, readings, values, shown, rows, told, found, unsettled, said, refused)


def _ask(connection: Connection, statement: str, *given: object) -> list[tuple[Any, ...]]:
    with world():
        return connection.execute(statement.encode(), given or None).fetchall()


def watermarks_of(connection: Connection) -> dict[str, int | None]:
    """The lowest over the partitions, by kind; None where one has none yet."""
    return {kind: None if unknown else to_us(lowest) for kind, unknown, lowest in _ask(connection, _WATERMARKS)}


def places_of(connection: Connection, there: World) -> tuple[Place, ...]:
    """Where the city's devices stand, and from when readings are due of them."""
    found = []
    for device, kind, area, cadence_s, valid_from, valid_to, registered, *position in _ask(connection, _DEVICES, there.pack.city.id):
        from_us = -FAR_US if valid_from is None else to_us(valid_from)
        # A device that is registered before it stands there is due from when it does, one that stood there before it was known from then, too.
        due_from_us = to_us(registered) if valid_from is None else min(to_us(registered), from_us)
        cadence_us = round((cadence_s or there.catalogue.kinds[kind].cadence_s) * 1e6)
        found.append(Place(device, kind, area, cadence_us, from_us, FAR_US if valid_to is None else to_us(valid_to), due_from_us, *position))
    return tuple(found)


def _readings(connection: Connection, city: City) -> pd.DataFrame:
    rows = [(*id_, to_us(at), to_us(received), value, quality) for *id_, at, received, value, quality in _ask(connection, _READINGS, city.id)]
    types = {"device": object, "quantity": object, "measured_us": "int64", "received_us": "int64", "value": "float64", "quality": "int64"}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def values_of(connection: Connection, city: City) -> list[Row]:
    """Every settled value of the city."""
    return [
        Row(kpi, version, area, to_us(start), to_us(end), Settled(revision, value, state, coverage, devices, iso_s(to_us(end))))
        for kpi, version, area, start, end, revision, value, state, coverage, devices in _ask(connection, _VALUES, city.id)
    ]


_VALUE = msgspec.json.Decoder(KpiValue)


def _hear(record: ConsumerRecord, said: Consumer, there: World) -> None:
    value = _VALUE.decode(record.value)
    if value.area in there.pack.areas:
        said.hear(value)


async def _read(bootstrap: str, topic: Topic, take: Callable[[ConsumerRecord], None]) -> None:
    """Every record from the beginning of each partition to where it ends now, in the partition's order."""
    consumer = kafka.consumer(bootstrap, "kompas-chaos")
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        ends = await consumer.end_offsets(parts)
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        while left := [part for part in parts if await consumer.position(part) < ends[part]]:
            for part, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                for record in records:
                    if record.offset < ends[part]:
                        take(record)
    finally:
        await consumer.stop()
