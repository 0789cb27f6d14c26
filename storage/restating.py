"""What the restater reads and writes: due marks, stored readings, newest values, the outbox (rule 22).

Promises  One restater at a time (an advisory lock). What is computed and what is told of it stand in one repeatable-read transaction;
          where another one changed a mark meanwhile it is given up and tried again later. Readings come as arrays, in order of time.
Leaves    Computing to restate.compute, Kafka to restate.publisher.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from catalog import tables
from catalog.windows import from_us, to_us
from formula.dated import NEVER_US
from runtime.errors import Unavailable
from storage import copied, marks, published
from storage import dated as dated_tables
from storage.connect import Connection, world
from storage.dated import Known
from storage.dirty import Mark
from storage.layout import connect

__all__ = ["Due", "Known", "Mark", "Restating", "Snapshot", "Stored"]

_ONE_CORE = "SET max_parallel_workers_per_gather = 0"
"""What is read is streamed and takes its time; helpers of the server would take the other cores from live values."""
_LOCK = 0x6B6F6D706174  # one after that of migrations
_ROW = copied.layout(device="i4", quantity="i2", at="i8", value="f8")

# The last condition is for windows that the combiner will not publish, as they ended before its first: revision 2, so that a final that comes
# after all contradicts nothing. Without it a year's first mark would wait for the next year's final.
_DUE = f"""
    SELECT d.kpi, d.version, d.area, d.window_start, d.window_end, d.reason
    FROM unnest(%s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[]) AS p (kpi, version, passed, live_from)
    JOIN {tables.DIRTY_WINDOW.name} d ON d.kpi = p.kpi AND d.version = p.version AND d.window_end <= p.passed
    WHERE d.window_start < p.live_from
       OR EXISTS (SELECT FROM {tables.KPI_VALUE.name} v
                  WHERE v.kpi = d.kpi AND v.version = d.version AND v.area = d.area AND v.window_start = d.window_start)
       OR EXISTS (SELECT FROM {tables.KPI_LATEST.name} l
                  WHERE l.kpi = d.kpi AND l.area = d.area AND l.slot = 'last' AND l.window_start >= d.window_end)
       OR (d.window_end <= p.passed - interval '1 minute' AND d.marked_at <= clock_timestamp() - interval '30 seconds')
    ORDER BY d.window_end, d.kpi, d.version, d.window_start, d.area
    LIMIT %s
"""
_WATERMARKS = f"SELECT partition, kind, watermark FROM {tables.WATERMARK.name}"
_READINGS = f"""
    COPY (
        SELECT device, quantity, measured_at, value FROM {tables.READING.name}
        WHERE device = ANY(%s) AND quantity = ANY(%s) AND measured_at >= %s AND measured_at < %s AND good(quality)
        ORDER BY measured_at
    ) TO STDOUT (FORMAT BINARY)
"""
_BEFORE = f"""
    COPY (
        SELECT d.device, q.quantity::smallint, r.measured_at, r.value
        FROM unnest(%s::int[]) AS d (device) CROSS JOIN unnest(%s::int[]) AS q (quantity)
        CROSS JOIN LATERAL (
            SELECT measured_at, value FROM {tables.READING.name} r
            WHERE r.device = d.device AND r.quantity = q.quantity AND r.measured_at < %s AND good(r.quality)
            ORDER BY r.measured_at DESC LIMIT 1
        ) r
        ORDER BY r.measured_at
    ) TO STDOUT (FORMAT BINARY)
"""
_NEWEST = f"""
    SELECT DISTINCT ON (area) area, revision, value, state, coverage, devices
    FROM (
        SELECT area, revision, value, state, coverage, devices FROM {tables.KPI_VALUE.name}
        WHERE kpi = %(kpi)s AND version = %(version)s AND window_start = %(start)s AND area = ANY(%(areas)s)
        UNION ALL
        SELECT area, revision, value, state, coverage, devices FROM {tables.KPI_RESTATED.name}
        WHERE kpi = %(kpi)s AND version = %(version)s AND window_start = %(start)s AND area = ANY(%(areas)s)
    ) every
    ORDER BY area, revision DESC
"""
_GIVE = f"""
    INSERT INTO {tables.KPI_RESTATED.name} AS r (kpi, version, area, window_start, revision, value, state, coverage, devices)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (kpi, version, area, window_start) DO UPDATE
    SET revision = excluded.revision, value = excluded.value, state = excluded.state, coverage = excluded.coverage, devices = excluded.devices
"""
_OUT = f"INSERT INTO {tables.KPI_OUTBOX.name} (key, document, made_at) VALUES (%s, %s, now())"
_UNMARK = f"""
    DELETE FROM {tables.DIRTY_WINDOW.name} d USING (
        SELECT kpi, version, area, window_start FROM {tables.DIRTY_WINDOW.name}
        WHERE kpi = %s AND version = %s AND window_start = %s AND area = ANY(%s)
        ORDER BY kpi, version, area, window_start FOR UPDATE
    ) m
    WHERE d.kpi = m.kpi AND d.version = m.version AND d.area = m.area AND d.window_start = m.window_start
"""
_OUTBOX = f"SELECT no, key, document FROM {tables.KPI_OUTBOX.name} ORDER BY no LIMIT %s"
_SENT = f"DELETE FROM {tables.KPI_OUTBOX.name} WHERE no = ANY(%s)"
_STORED = f"""
    DELETE FROM {tables.KPI_RESTATED.name} r USING {tables.KPI_VALUE.name} v
    WHERE v.kpi = r.kpi AND v.version = r.version AND v.area = r.area AND v.window_start = r.window_start AND v.revision >= r.revision
"""
# Where chunks are compressed (community edition), a change of old readings may unpack as many as it must.
_UNPACK = """
    SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false)
    WHERE current_setting('timescaledb.license', true) = 'timescale'
"""
_OPEN = f"SELECT (SELECT count(*) FROM {tables.DIRTY_WINDOW.name}), (SELECT count(*) FROM {tables.KPI_OUTBOX.name})"

Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""device, quantity, measured_at (µs), value."""


class Due(NamedTuple):
    """A mark whose time has come, and why it was set."""

    mark: Mark
    reason: str


class Stored(NamedTuple):
    """The newest value of a window in one area."""

    revision: int
    value: float | None
    state: str
    coverage: float
    devices: int


class Out(NamedTuple):
    """A value for the topic, and its row of kpi_restated."""

    key: str
    document: bytes
    mark: Mark
    stored: Stored


class Snapshot:
    """One repeatable-read transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def readings(self, devices: Sequence[int], quantities: Sequence[int], span_us: tuple[int, int]) -> Iterator[Rows]:
        """Good readings in [from, to), in order of time, some ten thousand at a time."""
        if devices and quantities:
            yield from self._copied(_READINGS, (list(devices), list(quantities), from_us(span_us[0]), from_us(span_us[1])))

    def last_before(self, devices: Sequence[int], quantities: Sequence[int], at_us: int) -> Iterator[Rows]:
        """The last good reading of each before a time, in order of time."""
        if devices and quantities:
            yield from self._copied(_BEFORE, (list(devices), list(quantities), from_us(at_us)))

    def newest(self, kpi: tuple[str, int], start_us: int, areas: Sequence[str]) -> dict[str, Stored]:
        """The newest value of a window by area: what was published, and what the restater gave since."""
        given = {"kpi": kpi[0], "version": kpi[1], "start": from_us(start_us), "areas": list(areas)}
        return {row[0]: Stored(*row[1:]) for row in self.connection.execute(_NEWEST, given)}

    def numbers(self, kpi: tuple[str, int], start_us: int, areas: Sequence[str]) -> dict[str, float]:
        """The number that a window was published with last by area, whatever was said since."""
        return published.numbers(self.connection, kpi, start_us, areas)

    def put(self, values: Sequence[Out]) -> None:
        """Into the outbox, in this order."""
        with self.connection.cursor() as cursor:
            cursor.executemany(_OUT, [(out.key, out.document) for out in values])
            cursor.executemany(_GIVE, [(*out.mark[:3], from_us(out.mark.start_us), *out.stored) for out in values])

    def mark(self, found: Sequence[Mark], reason: str) -> None:
        """Windows that rest on what was just computed."""
        marks.write(self.connection, sorted(found), reason)

    def unmark(self, kpi: tuple[str, int], start_us: int, areas: Sequence[str]) -> None:
        """The marks are done with."""
        self.connection.execute(_UNMARK, (*kpi, from_us(start_us), list(areas)))

    def _copied(self, statement: str, given: tuple[Any, ...]) -> Iterator[Rows]:
        for table in copied.blocks(self.connection, statement, given, _ROW):
            numbers = table["device"].astype(np.int64), table["quantity"].astype(np.int64)
            yield *numbers, copied.times_us(table["at"]), table["value"].astype(np.float64)


class Restating:
    """The restater's connection; every method may raise Unavailable."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._known: Known | None = None

    def open(self, *, alone: bool = True) -> None:
        """Connect, and be the only restater; a command that compares need not be alone."""
        self.close()
        connection = connect(self._conninfo, "kompas restater" if alone else "kompas recompute")
        if alone:
            with world():
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
                connection.commit()
            if row is None or not row[0]:
                connection.close()
                raise Unavailable("PostgreSQL", "no other restater", "one that is still connected")
        with world():
            connection.execute(_ONE_CORE)
            connection.execute(_UNPACK)
            connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection = connection

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def known(self) -> Known:
        """The catalogue, loaded again where it changed."""
        with world(), self._there().transaction():
            if self._known is None or dated_tables.change_of(self._there()) != self._known.change:
                self._known = dated_tables.load(self._there())
            return self._known

    def passed(self, known: Known) -> dict[str, int]:
        """Event time (µs) that all partitions with a device of a kind have passed and stored."""
        with world(), self._there().transaction():
            return _passed(known, self._there().execute(_WATERMARKS).fetchall())

    def mark(self, found: Sequence[Mark], reason: str) -> None:
        """Mark windows, for the restater to take."""
        with world(), self._there().transaction():
            marks.write(self._there(), sorted(found), reason)

    def due(self, known: Known, limit: int) -> list[Due]:
        """Marks that can be computed now, the oldest windows first."""
        with world(), self._there().transaction():
            passed = _passed(known, self._there().execute(_WATERMARKS).fetchall())
            versions = [
                (version, min((passed.get(kind, -NEVER_US) for kind in version.waits), default=-NEVER_US)) for version in known.dated.versions
            ]
            ready = [(version, at_us) for version, at_us in versions if at_us > -NEVER_US]
            given = (
                [version.kpi.id for version, _ in ready],
                [version.kpi.version for version, _ in ready],
                [from_us(at_us) for _, at_us in ready],
                [from_us(version.from_us) for version, _ in ready],
            )
            rows = self._there().execute(_DUE, (*given, limit)).fetchall()
        return [Due(Mark(row[0], row[1], row[2], to_us(row[3]), to_us(row[4])), row[5]) for row in rows]

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One transaction, committed at its end; raises Conflicting where another changed a mark that this one took."""
        try:
            with world(), self._there().transaction():
                yield Snapshot(self._there())
        except Unavailable as error:
            if isinstance(error.__cause__, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected):
                raise Conflicting(str(error)) from error
            raise

    def outbox(self, limit: int) -> list[tuple[int, str, bytes]]:
        """What Kafka does not have yet, in order: number, key, document."""
        with world(), self._there().transaction():
            return [(row[0], row[1], bytes(row[2])) for row in self._there().execute(_OUTBOX, (limit,))]

    def sent(self, numbers: Sequence[int]) -> None:
        """Kafka has these."""
        with world(), self._there().transaction():
            self._there().execute(_SENT, (list(numbers),))

    def settle(self) -> tuple[int, int]:
        """Forget what the writer has stored by now; the numbers of marks and of values in the outbox."""
        with world(), self._there().transaction():
            self._there().execute(_STORED)
            row = self._there().execute(_OPEN).fetchone()
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    def _there(self) -> Connection:
        if self._connection is None:
            raise Unavailable("PostgreSQL", "an open connection", "none")
        return self._connection


class Conflicting(Exception):
    """Another transaction came between: nothing was written, try again."""


def _passed(known: Known, rows: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    """Event time (µs) that all partitions with a device of a kind have passed."""
    stored = {(row[0], row[1]): to_us(row[2]) for row in rows}
    return {kind: min((stored.get((p, kind), -NEVER_US) for p in those), default=-NEVER_US) for kind, those in known.partitions.items()}
