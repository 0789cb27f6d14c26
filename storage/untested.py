"""How much quality work waits that could be done now (rule 27): quarter-hours to be tested, flags to be applied.

Promises  Counted from where things come from to where they go, so that what moves meanwhile is counted twice rather than not at all.
Leaves    Doing it to the restater.
"""

from datetime import datetime

from catalog import tables
from catalog.topics import partition_of
from catalog.windows import from_us, to_us
from storage.connect import Connection

_KINDS = f"SELECT kind FROM {tables.QUALITY_INBOX.name} UNION SELECT kind FROM {tables.QUALITY_DUE.name}"
_DEVICES = f"SELECT kind, id FROM {tables.DEVICE_CURRENT.name} WHERE kind = ANY(%s)"
_WATERMARKS = f"SELECT partition, kind, watermark FROM {tables.WATERMARK.name} WHERE kind = ANY(%s)"
_PASSED = "unnest(%s::text[], %s::timestamptz[]) AS p (kind, passed)"
_INBOX = f"SELECT count(*) FROM {tables.QUALITY_INBOX.name} i JOIN {_PASSED} ON p.kind = i.kind AND i.earliest < p.passed"
_DUE = f"SELECT count(*) FROM {tables.QUALITY_DUE.name} d JOIN {_PASSED} ON p.kind = d.kind AND d.ready_at <= p.passed"
_SPANS = f"SELECT count(*) FROM {tables.QUALITY_SPAN.name} WHERE pending"
_ENDS = f"""
    SELECT count(*) FROM {tables.FLAG_END.name} e WHERE EXISTS (
        SELECT FROM {tables.READING.name} r
        WHERE r.device = e.device AND r.quantity = e.quantity AND r.measured_at > e.measured_at AND good(r.quality)
    )
"""


def waiting(connection: Connection) -> dict[str, int]:
    """What waits, by its name; in the caller's transaction."""
    kinds = [row[0] for row in connection.execute(_KINDS)]
    passed = _passed(connection, kinds)
    given = list(passed), [from_us(at_us) for at_us in passed.values()]
    return {
        "times of readings to be tested": _count(connection, _INBOX, given),
        "flags to be applied": _count(connection, _SPANS),
        "counters that speak again behind a flag": _count(connection, _ENDS),
        "quarter-hours to be tested": _count(connection, _DUE, given),
    }


def _passed(connection: Connection, kinds: list[str]) -> dict[str, int]:
    """What all partitions with a device of a kind have passed (µs); without kinds of which one has not begun."""
    if not kinds:
        return {}
    stored = {(partition, kind): to_us(at) for partition, kind, at in connection.execute(_WATERMARKS, (kinds,))}
    partitions: dict[str, set[int]] = {}
    for kind, device in connection.execute(_DEVICES, (kinds,)):
        partitions.setdefault(kind, set()).add(partition_of(device))
    return {kind: min(stored[p, kind] for p in those) for kind, those in partitions.items() if all((p, kind) in stored for p in those)}


def _count(connection: Connection, statement: str, given: tuple[list[str], list[datetime]] | None = None) -> int:
    row = connection.execute(statement, given).fetchone()
    return 0 if row is None else int(row[0])
