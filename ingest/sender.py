"""Records to Kafka, in order, until each is confirmed; on a new producer whatever is unconfirmed goes out again, in order.

Promises  `confirmed` is called once per record, after Kafka has it. A record is never given up.
Leaves    Order between partitions to nobody; duplicates after a new producer to the worker.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from ingest import metrics
from ingest.pipeline import Outgoing
from runtime import clock, events, kafka

_RETRY_S = 1.0
_STOP_S = 2.0


class Sender:
    """One producer at a time; `run` is its task."""

    def __init__(self, bootstrap: str, client_id: str, confirmed: Callable[[Outgoing], None]) -> None:
        self._bootstrap, self._client_id, self._confirmed = bootstrap, client_id, confirmed
        self._waiting: deque[tuple[float, Outgoing]] = deque()
        """Not handed to the producer, with the time at which each came."""
        self._unconfirmed: dict[int, tuple[float, Outgoing]] = {}
        """Handed over, by number; the order of sending is kept."""
        self._numbers = 0
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._broken: BaseException | None = None
        self.connected = False
        self.backlog_bytes = 0
        """Bytes that Kafka has not confirmed."""
        self.confirmations = self.attempts = 0
        """Records that Kafka has confirmed, and producers that were begun, ever."""

    def put(self, records: list[Outgoing]) -> None:
        """Send these after all that came before."""
        now_s = clock.monotonic_s()
        for record in records:
            self._waiting.append((now_s, record))
            self.backlog_bytes += len(record.value)
        if records:
            self._idle.clear()
            self._wake.set()

    @property
    def unconfirmed(self) -> int:
        """Records that Kafka has not confirmed; while there is no producer at least one."""
        return len(self._unconfirmed) + len(self._waiting) + (not self.connected)

    def lag_s(self) -> float:
        """Age of the oldest record that is not confirmed, seconds."""
        oldest = next(iter(self._unconfirmed.values()), None) or (self._waiting[0] if self._waiting else None)
        return clock.monotonic_s() - oldest[0] if oldest else 0.0

    async def flushed(self) -> None:
        """Wait until everything is confirmed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send for ever; cancel to stop."""
        while True:
            producer = await self._connect()
            try:
                await self._feed(producer)
            finally:
                self.connected = False
                with contextlib.suppress(Exception):
                    # an idempotent producer may wait for a dead broker for ever
                    await asyncio.wait_for(producer.stop(), _STOP_S)
            events.failed("kafka_producer_lost", error=repr(self._broken), unconfirmed=len(self._unconfirmed))
            self._waiting.extendleft(reversed(self._unconfirmed.values()))
            self._unconfirmed.clear()
            await asyncio.sleep(_RETRY_S)

    async def _connect(self) -> AIOKafkaProducer:
        said = ""
        while True:
            self.attempts += 1
            producer = kafka.producer(self._bootstrap, self._client_id)
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(producer.stop(), _STOP_S)
                if repr(error) != said:
                    said = repr(error)
                    events.happened("kafka_awaited", address=self._bootstrap, error=said)
                await asyncio.sleep(_RETRY_S)
                continue
            metrics.PRODUCERS.inc()
            self._broken, self.connected = None, True
            events.happened("kafka_connected", address=self._bootstrap)
            return producer

    async def _feed(self, producer: AIOKafkaProducer) -> None:
        """Hand records to the producer until one fails."""
        while self._broken is None:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            since_s, record = self._waiting[0]
            try:
                future = await producer.send(record.topic, record.value, partition=record.partition, headers=record.headers)
            except KafkaTimeoutError:
                # the producer is full because the broker does not answer: it took nothing, the record stays first
                continue
            except (KafkaError, OSError) as error:
                self._broken = error
                return
            self._waiting.popleft()
            self._numbers += 1
            self._unconfirmed[self._numbers] = (since_s, record)
            future.add_done_callback(_Settled(self, self._numbers))

    def settle(self, number: int, error: BaseException | None) -> None:
        """The producer's word on one record; what a former producer says of a record that goes out again is not heard."""
        if number not in self._unconfirmed:
            return
        if error is not None:
            self._broken = self._broken or error
            self._wake.set()
            return
        found = self._unconfirmed.pop(number)
        self.backlog_bytes -= len(found[1].value)
        self.confirmations += 1
        self._confirmed(found[1])
        if not self._unconfirmed and not self._waiting:
            self._idle.set()


class _Settled:
    """The callback of one record's future."""

    __slots__ = ("number", "sender")

    def __init__(self, sender: Sender, number: int) -> None:
        self.sender, self.number = sender, number

    def __call__(self, future: "asyncio.Future[object]") -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        self.sender.settle(self.number, error)
