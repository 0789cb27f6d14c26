"""One run from one seed: workers, a writer, gateways, and what befalls them; then quiet until everything has settled."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from catalog.topics import READINGS, STATE, partition_of
from runtime import clock, events
from stream.shell import chunks, holders, outbox, owner
from stream.worker import snapshot
from tests.simulation import city
from tests.simulation.broker import Broker, Part, Reader
from tests.simulation.loop import CURRENT, VirtualLoop
from tests.simulation.process import Exited, Process, all_parts
from tests.simulation.writer import Store, Writer

SPEED = 12.0
"""Seconds of the city per second of the processes."""
OUTPUTS = sorted({partition_of(id_) for id_ in ("c", "k")})
SETTLE_WITHIN_S = 60.0
WORKERS = 3
Act = Callable[["World"], Any]


class World:
    """Everything of one run; what it leaves behind is judged by tests.simulation.judge."""

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.frames = city.sent(seed)
        self.broker = Broker(self.rng)
        self.store = Store()
        self.happened: Counter[str] = Counter()
        self.problems: list[str] = []
        self.calm = self.over = False
        self.workers: dict[int, Process] = {}
        self.zombies: list[Process] = []
        self.wanted = self.rng.choice([1, 1, 2, 2, 3])
        self.parts = all_parts(city.INPUTS, OUTPUTS)
        self.assignment: dict[int, list[Part]] = {}
        self._rebalancing = asyncio.Lock()
        self._background: dict[asyncio.Task[Any], None] = {}
        self.failing = self.rng.choice([0.0, 0.0, 0.004])
        self.slips = self.rng.choice([0.0, 0.0, 0.02])

    async def run(self) -> None:
        """Faults while the city speaks, then quiet."""
        self.writer = Writer(self.broker, self.store, self.rng)
        self.writer.start()
        for ordinal in range(self.wanted):
            self.workers[ordinal] = self._life(ordinal)
        self.later(self.rebalance())
        trouble = asyncio.get_running_loop().create_task(self._trouble())
        await self._speak()
        trouble.cancel()
        await self._settle()

    async def end(self) -> None:
        """Nothing is left that runs."""
        self.over = True
        for process in [*self.workers.values(), *self.zombies]:
            process.exit(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1.0)

    def later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background[task] = None
        task.add_done_callback(lambda done: self._background.pop(done, None))

    async def _speak(self) -> None:
        began_s = asyncio.get_running_loop().time()
        for frame in self.frames:
            wait_s = began_s + 0.2 + frame.at_s / SPEED - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.broker.append((READINGS.name, frame.partition), None, frame.value)

    async def _trouble(self) -> None:
        pace_s = self.rng.choice([0.5, 1.5, 4.0])
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / pace_s))
            act = self.rng.choice(ACTS)
            self.happened[act.__name__] += 1
            act(self)

    async def _settle(self) -> None:
        self.calm = True
        self.rng.choice([rebalance, stop_until_evicted, stop_and_double])(self)
        loop = asyncio.get_running_loop()
        until_s, quiet_s = loop.time() + SETTLE_WITHIN_S, 0.0
        while quiet_s < 4.5 or self._background:
            await asyncio.sleep(0.25)
            if loop.time() > until_s:
                self.problems.append(f"not settled within {SETTLE_WITHIN_S} s")
                break
            for process in [*self.workers.values(), *self.zombies]:
                process.slips = 0.0
            self._watch_writer()
            quiet_s = quiet_s + 0.25 if self._quiet() else 0.0
        while not self.writer.done() and self.writer.trouble is None and loop.time() < until_s:
            self._watch_writer()
            await asyncio.sleep(0.05)
        if self.writer.trouble is not None:
            self.problems.append(f"writer: {self.writer.trouble}")

    def _watch_writer(self) -> None:
        if self.writer.ended and self.writer.trouble is None:
            self.restart_writer()

    def restart_writer(self) -> None:
        self.writer = Writer(self.broker, self.store, self.rng)
        self.writer.start()

    def _quiet(self) -> bool:
        """Every record was taken in by its owner, and every combiner has heard every input's end."""
        ends = [self.broker.end((READINGS.name, p)) - 1 for p in range(city.INPUTS)]
        for part in self.parts:
            process = next((each for each in self.workers.values() if part in each.owner.holders and each.working), None)
            if process is None:
                return False
            holder = process.owner.holders[part]
            if part[0] == READINGS.name and holder.offset != ends[part[1]]:
                return False
            if isinstance(holder, holders.CombinerHolder) and holder.combiner._state.marks.offsets != ends:
                return False
        return True

    def _life(self, ordinal: int) -> Process:
        failing, slips = (0.0, 0.0) if self.calm else (self.failing, self.slips)
        process = Process(self.broker, ordinal, self._died, failing)
        process.slips = slips
        process.start()
        return process

    def _died(self, process: Process) -> None:
        self.happened[f"exit {process.code}"] += 1
        if self.workers.get(process.ordinal) is process and not self.over:
            self.later(self._supervise(process))

    async def _supervise(self, process: Process) -> None:
        """Start it again: at once under its static name, or later, when the group has given its partitions away."""
        at_once = self.rng.random() < 0.6
        await asyncio.sleep(self.rng.uniform(0.05, 0.4) if at_once else self.rng.uniform(0.4, 2.0))
        if self.workers.get(process.ordinal) is process:
            if not at_once:
                del self.workers[process.ordinal]
                if self.workers:
                    await self.rebalance()
            if process.ordinal not in self.workers or self.workers[process.ordinal] is process:
                self.replace(process.ordinal, at_once=at_once)

    def replace(self, ordinal: int, *, at_once: bool) -> None:
        """A new life under the same name: the group hands it the same partitions without a rebalance, or goes through one."""
        process = self.workers[ordinal] = self._life(ordinal)
        if at_once and ordinal in self.broker.members and not self._rebalancing.locked():
            self.broker.members[ordinal] = process
            process.generation = self.broker.generation
            process.spawn(process.take_over(process.generation, self.assignment[ordinal]))
        else:
            self.later(self.rebalance())

    async def rebalance(self) -> None:
        """All members give back, the generation grows, partitions are dealt anew; who is stopped is left out."""
        async with self._rebalancing:
            old = [process for process in self.broker.members.values() if not process.dead and not process.paused and process.generation >= 0]
            given = [process.spawn(process.revoke()) for process in old]
            if given:
                await asyncio.wait(given, timeout=4.0)
            present = [process for process in self.workers.values() if not process.dead and not process.paused]
            self.broker.generation += 1
            self.broker.members = {process.ordinal: process for process in present}
            parts = list(self.parts)
            self.rng.shuffle(parts)
            self.assignment = {process.ordinal: parts[n :: len(present)] for n, process in enumerate(present)}
            for process in present:
                process.generation = self.broker.generation
                process.spawn(process.take_over(process.generation, self.assignment[process.ordinal]))

    async def wake_later(self, process: Process, after_s: float) -> None:
        """A stopped process goes on where it was; what ends or calms it comes a moment later."""
        await asyncio.sleep(after_s)
        process.wake()
        if self.broker.members.get(process.ordinal) is process and process.generation == self.broker.generation:
            return
        await asyncio.sleep(self.rng.uniform(0.0, 0.6))
        if self.workers.get(process.ordinal) is process and self.rng.random() < 0.5:
            await self.rebalance_with(process)
        else:
            process.exit(75)

    async def rebalance_with(self, process: Process) -> None:
        """It learns that it is no member, gives back what it thinks it has, and joins again."""
        if not process.dead:
            await asyncio.wait([process.spawn(process.revoke())])
            await self.rebalance()

    def anyone(self) -> Process | None:
        alive = [process for _, process in sorted(self.workers.items()) if not process.dead and not process.paused]
        return self.rng.choice(alive) if alive else None


def kill(world: World) -> None:
    if process := world.anyone():
        process.exit(137)


def stop_for_a_moment(world: World) -> None:
    if process := world.anyone():
        process.pause()
        world.later(world.wake_later(process, world.rng.uniform(0.1, 1.0)))


def stop_until_evicted(world: World) -> None:
    if process := world.anyone():
        process.pause()
        if len(world.workers) > 1:
            world.later(world.rebalance())
        else:
            world.zombies.append(process)
            world.replace(process.ordinal, at_once=False)
        world.later(world.wake_later(process, world.rng.uniform(0.5, 3.0)))


def stop_and_double(world: World) -> None:
    if process := world.anyone():
        process.pause()
        world.zombies.append(process)
        world.replace(process.ordinal, at_once=True)
        world.later(world.wake_later(process, world.rng.uniform(0.3, 2.0)))


def join_or_leave(world: World) -> None:
    free = [ordinal for ordinal in range(WORKERS) if ordinal not in world.workers]
    if free and world.rng.random() < 0.6:
        world.workers[free[0]] = world._life(free[0])
        world.later(world.rebalance())
    elif len(world.workers) > 1 and (process := world.anyone()):
        del world.workers[process.ordinal]
        world.later(_leave(world, process))


async def _leave(world: World, process: Process) -> None:
    await asyncio.wait([process.spawn(process.revoke())], timeout=4.0)
    process.exit(0)
    await world.rebalance()


def rebalance(world: World) -> None:
    world.later(world.rebalance())


def tear_a_snapshot(world: World) -> None:
    """The newest chunk of one state partition is not what was written, or has expired."""
    logs = [part for part in world.broker.logs if part[0] == STATE.name]
    if logs:
        part = world.rng.choice(logs)
        log = world.broker.logs[part]
        if world.rng.random() < 0.5:
            log[-1] = log[-1]._replace(value=log[-1].value[:-1] + b"?")
        else:
            world.broker.starts[part] = len(log)


def another_layout(world: World) -> None:
    """A release with another layout: everybody starts anew and cannot read what was written."""
    snapshot.LAYOUT = f"simulated/{world.rng.random()}"
    for process in list(world.workers.values()):
        process.exit(0)


def kill_the_writer(world: World) -> None:
    world.writer.stop()
    world.restart_writer()


def double_the_writer(world: World) -> None:
    """It hangs in a transaction; another takes its place."""
    world.writer.hangs_s = world.rng.uniform(0.2, 1.0)
    world.restart_writer()


ACTS: list[Act] = [
    kill, kill, kill, stop_for_a_moment, stop_until_evicted, stop_until_evicted, stop_and_double, stop_and_double, join_or_leave, rebalance,
    tear_a_snapshot, another_layout, kill_the_writer, double_the_writer,
]  # fmt: skip


@contextmanager
def _installed(world: World, loop: VirtualLoop) -> Iterator[None]:
    """The shell's clocks, exits, pace and reader are the world's."""

    def leave(code: int) -> None:
        CURRENT.get().exit(code)
        raise Exited(code)

    def count(name: str, **_: Any) -> None:
        world.happened[name] += 1

    with pytest.MonkeyPatch.context() as patch:
        for module in (owner, outbox):
            patch.setattr(module, "os", SimpleNamespace(_exit=leave))
        patch.setattr(chunks, "kafka", SimpleNamespace(consumer=lambda *_, **__: Reader(CURRENT.get(), world.broker)))
        patch.setattr(clock, "monotonic_s", loop.time)
        patch.setattr(owner, "monotonic_s", loop.time)
        patch.setattr(clock, "now_us", lambda: city.START + round(loop.time() * SPEED * 1e6))
        patch.setattr(holders, "PARTITIONS", city.INPUTS)
        patch.setattr(owner, "FIRST_SNAPSHOT_S", 0.2)
        patch.setattr(owner, "SNAPSHOT_EVERY_S", world.rng.choice([0.5, 1.0, 3.0]))
        patch.setattr(snapshot, "LAYOUT", snapshot.LAYOUT)
        for name in ("happened", "failed"):
            patch.setattr(events, name, count)
        yield


def run(seed: int) -> World:
    """Live through one seed."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        world = World(seed)
        with _installed(world, loop):
            loop.run_until_complete(world.run())
            loop.run_until_complete(world.end())
        return world
    finally:
        asyncio.set_event_loop(None)
        loop.close()
