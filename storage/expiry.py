"""The alarm before anything expires unread: records older than half of the time that their topic keeps, to which their reader has not come.

Promises  Readings and partials are compared with what the workers committed, the rest with what the writers stored. One event when it comes and
          one when it goes; metric and /report show it in between.
Leaves    How long topics keep to catalog.topics.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from catalog import tables
from catalog.topics import CHECKED, KPIS, PARTIALS, READINGS, REJECTED, WORKERS, Topic
from runtime import clock, events, kafka
from runtime.errors import Unavailable
from storage.connect import world
from storage.layout import connect
from storage.metrics import WriterMetrics

EVERY_S = 60.0
SHARE = 0.5
"""Of the time that a topic keeps."""
_ANSWER_S = 20.0
_STORED = f"SELECT topic, partition, log_offset FROM {tables.STREAM_OFFSET.name}"
_BY_WORKERS, _BY_WRITERS = (READINGS, PARTIALS), (CHECKED, KPIS, REJECTED)

Part = tuple[str, int]


class Span(NamedTuple):
    """Offsets of one partition: where its log begins, and the first record younger than SHARE of its time (its end where there is none)."""

    begin: int
    young: int


def judge(spans: Mapping[Part, Span], positions: Mapping[Part, int]) -> dict[str, int]:
    """Unread records by topic that are too old; a reader without a position has read nothing."""
    found: dict[str, int] = {}
    for part, span in spans.items():
        unread = span.young - max(span.begin, positions.get(part, 0))
        if unread > 0:
            found[part[0]] = found.get(part[0], 0) + unread
    return found


async def spans(bootstrap: str, now_ms: int) -> dict[Part, Span]:
    """As Kafka has them at `now_ms`; raises Unavailable."""
    consumer = kafka.consumer(bootstrap, "kompas-expiry")
    try:
        await consumer.start()
        parts = {TopicPartition(topic.name, number): topic for topic in (*_BY_WORKERS, *_BY_WRITERS) for number in range(topic.partitions)}
        begin, end = await consumer.beginning_offsets(list(parts)), await consumer.end_offsets(list(parts))
        young = await consumer.offsets_for_times({part: now_ms - round(SHARE * topic.retention_ms) for part, topic in parts.items()})
        return {(p.topic, p.partition): Span(begin[p], end[p] if (at := young[p]) is None else at.offset) for p in parts}
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap}", "the age of its logs", repr(error)) from error
    finally:
        await consumer.stop()


async def committed(bootstrap: str) -> dict[Part, int]:
    """Where the workers are, by their commits; raises Unavailable."""
    parts = [(topic.name, number) for topic in _BY_WORKERS for number in range(topic.partitions)]
    return await kafka.group_offsets_now(bootstrap, "kompas-expiry", WORKERS, parts)


def stored(conninfo: str) -> dict[Part, int]:
    """Where the writers are; raises Unavailable."""
    with connect(conninfo, "kompas expiry") as connection, world():
        return {(topic, partition): offset for topic, partition, offset in connection.execute(_STORED)}


class Expiry:
    """`run` is its task; `alarms` is what stands."""

    def __init__(self, bootstrap: str, conninfo: str, metrics: WriterMetrics) -> None:
        self._bootstrap, self._conninfo, self._metrics = bootstrap, conninfo, metrics
        self._found: dict[str, int] = {}

    async def run(self) -> None:
        """Look for ever; cancel to stop."""
        while True:
            with contextlib.suppress(Unavailable, TimeoutError):  # the writer itself says which server is away
                self.saw(await asyncio.wait_for(self.look(clock.now_us() // 1_000), _ANSWER_S))
            await asyncio.sleep(EVERY_S)

    async def look(self, now_ms: int) -> dict[str, int]:
        """Unread records that are too old at `now_ms`, by topic; ages before positions, so that what is read meanwhile is no alarm."""
        logs = await spans(self._bootstrap, now_ms)
        return judge(logs, await committed(self._bootstrap) | await asyncio.to_thread(stored, self._conninfo))

    def saw(self, found: dict[str, int]) -> None:
        """One look."""
        before, self._found = self._found, found
        self._metrics.expiring.set(sum(found.values()))
        if found.keys() - before.keys():
            events.failed("expires_unread", topics=self.alarms())
        if before and not found:
            events.happened("expires_unread_no_more")

    def alarms(self) -> list[str]:
        """A sentence per topic."""
        return [_said(topic, self._found[topic.name]) for topic in (*_BY_WORKERS, *_BY_WRITERS) if topic.name in self._found]


def _said(topic: Topic, records: int) -> str:
    reader = "worker" if topic in _BY_WORKERS else "writer"
    days = topic.retention_ms / 86_400_000
    return f"{topic.name}: {records} records that the {reader} has not read are older than {SHARE * days:g} of the {days:g} days that they are kept"
