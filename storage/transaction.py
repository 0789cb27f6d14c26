"""One batch, one transaction: offsets, rows, KPI values, counts and watermarks together, or none of them.

Promises  Exactly once: what is stored and how far it is stored can never disagree.
Leaves    Which batch, and what to do when the server is gone, to storage.lane.

Why `synchronous_commit = off` is safe here: the offsets are in the same transaction. A crash of PostgreSQL that takes the last
commits takes their offsets with them, and Kafka still has the records.
"""

from typing import NamedTuple

import psycopg

from catalog import tables
from catalog.topics import CHECKED
from catalog.windows import from_us
from runtime.errors import Inconsistent
from storage import kpis, ledger_rows, marks, positions, readings, refusals
from storage.arrivals import Arrivals
from storage.batch import Batch
from storage.connect import Connection, world
from storage.ids import EMPTY, Ids, load_ids
from storage.kpis import Doubled
from storage.layout import connect
from storage.marks import Marker
from storage.readings import Columns, Written
from storage.tally import Tally

_WATERMARKS = f"""
    INSERT INTO {tables.WATERMARK.name} AS w (partition, kind, watermark)
    SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[])
    ON CONFLICT (partition, kind) DO UPDATE SET watermark = excluded.watermark WHERE excluded.watermark <> w.watermark
"""
_NEW_DIGESTS = f"""
    INSERT INTO {tables.REJECTED_SEEN.name} (digest, seen_at)
    SELECT DISTINCT d, now() FROM unnest(%s::uuid[]) AS d ON CONFLICT (digest) DO NOTHING RETURNING digest
"""
_COUNT = f"""
    INSERT INTO {tables.REJECTED_COUNT.name} AS c (city, reason, hour, messages, readings)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[])
    ON CONFLICT (city, reason, hour) DO UPDATE SET messages = c.messages + excluded.messages, readings = c.readings + excluded.readings
"""


_TOTALS = f"""
    INSERT INTO {tables.STORED_TOTAL.name} AS t (writer, name, total)
    SELECT %s, * FROM unnest(%s::text[], %s::bigint[])
    ON CONFLICT (writer, name) DO UPDATE SET total = t.total + excluded.total
"""


_REPEATS = f"""
    INSERT INTO {tables.REPEAT_COUNT.name} AS c (device, hour, duplicates, conflicts)
    SELECT d.no, given.hour, given.duplicates, given.conflicts
    FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[]) AS given (device, hour, duplicates, conflicts)
    JOIN {tables.DEVICE_CURRENT.name} d ON d.id = given.device
    ON CONFLICT (device, hour) DO UPDATE
    SET duplicates = c.duplicates + excluded.duplicates, conflicts = c.conflicts + excluded.conflicts
"""


class Outcome(NamedTuple):
    """What one transaction did."""

    written: Written
    columns: Columns | None
    doubled: list[Doubled]
    refused: list[refusals.Count]
    refused_messages: int
    kpi_values: int
    checked: int

    @property
    def totals(self) -> dict[str, int]:
        """What it adds to table stored_total."""
        return {
            "readings": self.written.stored,
            "late": self.written.late,
            "late_duplicates": self.written.duplicates,
            "late_conflicts": self.written.conflicts,
            "checked": self.checked,
            "kpi_values": self.kpi_values,
            "rejected_messages": self.refused_messages,
            "rejected_readings": sum(count.readings for count in self.refused),
        }


class Database:
    """The writer's connection and what it knows of the tables."""

    def __init__(self, conninfo: str, writer: int = 0) -> None:
        self._conninfo, self._writer = conninfo, writer
        self._connection: Connection | None = None
        self._ids: Ids = EMPTY
        self._tally = Tally()
        self._marker = Marker()
        self._arrivals = Arrivals()

    def open(self, keys: list[positions.Key], cluster_id: str) -> dict[positions.Key, positions.Position]:
        """Connect and read where to go on; raises Unavailable, or Inconsistent for another cluster."""
        self.close()
        self._connection = connect(self._conninfo, "kompas writer")
        self._ids = load_ids(self._connection)
        self._marker.forget()
        self._arrivals.forget()
        with world():
            self._connection.execute("SET synchronous_commit = off")
            self._connection.execute(readings.MAKE_STAGE)
            self._connection.commit()
            self._tally = ledger_rows.load(self._connection, [key.partition for key in keys if key.topic == CHECKED.name])
            return positions.load(self._connection, keys, cluster_id)

    def store(self, batch: Batch) -> Outcome:
        """The batch in one transaction; raises Unavailable (nothing stored, or stored and not told) or Inconsistent."""
        columns = self._columns(batch)
        connection = self._there()
        with world(), connection.transaction():
            # The offsets first: whoever lost the partitions learns it before it has written a row.
            positions.move(connection, batch.before, batch.after)
            flagged = None if columns is None else self._arrivals.take(connection, columns)
            written = Written(0, 0, 0, 0) if columns is None else _store_readings(connection, columns)
            self._mark(connection, columns, written)
            if flagged is not None:
                self._marker.rows(connection, flagged, "flagged")
            doubled = kpis.store(connection, batch.kpis)
            marks.rebuilt(connection, batch.kpis)
            refused, messages = _store_refusals(connection, batch.refusals)
            _store_watermarks(connection, batch.watermarks)
            _store_repeats(connection, batch.repeats)
            for note in batch.notes:
                self._tally.take(note)
            ledger_rows.keep(connection, self._tally)
            outcome = Outcome(written, columns, doubled, refused, messages, len(batch.kpis), batch.rows)
            added = {name: number for name, number in outcome.totals.items() if number}
            if added:
                connection.execute(_TOTALS, (self._writer, list(added), list(added.values())))
        return outcome

    def _mark(self, connection: Connection, columns: Columns | None, written: Written) -> None:
        """Which settled values no longer follow from the stored readings (rule 20)."""
        if columns is not None:
            self._marker.awaited(connection, columns)
        if written.changed is not None:
            self._marker.rows(connection, written.changed.late, "late")
            self._marker.rows(connection, written.changed.corrected, "correction")

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _columns(self, batch: Batch) -> Columns | None:
        if not batch.pieces:
            return None
        columns = readings.columns_of(batch.pieces, self._ids)
        if readings.known(columns):
            return columns
        # Registered since this connection was opened, or never.
        self._ids = load_ids(self._there())
        readings.require_known(batch.pieces, self._ids)
        return readings.columns_of(batch.pieces, self._ids)

    def _there(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("storage.transaction: wanted an open connection, got none")
        return self._connection


def _store_readings(connection: Connection, columns: Columns) -> Written:
    try:
        return readings.store(connection, columns)
    except psycopg.errors.UniqueViolation as error:
        raise Inconsistent(f"kompas.checked.v1: wanted readings that are not stored yet, got a second one: {error.diag.message_detail}") from error


def _store_refusals(connection: Connection, told: list[refusals.Refusal]) -> tuple[list[refusals.Count], int]:
    """What was not counted before, by city, reason and hour; and how many messages that is."""
    if not told:
        return [], 0
    new = {row[0] for row in connection.execute(_NEW_DIGESTS, ([refusal.digest for refusal in told],))}
    fresh = [refusal for refusal in told if refusal.digest in new]
    ledger_rows.keep_rejected(connection, refusals.by_sender(fresh))
    counts = refusals.counts(fresh)
    if counts:
        hours = [from_us(count.hour_us) for count in counts]
        columns = [[count[n] for count in counts] for n in (0, 1, 3, 4)]
        connection.execute(_COUNT, (columns[0], columns[1], hours, columns[2], columns[3]))
    return counts, len(new)


def _store_watermarks(connection: Connection, watermarks: dict[tuple[int, str], int]) -> None:
    if watermarks:
        rows = sorted(watermarks.items())
        connection.execute(
            _WATERMARKS,
            ([key[0] for key, _ in rows], [key[1] for key, _ in rows], [from_us(at_us) for _, at_us in rows]),
        )


def _store_repeats(connection: Connection, repeats: dict[tuple[str, int], list[int]]) -> None:
    if repeats:
        rows = [(device, from_us(hour_us), *numbers) for (device, hour_us), numbers in sorted(repeats.items())]
        connection.execute(_REPEATS, [list(column) for column in zip(*rows, strict=True)])
