"""Where the writer stands in each topic, kept in the same transaction as what it stored.

Promises  An offset moves only from the value that this writer read (compare-and-set): a former owner that still speaks is stopped,
          not obeyed. Another Kafka cluster, or a log that ends before what is stored, stops the writer.
Leaves    What lies between two offsets to storage.batch.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from catalog import tables
from catalog.topics import CHECKED, KPIS, REJECTED, Topic
from runtime import events
from runtime.errors import Inconsistent
from storage.connect import Connection

TOPICS: tuple[Topic, ...] = (CHECKED, KPIS, REJECTED)
"""What the writer stores from."""


class Key(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Position(NamedTuple):
    """`next_offset` of the input for checked, of the topic itself for the others; `log_offset` is where reading goes on."""

    next_offset: int
    log_offset: int


FRESH = Position(0, 0)

_CLAIM = f"""
    INSERT INTO {tables.STREAM_OFFSET.name} (topic, partition, next_offset, log_offset, cluster_id)
    SELECT t, p, 0, 0, %s FROM unnest(%s::text[], %s::int[]) AS owned(t, p)
    ON CONFLICT (topic, partition) DO NOTHING
"""
_READ = f"""
    SELECT s.topic, s.partition, s.next_offset, s.log_offset, s.cluster_id
    FROM {tables.STREAM_OFFSET.name} s JOIN unnest(%s::text[], %s::int[]) AS owned(t, p) ON s.topic = t AND s.partition = p
"""
_MOVE = f"""
    UPDATE {tables.STREAM_OFFSET.name} s SET next_offset = m.next_to, log_offset = m.log_to
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        AS m(topic, partition, next_from, log_from, next_to, log_to)
    WHERE s.topic = m.topic AND s.partition = m.partition AND s.next_offset = m.next_from AND s.log_offset = m.log_from
"""


def owned(writer: int, writers: int) -> list[Key]:
    """The partitions of writer number `writer`, of all topics."""
    return [Key(topic.name, partition) for topic in TOPICS for partition in range(topic.partitions) if partition % writers == writer]


def load(connection: Connection, keys: Iterable[Key], cluster_id: str) -> dict[Key, Position]:
    """The stored positions, fresh ones where there are none; raises Inconsistent for another Kafka cluster."""
    keys = list(keys)
    topics, partitions = [key.topic for key in keys], [key.partition for key in keys]
    connection.execute(_CLAIM, (cluster_id, topics, partitions))
    rows = connection.execute(_READ, (topics, partitions)).fetchall()
    connection.commit()
    for topic, partition, *_, known in rows:
        if known != cluster_id:
            raise Inconsistent(
                f"stream_offset of {topic}/{partition}: wanted Kafka cluster {known}, which the stored offsets count in, got {cluster_id}"
            )
    return {Key(row[0], row[1]): Position(row[2], row[3]) for row in rows}


def check_log(positions: Mapping[Key, Position], begin: Mapping[Key, int], end: Mapping[Key, int]) -> None:
    """Compare what is stored with what the log holds; raises Inconsistent where going on would lose or double."""
    for key, position in positions.items():
        if end[key] < position.log_offset:
            raise Inconsistent(f"{key.topic}/{key.partition}: wanted a log up to offset {position.log_offset} or more, got one up to {end[key]}")
        missed = begin[key] - position.log_offset
        if missed <= 0:
            continue
        if key.topic == CHECKED.name and position != FRESH:
            raise Inconsistent(
                f"{key.topic}/{key.partition}: wanted a log from offset {position.log_offset}, got one from {begin[key]}: records expired unread"
            )
        events.failed("log_expired_unread", topic=key.topic, partition=key.partition, records=missed)


def move(connection: Connection, before: Mapping[Key, Position], after: Mapping[Key, Position]) -> None:
    """Move the offsets of `after`, in the caller's transaction; raises Inconsistent where somebody else moved them."""
    rows = [(key, before[key], position) for key, position in sorted(after.items())]
    moved = connection.execute(
        _MOVE,
        (
            [key.topic for key, _, _ in rows],
            [key.partition for key, _, _ in rows],
            [old.next_offset for _, old, _ in rows],
            [old.log_offset for _, old, _ in rows],
            [new.next_offset for _, _, new in rows],
            [new.log_offset for _, _, new in rows],
        ),
    ).rowcount
    if moved != len(rows):
        raise Inconsistent(f"stream_offset: wanted to move {len(rows)} offsets, moved {moved}: another writer owns these partitions")
