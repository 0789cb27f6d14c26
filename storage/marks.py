"""Marks in table dirty_window, in the transaction of what made them necessary.

Promises  Nothing happens, and nothing is asked, where a batch has no late row. Marks are written in one order by everybody, so that
          two transactions never wait for each other in a ring.
Leaves    Which windows to storage.dirty, computing them to the restater.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import tables
from catalog.kpi_value import KpiValue
from catalog.windows import from_us, to_us
from formula.dated import Dated
from storage import dated as dated_tables
from storage import dirty
from storage.connect import Connection
from storage.dated import Known
from storage.dirty import Late, Mark

I64 = npt.NDArray[np.int64]

_MARK = f"""
    INSERT INTO {tables.DIRTY_WINDOW.name} AS d (kpi, version, area, window_start, window_end, reason, marked_at)
    SELECT *, %(reason)s, now()
    FROM unnest(%(kpi)s::text[], %(version)s::int[], %(area)s::text[], %(start)s::timestamptz[], %(end)s::timestamptz[])
        AS m (kpi, version, area, window_start, window_end)
    ORDER BY kpi, version, area, window_start
    ON CONFLICT (kpi, version, area, window_start) DO UPDATE
    SET marked_at = excluded.marked_at, reason = CASE excluded.reason WHEN 'depends_on' THEN d.reason ELSE excluded.reason END
"""
# Of a counter's late reading the step of the next one changes, too: where it is, or that it is still to come.
_NEXT = f"""
    SELECT (
        SELECT (extract(epoch FROM measured_at) * 1000000)::bigint FROM {tables.READING.name} r
        WHERE r.device = g.device AND r.quantity = g.quantity AND r.measured_at > g.measured_at AND good(r.quality)
        ORDER BY r.measured_at LIMIT 1
    )
    FROM unnest(%s::int[], %s::smallint[], %s::timestamptz[]) WITH ORDINALITY AS g (device, quantity, measured_at, place)
    ORDER BY place
"""
_AWAIT = """
    INSERT INTO {table} AS e (device, quantity, measured_at)
    SELECT device, quantity, max(measured_at) FROM unnest(%s::int[], %s::smallint[], %s::timestamptz[]) AS g (device, quantity, measured_at)
    GROUP BY device, quantity ORDER BY device, quantity
    ON CONFLICT (device, quantity) DO UPDATE SET measured_at = greatest(e.measured_at, excluded.measured_at)
"""
_AWAITED = f"SELECT device, quantity, measured_at FROM {tables.LATE_END.name}"
_CAME = f"DELETE FROM {tables.LATE_END.name} WHERE device = %s AND quantity = %s"


class Marker:
    """What the writer needs to mark windows; the catalogue is loaded when the first late row comes."""

    def __init__(self) -> None:
        self._known: Known | None = None
        self._awaited: dict[tuple[int, int], int] | None = None
        """Table late_end: time (µs) by device and counter; None: not read yet."""

    def forget(self) -> None:
        """A transaction was given up: what is remembered may not be what is stored."""
        self._known, self._awaited = None, None

    def rows(self, connection: Connection, late: dict[str, npt.NDArray[Any]], reason: str) -> int:
        """Mark what late rows (columns device, quantity, measured_at in µs) touch, in the caller's transaction; the number of marks."""
        if not late["device"].size:
            return 0
        dated = self._dated(connection)
        device, quantity, at_us = (late[name].astype(np.int64) for name in ("device", "quantity", "measured_at"))
        until_us, waits = until(connection, dated, (device, quantity, at_us), tables.LATE_END)
        if waits:
            self._awaited = None
        found = dirty.marks(dated, Late(device, quantity, at_us, until_us))
        write(connection, found, reason)
        return len(found)

    def awaited(self, connection: Connection, columns: dict[str, npt.NDArray[Any]]) -> int:
        """Mark the windows of readings that follow a late one of a counter; next to nothing where none is awaited."""
        if self._awaited is None:
            self._awaited = {(row[0], row[1]): to_us(row[2]) for row in connection.execute(_AWAITED)}
        if not self._awaited:
            return 0
        devices = np.array([device for device, _ in self._awaited], np.int64)
        rows = np.flatnonzero(np.isin(columns["device"], devices) & np.isin(columns["quality"] & 15, (1, 2)))
        first: dict[tuple[int, int], int] = {}
        for row in rows.tolist():
            key, at_us = (int(columns["device"][row]), int(columns["quantity"][row])), int(columns["measured_at"][row])
            if at_us > self._awaited.get(key, at_us):
                first[key] = min(at_us, first.get(key, at_us))
        if not first:
            return 0
        came = np.array([[*key, at_us, at_us] for key, at_us in sorted(first.items())], np.int64).T
        found = dirty.marks(self._dated(connection), Late(*came))
        write(connection, found, "late")
        for key in sorted(first):
            connection.execute(_CAME, key)
            del self._awaited[key]
        return len(found)

    def _dated(self, connection: Connection) -> Dated:
        if self._known is None or dated_tables.change_of(connection) != self._known.change:
            self._known = dated_tables.load(connection)
        return self._known.dated


def until(connection: Connection, dated: Dated, rows: tuple[I64, I64, I64], table: tables.Table) -> tuple[I64, bool]:
    """Until when each row (device, quantity, µs) reaches over the device's next reading, and whether some have none yet: those are put in `table`."""
    device, quantity, at_us = rows
    until_us = at_us.copy()
    stepping = np.flatnonzero(np.isin(quantity, list(dirty.counted(dated))))
    if not stepping.size:
        return until_us, False
    given = device[stepping].tolist(), quantity[stepping].tolist(), [from_us(at) for at in at_us[stepping].tolist()]
    after = [row[0] for row in connection.execute(_NEXT, given)]
    open_ = [n for n, at in enumerate(after) if at is None]
    until_us[stepping] = [at if at is not None else own for at, own in zip(after, at_us[stepping].tolist(), strict=True)]
    if open_:
        connection.execute(_AWAIT.format(table=table.name), [[column[n] for n in open_] for column in given])
    return until_us, bool(open_)


def rebuilt(connection: Connection, values: Iterable[KpiValue]) -> int:
    """Mark the windows of finals that say of themselves that readings may be missing in them (rule 14)."""
    found = sorted(
        {Mark(v.kpi, v.version, v.area, _us(v.window_start), _us(v.window_end)) for v in values if v.reason == "rebuilt" and v.status == "final"}
    )
    write(connection, found, "rebuilt")
    return len(found)


def write(connection: Connection, found: Sequence[Mark], reason: str) -> None:
    """Mark these windows in the caller's transaction."""
    if found:
        columns = {
            "kpi": [mark.kpi for mark in found],
            "version": [mark.version for mark in found],
            "area": [mark.area for mark in found],
            "start": [from_us(mark.start_us) for mark in found],
            "end": [from_us(mark.end_us) for mark in found],
        }
        connection.execute(_MARK, {**columns, "reason": reason})


def _us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))
