"""How the writer is: whether its servers answer, and how far it is behind them.

Promises  Ready means that a transaction went through since the last trouble, and that Kafka and PostgreSQL answered within the last seconds;
          what the trouble is stays told until then. A log that shrinks below what is stored stops the writer.
Leaves    Showing it to runtime.health and storage.report.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from runtime import clock
from runtime.errors import Inconsistent, Unavailable
from storage.metrics import WriterMetrics
from storage.positions import Key, Position

_EVERY_S, _ANSWER_S, _GIVE_UP_S, _FRESH_S = 2.0, 5.0, 15.0, 15.0


class Watch:
    """The state that health and report show; the writer tells it what it stored."""

    def __init__(self, lane: str, bootstrap: str, metrics: WriterMetrics) -> None:
        self._lane, self._bootstrap, self._metrics = lane, bootstrap, metrics
        self.positions: dict[Key, Position] = {}
        """Where reading goes on; empty before the first session."""
        self.kafka_s = self.stored_s = float("-inf")
        self.lag: Counter[str] = Counter()
        self.away = True
        self._told = False
        self._trouble = "Kafka and PostgreSQL have not been asked yet"

    def lost(self, trouble: str) -> bool:
        """The session is over; True where that is news: it was well before."""
        news = not self.away or not self._told
        self.away, self._trouble, self._told = True, trouble, True
        return news

    def moved(self, after: Mapping[Key, Position]) -> bool:
        """A transaction went through: both servers are there, these partitions moved; True where that is news."""
        self.stored_s = clock.monotonic_s()
        self.positions.update(after)
        news, self.away, self._told = self.away, False, False
        return news

    async def follow(self, consumer: AIOKafkaConsumer, stored: Mapping[Key, Position]) -> None:
        """Ask Kafka for its ends every two seconds; raises Unavailable after a long silence, Inconsistent where a log shrank."""
        self.positions = dict(stored)
        self.kafka_s = self.stored_s = clock.monotonic_s()
        while True:
            try:
                # As it was before asking: while Kafka answers, more may arrive and be stored.
                before = dict(self.positions)
                async with asyncio.timeout(_ANSWER_S):
                    ends = await consumer.end_offsets([TopicPartition(*key) for key in before])
                self.kafka_s = clock.monotonic_s()
                self._compare(before, {Key(*partition): end for partition, end in ends.items()})
            except (KafkaError, TimeoutError) as error:
                if clock.monotonic_s() - self.kafka_s > _GIVE_UP_S:
                    raise Unavailable(f"Kafka at {self._bootstrap}", "its log ends", repr(error)) from error
            await asyncio.sleep(_EVERY_S)

    def kafka(self) -> str | None:
        """What is wrong with Kafka; None when it answers."""
        return self._silent(self.kafka_s, f"Kafka at {self._bootstrap}")

    def database(self) -> str | None:
        """What is wrong with PostgreSQL; None when it takes transactions."""
        return self._silent(self.stored_s, "PostgreSQL")

    def _silent(self, since_s: float, what: str) -> str | None:
        if self.away:
            return self._trouble
        silent_s = clock.monotonic_s() - since_s
        return None if silent_s < _FRESH_S else f"{what} has not answered for {silent_s:.0f} s"

    def _compare(self, stored: Mapping[Key, Position], ends: Mapping[Key, int]) -> None:
        lag: Counter[str] = Counter()
        for key, end in ends.items():
            behind = end - stored[key].log_offset
            if behind < 0:
                raise Inconsistent(f"{key.topic}/{key.partition}: wanted a log up to offset {stored[key].log_offset} or more, got one up to {end}")
            lag[key.topic] += behind
        self.lag = lag
        self._metrics.behind(self._lane, lag)
