"""A worker process: the shell's own Owner, Outbox, holders, commits and chunks on a simulated Kafka, and Faust's part of the work.

Faust's part is small: it brings records of the partitions assigned, says what was revoked and assigned (stream.shell.app), and
calls the tasks that publish and snapshot.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from catalog.topics import PARTIALS, READINGS
from stream.shell.holders import OLDEST_HEADER
from stream.shell.owner import Owner
from tests.simulation.broker import Broker, Consumer, Part, Producer, Record
from tests.simulation.loop import CURRENT

STALL_GUARD_S = 0.25


class Exited(BaseException):
    """os._exit of a simulated process."""


class Process:
    """One life of a worker; `ordinal` is its static name."""

    def __init__(self, broker: Broker, ordinal: int, died: Callable[["Process"], None], failing: float) -> None:
        self.broker, self.ordinal, self._died = broker, ordinal, died
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.dead = self.paused = self.working = False
        self.code = 0
        self.generation = -1
        self.when_awake: list[Callable[[], None]] = []
        self.positions: dict[Part, int] = {}
        self.slips = 0.0
        """How often the client brings a record again, or leaves some out."""
        self._awake = asyncio.Event()
        self._awake.set()
        self._restoring, self._revoking = asyncio.Lock(), asyncio.Lock()
        self.producer, self.consumer = Producer(self, broker, failing), Consumer(self, broker)
        self._context = contextvars.copy_context()
        self._context.run(CURRENT.set, self)
        self.owner = Owner("simulated", f"worker-{ordinal}", self.producer)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        return asyncio.get_running_loop().create_task(coroutine, context=self._context)

    def start(self) -> None:
        for work in (self._read, self._publish, self._snapshot):
            self.spawn(work())

    async def gate(self) -> None:
        """What every word to the outside passes: nobody speaks who is stopped or dead."""
        while self.paused:
            await self._awake.wait()
        if self.dead:
            raise Exited(self.code)

    async def nap(self, low_s: float, high_s: float) -> None:
        await asyncio.sleep(self.broker.rng.uniform(low_s, high_s))
        await self.gate()

    def exit(self, code: int) -> None:
        """os._exit, and SIGKILL."""
        if not self.dead:
            self.dead, self.code, self.working = True, code, False
            self.producer.die()
            self._awake.set()
            self.paused = False
            for task in list(self.tasks):
                task.cancel()
            self._died(self)

    def pause(self) -> None:
        self.paused = True
        self._awake.clear()

    def wake(self) -> None:
        self.paused = False
        self._awake.set()
        waiting, self.when_awake = self.when_awake, []
        for work in waiting:
            work()

    async def take_over(self, generation: int, parts: list[Part]) -> None:
        """Faust's on_rebalance_complete, then its seek and resumption; again where the group has moved on meanwhile."""
        async with self._restoring:
            async with self._revoking:  # a member joins again only when it has given back
                await self.gate()
            if generation != self.generation:
                return
            await self.owner.restore(self.consumer, set(parts))
            if generation == self.generation:
                found = {part: self.owner.position(part) for part in parts}
                self.positions = {part: at for part, at in found.items() if at is not None}
            self.working = True

    async def revoke(self) -> None:
        """Faust's on_partitions_revoked; it does not wait for a restore that is under way."""
        async with self._revoking:
            await self.gate()
            self.working = False
            if self.owner.holders:
                await self.owner.give_back(self.consumer)

    async def _read(self) -> None:
        rng = self.broker.rng
        while True:
            await self.nap(0.005, 0.1)
            parts = [part for part, at in self.positions.items() if self.broker.end(part) > at]
            if not parts or not self.working:
                continue
            part, generation = rng.choice(parts), self.generation
            if rng.random() < self.slips:
                slipped = self.positions[part] + rng.choice([-3, -1, 1, 2])
                self.positions[part] = max(0, min(slipped, self.broker.end(part) - 1))  # what is left out shows by what follows it
            records = self.broker.read(part, self.positions[part], rng.choice([1, 3, 10, 30]))
            if rng.random() < 0.1:
                await self.nap(0.0, 0.3)  # they wait in a buffer while the group goes on
            for record in records:
                await self._bring(part, record, generation)

    async def _bring(self, part: Part, record: Record, generation: int) -> None:
        """The agent of stream.shell.app."""
        if generation != self.generation:
            return
        holder = self.owner.expect(part, record.offset)
        self.positions[part] = record.offset + 1
        if holder is not None:
            waited = next((int(text) for name, text in record.headers if name == OLDEST_HEADER), None)
            holder.take(record.value, record.offset, waited)
            if self.owner.outbox.crowded:
                await self.owner.outbox.room()

    async def _publish(self) -> None:
        while True:
            await self.nap(0.02, 0.2)
            await self.owner.publish()

    async def _snapshot(self) -> None:
        while True:
            await self.nap(0.02, 0.2)
            if self.working:
                await self.owner.snapshot_due(self.consumer)


def all_parts(inputs: int, outputs: list[int]) -> list[Part]:
    """Everything that the group reads."""
    return [(READINGS.name, p) for p in range(inputs)] + [(PARTIALS.name, p) for p in outputs]
