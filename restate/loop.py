"""The restater's loop: look for marks, compute, publish; wait where there is nothing to do or a server is away.

Promises  What stands in the outbox goes out before anything new is computed, so a crash repeats it first. The event loop never blocks:
          the database has a thread of its own. Kafka is asked where nothing was sent for a while, so that an outage is said although
          nothing waits to go out.
Leaves    One group of marks to restate.restater, sending to restate.publisher.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from catalog.topics import KPIS
from restate import restater
from restate.metrics import RestaterMetrics
from restate.publisher import Publisher
from restate.settings import RestaterSettings
from restate.turn import QualityTurn
from runtime import clock, events, kafka
from runtime.errors import Unavailable
from runtime.guard import Outage
from runtime.watchdog import DOUBT
from storage.queries import copied, restating

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_OUTBOX_AT_A_TIME = 1_000
_STUCK_S = 300.0


class Loop:
    """Runs until stopped."""

    def __init__(self, settings: RestaterSettings, metrics: RestaterMetrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._store = restating.Restating(settings.conninfo)
        self._publisher = Publisher(settings.kafka)
        self._quality = QualityTurn(self._store, metrics, self._step)
        self._thread = ThreadPoolExecutor(1, "restater")
        self._outage, self._began = Outage(), False
        self._ask_after_s = settings.watchdog_s / DOUBT  # as long as other processes' guards leave Kafka in peace
        self._heard_s = float("-inf")
        self._turned_s, self._pieces = clock.monotonic_s(), 0
        self._told: list[str] = []
        self.turns = 0
        """A number that changes with every look, window and attempt."""

    async def run(self, stopped: asyncio.Event) -> None:
        """Work until stopped; servers that are away are waited for."""
        pause_s = FIRST_PAUSE_S
        try:
            while not stopped.is_set():
                self.turns += 1
                try:
                    await self._session(stopped)
                except Unavailable as error:
                    if self.trouble() is None:
                        pause_s = FIRST_PAUSE_S
                    if self._outage.saw(clock.monotonic_s(), str(error)):
                        events.happened("server_awaited", problem=str(error))
                await _pause(stopped, pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            await self._publisher.close()
            await self._in_thread(self._store.close)
            self._thread.shutdown()

    async def _session(self, stopped: asyncio.Event) -> None:
        await self._in_thread(self._store.open)
        await self._ask()
        await self._publisher.check()
        while not stopped.is_set():
            await self._publish()
            if clock.monotonic_s() - self._heard_s >= self._ask_after_s:
                await self._ask()
            worked = await self._in_thread(self._work)
            if self._outage.saw(clock.monotonic_s(), None) or not self._began:
                events.happened("restater_ready")
            self._began, self._turned_s = True, clock.monotonic_s()
            if not worked:
                await _pause(stopped, self._settings.look_every_ms / 1_000)

    async def _publish(self) -> None:
        while out := await self._in_thread(lambda: self._store.outbox(_OUTBOX_AT_A_TIME)):
            try:
                await self._publisher.send([(key, document) for _, key, document in out])
            except Unavailable:
                await self._ask()  # an outage has one sentence in the log, whoever meets it first
                raise
            self._heard_s = clock.monotonic_s()
            await self._in_thread(lambda: self._store.sent([number for number, _, _ in out]))
            self._metrics.published.inc(len(out))

    async def _ask(self) -> None:
        """Whether Kafka is there, whatever the producer believes; raises Unavailable."""
        await self._in_thread(lambda: kafka.ends_now(self._settings.kafka, "kompas-restater-ask", [(KPIS.name, 0)]))
        self._heard_s = clock.monotonic_s()

    def _work(self) -> bool:
        """Quality first, for it marks windows, then some groups of marks; True where any was done. In the thread."""
        self.turns += 1
        known = self._store.known()
        if known.dated.problems != self._told:
            self._told = known.dated.problems
            for problem in self._told:
                events.failed("kpi_not_computed", problem=problem)
        tested = self._quality.take(known)
        groups = restater.groups(known, self._store.due(known, self._settings.due_marks))
        done = [self._restate(known, group) for group in groups]
        marks, outbox = self._store.settle()
        self._metrics.dirty.set(marks)
        self._metrics.outbox.set(outbox)
        return tested or any(done)

    def _restate(self, known: restating.Known, group: list[restating.Due]) -> bool:
        began_s, self.turns = clock.monotonic_s(), self.turns + 1
        try:
            with self._store.snapshot() as snapshot:
                done = restater.restate(snapshot, known, group, clock.now_us())
        except restating.Conflicting:
            self._metrics.conflicts.inc()
            return False
        self._turned_s = clock.monotonic_s()
        self._metrics.took.observe(self._turned_s - began_s)
        self._metrics.windows.inc(done.windows)
        self._metrics.changed.inc(done.changed)
        return True

    def _step(self) -> None:
        """A piece of the quality work is done, or was tried."""
        self.turns, self._turned_s = self.turns + 1, clock.monotonic_s()

    def trouble(self) -> str | None:
        """What keeps it from working; None while it can."""
        return self._outage.problem(clock.monotonic_s()) or (None if self._began else "Kafka and PostgreSQL have not been asked yet")

    def stuck(self) -> str | None:
        """What is wrong with the loop itself; None while it turns or waits for a server."""
        if copied.moved() != self._pieces:  # a long piece of work moves
            self._pieces, self._turned_s = copied.moved(), clock.monotonic_s()
        silent_s = clock.monotonic_s() - self._turned_s
        return None if self.trouble() is not None or silent_s < _STUCK_S else f"no window was computed and no mark looked for in {silent_s:.0f} s"

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _pause(stopped: asyncio.Event, pause_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), pause_s)
