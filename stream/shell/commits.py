"""Commit input offsets with pointers, on the consumer's thread, as the group's member (rule 13).

Promises  Offset and pointer are one atomic record, refused by the coordinator from a worker that lost the partition.
Source: hook points of faust-streaming 0.15.3 and aiokafka 0.14.0, docs/decisions/0002-exact-stream.md
"""

from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from stream.shell import metrics
from stream.shell.pointer import Committed, Pointer, decode


async def commit(consumer: Any, topic: str, partition: int, pointer: Pointer, generation: int) -> bool:
    """Commit pointer.offset + 1 with the pointer; False where the partition is no longer ours."""

    async def on_thread(client: Any) -> bool:
        if client._coordinator.generation != generation:
            return False
        part = TopicPartition(topic, partition)
        try:
            await client.commit({part: OffsetAndMetadata(pointer.offset + 1, pointer.encode())})
        except (CommitFailedError, IllegalStateError):
            return False
        return True

    kept = bool(await consumer._thread.call_thread(on_thread, consumer._thread._consumer))
    if not kept:
        metrics.REFUSED_COMMITS.inc()
    return kept


async def committed(consumer: Any, parts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Committed]:
    """What the group has committed for these partitions; those without a commit are left out."""
    wanted = [TopicPartition(topic, partition) for topic, partition in parts]

    async def on_thread(client: Any) -> Any:
        return await client._coordinator.fetch_committed_offsets(wanted)

    found = await consumer._thread.call_thread(on_thread, consumer._thread._consumer)
    return {(part.topic, part.partition): Committed(at.offset, decode(at.metadata)) for part, at in found.items() if at.offset >= 0}


async def log_starts(consumer: Any, parts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The first offset that the log still has, per partition."""
    wanted = [TopicPartition(topic, partition) for topic, partition in parts]

    async def on_thread(client: Any) -> Any:
        return await client.beginning_offsets(wanted)

    found = await consumer._thread.call_thread(on_thread, consumer._thread._consumer)
    return {(part.topic, part.partition): offset for part, offset in found.items()}


def generation(consumer: Any) -> int:
    """The generation of the group that this member knows."""
    return int(consumer._thread._consumer._coordinator.generation)
