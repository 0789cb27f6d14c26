"""The writer: lanes side by side, two for readings, one for KPI values and refusals.

Promises  None waits for another: a KPI value is not held up by fifty thousand rows, and while one lane's rows are copied the other's are
          fetched, decoded and committed. Each lane keeps the offsets of its own partitions in its own transactions, so each is exactly once
          by itself; what both write is written in one order, as by several writers.
Leaves    The loop to storage.lane, what is stored how to storage.transaction.
"""

import asyncio
from collections import Counter

from catalog.topics import CHECKED
from storage import positions
from storage.lane import Lane
from storage.metrics import WriterMetrics
from storage.settings import WriterSettings

READING_LANES = 2
"""A connection of PostgreSQL works on one processor; a backlog is to find more than one (docs/decisions/0007-storage.md)."""


class Writer:
    """All lanes of one writer."""

    def __init__(self, settings: WriterSettings, metrics: WriterMetrics) -> None:
        owned = positions.owned(settings.ordinal % settings.writers, settings.writers)
        readings = [key for key in owned if key.topic == CHECKED.name]
        values = [key for key in owned if key.topic != CHECKED.name]
        shares = {f"readings-{n}": readings[n::READING_LANES] for n in range(READING_LANES)} | {"values": values}
        self.lanes = tuple(Lane(name, keys, settings, metrics) for name, keys in shares.items() if keys)

    async def run(self, stopped: asyncio.Event) -> None:
        """Store until stopped; raises Inconsistent where log and database contradict each other."""
        tasks = [asyncio.create_task(lane.run(stopped), name=lane.name) for lane in self.lanes]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def kafka(self) -> str | None:
        """What is wrong with Kafka; None when it answers all lanes."""
        return self._first([lane.watch.kafka() for lane in self.lanes])

    def database(self) -> str | None:
        """What is wrong with PostgreSQL; None when it takes the transactions of all lanes."""
        return self._first([lane.watch.database() for lane in self.lanes])

    def standing(self) -> str | None:
        """Which partitions wait for an upgrade, and why; None while all go on."""
        return "; ".join(said for lane in self.lanes for _, said in sorted(lane.stands.items())) or None

    def stuck(self) -> str | None:
        """What is wrong with a loop itself; None while all turn."""
        return self._first([lane.stuck() for lane in self.lanes])

    def lag(self) -> dict[str, int]:
        """Records that are not stored yet, by topic."""
        return dict(sum((lane.watch.lag for lane in self.lanes), Counter[str]()))

    def _first(self, problems: list[str | None]) -> str | None:
        return next((f"{lane.name}: {problem}" for lane, problem in zip(self.lanes, problems, strict=True) if problem), None)
