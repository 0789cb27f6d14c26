"""What has been sent and not yet confirmed, per holder.

Promises  confirmed() returns when Kafka has everything sent before the call; a failed send ends the process (rule 13),
          because a commit past an output that is not in the log would lose it.
"""

import asyncio
import os
from typing import Any

from aiokafka import AIOKafkaProducer

from runtime import events

EXIT_SEND_FAILED = 70
MOST_UNCONFIRMED = 512


class Outbox:
    """Sends of one holder."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._unconfirmed: set[asyncio.Future[Any]] = set()

    async def send(self, topic: str, value: bytes, partition: int, key: bytes | None = None, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Hand a record to the producer; waits only where too much is unconfirmed."""
        while len(self._unconfirmed) >= MOST_UNCONFIRMED:
            await asyncio.wait(self._unconfirmed, return_when=asyncio.FIRST_COMPLETED)
        future = await self._producer.send(topic, value, key=key, partition=partition, headers=headers)
        self._unconfirmed.add(future)
        future.add_done_callback(self._done)

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._unconfirmed.discard(future)
        if not future.cancelled() and future.exception() is not None:
            events.failed("send_failed", error=repr(future.exception()))
            os._exit(EXIT_SEND_FAILED)

    async def confirmed(self) -> None:
        """Wait until Kafka has everything sent so far."""
        waiting = list(self._unconfirmed)
        if waiting:
            await asyncio.wait(waiting)
