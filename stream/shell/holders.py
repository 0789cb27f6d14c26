"""One owned partition of the worker: its state, its outbox, and how it publishes, snapshots and restores.

Two kinds with the same face: WorkerHolder for kompas.readings.v1, CombinerHolder for kompas.partials.v1.

Promises  Outputs of a record are handed to the outbox before the next record is taken in; a snapshot's dump and the
          outputs it rests on are of one moment.
Leaves    Faust, assignment and commits to stream.shell.app.
"""

from typing import Protocol

import msgspec
from aiokafka import AIOKafkaProducer

from catalog.kpi_value import KpiValue
from catalog.topics import CHECKED, KPIS, PARTIALS, PARTITIONS, REJECTED, partition_of
from runtime import events
from runtime.clock import monotonic_s, now_us
from stream.combiner.partition import CombinerPartition
from stream.shell import metrics
from stream.shell.outbox import Outbox
from stream.worker.partials import Publisher, Record
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load

ROWS_EVERY_S, ROWS_AT_LEAST_EVERY_S = 0.5, 1.0
LONG_WINDOWS_EVERY_S = 2.0
"""An hour's value need not move twice a second."""
WATERMARKS_EVERY_S = 0.5
"""A partials partition that has heard nothing for so long hears the watermarks: at least once a second, all in all."""
VALUES_EVERY_S = 0.2
LIVE_EVERY_US = 1_000_000
"""A live value goes out at most so often."""
SHARE_OF_TIME = 0.02
"""What looking for changes may take of the time, per partition: under load it looks less often."""
ALL_OPEN_EVERY_S = 3600.0


OLDEST_HEADER = "oldest_received_at"
Waited = int | None
"""Receipt (µs) of the oldest reading in a record, where its sender said so."""


def _older(a: int | None, b: int | None) -> int | None:
    return min((at for at in (a, b) if at is not None), default=None)


class Holder(Protocol):
    """What stream.shell.app needs of an owned partition."""

    partition: int
    state_partition: int
    outbox: Outbox
    generation: int
    committed: int

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""

    def skip_to(self, offset: int) -> None:
        """Go on at this offset: what lies before has expired and is lost."""

    async def take(self, value: bytes, offset: int, waited: Waited) -> None:
        """Take a record in and hand on what it gives; waited: what the record's sender said of its oldest reading."""

    async def publish(self) -> None:
        """Publish what is due."""

    async def snapshot(self) -> tuple[bytes, int]:
        """Publish what the snapshot will no longer hold, and dump: bytes and the offset they hold."""


class WorkerHolder:
    """A partition of kompas.readings.v1."""

    def __init__(self, partition: int, producer: AIOKafkaProducer, snapshot: bytes | None) -> None:
        self.partition = self.state_partition = partition
        self.worker = WorkerPartition(partition) if snapshot is None else load(partition, snapshot)
        self.outbox = Outbox(producer)
        self.publisher = Publisher(self.worker)
        self.generation = -1
        self.committed = self.worker.offset
        self._next_at = self._long_at = 0.0
        self._said_at = [0.0] * PARTIALS.partitions
        self._oldest_us: int | None = None
        self._all_open_at = monotonic_s()

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""
        return self.worker.offset

    def skip_to(self, offset: int) -> None:
        """Go on at this offset; the state stays as it is."""
        self.worker.state.offset = offset - 1

    async def take(self, value: bytes, offset: int, waited: Waited) -> None:  # noqa: ARG002 - the frame itself says it
        """Check a frame; its checked record and what is refused go out."""
        outputs = self.worker.apply(value, offset)
        self._oldest_us = _older(self._oldest_us, outputs.oldest_received_us)
        await self.outbox.send(CHECKED.name, outputs.checked, self.partition)
        for refused in outputs.refused:
            await self.outbox.send(REJECTED.name, refused.value, self.partition, headers=refused.headers)
        metrics.READINGS.inc(outputs.readings)
        metrics.FRAMES.inc()
        metrics.REFUSED.inc(len(outputs.refused))

    async def publish(self) -> None:
        """Rows that changed, at most twice a second, of long windows every other second; watermarks where nothing else was said."""
        now = monotonic_s()
        if now < self._next_at:
            return
        if now - self._all_open_at >= ALL_OPEN_EVERY_S:
            self._all_open_at = now
            self.worker.state.windows.mark_all()
        brief = now - self._long_at < LONG_WINDOWS_EVERY_S
        if not brief:
            self._long_at = now
        records = self.publisher.take(everywhere=True, only_brief=brief)
        took = monotonic_s() - now
        self._next_at = now + min(ROWS_AT_LEAST_EVERY_S, max(ROWS_EVERY_S, took / SHARE_OF_TIME))
        await self._send([each for each in records if not each.bare or now - self._said_at[each.partition] >= WATERMARKS_EVERY_S])

    async def _send(self, records: list[Record]) -> None:
        headers = None
        if self._oldest_us is not None:
            headers, self._oldest_us = [(OLDEST_HEADER, str(self._oldest_us).encode())], None
        for record in records:
            await self.outbox.send(PARTIALS.name, record.value, record.partition, headers=None if record.bare else headers)
            self._said_at[record.partition] = monotonic_s()
            metrics.PARTIALS.inc()

    async def snapshot(self) -> tuple[bytes, int]:
        """Rows of closing windows first, then the state without them."""
        records = self.publisher.take(everywhere=True)
        data, offset = dump(self.worker), self.worker.offset
        await self._send(records)
        return data, offset


class CombinerHolder:
    """A partition of kompas.partials.v1."""

    def __init__(self, partition: int, producer: AIOKafkaProducer, snapshot: bytes | None) -> None:
        self.partition = partition
        self.state_partition = PARTITIONS + partition
        self.combiner = CombinerPartition(partition, PARTITIONS, LIVE_EVERY_US)
        if snapshot is not None:
            self.combiner.restore(snapshot)
        self.outbox = Outbox(producer)
        self.generation = -1
        self._before = -1
        self._oldest_us: int | None = None
        self.committed = self.combiner.offset
        self._next_at = 0.0

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""
        return max(self.combiner.offset, self._before)

    def skip_to(self, offset: int) -> None:
        """Go on at this offset with an empty state: every worker publishes all open rows again within an hour."""
        self.combiner = CombinerPartition(self.partition, PARTITIONS, LIVE_EVERY_US)
        self._before = offset - 1

    async def take(self, value: bytes, offset: int, waited: Waited) -> None:
        """Merge a partials record."""
        self._oldest_us = _older(self._oldest_us, waited)
        self.combiner.apply(value, offset)
        for problem in self.combiner.problems():
            events.failed("combiner_problem", partition=self.partition, problem=problem)
        metrics.PARTIALS_IN.inc()

    async def publish(self) -> None:
        """Finals as soon as they are there; live values that changed, each at most once a second."""
        began = monotonic_s()
        if began < self._next_at:
            return
        values = self.combiner.take(now_us(), live=True)
        now = monotonic_s()
        self._next_at = now + max(VALUES_EVERY_S, (now - began) / SHARE_OF_TIME)
        await self._send(values)
        if self._oldest_us is not None:
            metrics.LATENCY.observe((now_us() - self._oldest_us) / 1e6)
            self._oldest_us = None

    async def _send(self, values: list[KpiValue]) -> None:
        for value in values:
            key = f"{value.kpi}|{value.area}"
            await self.outbox.send(KPIS.name, msgspec.json.encode(value), partition_of(key), key.encode(), [("kompas.schema", KPIS.schema.encode())])
            metrics.VALUES.labels(value.status).inc()

    async def snapshot(self) -> tuple[bytes, int]:
        """Finals first, then the state that knows they are out."""
        values = self.combiner.take(now_us(), live=False)
        data, offset = self.combiner.snapshot(), self.combiner.offset
        await self._send(values)
        return data, offset
