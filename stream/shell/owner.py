"""Who owns what: the holders of this worker, restored when partitions come, snapshotted in turn, given back.

Promises  A holder's next record is exactly offset + 1, else the process ends; what Kafka has not confirmed is never
          committed past; a snapshot that is missing, torn or of another layout falls back to replay, loudly.
Leaves    Faust's signals to stream.shell.app.
"""

import asyncio
import os
from typing import Any

from aiokafka import AIOKafkaProducer

from catalog.topics import PARTIALS, PARTITIONS, READINGS
from runtime import events
from runtime.clock import monotonic_s
from stream.combiner.partition import SnapshotUnusable
from stream.shell import chunks, commits, metrics
from stream.shell.holders import CombinerHolder, Holder, WorkerHolder
from stream.shell.outbox import Outbox
from stream.shell.pointer import Committed, Pointer
from stream.worker.snapshot import LayoutError

Part = tuple[str, int]
EXIT_GAP = 3
FIRST_SNAPSHOT_S = 1.0
SNAPSHOT_EVERY_S = 7.0
REVOKE_WITHIN_S = 3.0


class Owner:
    """The holders by (topic, partition)."""

    def __init__(self, bootstrap: str, client_id: str, producer: AIOKafkaProducer) -> None:
        self._bootstrap, self._client_id, self._producer = bootstrap, client_id, producer
        self.outbox = Outbox(producer)
        self.holders: dict[Part, Holder] = {}
        self._kept: dict[Part, Holder] = {}
        self._due_at: dict[Part, float] = {}
        self._snapshotting = asyncio.Lock()

    def expect(self, part: Part, offset: int) -> Holder | None:
        """The holder that takes this record, or None where it is not ours, has been taken in already, or lies behind one that we cannot read."""
        holder = self.holders.get(part)
        if holder is None or holder.stands is not None or offset <= holder.offset:
            return None
        if offset != holder.offset + 1:
            events.failed("offset_gap", topic=part[0], partition=part[1], wanted=holder.offset + 1, got=offset)
            os._exit(EXIT_GAP)
        return holder

    async def restore(self, consumer: Any, parts: set[Part]) -> None:
        """Take over these partitions and no others, all at once."""
        known = await commits.committed(consumer, parts)
        starts = await commits.log_starts(consumer, parts)
        pointers = {state_partition(part): at.pointer for part, at in known.items() if at.pointer is not None and not self._memory_serves(part, at)}
        found = await chunks.read(self._bootstrap, f"{self._client_id}-restore", pointers)
        generation = commits.generation(consumer)
        holders = {}
        for part in sorted(parts):
            at = known.get(part)
            holder = self._kept.get(part) if self._memory_serves(part, at) else None
            if holder is None:
                holder = self._make(part, at, found.get(state_partition(part)))
            else:
                metrics.RESTORED.labels("memory").inc()
            self._check_start(part, holder, starts[part])
            holder.generation = generation
            holders[part] = holder
        self.holders = self._kept = holders
        now = monotonic_s()
        step = SNAPSHOT_EVERY_S / max(1, len(holders))
        self._due_at = {part: now + FIRST_SNAPSHOT_S + n * step for n, part in enumerate(sorted(holders))}
        for topic in (READINGS.name, PARTIALS.name):
            metrics.PARTITIONS.labels(topic).set(sum(part[0] == topic for part in holders))

    def _memory_serves(self, part: Part, at: Committed | None) -> bool:
        """Our own memory is as good as the snapshot where it is not older: state is a pure function of the prefix."""
        holder = self._kept.get(part)
        return holder is not None and holder.offset + 1 >= (0 if at is None else at.next_offset)

    def _make(self, part: Part, at: Committed | None, data: bytes | None) -> Holder:
        kind = WorkerHolder if part[0] == READINGS.name else CombinerHolder
        if at is not None and data is None:
            events.failed("snapshot_missing", topic=part[0], partition=part[1], committed=at.next_offset, then="replay from the log's start")
        try:
            holder: Holder = kind(part[1], self.outbox, data)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a snapshot, the log has the same and more
            what = str(error) if isinstance(error, LayoutError | SnapshotUnusable) else repr(error)
            events.failed("snapshot_of_another_layout", topic=part[0], partition=part[1], error=what, then="replay from the log's start")
            data, holder = None, kind(part[1], self.outbox, None)
        metrics.RESTORED.labels("empty" if data is None else "snapshot").inc()
        return holder

    def _check_start(self, part: Part, holder: Holder, start: int) -> None:
        """Where the log begins after our next record, what lies between is lost: count it, say so, go on from there."""
        missing = start - (holder.offset + 1)
        if missing > 0:
            metrics.LOST.inc(missing)
            events.failed("records_expired_unread", topic=part[0], partition=part[1], records=missing)
            holder.skip_to(start)

    def unassigned(self) -> str | None:
        """That the group has given us nothing; None once it has."""
        return None if self.holders else "wanted partitions of the group, got none yet"

    def standing(self) -> str | None:
        """Which partitions wait for an upgrade, and why; None while all go on."""
        return "; ".join(holder.stands for _, holder in sorted(self.holders.items()) if holder.stands is not None) or None

    def position(self, part: Part) -> int | None:
        """Where reading goes on, or None for a partition that is not ours."""
        holder = self.holders.get(part)
        return None if holder is None else holder.offset + 1

    async def publish(self) -> None:
        """Let every holder publish what is due; others have their turn behind each that had something to do."""
        for holder in list(self.holders.values()):
            if holder.publish():
                await asyncio.sleep(0)
        if self.outbox.crowded:
            await self.outbox.room()

    async def snapshot_due(self, consumer: Any) -> None:
        """Snapshot the holders whose turn it is and that have moved."""
        now = monotonic_s()
        for part, holder in list(self.holders.items()):
            if now >= self._due_at.get(part, 0.0) and holder.offset > holder.committed and not holder.unfinished:
                self._due_at[part] = now + SNAPSHOT_EVERY_S
                await self.snapshot(consumer, part, holder)

    async def snapshot(self, consumer: Any, part: Part, holder: Holder) -> None:
        """Publish, dump, confirm, write, commit: in this order."""
        async with self._snapshotting:
            data, offset = holder.snapshot()
            await self.outbox.confirmed()  # all that went out up to here is in the log,
            pointer: Pointer = await chunks.write(self._producer, state_partition(part), data, offset)  # then the snapshot,
            if await commits.commit(consumer, part[0], part[1], pointer, holder.generation):  # then the commit that names it
                holder.committed = offset
                metrics.SNAPSHOTS.inc()
                metrics.SNAPSHOT_BYTES.labels(*map(str, part)).set(len(data))

    def overdue(self, part: Part) -> int:
        """Records since the last committed snapshot of a partition whose turn has come; 0 where it has not. Asked from another thread."""
        holder = self.holders.get(part)
        due = holder is not None and not holder.unfinished and monotonic_s() >= self._due_at.get(part, 0.0)
        return holder.offset - holder.committed if holder is not None and due else 0

    async def give_back(self, consumer: Any) -> None:
        """A last snapshot of everything within REVOKE_WITHIN_S, then own nothing; memory is kept for a return."""
        try:
            async with asyncio.timeout(REVOKE_WITHIN_S):
                for part, holder in list(self.holders.items()):
                    if holder.offset > holder.committed:
                        await self.snapshot(consumer, part, holder)
                await self.outbox.confirmed()
        except TimeoutError:
            events.happened("revoked_without_last_snapshot", within_s=REVOKE_WITHIN_S)
        self.holders = {}


def state_partition(part: Part) -> int:
    """Partition of kompas.state.v1: 0-11 for the worker, 12-23 for the combiner."""
    return part[1] if part[0] == READINGS.name else PARTITIONS + part[1]
