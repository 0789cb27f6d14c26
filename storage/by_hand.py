"""Flags that people set: spans of a device's readings, kept with who, when and why.

Promises  A span is there for every transaction that stores readings later; those under way are waited for. Nothing is deleted: a cleared
          span stays as a record. What is not known is refused with what was wanted.
Leaves    Applying them to storage.arrivals (readings to come) and the restater (readings that are stored).
"""

from datetime import datetime
from typing import Any, NamedTuple

from catalog import tables
from catalog.errors import ConfigError, nearest
from catalog.quality import Flag
from catalog.windows import FIXED_US, from_us, to_us
from storage.arrivals import LOCK
from storage.connect import Connection, world

FLAGS = {flag.name.lower(): int(flag) for flag in Flag}
_QUARTER_US = FIXED_US["quarter_hour"]

_ALONE = "SELECT pg_advisory_xact_lock(%s)"
_DEVICE = f"SELECT no FROM {tables.DEVICE_CURRENT.name} WHERE id = %s"
_LIKE = f"SELECT id FROM {tables.DEVICE_CURRENT.name} WHERE starts_with(id, %s) ORDER BY id LIMIT 2000"
_QUANTITIES = f"SELECT id, no FROM {tables.QUANTITY.name} ORDER BY id"
_SET = f"""
    INSERT INTO {tables.QUALITY_SPAN.name} (device, quantity, starts, ends, flag, why, set_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING no
"""
_CLEAR = f"""
    UPDATE {tables.QUALITY_SPAN.name} SET cleared_at = now(), cleared_by = %s, pending = true WHERE no = %s AND cleared_at IS NULL
"""
_THERE = f"SELECT cleared_at FROM {tables.QUALITY_SPAN.name} WHERE no = %s"
_SPANS = f"""
    SELECT s.no, d.id AS device, q.id AS quantity, s.starts, s.ends, s.flag, s.why, s.set_by, s.set_at, s.pending, s.readings,
           s.cleared_at, s.cleared_by
    FROM {tables.QUALITY_SPAN.name} s
    JOIN {tables.DEVICE_CURRENT.name} d ON d.no = s.device
    LEFT JOIN {tables.QUANTITY.name} q ON q.no = s.quantity
    WHERE (%(device)s::text IS NULL OR d.id = %(device)s) AND (%(all)s OR s.cleared_at IS NULL) AND (%(no)s::bigint IS NULL OR s.no = %(no)s)
    ORDER BY s.no
"""
_WORDS = f"""
    SELECT d.id AS device, q.id AS quantity, w.test, w.starts, w.ends, w.flag, w.readings, w.tested_at
    FROM {tables.QUALITY_WORD.name} w
    JOIN {tables.DEVICE_CURRENT.name} d ON d.no = w.device
    JOIN {tables.QUANTITY.name} q ON q.no = w.quantity
    WHERE (%(device)s::text IS NULL OR d.id = %(device)s) AND w.starts < %(to)s AND w.ends >= %(from)s
    ORDER BY w.starts, d.id, q.id, w.test
"""
_KINDS = f"SELECT id FROM {tables.SENSOR_KIND.name} ORDER BY id"
_RETEST = f"INSERT INTO {tables.QUALITY_INBOX.name} (kind, earliest, latest) SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])"


class Wish(NamedTuple):
    """What somebody says of a device's readings in [starts, ends); quantity None: of all."""

    device: str
    quantity: str | None
    starts: datetime
    ends: datetime
    flag: str
    why: str
    by: str


def put(connection: Connection, wish: Wish) -> int:
    """Keep it, in a transaction of its own; its number. Raises ConfigError for what is not known or cannot be."""
    if wish.flag not in FLAGS:
        raise ConfigError("--flag", f"one of {', '.join(FLAGS)}", wish.flag, nearest(wish.flag, FLAGS))
    if wish.starts >= wish.ends:
        raise ConfigError("--to", f"a time after --from ({wish.starts.isoformat()})", wish.ends.isoformat())
    for option, text in (("--why", wish.why), ("--by", wish.by)):
        if not text.strip():
            raise ConfigError(option, "some words", text)
    with world(), connection.transaction():
        device, quantity = _device(connection, wish.device), _quantity(connection, wish.quantity)
        connection.execute(_ALONE, (LOCK,))
        given = device, quantity, wish.starts, wish.ends, FLAGS[wish.flag], wish.why.strip(), wish.by.strip()
        row = connection.execute(_SET, given).fetchone()
    return int(row[0]) if row is not None else 0


def clear(connection: Connection, no: int, by: str) -> None:
    """The span holds no longer; raises ConfigError where there is none of that number, or it was cleared before."""
    with world(), connection.transaction():
        connection.execute(_ALONE, (LOCK,))
        if connection.execute(_CLEAR, (by, no)).rowcount == 1:
            return
        row = connection.execute(_THERE, (no,)).fetchone()
        raise ConfigError("NO", "the number of a span that holds: ./kompas quality list", no if row is None else f"{no}, cleared {row[0]}")


def spans(connection: Connection, device: str | None = None, *, cleared: bool = False, no: int | None = None) -> list[dict[str, Any]]:
    """Spans in the order in which they were set."""
    return _rows(connection, _SPANS, {"device": device, "all": cleared, "no": no})


def words(connection: Connection, device: str | None, span: tuple[datetime, datetime]) -> list[dict[str, Any]]:
    """What the deferred tests say of readings in [from, to)."""
    return _rows(connection, _WORDS, {"device": device, "from": span[0], "to": span[1]})


def retest(connection: Connection, kind: str, span: tuple[datetime, datetime]) -> int:
    """Have the quarters of an hour in [from, to) of a kind tested again; how many. Raises ConfigError for an unknown kind."""
    with world(), connection.transaction():
        kinds = [row[0] for row in connection.execute(_KINDS)]
        if kind not in kinds:
            raise ConfigError("--kind", f"one of {', '.join(kinds)}", kind, nearest(kind, kinds))
        starts = list(range(to_us(span[0]) // _QUARTER_US * _QUARTER_US, to_us(span[1]), _QUARTER_US))
        times = [from_us(at + _QUARTER_US // 2) for at in starts]
        connection.execute(_RETEST, ([kind] * len(starts), times, times))
    return len(starts)


def require_device(connection: Connection, device: str) -> None:
    """Raises ConfigError where there is none of that id."""
    with world():
        _device(connection, device)
        connection.rollback()


def _device(connection: Connection, id_: str) -> int:
    row = connection.execute(_DEVICE, (id_,)).fetchone()
    if row is None:
        there = [found[0] for found in connection.execute(_LIKE, (id_.partition(".")[0] + ".",))]
        raise ConfigError("--device", "the id of a device: ./kompas devices", id_, nearest(id_, there))
    return int(row[0])


def _quantity(connection: Connection, id_: str | None) -> int | None:
    if id_ is None:
        return None
    numbers: dict[str, int] = dict(connection.execute(_QUANTITIES).fetchall())
    if id_ not in numbers:
        raise ConfigError("--quantity", f"one of {', '.join(numbers)}", id_, nearest(id_, numbers))
    return numbers[id_]


def _rows(connection: Connection, statement: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    with world(), connection.cursor() as cursor:
        rows = cursor.execute(statement, given).fetchall()
        names = [column.name for column in cursor.description or ()]
        connection.rollback()
    flags = {number: name for name, number in FLAGS.items()}
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**row, "flag": flags[row["flag"]]} for row in found]
