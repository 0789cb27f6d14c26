"""What runtime/kafka changes inside of aiokafka's clients: that it reaches what it means to in the pinned release (0.14), and is still needed.

A cluster is known whose only partition nobody leads, and its broker refuses connections: what a clean stop of Kafka leaves behind.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import LeaderNotAvailableError
from aiokafka.producer import message_accumulator

from local import ports
from runtime import kafka

TOPIC = "orphan"
WATCHED_S = 0.6
PACED, SPINNING = 6, 30
"""Questions for metadata within WATCHED_S: at most, at least. Measured: 3 and 773 of a producer, 3 and 1351 of a consumer (two cores, 2026-11-23)."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "aiokafka")


def metadata(port: int, leader: int) -> Any:
    """An answer of version 1 with one broker and one partition."""
    partition = (0, 0, leader, [0], [0])
    return SimpleNamespace(API_VERSION=1, brokers=[(0, "127.0.0.1", port, None)], controller_id=0, topics=[(0, TOPIC, False, [partition])])


@pytest.fixture
def orphaned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients find at their start what a Kafka that is gone has said of itself."""
    port = ports.free(1)[0]

    async def bootstrap(self: AIOKafkaClient) -> None:
        self.cluster.update_metadata(metadata(port, leader=-1))
        self._sync_task = asyncio.create_task(self._md_synchronizer())

    monkeypatch.setattr(AIOKafkaClient, "bootstrap", bootstrap)


def refusals(client: AIOKafkaClient) -> list[int]:
    """Grows by one whenever this client asks the broker for metadata."""
    asked: list[int] = []
    connect = client._get_conn

    async def counted(node_id: int, **more: Any) -> Any:
        asked.append(node_id)
        return await connect(node_id, **more)

    client._get_conn = counted
    return asked


async def end(producer: AIOKafkaProducer) -> None:
    """What stop() does after its flush, for which it would wait."""
    producer._closed = True
    producer._message_accumulator.fail_all(LeaderNotAvailableError())
    await producer._sender.close()
    await producer.client.close()


async def sending(producer: AIOKafkaProducer) -> "asyncio.Future[Any]":
    """Start it and give it a record, which has nowhere to go."""
    producer._txn_manager.set_pid_and_epoch(1, 0)
    await producer.start()
    future: asyncio.Future[Any] = await producer.send(TOPIC, b"value", partition=0)
    return future


def plain_producer() -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", enable_idempotence=True)


def own_producer() -> AIOKafkaProducer:
    return kafka.producer("127.0.0.1:1", "test")


Law = Callable[[int], bool]


@pytest.mark.parametrize(
    ("case", "make", "law"),
    [
        ("ours pauses", own_producer, lambda asked: 1 <= asked <= PACED),
        ("aiokafka's does not: once this fails, pace() may go", plain_producer, lambda asked: asked >= SPINNING),
    ],
)
async def test_a_producer_without_a_leader_asks_at_a_walk(case: str, make: Callable[[], AIOKafkaProducer], law: Law, orphaned: None) -> None:
    producer = make()
    asked = refusals(producer.client)
    sent = await sending(producer)
    await asyncio.sleep(WATCHED_S)
    assert law(len(asked))
    assert not sent.done()
    begun_s = time.monotonic()
    await end(producer)
    assert time.monotonic() - begun_s < WATCHED_S  # neither pause nor question holds it up
    assert isinstance(sent.exception(), LeaderNotAvailableError)


@pytest.mark.parametrize(
    ("case", "make", "law"),
    [
        ("ours pauses", lambda: kafka.consumer("127.0.0.1:1", "test"), lambda asked: 1 <= asked <= PACED),
        ("aiokafka's does not", lambda: AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1"), lambda asked: asked >= SPINNING),
    ],
)
async def test_a_consumer_without_a_leader_asks_at_a_walk(case: str, make: Callable[[], AIOKafkaConsumer], law: Law, orphaned: None) -> None:
    consumer = make()
    await consumer.start()
    asked = refusals(consumer._client)
    consumer.assign([TopicPartition(TOPIC, 0)])
    await asyncio.sleep(WATCHED_S)
    assert law(len(asked))
    begun_s = time.monotonic()
    await consumer.stop()
    assert time.monotonic() - begun_s < WATCHED_S


@pytest.mark.parametrize(
    ("case", "make", "expires"),
    [("ours waits", own_producer, False), ("aiokafka's gives up: once this fails, _batch_ttl may be left alone", plain_producer, True)],
)
async def test_a_batch_without_a_leader_never_expires(
    case: str, make: Callable[[], AIOKafkaProducer], expires: bool, orphaned: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = make()
    sent = await sending(producer)
    monkeypatch.setattr(message_accumulator, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 86_400.0))
    await asyncio.sleep(2.5 * kafka._PAUSE_S)
    assert sent.done() is expires
    await end(producer)
    assert isinstance(sent.exception(), LeaderNotAvailableError)


@pytest.mark.parametrize(
    ("case", "answer", "leader", "pauses"),
    [
        ("no answer", False, 0, True),
        ("an answer that names no leader", True, -1, True),
        ("an answer", True, 0, False),
    ],
)
async def test_a_pause_follows_only_what_helps_nobody(case: str, answer: bool, leader: int, pauses: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(for_s: float) -> None:
        slept.append(for_s)

    async def ask(cluster: Any, topics: Any) -> bool:
        cluster.update_metadata(metadata(1, leader))
        return answer

    client = AIOKafkaClient()
    monkeypatch.setattr(client, "_metadata_update", ask)
    kafka.pace(client)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await client._metadata_update(client.cluster, {TOPIC}) is answer
    assert slept == ([kafka._PAUSE_S] if pauses else [])
