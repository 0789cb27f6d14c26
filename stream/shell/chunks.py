"""Write snapshots to kompas.state.v1 and read them back.

Promises  write() returns only after Kafka has every chunk. read() gives None for what is not whole, within TIMEOUT_S.
Leaves    Committing the pointer to stream.shell.commits.
"""

import asyncio
import secrets
import zlib
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer, TopicPartition

from catalog.topics import STATE
from runtime import kafka
from stream.shell.pointer import Pointer, join, split

TIMEOUT_S = 20.0


async def write(producer: AIOKafkaProducer, partition: int, data: bytes, offset: int) -> Pointer:
    """Write the snapshot `data`, which holds the input up to `offset`, to a state partition."""
    id_ = secrets.token_hex(8)
    sent = [await producer.send(STATE.name, chunk, key=id_.encode(), partition=partition) for chunk in split(data)]
    records = [await future for future in sent]
    return Pointer(id_, records[0].offset, records[-1].offset, len(records), zlib.crc32(data), offset)


async def read(bootstrap: str, client_id: str, pointers: Mapping[int, Pointer]) -> dict[int, bytes | None]:
    """The snapshots that the pointers of these state partitions name, all partitions at once."""
    if not pointers:
        return {}
    consumer = kafka.consumer(bootstrap, client_id, fetch_max_wait_ms=10)
    await consumer.start()
    found: dict[int, list[tuple[int, bytes, bytes]]] = {partition: [] for partition in pointers}
    try:
        parts = {partition: TopicPartition(STATE.name, partition) for partition in pointers}
        consumer.assign(list(parts.values()))
        starts = await consumer.beginning_offsets(list(parts.values()))
        waiting = {p for p, pointer in pointers.items() if starts[parts[p]] <= pointer.first}
        for p in waiting:
            consumer.seek(parts[p], pointers[p].first)
        consumer.pause(*(parts[p] for p in pointers if p not in waiting))
        async with asyncio.timeout(TIMEOUT_S):
            while waiting:
                for part, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[part.partition] += [(r.offset, r.key or b"", r.value or b"") for r in records]
                    if records and records[-1].offset >= pointers[part.partition].last:
                        waiting.discard(part.partition)
                        consumer.pause(part)
    except TimeoutError:
        pass
    finally:
        await consumer.stop()
    return {p: join(pointers[p], chunks) for p, chunks in found.items()}
