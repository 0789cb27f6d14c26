"""Who speaks when: the moments at which live KPI values were appended to their topic, by partition, and the pauses between them.

Promises  The clock is Kafka's (LogAppendTime), so a busy listener measures nothing wrong; what came before the first look is not counted.
Leaves    What breaks in between to benchmarks.recovery and benchmarks.scale.
"""

import asyncio
import threading
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from aiokafka import TopicPartition

from benchmarks.system import Bench
from catalog.topics import KPIS, PARTITIONS
from runtime import kafka

_LIVE = b'"status":"live"'


class Live:
    """Listens between `with` and its end, in a thread of its own."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._stopped, self._began = bench, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._came: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._began.wait(30.0)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join(15.0)

    def moments_s(self, partition: int) -> npt.NDArray[np.float64]:
        """When live values of a partition were appended, s since 1970, ascending."""
        return np.array(sorted(at_ms for number, at_ms in list(self._came) if number == partition), np.float64) / 1e3

    def again_s(self, since_s: float) -> list[float]:
        """By partition, seconds from `since_s` to the first live value after it; infinite where none came."""
        return [next((float(at_s) - since_s for at_s in self.moments_s(p) if at_s > since_s), float("inf")) for p in self.spoke(since_s)]

    def spoke(self, before_s: float) -> list[int]:
        """Partitions that had live values before a moment."""
        return [p for p in range(PARTITIONS) if bool((self.moments_s(p) <= before_s).any())]

    def pause_s(self, from_s: float, to_s: float) -> float:
        """The longest time without a live value in any one partition that had some, between two moments."""
        return max((longest_gap(self.moments_s(p), from_s, to_s) for p in self.spoke(from_s)), default=float("nan"))

    async def _listen(self) -> None:
        consumer: Any = kafka.consumer(self._bench.kafka, "kompas-bench-live", fetch_max_wait_ms=50)
        await consumer.start()
        parts = [TopicPartition(KPIS.name, p) for p in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.seek_to_end()
        for part in parts:
            await consumer.position(part)
        self._began.set()
        while not self._stopped.is_set():
            for part, records in (await consumer.getmany(timeout_ms=100)).items():
                self._came += [(part.partition, record.timestamp) for record in records if _LIVE in record.value]
        await consumer.stop()


def longest_gap(moments_s: npt.NDArray[np.float64], from_s: float, to_s: float) -> float:
    """The longest stretch of [from_s, to_s] without a moment, s; the edges count like moments."""
    inside = moments_s[(moments_s > from_s) & (moments_s < to_s)]
    return float(np.diff(np.concatenate(([from_s], inside, [to_s]))).max())
