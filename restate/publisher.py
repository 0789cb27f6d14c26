"""Bring the outbox to `kompas.kpis.v1`, and empty it once Kafka has it.

Promises  In the order of the outbox, the bytes as they were written: after a crash the same ones come again, and nothing else.
Leaves    What is in the outbox to restate.restater.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from catalog.topics import KPIS, partition_of
from runtime import kafka
from runtime.errors import Unavailable

_CONFIRM_WITHIN_S = 30.0
HEADERS = [("kompas.schema", KPIS.schema.encode())]


class Publisher:
    """A producer that is made anew after trouble."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def send(self, documents: Sequence[tuple[str, bytes]]) -> None:
        """Send all (key, document) and wait until Kafka has them; raises Unavailable where it is not certain."""
        try:
            async with asyncio.timeout(_CONFIRM_WITHIN_S):
                producer = await self._started()
                sent = [
                    await producer.send(KPIS.name, key=key.encode(), value=document, partition=partition_of(key), headers=HEADERS)
                    for key, document in documents
                ]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError, OSError) as error:
            await self.close()
            raise Unavailable(f"Kafka at {self._bootstrap}", f"{KPIS.name} to take restated values", repr(error)) from error

    async def close(self) -> None:
        """Let go of the server."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.wait([asyncio.create_task(producer.stop())], timeout=5.0)

    async def check(self) -> None:
        """Connect where there is no connection yet; raises Unavailable."""
        await self.send([])

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = kafka.producer(self._bootstrap, "kompas-restater")
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer
