"""What several files on real servers ask for."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiokafka import AIOKafkaProducer

from runtime import kafka
from tests.servers import System


@pytest_asyncio.fixture
async def producer(system: System) -> AsyncIterator[AIOKafkaProducer]:
    """A producer on the file's own `system`."""
    made = kafka.producer(system.kafka, "test")
    await made.start()
    yield made
    await made.stop()
