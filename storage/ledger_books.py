"""Read the ledger's tables at one moment: what storage.ledger judges.

Promises  One snapshot of the database, read only; a partition that nobody has stored yet is left out.
Leaves    Judging to storage.ledger.
"""

from typing import Any

from psycopg import IsolationLevel

from catalog import tables
from catalog.topics import CHECKED
from storage.connect import Connection, world
from storage.ledger import Books, Life, Partition
from storage.ledger_rows import COUNTS, EARLIER, PART
from storage.lives import MESSAGES, Part
from storage.tally import Counts

GATEWAYS = f"SELECT gateway, life, clock, ended, {', '.join(MESSAGES)} FROM {tables.LEDGER_GATEWAY.name} ORDER BY gateway, clock, life"
FRAMES = f"SELECT gateway, life, partition, {', '.join(PART)} FROM {tables.LEDGER_FRAMES.name} ORDER BY gateway, life, partition"
PARTITIONS = f"""
    SELECT l.partition, s.next_offset, s.log_offset, {", ".join(f"l.{name}" for name in COUNTS)}
    FROM {tables.LEDGER_PARTITION.name} l JOIN {tables.STREAM_OFFSET.name} s ON s.topic = '{CHECKED.name}' AND s.partition = l.partition
    ORDER BY l.partition
"""
WRITERS = f"SELECT writer, name, total FROM {tables.STORED_TOTAL.name} ORDER BY writer, name"
REJECTED = f"SELECT gateway, life, source, messages, readings FROM {tables.LEDGER_REJECTED.name}"
BROKER = f"SELECT coalesce(max(dropped), 0) FROM {tables.LEDGER_BROKER.name}"


def read(connection: Connection) -> Books:
    """The books; raises Unavailable. Ends the connection's transaction."""
    with world():
        connection.rollback()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            return _read(connection)
        finally:
            connection.rollback()
            connection.isolation_level = None


def _read(connection: Connection) -> Books:
    parts: dict[tuple[str, str], dict[int, Part]] = {}
    for gateway, life, partition, *given in connection.execute(FRAMES):
        parts.setdefault((gateway, life), {})[partition] = Part(*given)
    writers: dict[int, dict[str, int]] = {}
    for writer, name, total in connection.execute(WRITERS):
        writers.setdefault(writer, {})[name] = total
    broker = connection.execute(BROKER).fetchone()
    return Books(
        _lives(connection, parts),
        [Partition(row[0], Counts(*row[3:]), row[1], row[2]) for row in connection.execute(PARTITIONS)],
        writers,
        {(row[0], row[1], row[2]): (row[3], row[4]) for row in connection.execute(REJECTED)},
        int(broker[0]) if broker is not None else 0,
    )


def _lives(connection: Connection, parts: dict[tuple[str, str], dict[int, Part]]) -> list[Life]:
    """Lives in order of their clocks; one without a heartbeat has no totals."""
    told: dict[tuple[str, str], tuple[bool, dict[str, int]]] = {}
    newest: dict[str, str] = {}
    for gateway, life, _, ended, *numbers in connection.execute(GATEWAYS):
        told[gateway, life] = (ended, dict(zip(MESSAGES, numbers, strict=True)))
        newest[gateway] = life
    nothing: tuple[bool, dict[str, Any]] = (False, {})
    found = []
    for gateway, life in [*told, *(key for key in parts if key not in told)]:
        ended, totals = told.get((gateway, life), nothing)
        running = not ended and newest.get(gateway, life) == life and life != EARLIER
        found.append(Life(gateway, life, running, totals, parts.get((gateway, life), {})))
    return found
