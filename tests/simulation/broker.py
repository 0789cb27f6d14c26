"""Kafka as far as the shell sees it: logs, a producer whose sends travel, a consumer group with commits and generations.

Sends of one producer to one partition land in order, some time after they were handed over, and are confirmed some time after
that; a process that dies loses what has not landed, from some point on.
"""

import asyncio
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata

Part = tuple[str, int]
Headers = list[tuple[str, bytes]]


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers


class Broker:
    """Logs by topic and partition; and what the group has committed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.logs: dict[Part, list[Record]] = {}
        self.starts: dict[Part, int] = {}
        self.committed: dict[Part, OffsetAndMetadata] = {}
        self.members: dict[int, Any] = {}
        self.generation = 0
        self.refused_commits = self.commits = 0

    def append(self, part: Part, key: bytes | None, value: bytes, headers: Headers | None = None) -> Record:
        log = self.logs.setdefault(part, [])
        record = Record(*part, len(log), key, value, headers or [])
        log.append(record)
        return record

    def end(self, part: Part) -> int:
        return len(self.logs.get(part, ()))

    def read(self, part: Part, offset: int, most: int) -> list[Record]:
        return self.logs.get(part, [])[max(offset, self.starts.get(part, 0)) :][:most]

    def commit(self, process: Any, generation: int, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """One record per partition, refused from who is no member or is behind a generation."""
        if self.members.get(process.ordinal) is not process or generation != self.generation:
            self.refused_commits += 1
            raise CommitFailedError("not a member of this generation")
        for part, at in offsets.items():
            self.committed[part.topic, part.partition] = at
            self.commits += 1


class _Batch:
    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes, Headers]] = []

    def append(self, *, timestamp: Any, key: bytes | None, value: bytes, headers: Headers) -> object | None:  # noqa: ARG002 - the client's own face
        if len(self.records) == 4:
            return None
        self.records.append((key, value, headers))
        return self

    def close(self) -> None:
        return

    def record_count(self) -> int:
        return len(self.records)


class _Flight(NamedTuple):
    part: Part
    records: list[tuple[bytes | None, bytes, Headers]]
    future: "asyncio.Future[Any]"
    fails: bool


class Producer:
    """What the shell needs of AIOKafkaProducer, for one process."""

    def __init__(self, process: Any, broker: Broker, failing: float) -> None:
        self._process, self._broker, self._failing = process, broker, failing
        self._lands_at: dict[Part, float] = {}
        self._flying: dict[Part, list[tuple[_Flight, asyncio.TimerHandle]]] = {}
        self._broken: dict[Part, bool] = {}
        """An idempotent producer lets nothing of a partition land behind a batch that did not."""

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        await self._process.gate()
        return self._depart((topic, partition), batch.records)

    async def send(self, topic: str, value: bytes, *, key: bytes, partition: int) -> "asyncio.Future[Any]":
        await self._process.gate()
        return self._depart((topic, partition), [(key, value, [])])

    def _depart(self, part: Part, records: list[tuple[bytes | None, bytes, Headers]]) -> "asyncio.Future[Any]":
        loop, rng = asyncio.get_running_loop(), self._broker.rng
        flight = _Flight(part, records, loop.create_future(), rng.random() < self._failing or part in self._broken)
        delay_s = rng.uniform(0.2, 1.0) if rng.random() < 0.08 else rng.uniform(0.001, 0.05)
        self._lands_at[part] = max(self._lands_at.get(part, 0.0), loop.time() + delay_s) + 1e-6
        self._flying.setdefault(part, []).append((flight, loop.call_at(self._lands_at[part], self._land, flight)))
        return flight.future

    def _land(self, flight: _Flight) -> None:
        self._flying[flight.part] = [(other, handle) for other, handle in self._flying[flight.part] if other is not flight]
        first = None
        if flight.part in self._broken or (flight.fails and self._broker.rng.random() < 0.5):
            self._broken[flight.part] = True
            flight = flight._replace(fails=True)
        else:
            first, *_ = [self._broker.append(flight.part, *record) for record in flight.records]
        asyncio.get_running_loop().call_later(self._broker.rng.uniform(0.0, 0.05), self._confirm, flight, first)

    def _confirm(self, flight: _Flight, first: Record | None) -> None:
        if self._process.dead or flight.future.done():
            return
        if self._process.paused:
            self._process.when_awake.append(lambda: self._confirm(flight, first))
        elif flight.fails:
            flight.future.set_exception(KafkaError("simulated"))
        else:
            flight.future.set_result(first)

    def die(self) -> None:
        """Of what is on its way a beginning still lands, partition by partition."""
        for flights in self._flying.values():
            for _, handle in flights[self._broker.rng.randint(0, len(flights)) :]:
                handle.cancel()


class Consumer:
    """What stream.shell.commits needs of Faust's consumer: its thread, and on it the group's member."""

    def __init__(self, process: Any, broker: Broker) -> None:
        self._process, self._broker = process, broker
        self._thread = self._consumer = self._coordinator = self

    async def call_thread(self, function: Any, client: Any) -> Any:
        await self._process.nap(0.0, 0.03)
        return await function(client)

    @property
    def generation(self) -> int:
        return int(self._process.generation)

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        generation = self.generation
        await self._process.nap(0.0, 0.03)
        self._broker.commit(self._process, generation, offsets)

    async def fetch_committed_offsets(self, wanted: Iterable[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {part: self._broker.committed[part.topic, part.partition] for part in wanted if (part.topic, part.partition) in self._broker.committed}

    async def beginning_offsets(self, wanted: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {part: self._broker.starts.get((part.topic, part.partition), 0) for part in wanted}


class Reader:
    """What stream.shell.chunks needs of AIOKafkaConsumer."""

    def __init__(self, process: Any, broker: Broker) -> None:
        self._process, self._broker = process, broker
        self._at: dict[TopicPartition, int] = {}
        self._paused: list[TopicPartition] = []

    async def start(self) -> None:
        await self._process.nap(0.0, 0.02)

    async def stop(self) -> None:
        return

    def assign(self, parts: list[TopicPartition]) -> None:
        self._at = dict.fromkeys(parts, 0)

    async def beginning_offsets(self, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {part: self._broker.starts.get((part.topic, part.partition), 0) for part in parts}

    def seek(self, part: TopicPartition, offset: int) -> None:
        self._at[part] = offset

    def pause(self, *parts: TopicPartition) -> None:
        self._paused += parts

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        await self._process.nap(0.0, 0.03)
        found = {}
        for part, at in self._at.items():
            if part not in self._paused and (records := self._broker.read((part.topic, part.partition), at, 3)):
                found[part] = records
                self._at[part] = records[-1].offset + 1
        if not found:
            await asyncio.sleep(timeout_ms / 1000)
        return found
