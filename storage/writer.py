"""The writer: two lanes side by side, one for readings, one for KPI values and refusals.

Promises  Neither waits for the other: a KPI value is not held up by fifty thousand rows, and rows go in at the speed of COPY. Each lane keeps
          the offsets of its own partitions in its own transactions, so each is exactly once by itself.
Leaves    The loop to storage.lane, what is stored how to storage.transaction.
"""

import asyncio
from collections import Counter

from catalog.topics import CHECKED
from storage import positions
from storage.lane import Lane
from storage.metrics import WriterMetrics
from storage.settings import WriterSettings


class Writer:
    """All lanes of one writer."""

    def __init__(self, settings: WriterSettings, metrics: WriterMetrics) -> None:
        owned = positions.owned(settings.ordinal % settings.writers, settings.writers)
        readings = [key for key in owned if key.topic == CHECKED.name]
        values = [key for key in owned if key.topic != CHECKED.name]
        self.lanes = (Lane("readings", readings, settings, metrics), Lane("values", values, settings, metrics))

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
        """What is wrong with Kafka; None when it answers both lanes."""
        return self._first([lane.watch.kafka() for lane in self.lanes])

    def database(self) -> str | None:
        """What is wrong with PostgreSQL; None when it takes the transactions of both lanes."""
        return self._first([lane.watch.database() for lane in self.lanes])

    def standing(self) -> str | None:
        """Which partitions wait for an upgrade, and why; None while all go on."""
        return "; ".join(said for lane in self.lanes for _, said in sorted(lane.stands.items())) or None

    def stuck(self) -> str | None:
        """What is wrong with a loop itself; None while both turn."""
        return self._first([lane.stuck() for lane in self.lanes])

    def lag(self) -> dict[str, int]:
        """Records that are not stored yet, by topic."""
        return dict(sum((lane.watch.lag for lane in self.lanes), Counter[str]()))

    def _first(self, problems: list[str | None]) -> str | None:
        return next((f"{lane.name}: {problem}" for lane, problem in zip(self.lanes, problems, strict=True) if problem), None)
