"""Readings of a batch into table `reading`: plain COPY for what cannot be there yet, a staging table for what can.

Promises  A reading that is not late is unique by the worker's proof: a second one stops the writer. A late one is stored, or is a
          duplicate (same value), or goes to reading_conflict (another value); of a correcting register the later word stands.
Leaves    Deciding what is late to the worker, the order of the transaction to storage.transaction.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog import tables
from catalog.quality import Cause
from catalog.windows import from_us
from kernels import copy
from storage import checked
from storage.batch import Piece
from storage.connect import Connection
from storage.ids import UNKNOWN, Ids, require, translate

Columns = dict[str, npt.NDArray[Any]]

_STAGE = "late_stage"
_COLUMNS = ", ".join(tables.MEASURED)
_PLACED = ", ".join(tables.READING.columns)
_STAGED = f"{_COLUMNS}, partition, input_offset, place, correcting"
_KEY = "device, quantity, measured_at"

_AT_US = "(extract(epoch FROM measured_at) * 1000000)::bigint"
_LATE = f"quality & {int(Cause.LATE)} <> 0"

MAKE_STAGE = f"""
    CREATE TEMP TABLE IF NOT EXISTS {_STAGE}
    (LIKE {tables.READING.name}, partition integer, input_offset bigint, place integer, correcting integer) ON COMMIT DELETE ROWS
"""
_COPY = f"COPY {tables.READING.name} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_COPY_PLACED = f"COPY {tables.READING.name} ({_PLACED}) FROM STDIN (FORMAT BINARY)"
_COPY_STAGE = f"COPY {_STAGE} ({_STAGED}) FROM STDIN (FORMAT BINARY)"
_COPY_STAGE_PLACED = f"COPY {_STAGE} ({_STAGED}, latitude, longitude) FROM STDIN (FORMAT BINARY)"
_INSERT_LATE = f"""
    INSERT INTO {tables.READING.name} ({_PLACED})
    SELECT DISTINCT ON ({_KEY}) {_PLACED} FROM {_STAGE} WHERE correcting = 0 ORDER BY {_KEY}, place
    ON CONFLICT ({_KEY}) DO NOTHING
    RETURNING device, quantity, {_AT_US}, good(quality)
"""
# The range is for the planner: without it every chunk that ever was is looked into.
_KEEP_CONFLICTS = f"""
    INSERT INTO {tables.READING_CONFLICT.name} ({_COLUMNS}, partition, input_offset, stored_value)
    SELECT s.device, s.quantity, s.measured_at, s.received_at, s.value, s.quality, s.partition, s.input_offset, r.value
    FROM {_STAGE} s JOIN {tables.READING.name} r USING ({_KEY})
    WHERE s.correcting = 0 AND r.value <> s.value AND r.measured_at BETWEEN %s AND %s
    ON CONFLICT DO NOTHING
"""
# How many of the late rows have their reading in the table, told by the table itself: what is neither new nor a conflict is a duplicate.
_THERE = f"""
    SELECT count(*) FROM {_STAGE} s JOIN {tables.READING.name} r USING ({_KEY}) WHERE s.correcting = 0 AND r.measured_at BETWEEN %s AND %s
"""
_CORRECT = f"""
    INSERT INTO {tables.READING.name} ({_PLACED})
    SELECT DISTINCT ON ({_KEY}) {_PLACED} FROM {_STAGE} WHERE correcting = 1 ORDER BY {_KEY}, place DESC
    ON CONFLICT ({_KEY}) DO UPDATE SET received_at = excluded.received_at, value = excluded.value, quality = excluded.quality,
        latitude = excluded.latitude, longitude = excluded.longitude
"""
# What late words of correcting registers are about to change: the worker has put those that came in time into its windows itself.
_CORRECTED = f"""
    SELECT s.device, s.quantity, s.at_us, s.good OR coalesce(good(r.quality), false), r.device IS NOT NULL
    FROM (
        SELECT DISTINCT ON ({_KEY}) {_KEY}, {_AT_US} AS at_us, good(quality), value FROM {_STAGE}
        WHERE correcting = 1 AND {_LATE} ORDER BY {_KEY}, place DESC
    ) s
    LEFT JOIN {tables.READING.name} r USING ({_KEY})
    WHERE r.value IS DISTINCT FROM s.value OR good(r.quality) <> s.good
"""


class Changed(NamedTuple):
    """Late rows that changed what KPIs rest on: columns device, quantity, measured_at."""

    late: Columns
    corrected: Columns


class Written(NamedTuple):
    """What became of the rows of a batch: rows = stored + duplicates + conflicts."""

    stored: int
    late: int
    duplicates: int
    conflicts: int
    changed: Changed | None = None
    """None where no row was late."""


def known(columns: Columns) -> bool:
    """True where every row has its numbers."""
    return bool((columns["device"] != UNKNOWN).all() and (columns["quantity"] != UNKNOWN).all())


def require_known(pieces: Sequence[Piece], ids: Ids) -> None:
    """Raises Inconsistent that names the first id that the database does not know."""
    for record in (piece.record for piece in pieces):
        for column, numbers, what in ((record.device, ids.devices, "device"), (record.quantity, ids.quantities, "quantity")):
            require(_there(column), translate(_there(column), numbers), what)


def columns_of(pieces: Sequence[Piece], ids: Ids) -> Columns:
    """All rows of the pieces as columns, with small ids (UNKNOWN where there is none), partition, input offset, place and correcting."""
    records = [piece.record for piece in pieces]
    columns: Columns = {
        "device": np.concatenate([translate(_there(record.device), ids.devices) for record in records]),
        "quantity": np.concatenate([translate(_there(record.quantity), ids.quantities) for record in records]),
    }
    for name in ("measured_at", "received_at", "value", "quality"):
        columns[name] = np.concatenate([record.numbers[name] for record in records])
    rows = [record.rows for record in records]
    if any("latitude" in record.numbers for record in records):
        for name in checked.POSITION:
            columns[name] = np.concatenate([record.numbers.get(name, np.full(record.rows, np.nan)) for record in records])
    columns["partition"] = np.repeat([piece.partition for piece in pieces], rows)
    columns["input_offset"] = np.repeat([record.input_offset for record in records], rows)
    columns["place"] = np.arange(sum(rows))
    columns["correcting"] = np.isin(columns["device"], list(ids.correcting)).astype(np.int64)
    return columns


def store(connection: Connection, columns: Columns) -> Written:
    """Store the rows in the caller's transaction; raises psycopg.errors.UniqueViolation where the worker's proof does not hold."""
    late = checked.late(columns["quality"])
    staged = late | (columns["correcting"] == 1)
    plain = {name: column[~staged] for name, column in columns.items()} if staged.any() else columns
    stored = 0
    for part, placed in _by_position(plain):
        if placed:
            stored += _send(connection, _COPY_PLACED, copy.encode_placed(part))
        else:
            stored += _send(connection, _COPY, copy.encode_readings(part))
    if not staged.any():
        return Written(stored, 0, 0, 0)
    inserted, duplicates, conflicts, changed = _store_staged(connection, {name: column[staged] for name, column in columns.items()})
    return Written(stored + inserted, int(late.sum()), duplicates, conflicts, changed if late.any() else None)


def _store_staged(connection: Connection, rows: Columns) -> tuple[int, int, int, Changed]:
    for part, placed in _by_position(rows):
        if placed:
            _send(connection, _COPY_STAGE_PLACED, copy.encode_staged_placed(part))
        else:
            _send(connection, _COPY_STAGE, copy.encode_staged(part))
    corrected = int(rows["correcting"].sum())
    came = connection.execute(_INSERT_LATE).fetchall()
    inserted = len(came)
    span = from_us(int(rows["measured_at"].min())), from_us(int(rows["measured_at"].max()))
    conflicts = connection.execute(_KEEP_CONFLICTS, span).rowcount
    row = connection.execute(_THERE, span).fetchone()
    there = int(row[0]) if row is not None else 0
    replaced = connection.execute(_CORRECTED).fetchall() if corrected else []
    if corrected:
        connection.execute(_CORRECT)
    late = [row for row in came if row[3]] + [row for row in replaced if row[3] and not row[4]]
    changed = Changed(_changed(late), _changed([row for row in replaced if row[3] and row[4]]))
    return inserted + corrected, there - inserted - conflicts, conflicts, changed


def _changed(rows: Sequence[tuple[Any, ...]]) -> Columns:
    numbers = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
    return dict(zip(("device", "quantity", "measured_at"), numbers, strict=True))


def _by_position(columns: Columns) -> Iterator[tuple[Columns, bool]]:
    """The rows without a position, then those with one; nothing where there are none."""
    if "latitude" not in columns:
        if len(columns["device"]):
            yield columns, False
        return
    placed = ~(np.isnan(columns["latitude"]) | np.isnan(columns["longitude"]))
    for wanted in (False, True):
        mine = placed == wanted
        if mine.any():
            yield {name: column[mine] for name, column in columns.items()}, wanted


def _send(connection: Connection, statement: str, data: memoryview) -> int:
    """COPY; how many rows the server says it took."""
    with connection.cursor() as cursor:
        with cursor.copy(statement) as stream:
            stream.write(data)
        return cursor.rowcount


def _there(column: Any) -> Any:
    if column is None:
        raise ValueError("a checked record with rows has no ids")
    return column
