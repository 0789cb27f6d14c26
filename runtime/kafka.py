"""Kafka clients with the settings that this system needs, made in one place.

Promises  Producers are idempotent with acks=all and never expire a batch; consumers never commit by themselves.
Leaves    What to send and when to commit to the rooms.
Source: aiokafka 0.14 defaults and their limits, docs/decisions/0003-kafka-clients.md
"""

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

MAX_REQUEST_BYTES = 4 << 20


def producer(bootstrap: str, client_id: str, *, linger_ms: int = 0, compression: str | None = None) -> AIOKafkaProducer:
    """An idempotent producer; `await producer.start()` connects it."""
    return AIOKafkaProducer(
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


def consumer(bootstrap: str, client_id: str, **more: Any) -> AIOKafkaConsumer:
    """A consumer without a group: the caller assigns partitions and seeks."""
    settings: dict[str, Any] = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": 50,
        "max_partition_fetch_bytes": MAX_REQUEST_BYTES,
    }
    return AIOKafkaConsumer(bootstrap_servers=bootstrap, client_id=client_id, **(settings | more))


def admin(bootstrap: str, client_id: str) -> AIOKafkaAdminClient:
    """An admin client; `await admin.start()` connects it."""
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id=client_id)
