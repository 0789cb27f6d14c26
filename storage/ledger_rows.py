"""The ledger's tables: the writer's running numbers into them, in its own transaction, and out again after a restart.

Promises  What is kept and how far the log is stored can never disagree: both move in one transaction. Old lives are added up, not dropped.
Leaves    Counting to storage.tally, judging to storage.ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from catalog import tables
from catalog.windows import from_us
from storage.connect import Connection
from storage.lives import MESSAGES, Part
from storage.tally import Counts, Tally

EARLIER = "earlier"
"""In place of a life: all those that nobody can hear of any more."""

COUNTS = tuple(field.name for field in msgspec.structs.fields(Counts))
PART = tuple(field.name for field in msgspec.structs.fields(Part))
_TYPES = {"holes": "jsonb", "joined": "boolean", "ended": "boolean"}


def _upsert(table: tables.Table, key: Sequence[str], columns: Sequence[str], types: Mapping[str, str], condition: str = "") -> str:
    named = ", ".join(f"{name} {types.get(name, 'bigint')}" for name in (*key, *columns))
    changed = ", ".join(f"{name} = excluded.{name}" for name in (*columns, *(["kept_at"] if "kept_at" in table.columns else [])))
    names = ", ".join((*key, *columns))
    return f"""
        INSERT INTO {table.name} AS k ({names}) SELECT {names} FROM json_to_recordset(%s) AS i({named})
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changed} {condition}
    """


_KEEP_COUNTS = _upsert(tables.LEDGER_PARTITION, ("partition",), COUNTS, {})
_KEEP_PARTS = _upsert(tables.LEDGER_FRAMES, ("gateway", "life", "partition"), PART, _TYPES | {"gateway": "text", "life": "text"})
_KEEP_GATEWAYS = f"""
    INSERT INTO {tables.LEDGER_GATEWAY.name} AS k (gateway, life, began_at, clock, ended, {", ".join(MESSAGES)})
    SELECT gateway, life, began_at, clock, ended, {", ".join(MESSAGES)}
    FROM json_to_recordset(%s) AS i(gateway text, life text, began_at timestamptz, clock timestamptz, ended boolean,
        {", ".join(f"{name} bigint" for name in MESSAGES)})
    ON CONFLICT (gateway, life) DO UPDATE
    SET clock = excluded.clock, ended = k.ended OR excluded.ended, kept_at = now(), {", ".join(f"{name} = excluded.{name}" for name in MESSAGES)}
    WHERE excluded.clock >= k.clock
"""
_ANOTHER = "coalesce(excluded.began_at > k.began_at + interval '1 minute', false)"
"""The broker was started again: what it says counts from nothing. Its start is known to ten seconds or so."""
_KEEP_BROKER = f"""
    INSERT INTO {tables.LEDGER_BROKER.name} AS k (gateway, said, dropped, began_at)
    SELECT g, n, n, b FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS i(g, n, b)
    ON CONFLICT (gateway) DO UPDATE SET said = excluded.said, began_at = coalesce(excluded.began_at, k.began_at), kept_at = now(),
        dropped = k.dropped + CASE WHEN excluded.said < k.said OR {_ANOTHER} THEN excluded.said ELSE excluded.said - k.said END
    WHERE excluded.said <> k.said OR (k.began_at IS NULL AND excluded.began_at IS NOT NULL) OR {_ANOTHER}
"""
_KEEP_REJECTED = f"""
    INSERT INTO {tables.LEDGER_REJECTED.name} AS k (gateway, life, source, messages, readings)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT (gateway, life, source) DO UPDATE
    SET messages = k.messages + excluded.messages, readings = k.readings + excluded.readings, kept_at = now()
"""
_COUNTS_OF = f"SELECT partition, {', '.join(COUNTS)} FROM {tables.LEDGER_PARTITION.name} WHERE partition = ANY(%s)"
_PARTS_OF = f"SELECT gateway, life, partition, {', '.join(PART)} FROM {tables.LEDGER_FRAMES.name} WHERE partition = ANY(%s) AND life <> '{EARLIER}'"


def load(connection: Connection, partitions: Iterable[int]) -> Tally:
    """The numbers of these partitions as they stand."""
    wanted = sorted(set(partitions))
    counts = {row[0]: Counts(*row[1:]) for row in connection.execute(_COUNTS_OF, (wanted,))}
    parts = {}
    for gateway, life, partition, *given in connection.execute(_PARTS_OF, (wanted,)):
        part = Part(*given)
        part.holes = [(start, end) for start, end in part.holes]
        parts[gateway, life, partition] = part
    return Tally(counts, parts)


def keep(connection: Connection, tally: Tally) -> None:
    """Write what changed, in the caller's transaction."""
    if tally.changed_counts:
        connection.execute(_KEEP_COUNTS, (_json({"partition": p, **_plain(tally.counts[p])} for p in sorted(tally.changed_counts)),))
    if tally.changed_parts:
        rows = ({"gateway": g, "life": life, "partition": p, **_plain(tally.parts[g, life, p])} for g, life, p in sorted(tally.changed_parts))
        connection.execute(_KEEP_PARTS, (_json(rows),))
    if tally.gateways:
        connection.execute(_KEEP_GATEWAYS, (_json(_lives(tally)),))
    if tally.broker_dropped:
        began = [None if (at_us := tally.broker_began_us.get(gateway)) is None else from_us(at_us) for gateway in tally.broker_dropped]
        connection.execute(_KEEP_BROKER, (list(tally.broker_dropped), list(tally.broker_dropped.values()), began))
    tally.clear()


def keep_rejected(connection: Connection, rows: Sequence[tuple[str, str, str, int, int]]) -> None:
    """Add refusals: gateway, life, source, messages refused as a whole, readings refused one by one; in the caller's transaction."""
    if rows:
        connection.execute(_KEEP_REJECTED, [list(column) for column in zip(*sorted(rows), strict=True)])


def _lives(tally: Tally) -> Iterable[dict[str, Any]]:
    for (gateway, life), told in sorted(tally.gateways.items()):
        times = {"began_at": from_us(told.began_us), "clock": from_us(told.clock_us)}
        yield {"gateway": gateway, "life": life, "ended": told.ended, **times, **dict.fromkeys(MESSAGES, 0), "confirmed": -1, **told.totals}


def _plain(of: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(of)


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(list(rows)).decode()


_FOLDED = f"""
    WITH old AS (
        SELECT gateway, life FROM {tables.LEDGER_FRAMES.name} WHERE life <> '{EARLIER}' GROUP BY gateway, life HAVING max(kept_at) < %s
    ), frames AS (
        DELETE FROM {tables.LEDGER_FRAMES.name} f USING old o WHERE f.gateway = o.gateway AND f.life = o.life RETURNING f.*
    ), totals AS (
        DELETE FROM {tables.LEDGER_GATEWAY.name} g USING old o WHERE g.gateway = o.gateway AND g.life = o.life RETURNING g.*
    ), refused AS (
        DELETE FROM {tables.LEDGER_REJECTED.name} r USING old o WHERE r.gateway = o.gateway AND r.life = o.life RETURNING r.*
    ), kept_frames AS (
        INSERT INTO {tables.LEDGER_FRAMES.name} AS k
            (gateway, life, partition, next_seq, holes, told_seq, told, before, since, repeated, earlier, confirmed_seq, joined, ended, clock_us)
        SELECT gateway, '{EARLIER}', partition, 0, '[]', 0, sum(told + since), sum(f.before + since), 0, sum(repeated),
            -- what a dead life framed and Kafka never confirmed came again in the next one: it is not missing
            sum(CASE WHEN NOT ended AND confirmed_seq >= 0 AND (holes -> 0 ->> 0)::bigint >= confirmed_seq THEN told - f.before ELSE earlier END),
            -1, true, true, 0
        FROM frames f GROUP BY gateway, partition
        ON CONFLICT (gateway, life, partition) DO UPDATE SET told = k.told + excluded.told, before = k.before + excluded.before,
            repeated = k.repeated + excluded.repeated, earlier = k.earlier + excluded.earlier
    ), kept_totals AS (
        INSERT INTO {tables.LEDGER_GATEWAY.name} AS k (gateway, life, began_at, clock, ended, {", ".join(MESSAGES)})
        SELECT gateway, '{EARLIER}', min(began_at), min(clock), true, {", ".join(f"sum({name})" for name in MESSAGES[:-1])}, -1
        FROM totals GROUP BY gateway
        ON CONFLICT (gateway, life) DO UPDATE SET {", ".join(f"{name} = k.{name} + excluded.{name}" for name in MESSAGES[:-1])}
    ), kept_refused AS (
        INSERT INTO {tables.LEDGER_REJECTED.name} AS k (gateway, life, source, messages, readings)
        SELECT gateway, '{EARLIER}', source, sum(messages), sum(readings) FROM refused GROUP BY gateway, source
        ON CONFLICT (gateway, life, source) DO UPDATE SET messages = k.messages + excluded.messages, readings = k.readings + excluded.readings
    )
    SELECT count(*) FROM old
"""


def fold(connection: Connection, before: datetime) -> int:
    """Add lives of which nothing was heard since `before` to their gateway's row; how many they were. In the caller's transaction."""
    row = connection.execute(_FOLDED, (before,)).fetchone()
    return int(row[0]) if row is not None else 0
