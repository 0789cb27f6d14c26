"""What the restater reads and writes to test closed quarter-hours, and to apply what was flagged by hand (rule 23).

Promises  Everything here runs in the caller's repeatable-read transaction: readings seen, words given, flags changed, windows marked and the
          quarter done go together. What is due is forgotten only by who has seen the readings that made it due.
Leaves    The tests to restate.verdicts, what is due when to restate.testing, spans that people set to storage.by_hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog import tables
from catalog.windows import from_us, to_us
from formula.dated import Dated
from storage import copied, dirty, marks, worth
from storage.connect import Connection
from storage.dirty import Late
from storage.worth import ByHand

__all__ = ["Changed", "Connection", "Rows"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

_DRAIN = f"""
    WITH gone AS (DELETE FROM {tables.QUALITY_INBOX.name} RETURNING kind, earliest, latest)
    SELECT kind, min(earliest), max(latest) FROM gone GROUP BY kind, floor(extract(epoch FROM earliest) / 900)
"""
_ENTER = f"""
    INSERT INTO {tables.QUALITY_DUE.name} AS d (kind, quarter_start, ready_at)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])
    ON CONFLICT (kind, quarter_start) DO UPDATE SET ready_at = excluded.ready_at WHERE d.ready_at <> excluded.ready_at
"""
_READY = f"""
    SELECT d.kind, d.quarter_start FROM {tables.QUALITY_DUE.name} d
    JOIN unnest(%s::text[], %s::timestamptz[]) AS p (kind, passed) ON p.kind = d.kind AND d.ready_at <= p.passed
    ORDER BY d.quarter_start, d.kind LIMIT %s
"""
_DONE = f"DELETE FROM {tables.QUALITY_DUE.name} WHERE kind = %s AND quarter_start >= %s AND quarter_start < %s"
_HIGHEST = f"SELECT kind, max(watermark) FROM {tables.WATERMARK.name} GROUP BY kind"
_READINGS = f"""
    COPY (
        SELECT device, quantity, measured_at, value, quality FROM {tables.READING.name}
        WHERE quantity = ANY(%(quantities)s::int[]) AND measured_at >= %(from)s AND measured_at < %(to)s
    ) TO STDOUT (FORMAT BINARY)
"""
_OF_DEVICES = f"""
    COPY (
        SELECT device, quantity, measured_at, value, quality FROM {tables.READING.name}
        WHERE device = ANY(%(devices)s::int[]) AND quantity = ANY(%(quantities)s::int[]) AND measured_at >= %(from)s AND measured_at < %(to)s
    ) TO STDOUT (FORMAT BINARY)
"""
_FLAGS_AT_A_TIME = 50_000
_ROW = copied.layout(device="i4", quantity="i2", at="i8", value="f8", quality="i4")
_ALL_QUANTITIES = f"SELECT no FROM {tables.QUANTITY.name}"
_FORGET = f"DELETE FROM {tables.QUALITY_WORD.name} WHERE kind = %s AND starts >= %s AND starts < %s"
_SAY = f"""
    INSERT INTO {tables.QUALITY_WORD.name} (kind, device, quantity, test, starts, ends, flag, readings, tested_at)
    SELECT %s, *, now()
    FROM unnest(%s::int[], %s::smallint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::smallint[], %s::int[])
    ON CONFLICT (device, quantity, test, starts) DO UPDATE
    SET kind = excluded.kind, ends = excluded.ends, flag = excluded.flag, readings = excluded.readings, tested_at = excluded.tested_at
"""
_SAID = f"""
    SELECT quantity, test, starts, ends, flag FROM {tables.QUALITY_WORD.name}
    WHERE device = %s AND starts < %s AND ends >= %s
"""
_HELD = f"""
    SELECT no, device, quantity, starts, ends, flag FROM {tables.QUALITY_SPAN.name}
    WHERE cleared_at IS NULL AND starts < %s AND ends > %s AND (%s::int IS NULL OR device = %s)
"""
_PENDING = f"SELECT no, device, quantity, starts, ends, flag FROM {tables.QUALITY_SPAN.name} WHERE pending ORDER BY no LIMIT 1"
_APPLIED = f"UPDATE {tables.QUALITY_SPAN.name} SET pending = false, applied_at = now(), readings = %s WHERE no = %s"
# The range is for the planner: without it every chunk that ever was is looked into.
_FLAG = f"""
    UPDATE {tables.READING.name} r SET quality = g.quality
    FROM unnest(%s::int[], %s::smallint[], %s::timestamptz[], %s::int[]) AS g (device, quantity, measured_at, quality)
    WHERE r.device = g.device AND r.quantity = g.quantity AND r.measured_at = g.measured_at AND r.measured_at >= %s AND r.measured_at <= %s
"""
_CAME = f"""
    SELECT e.device, e.quantity, n.at_us FROM {tables.FLAG_END.name} e CROSS JOIN LATERAL (
        SELECT (extract(epoch FROM measured_at) * 1000000)::bigint AS at_us FROM {tables.READING.name} r
        WHERE r.device = e.device AND r.quantity = e.quantity AND r.measured_at > e.measured_at AND good(r.quality)
        ORDER BY r.measured_at LIMIT 1
    ) n
"""
_ENDED = f"DELETE FROM {tables.FLAG_END.name} WHERE device = %s AND quantity = %s"


class Rows(NamedTuple):
    """n stored readings in order of quantity, span and time."""

    span: I64
    """Place in Dated.stands of the span that was valid when it was measured."""
    device: I64
    quantity: I64
    at_us: I64
    value: F64
    quality: I64

    def taken(self, rows: npt.NDArray[np.bool_] | I64) -> "Rows":
        """Some of them."""
        return Rows(self.span[rows], self.device[rows], self.quantity[rows], self.at_us[rows], self.value[rows], self.quality[rows])


class Changed(NamedTuple):
    """What became of a test or a span."""

    readings: int
    flags: int
    """Readings whose quality is another now."""
    marks: int


def drain(connection: Connection) -> list[tuple[str, int, int]]:
    """Kind, earliest and latest time (µs) of what came, by quarter of an hour; taken away."""
    return [(kind, to_us(low), to_us(high)) for kind, low, high in connection.execute(_DRAIN)]


def enter(connection: Connection, quarters: Iterable[tuple[str, int, int]]) -> None:
    """Make quarters due: kind, start and the watermark from which on they can be tested (µs)."""
    rows = sorted(quarters)
    if rows:
        columns = [kind for kind, *_ in rows], [from_us(start) for _, start, _ in rows], [from_us(ready) for *_, ready in rows]
        connection.execute(_ENTER, columns)


def highest(connection: Connection) -> dict[str, int]:
    """The highest watermark of each kind that was ever stored: no quarter behind it was tested."""
    return {kind: to_us(at) for kind, at in connection.execute(_HIGHEST)}


def ready(connection: Connection, passed: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    """Kind and start (µs) of quarters that can be tested now, the oldest first."""
    given = list(passed), [from_us(at) for at in passed.values()], limit
    return [(kind, to_us(start)) for kind, start in connection.execute(_READY, given)]


def done(connection: Connection, kind: str, span_us: tuple[int, int]) -> None:
    """The quarters in [from, to) are tested."""
    connection.execute(_DONE, (kind, from_us(span_us[0]), from_us(span_us[1])))


def readings(
    connection: Connection, dated: Dated, kind: str, of: tuple[Sequence[int], tuple[int, int]], devices: Sequence[int] | None = None
) -> Rows:
    """Readings of devices that were of the kind when they measured; of: numbers of quantities, and times [from, to) in µs."""
    rows = _read(connection, dated, of, devices)
    rows = rows.taken(rows.span >= 0)
    return rows.taken(dated.stands.kind[rows.span] == dated.kinds.index(kind))


def _read(connection: Connection, dated: Dated, of: tuple[Sequence[int], tuple[int, int]], devices: Sequence[int] | None) -> Rows:
    given = {"quantities": list(of[0]), "from": from_us(of[1][0]), "to": from_us(of[1][1]), "devices": devices}
    statement = _READINGS if devices is None else _OF_DEVICES
    blocks = list(copied.blocks(connection, statement, given, _ROW))
    table = np.concatenate(blocks) if blocks else np.zeros(0, _ROW)
    device, at_us = table["device"].astype(np.int64), copied.times_us(table["at"])
    numbers = device, table["quantity"].astype(np.int64), at_us, table["value"].astype(np.float64), table["quality"].astype(np.int64)
    rows = Rows(dirty.standing(dated, device, at_us), *numbers)
    return rows.taken(np.lexsort((rows.at_us, rows.span, rows.quantity)))


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several reads, in order."""
    rows = Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return rows.taken(np.lexsort((rows.at_us, rows.span, rows.quantity)))


def forget(connection: Connection, kind: str, span_us: tuple[int, int]) -> None:
    """Take back what the tests said of the kind's readings in [from, to)."""
    connection.execute(_FORGET, (kind, from_us(span_us[0]), from_us(span_us[1])))


def say(connection: Connection, kind: str, rows: Rows, words: Mapping[str, U8]) -> int:
    """Write down what the tests say of the kind's readings; the number of words."""
    said = [run for test, flags in words.items() for run in runs(rows, test, flags)]
    if said:
        device, quantity, test, starts, ends, flag, many = (list(column) for column in zip(*said, strict=True))
        times = [from_us(at) for at in starts], [from_us(at) for at in ends]
        connection.execute(_SAY, (kind, device, quantity, test, *times, flag, many))
    return len(said)


def runs(rows: Rows, test: str, flags: U8) -> list[tuple[int, int, str, int, int, int, int]]:
    """Words: device, quantity, test, first and last time, flag and number of readings that follow each other in one quarter of an hour.

    rows: readings that the tests look at, and no others, so that all that lies between the first and the last says the same.
    """
    spoken = np.flatnonzero(flags >= worth.LOWEST_WORD)
    if not spoken.size:
        return []
    same = (np.diff(spoken) == 1) & (np.diff(flags[spoken].astype(np.int64)) == 0)
    for column in (rows.quantity, rows.span, rows.at_us // dirty.QUARTER_US):
        same &= np.diff(column[spoken]) == 0
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    last = np.concatenate((first[1:], [spoken.size])) - 1
    low, high = spoken[first], spoken[last]
    columns = rows.device[low], rows.quantity[low], rows.at_us[low], rows.at_us[high], flags[low], last - first + 1
    return [(d, q, test, a, b, f, n) for d, q, a, b, f, n in zip(*(column.tolist() for column in columns), strict=True)]


def held(connection: Connection, span_us: tuple[int, int], device: int | None = None) -> list[ByHand]:
    """Spans set by hand that meet [from, to)."""
    given = from_us(span_us[1]), from_us(span_us[0]), device, device
    return [_by_hand(row) for row in connection.execute(_HELD, given)]


def flag(connection: Connection, dated: Dated, rows: Rows, quality: I64) -> Changed:
    """Give the readings these qualities where they have others, and mark the windows of those that became good, or ceased to be."""
    other = rows.taken(quality != rows.quality)
    now = quality[quality != rows.quality]
    if not other.at_us.size:
        return Changed(rows.at_us.size, 0, 0)
    for first in range(0, now.size, _FLAGS_AT_A_TIME):
        some, flags = other.taken(np.arange(first, min(first + _FLAGS_AT_A_TIME, now.size))), now[first : first + _FLAGS_AT_A_TIME]
        times = [from_us(at) for at in some.at_us.tolist()]
        connection.execute(_FLAG, (some.device.tolist(), some.quantity.tolist(), times, flags.tolist(), min(times), max(times)))
        copied.moved(1)
    turned = other.taken(worth.good(now) != worth.good(other.quality))
    found: list[dirty.Mark] = []
    if turned.at_us.size:
        of = turned.device, turned.quantity, turned.at_us
        until_us, _ = marks.until(connection, dated, of, tables.FLAG_END)
        found = dirty.marks(dated, Late(*of, until_us))
        marks.write(connection, found, "flagged")
    return Changed(rows.at_us.size, other.at_us.size, len(found))


def pending(connection: Connection) -> ByHand | None:
    """The oldest span whose stored readings do not say yet what it says."""
    row = connection.execute(_PENDING).fetchone()
    return None if row is None else _by_hand(row)


def apply(connection: Connection, dated: Dated, span: ByHand) -> Changed:
    """Give the stored readings of a span what arrival, tests and spans say now, whether it holds or was cleared."""
    span_us = span.starts_us, span.ends_us
    quantities = [row[0] for row in connection.execute(_ALL_QUANTITIES)] if span.quantity is None else [span.quantity]
    rows = _read(connection, dated, (quantities, span_us), [span.device])
    words = {test: np.zeros(rows.at_us.size, np.uint8) for test in worth.TESTS}
    passed = worth.tested(rows.quality) & (rows.span >= 0)
    for quantity, test, starts, ends, word in connection.execute(_SAID, (span.device, from_us(span.ends_us), from_us(span.starts_us))):
        here = passed & (rows.quantity == quantity) & (rows.at_us >= to_us(starts)) & (rows.at_us <= to_us(ends))
        words[test][here] = word
    hand = worth.by_hand(held(connection, span_us, span.device), rows.device, rows.quantity, rows.at_us)
    changed = flag(connection, dated, rows, worth.compose(rows.quality, words, hand))
    connection.execute(_APPLIED, (changed.readings, span.no))
    return changed


def ended(connection: Connection, dated: Dated) -> int:
    """Mark the windows of counters' readings that have come behind flagged ones; the number of marks."""
    came = connection.execute(_CAME).fetchall()
    if not came:
        return 0
    device, quantity, at_us = np.array(came, np.int64).reshape(-1, 3).T
    found = dirty.marks(dated, Late(device, quantity, at_us, at_us))
    marks.write(connection, found, "flagged")
    for row in came:
        connection.execute(_ENDED, row[:2])
    return len(found)


def _by_hand(row: tuple[int, int, int | None, object, object, int]) -> ByHand:
    no, device, quantity, starts, ends, given = row
    return ByHand(no, device, quantity, to_us(starts), to_us(ends), given)  # type: ignore[arg-type]
