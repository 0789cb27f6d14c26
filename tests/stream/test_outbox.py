"""The outbox: order, batches, and what confirmed means, against a producer that confirms when it is told to."""

import asyncio
from collections import deque
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from stream.shell import outbox as module
from stream.shell.outbox import Outbox

FULL = 3


class Batch:
    """As aiokafka's, with room for FULL records."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.closed = False

    def append(self, *, timestamp: None, key: bytes | None, value: bytes, headers: Any) -> object | None:  # noqa: ARG002
        if len(self.values) == FULL:
            return None
        self.values.append(value)
        return object()

    def record_count(self) -> int:
        return len(self.values)

    def close(self) -> None:
        self.closed = True


class Producer:
    """Keeps what it gets; `confirm` confirms the oldest."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[bytes]]] = []
        self.futures: deque[asyncio.Future[None]] = deque()
        self.refuse = 0

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[None]":
        assert batch.closed
        if self.refuse:
            self.refuse -= 1
            raise KafkaTimeoutError
        self.sent.append((topic, partition, batch.values))
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def confirm(self) -> None:
        self.futures.popleft().set_result(None)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_records_of_a_partition_leave_in_order_in_batches() -> None:
    producer = Producer()
    out = Outbox(producer)
    for n in range(7):
        out.put("t", bytes([n]), n % 2)
    assert producer.sent == []
    out.flush()
    await turns()
    of = {p: [values for _, partition, values in producer.sent if partition == p] for p in (0, 1)}
    assert of == {0: [[b"\x00", b"\x02", b"\x04"], [b"\x06"]], 1: [[b"\x01", b"\x03", b"\x05"]]}


async def test_a_record_leaves_without_being_asked_for() -> None:
    producer = Producer()
    Outbox(producer).put("t", b"x", 0)
    async with asyncio.timeout(10):
        while not producer.sent:  # noqa: ASYNC110 - the producer is a stand-in without events
            await asyncio.sleep(module.LINGER_S)


async def test_confirmed_waits_for_everything_put_before_it_and_for_nothing_later() -> None:
    producer = Producer()
    out = Outbox(producer)
    for n in range(5):
        out.put("t", bytes([n]), 0)
    waiting = asyncio.create_task(out.confirmed())
    await turns()
    producer.confirm()
    await turns()
    assert not waiting.done()
    out.put("t", b"later", 1)
    producer.confirm()
    await turns()
    assert waiting.done()


async def test_a_batch_that_the_broker_does_not_take_yet_is_offered_again() -> None:
    producer = Producer()
    producer.refuse = 2
    out = Outbox(producer)
    out.put("t", b"x", 0)
    out.flush()
    await turns(10)
    assert producer.sent == [("t", 0, [b"x"])]


async def test_whoever_is_crowded_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2)
    producer = Producer()
    out = Outbox(producer)
    out.put("t", b"xy", 0)
    assert out.crowded
    waiting = asyncio.create_task(out.room())
    await turns()
    assert not waiting.done()
    producer.confirm()
    await turns()
    assert waiting.done()


async def test_a_failed_send_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    producer = Producer()
    out = Outbox(producer)
    out.put("t", b"x", 0)
    out.flush()
    await turns()
    producer.futures[0].set_exception(RuntimeError("no"))
    await turns()
    assert ended == [module.EXIT_SEND_FAILED]
