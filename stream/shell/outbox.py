"""What goes out: records wait a moment, leave together as one batch per partition, and are counted until Kafka has them.

Promises  Records of one partition leave in the order in which they were put. confirmed() returns when Kafka has everything put
          before the call; a failed send ends the process (rule 13), because a commit past an output that is not in the log would
          lose it. Putting a record costs no task, no future and no turn of the loop.
Leaves    Batches on the wire, retries and idempotence to the client.
"""

import asyncio
import os
from collections import deque
from functools import partial
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from runtime import events

EXIT_SEND_FAILED = 70
LINGER_S = 0.01
MOST_BYTES = 32 << 20
"""Unconfirmed; whoever puts more should wait for room()."""

Headers = list[tuple[str, bytes]]


class _Waiting(NamedTuple):
    key: bytes | None
    value: bytes
    headers: Headers


class _Lane:
    """One partition's way out."""

    __slots__ = ("confirmed", "put", "sending", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.put = self.confirmed = 0
        """Records, ever."""
        self.sending: asyncio.Task[None] | None = None


class Outbox:
    """Everything that this process sends, but for snapshots."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._bytes = 0
        self._flush: asyncio.TimerHandle | None = None
        self._progress = asyncio.Event()

    def put(self, topic: str, value: bytes, partition: int, key: bytes | None = None, headers: Headers | None = None) -> None:
        """Send a record; it leaves within LINGER_S."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane()
        lane.waiting.append(_Waiting(key, value, headers or []))
        lane.put += 1
        self._bytes += len(value)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(LINGER_S, self.flush)

    @property
    def crowded(self) -> bool:
        """True where too much is unconfirmed."""
        return self._bytes >= MOST_BYTES

    async def room(self) -> None:
        """Return when it is no longer crowded."""
        self.flush()
        while self.crowded:
            await self._step()

    def flush(self) -> None:
        """Start whatever waits on its way."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        for (topic, partition), lane in self._lanes.items():
            if lane.waiting and lane.sending is None:
                lane.sending = asyncio.get_running_loop().create_task(self._send(topic, partition, lane))
                lane.sending.add_done_callback(_ended)

    async def confirmed(self) -> None:
        """Wait until Kafka has everything put so far."""
        wanted = [(lane, lane.put) for lane in self._lanes.values()]
        self.flush()
        while any(lane.confirmed < count for lane, count in wanted):
            await self._step()

    async def _step(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def _send(self, topic: str, partition: int, lane: _Lane) -> None:
        """Batches, one after another, until nothing waits."""
        while lane.waiting:
            batch, size = self._producer.create_batch(), 0
            while lane.waiting:
                key, value, headers = lane.waiting[0]
                if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                    break
                size += len(value)
                lane.waiting.popleft()
            batch.close()
            done = await self._submitted(batch, topic, partition)
            done.add_done_callback(partial(self._done, lane, batch.record_count(), size))
        lane.sending = None

    async def _submitted(self, batch: Any, topic: str, partition: int) -> "asyncio.Future[Any]":
        while True:
            try:
                future: asyncio.Future[Any] = await self._producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:  # the batch before it still waits for the broker
                continue
            return future

    def _done(self, lane: _Lane, count: int, size: int, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is not None:
            _failed(future.exception())
        lane.confirmed += count
        self._bytes -= size
        self._progress.set()


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _failed(task.exception())


def _failed(error: BaseException | None) -> None:
    events.failed("send_failed", error=repr(error))
    os._exit(EXIT_SEND_FAILED)
