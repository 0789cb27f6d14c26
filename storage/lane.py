"""One lane of the writer: fetch and decode on the event loop, store in one thread, one transaction at a time.

Promises  While a transaction runs the next batch fills, up to its limit and no further: memory is bounded. After any trouble with a
          server everything in memory is dropped and read again from the stored offsets. Before a record of a later release its
          partition stands until the upgrade; the others go on.
Leaves    What a batch is to storage.batch, what a transaction is to storage.transaction.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from runtime import clock, events, kafka
from runtime.errors import Unavailable
from runtime.frames import NewerSchema
from storage import positions
from storage.batch import Batch
from storage.connect import FIRST_PAUSE_S, LONGEST_PAUSE_S
from storage.metrics import WriterMetrics
from storage.positions import Key, Position
from storage.publish import cluster_of
from storage.settings import WriterSettings
from storage.transaction import Database
from storage.watch import Watch

T = TypeVar("T")

_FETCH_MIN_BYTES, _FETCH_WAIT_MS, _FETCH_RECORDS = 32_768, 200, 2_000
_LOOK_S = 0.5
"""The longest sleep of the loop."""
_BUSY_S = 0.02
_IDLE_S = 2.0
_STOP_S = 5.0


class Lane:
    """Its partitions, its connection, its thread."""

    def __init__(self, name: str, keys: list[Key], settings: WriterSettings, metrics: WriterMetrics) -> None:
        self.name, self.keys = name, keys
        self.sessions = 0
        """How often it began with its servers anew."""
        self.stands: dict[Key, str] = {}
        """Partitions whose next record is of a later release, and the sentence that says so."""
        self._settings, self._metrics = settings, metrics
        self._database = Database(settings.conninfo, settings.ordinal)
        self._thread = ThreadPoolExecutor(1, name)
        self._said: dict[Key, str] = {}
        self._heard_s = 0.0
        self.watch = Watch(name, settings.kafka, metrics)

    async def run(self, stopped: asyncio.Event) -> None:
        """Store until stopped; raises Inconsistent where log and database contradict each other."""
        pause_s = FIRST_PAUSE_S
        try:
            while not stopped.is_set():
                self.sessions += 1
                try:
                    await self._session(stopped)
                except Unavailable as error:
                    if self.watch.lost(str(error)):
                        pause_s = FIRST_PAUSE_S
                        events.happened("server_awaited", lane=self.name, problem=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._thread.shutdown()

    async def _session(self, stopped: asyncio.Event) -> None:
        """From connecting to the first trouble (Unavailable) or the end (returns)."""
        name = f"kompas-writer-{self._settings.ordinal}-{self.name}"
        # Kafka answers when there is something worth it, or after a moment: not once for each of a hundred small records a second.
        worth = {"fetch_min_bytes": _FETCH_MIN_BYTES, "fetch_max_wait_ms": _FETCH_WAIT_MS}
        consumer = kafka.consumer(self._settings.kafka, name, max_partition_fetch_bytes=1 << 20, **worth)
        watching: asyncio.Task[None] | None = None
        try:
            cluster_id = await cluster_of(self._settings.kafka, 0.0)
            stored = await self._in_thread(lambda: self._database.open(self.keys, cluster_id))
            await consumer.start()
            await self._seek(consumer, stored)
            self.stands = {}
            watching = asyncio.create_task(self.watch.follow(consumer, stored))
            await self._pump(consumer, Batch(stored), stopped, watching)
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._settings.kafka}", "an answer", repr(error)) from error
        finally:
            if watching is not None:
                watching.cancel()
            await self._in_thread(self._database.close)
            # In a task of its own: aiokafka lets the cancelling of its fetches out of stop() where Kafka is away.
            await asyncio.wait([asyncio.create_task(consumer.stop())], timeout=_STOP_S)

    async def _seek(self, consumer: AIOKafkaConsumer, stored: dict[Key, Position]) -> None:
        partitions = {key: TopicPartition(*key) for key in self.keys}
        consumer.assign(list(partitions.values()))
        begin = await consumer.beginning_offsets(list(partitions.values()))
        end = await consumer.end_offsets(list(partitions.values()))
        begins = {key: begin[partition] for key, partition in partitions.items()}
        positions.check_log(stored, begins, {key: end[partition] for key, partition in partitions.items()})
        for key, partition in partitions.items():
            consumer.seek(partition, max(stored[key].log_offset, begins[key]))

    async def _pump(self, consumer: AIOKafkaConsumer, batch: Batch, stopped: asyncio.Event, watching: "asyncio.Task[None]") -> None:
        storing: asyncio.Task[None] | None = None
        try:
            while not stopped.is_set():
                if watching.done():
                    watching.result()
                if batch.rows < self._settings.batch_rows and batch.records < self._settings.batch_rows:
                    await self._fill(consumer, batch, self._patience_s(batch, busy=storing is not None))
                elif storing is not None:
                    await asyncio.wait([storing], timeout=_LOOK_S)
                if storing is not None and storing.done():
                    storing.result()
                    storing = None
                if storing is None and self._due(batch):
                    full, batch = batch, Batch(batch.positions)
                    storing = asyncio.create_task(self._store(full))
                self._heard_s = clock.monotonic_s()
            if storing is not None:
                await storing
        finally:
            if storing is not None and not storing.done():
                await asyncio.wait([storing])

    def _patience_s(self, batch: Batch, *, busy: bool) -> float:
        """How long to wait for records: until the batch is due, or shortly while a transaction runs, whose end the loop must see."""
        if self.watch.away or busy:
            return _BUSY_S
        if batch.opened_s is None:
            return _LOOK_S
        return max(0.0, batch.opened_s + self._settings.batch_wait_ms / 1_000 - clock.monotonic_s())

    async def _fill(self, consumer: AIOKafkaConsumer, batch: Batch, patience_s: float) -> None:
        for partition, records in (await consumer.getmany(timeout_ms=round(patience_s * 1_000), max_records=_FETCH_RECORDS)).items():
            key = Key(partition.topic, partition.partition)
            for record in records if key not in self.stands else ():
                try:
                    batch.feed(key, record.offset, record.value, record.headers)
                except NewerSchema as error:
                    consumer.pause(partition)
                    self._stand(key, record.offset, error)
                    break
        if batch.records and batch.opened_s is None:
            batch.opened_s = clock.monotonic_s()

    def _stand(self, key: Key, offset: int, error: NewerSchema) -> None:
        """Say that a partition stands still, and why; once, not again in each session."""
        said = f"{key.topic}/{key.partition} stands at offset {offset}: {error}"
        self.stands[key] = said
        self._metrics.standing.labels(key.topic, str(key.partition)).set(1)
        if self._said.get(key) != said:
            events.failed(
                "newer_schema", topic=key.topic, partition=key.partition, offset=offset, error=str(error), then="stands here until the upgrade"
            )
        self._said[key] = said

    def _due(self, batch: Batch) -> bool:
        """Full, or its first record has waited long enough; an empty one at first and now and then, to see that the server is there."""
        now_s = clock.monotonic_s()
        if self.watch.away:
            return True
        if batch.opened_s is None:
            return now_s - self.watch.stored_s > _IDLE_S
        return batch.rows >= self._settings.batch_rows or now_s - batch.opened_s >= self._settings.batch_wait_ms / 1_000

    async def _store(self, batch: Batch) -> None:
        began_s = clock.monotonic_s()
        outcome = await self._in_thread(lambda: self._database.store(batch))
        now_s = clock.monotonic_s()
        self._metrics.stored(batch, outcome, clock.now_us(), (began_s, now_s))
        if self.watch.moved(batch.after):
            events.happened("writer_ready", lane=self.name, partitions=len(self.keys))
        for doubled in outcome.doubled:
            events.failed("double_final", **doubled._asdict())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def stuck(self) -> str | None:
        """What is wrong with the loop itself; None while it turns."""
        silent_s = clock.monotonic_s() - self._heard_s
        return None if self._heard_s == 0.0 or self.watch.away or silent_s < 30.0 else f"the loop has not turned for {silent_s:.0f} s"
