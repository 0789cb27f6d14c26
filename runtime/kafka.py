"""Kafka clients with the settings that this system needs, made in one place.

Promises  Producers are idempotent with acks=all and never expire a batch; consumers never commit by themselves. Waiting for Kafka costs
          next to nothing, however it went away.
Leaves    What to send and when to commit to the rooms; to them, too, how long a producer's stop() may wait: it flushes, if need be for ever.
Source: aiokafka 0.14 defaults and their limits, docs/decisions/0003-kafka-clients.md
"""

import asyncio
import math
import socket
from collections.abc import Collection
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError

from runtime.errors import Unavailable

MAX_REQUEST_BYTES = 4 << 20
_ANSWER_S = 8.0
_PAUSE_S = 0.25

Part = tuple[str, int]
"""Topic and partition."""


def producer(bootstrap: str, client_id: str, *, linger_ms: int = 0, compression: str | None = None) -> AIOKafkaProducer:
    """An idempotent producer; `await producer.start()` connects it."""
    made = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        compression_type=compression,
        linger_ms=linger_ms,
        max_batch_size=1 << 20,
        max_request_size=MAX_REQUEST_BYTES,
        request_timeout_ms=30_000,
        metadata_max_age_ms=60_000,
    )
    # Why: without a leader aiokafka 0.14 fails a batch after request_timeout_ms, idempotent or not. There is no setting for it alone.
    made._message_accumulator._batch_ttl = math.inf
    pace(made.client)
    return made


def consumer(bootstrap: str, client_id: str, **more: Any) -> AIOKafkaConsumer:
    """A consumer without a group: the caller assigns partitions and seeks."""
    settings: dict[str, Any] = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": 50,
        "max_partition_fetch_bytes": MAX_REQUEST_BYTES,
    }
    made = AIOKafkaConsumer(bootstrap_servers=bootstrap, client_id=client_id, **(settings | more))
    pace(made._client)
    return made


def pace(client: AIOKafkaClient) -> None:
    """Let a client pause where Kafka does not answer its question for metadata, or names a partition that nobody leads.

    Why: a broker that is stopped cleanly says of its partitions that nobody leads them, and goes. Senders and fetchers of aiokafka 0.14 then
    ask again as soon as they are refused, hundreds of times a second, and log each time: they have no back-off for this, and their client is
    made inside of them. Whoever waits for metadata waits for this call, and closing the client cancels it.
    """
    ask = client._metadata_update

    async def ask_and_pause(cluster: ClusterMetadata, topics: Collection[str]) -> bool:
        answered: bool = await ask(cluster, topics)
        if not answered or any(cluster.available_partitions_for_topic(topic) != cluster.partitions_for_topic(topic) for topic in cluster.topics()):
            await asyncio.sleep(_PAUSE_S)
        return answered

    client._metadata_update = ask_and_pause


def admin(bootstrap: str, client_id: str) -> AIOKafkaAdminClient:
    """An admin client; `await admin.start()` connects it."""
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id=client_id)


async def group_offsets(client: AIOKafkaAdminClient, bootstrap: str, group: str, parts: Collection[Part]) -> dict[Part, int]:
    """What a group has committed of these, asked of a started client; raises Unavailable."""
    try:
        found = await client.list_consumer_group_offsets(group, partitions=[TopicPartition(*part) for part in parts])
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap}", f"what group {group} committed", repr(error)) from error
    return {(part.topic, part.partition): at.offset for part, at in found.items()}


async def group_offsets_now(bootstrap: str, client_id: str, group: str, parts: Collection[Part]) -> dict[Part, int]:
    """The same by a client made for this one question; raises Unavailable."""
    client = admin(bootstrap, client_id)
    try:
        async with asyncio.timeout(_ANSWER_S):
            await client.start()
            return await group_offsets(client, bootstrap, group, parts)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap}", f"what group {group} committed", repr(error)) from error
    finally:
        await client.close()


def ends_now(bootstrap: str, client_id: str, parts: Collection[Part]) -> dict[Part, int]:
    """Where these end, by a client made for this one question; for threads without a loop.

    So an answer says that Kafka is there, whatever has become of the process's own clients. Raises Unavailable.
    """

    async def asked() -> dict[Part, int]:
        client = consumer(bootstrap, client_id)
        try:
            await client.start()
            found = await client.end_offsets([TopicPartition(*part) for part in parts])
            return {(part.topic, part.partition): end for part, end in found.items()}
        finally:
            await client.stop()

    host, _, port = bootstrap.partition(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), 2.0).close()  # the client would log each refusal
        return asyncio.run(asyncio.wait_for(asked(), _ANSWER_S))
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap}", "its log ends", repr(error)) from error
