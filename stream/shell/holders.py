"""One owned partition of the worker: its state, and how it publishes, snapshots and restores.

Two kinds with the same face: WorkerHolder for kompas.readings.v1, CombinerHolder for kompas.partials.v1.

Promises  Outputs of a record are handed to the outbox before the next record is taken in; a snapshot's dump and the
          outputs it rests on are of one moment. The paces are those of docs/decisions/0010-partials-and-paces.md.
Leaves    Faust, assignment and commits to stream.shell.app.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import msgspec

from catalog.kpi_value import KpiValue
from catalog.topics import CHECKED, KPIS, PARTIALS, PARTITIONS, READINGS, REJECTED, partition_of
from runtime import clock as wall
from runtime import events
from runtime.frames import NewerSchema
from stream.combiner.partition import CombinerPartition
from stream.shell import metrics
from stream.shell.outbox import Headers, Outbox
from stream.worker.partials import Publisher, Record
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load

ROWS_EVERY_S, ROWS_AT_LEAST_EVERY_S = 0.25, 1.0
LONG_WINDOWS_EVERY_S, LONG_WINDOWS_AT_LEAST_EVERY_S = 0.75, 2.0
"""An hour's value need not move four times a second, but whoever looks at what he has just sent should see it within two."""
WATERMARKS_EVERY_S = 0.5
"""A partials partition that has heard nothing in one beat of so long hears the watermarks in the next: at least once a second, all in all.

Beats are of the clock, the same for all partitions of a worker: what they say leaves, and comes back to the combiner, together.
"""
VALUES_EVERY_S, BUSY_VALUES_EVERY_S, VALUES_AT_LEAST_EVERY_S = 0.1, 0.4, 1.0
BEHIND_S = 4.0
"""Where readings have waited for so long a backlog is worked off: looks for values are as seldom then as without news."""
LIVE_EVERY_US = 1_000_000
"""A live value goes out at most so often."""
SHARE_OF_TIME, SHARE_OF_VALUES = 0.02, 0.05
"""What looking for changes may take of the time, per partition: under load it looks less often."""
SHARE_OF_LONG = 0.0025
"""The same of looks that take long windows in."""
ALL_OPEN_EVERY_S = 3600.0
KPI_HEADERS: Headers = [("kompas.schema", KPIS.schema.encode())]


OLDEST_HEADER = "oldest_received_at"
Waited = int | None
"""Receipt (µs) of the oldest reading in a record, where its sender said so."""


def _older(a: int | None, b: int | None) -> int | None:
    return min((at for at in (a, b) if at is not None), default=None)


def _next_beat(since_s: float, now_s: float) -> bool:
    return now_s // WATERMARKS_EVERY_S > since_s // WATERMARKS_EVERY_S


class Clock(Protocol):
    """What a holder knows of time; runtime.clock is one."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""

    def now_us(self) -> int:
        """UTC, µs."""


class Holder(Protocol):
    """What stream.shell.app needs of an owned partition."""

    partition: int
    state_partition: int
    generation: int
    committed: int
    stands: str | None
    """Why it takes nothing in any more: its next record is of a later release; None while it goes on."""

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""

    @property
    def unfinished(self) -> bool:
        """True where what the last record gives comes with the next ones: a commit would say that it is out."""

    def skip_to(self, offset: int) -> None:
        """Go on at this offset: what lies before has expired and is lost."""

    def take(self, value: bytes, offset: int, waited: Waited) -> None:
        """Take a record in and hand on what it gives; waited: what the record's sender said of its oldest reading."""

    def publish(self) -> bool:
        """Publish what is due; False where it is not time to look."""

    def snapshot(self) -> tuple[bytes, int]:
        """Publish what the snapshot will no longer hold, and dump: bytes and the offset they hold."""


def _stands(topic: str, partition: int, offset: int, error: NewerSchema) -> str:
    """Say once that a partition stands still, and why."""
    metrics.STANDING.labels(topic, str(partition)).set(1)
    events.failed("newer_schema", topic=topic, partition=partition, offset=offset, error=str(error), then="stands here until the upgrade")
    return f"{topic}/{partition} stands at offset {offset}: {error}"


class WorkerHolder:
    """A partition of kompas.readings.v1."""

    def __init__(self, partition: int, outbox: Outbox, snapshot: bytes | None, clock: Clock = wall) -> None:
        self.partition = self.state_partition = partition
        self.worker = WorkerPartition(partition) if snapshot is None else load(partition, snapshot)
        self.publisher = Publisher(self.worker)
        self.generation = -1
        self.committed = self.worker.offset
        self.stands: str | None = None
        self._outbox, self._clock = outbox, clock
        self._fresh = True
        """A record was taken in since the last look."""
        self._next_at = self._long_next_at = 0.0
        self._said_at = [0.0] * PARTIALS.partitions
        self._oldest_us: int | None = None
        self._all_open_at = clock.monotonic_s()

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""
        return self.worker.offset

    @property
    def unfinished(self) -> bool:
        """Never: a frame gives its one checked record at once."""
        return False

    def skip_to(self, offset: int) -> None:
        """Go on at this offset; the state stays as it is."""
        self.worker.state.offset = offset - 1

    def take(self, value: bytes, offset: int, waited: Waited) -> None:  # noqa: ARG002 - the frame itself says it
        """Check a frame; its checked record and what is refused go out."""
        try:
            outputs = self.worker.apply(value, offset)
        except NewerSchema as error:
            self.stands = _stands(READINGS.name, self.partition, offset, error)
            return
        self._fresh = True
        self._oldest_us = _older(self._oldest_us, outputs.oldest_received_us)
        self._outbox.put(CHECKED.name, outputs.checked, self.partition)
        for refused in outputs.refused:
            self._outbox.put(REJECTED.name, refused.value, self.partition, headers=refused.headers)
        if outputs.refused:
            metrics.REFUSED.inc(len(outputs.refused))
        metrics.READINGS.inc(outputs.readings)
        metrics.FRAMES.inc()

    def publish(self) -> bool:
        """Rows that changed, at most four times a second, of long windows more seldom; watermarks where nothing else was said."""
        now = self._clock.monotonic_s()
        if now < self._next_at or not (self._fresh or _next_beat(max(self._said_at), now)):
            return False
        if now - self._all_open_at >= ALL_OPEN_EVERY_S:
            self._all_open_at = now
            self.publisher.mark_all()
        brief = now < self._long_next_at
        self._fresh = False
        records = self.publisher.take(everywhere=True, only_brief=brief)
        took = self._clock.monotonic_s() - now
        self._next_at = now + min(ROWS_AT_LEAST_EVERY_S, max(ROWS_EVERY_S, took / SHARE_OF_TIME))
        if not brief:
            self._long_next_at = now + min(LONG_WINDOWS_AT_LEAST_EVERY_S, max(LONG_WINDOWS_EVERY_S, took / SHARE_OF_LONG))
        self._send([each for each in records if not each.bare or _next_beat(self._said_at[each.partition], now)])
        return True

    def _send(self, records: list[Record]) -> None:
        if not records:
            return
        headers = None
        if self._oldest_us is not None and not all(record.bare for record in records):
            headers, self._oldest_us = [(OLDEST_HEADER, str(self._oldest_us).encode())], None
        now = self._clock.monotonic_s()
        for record in records:
            self._outbox.put(PARTIALS.name, record.value, record.partition, headers=None if record.bare else headers)
            self._said_at[record.partition] = now
        metrics.PARTIALS.inc(len(records))

    def snapshot(self) -> tuple[bytes, int]:
        """Rows of closing windows first, then the state without them."""
        records = self.publisher.take(everywhere=True)
        data, offset = dump(self.worker), self.worker.offset
        self._send(records)
        return data, offset


class CombinerHolder:
    """A partition of kompas.partials.v1."""

    def __init__(self, partition: int, outbox: Outbox, snapshot: bytes | None, clock: Clock = wall) -> None:
        self.partition = partition
        self.state_partition = PARTITIONS + partition
        self.combiner = CombinerPartition(partition, PARTITIONS, LIVE_EVERY_US)
        if snapshot is not None:
            self.combiner.restore(snapshot)
        self.generation = -1
        self._outbox, self._clock = outbox, clock
        self._before = -1
        self._oldest_us: int | None = None
        self.committed = self.combiner.offset
        self.stands: str | None = None
        self._fresh = True
        self._looked_at = self._next_at = 0.0

    @property
    def offset(self) -> int:
        """Offset of the last record taken in."""
        return max(self.combiner.offset, self._before)

    @property
    def unfinished(self) -> bool:
        """True while windows that could close wait for the next record."""
        return self.combiner.behind

    def skip_to(self, offset: int) -> None:
        """Go on at this offset with an empty state: every worker publishes all open rows again within an hour."""
        self.combiner = CombinerPartition(self.partition, PARTITIONS, LIVE_EVERY_US)
        self._before = offset - 1

    def take(self, value: bytes, offset: int, waited: Waited) -> None:
        """Merge a partials record."""
        self._fresh = True
        self._oldest_us = _older(self._oldest_us, waited)
        dropped = self.combiner.counts["after_close"]
        try:
            self.combiner.apply(value, offset)
        except NewerSchema as error:
            self.stands = _stands(PARTIALS.name, self.partition, offset, error)
            return
        if self.combiner.counts["after_close"] != dropped:
            metrics.AFTER_CLOSE.inc(self.combiner.counts["after_close"] - dropped)
        for problem in self.combiner.problems():
            events.failed("combiner_problem", partition=self.partition, problem=problem)
        metrics.PARTIALS_IN.inc()

    def publish(self) -> bool:
        """Finals as soon as they are there; live values that changed, each at most once a second."""
        began = self._clock.monotonic_s()
        if began < self._next_at or not (self._fresh or began - self._looked_at >= VALUES_AT_LEAST_EVERY_S):
            return False
        self._fresh = False
        values = self.combiner.take(self._clock.now_us(), live=True)
        self._send(values)
        self._looked_at = self._clock.monotonic_s()
        waited_s = 0.0 if self._oldest_us is None else (self._clock.now_us() - self._oldest_us) / 1e6
        most_s = BUSY_VALUES_EVERY_S if waited_s < BEHIND_S else VALUES_AT_LEAST_EVERY_S
        self._next_at = self._looked_at + min(most_s, max(VALUES_EVERY_S, (self._looked_at - began) / SHARE_OF_VALUES))
        if self._oldest_us is not None:
            metrics.LATENCY.observe(waited_s)
            self._oldest_us = None
        return True

    def _send(self, values: Iterable[KpiValue]) -> None:
        sent = Counter[str]()
        for value in values:
            key = f"{value.kpi}|{value.area}"
            self._outbox.put(KPIS.name, msgspec.json.encode(value), partition_of(key), key.encode(), KPI_HEADERS)
            sent[value.status] += 1
        for status, count in sent.items():
            metrics.VALUES.labels(status).inc(count)

    def snapshot(self) -> tuple[bytes, int]:
        """Finals first, then the state that knows they are out."""
        values = self.combiner.take(self._clock.now_us(), live=False)
        data, offset = self.combiner.snapshot(), self.combiner.offset
        self._send(values)
        return data, offset
