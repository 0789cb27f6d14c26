"""Whether everything that came has found its place: every topic read to its end, no mark left, nothing in an outbox (rule 27).

Promises  Ends are taken once and then awaited, one topic after the other, so that it comes to an end although heartbeats go on for ever.
          Says what it waits for.
Leaves    What the ledger says then to storage.ledger.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from catalog import tables
from catalog.topics import CHECKED, KPIS, PARTIALS, READINGS, REJECTED, WORKERS, Topic
from runtime import clock, kafka
from runtime.errors import Unavailable
from storage import untested
from storage.connect import Connection, world

_LOOK_S = 0.3
_POSITIONS = f"SELECT topic, partition, next_offset, log_offset FROM {tables.STREAM_OFFSET.name}"
_DUE = {
    "dirty windows that have ended": f"SELECT count(*) FROM {tables.DIRTY_WINDOW.name} WHERE window_end <= now()",
    "values in the outbox": f"SELECT count(*) FROM {tables.KPI_OUTBOX.name}",
}
"""After what waits for tests and flags (storage.untested): they mark windows, and windows fill the outbox."""

Ends = Mapping[int, int]


class Standing(NamedTuple):
    """One look: records by topic that are not where they belong yet, and what waits in the database; empty where settled."""

    behind: dict[str, int]
    due: dict[str, int]

    @property
    def settled(self) -> bool:
        """Nothing is left to do."""
        return not self.behind and not self.due

    @property
    def caught_up(self) -> bool:
        """Readings and refusals are all in the books."""
        return READINGS.name not in self.behind and REJECTED.name not in self.behind

    def __str__(self) -> str:
        return ", ".join(f"{number} {what}" for what, number in ({f"records of {name}": n for name, n in self.behind.items()} | self.due).items())


class Look:
    """Kafka's ends and the group's commits; use as an async context manager."""

    def __init__(self, bootstrap: str, connection: Connection) -> None:
        self._bootstrap, self._connection = bootstrap, connection
        self._consumer: AIOKafkaConsumer = kafka.consumer(bootstrap, "kompas-ledger")
        self._admin: AIOKafkaAdminClient = kafka.admin(bootstrap, "kompas-ledger")

    async def __aenter__(self) -> "Look":
        try:
            await self._consumer.start()
            await self._admin.start()
        except (KafkaError, OSError) as error:
            await self.__aexit__()
            raise Unavailable(f"Kafka at {self._bootstrap}", "an answer", repr(error)) from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def once(self) -> Standing:
        """How it stands now: ends first, positions after them."""
        ends = {topic: await self.ends(topic) for topic in (READINGS, REJECTED, PARTIALS, KPIS)}
        behind = {topic.name: number for topic, of in ends.items() if (number := await self.missing(topic, of, committed=topic is PARTIALS))}
        return Standing(behind, self.due())

    async def wait(self, within_s: float, say: Callable[[str], None]) -> Standing:
        """Return when settled; raises TimeoutError that names what it waited for."""
        until_s = clock.monotonic_s() + within_s
        # A worker that has committed its readings has published what they give, and one that has committed its partials their values.
        for topic, committed in ((READINGS, False), (READINGS, True), (PARTIALS, True), (KPIS, False), (REJECTED, False)):
            await self._reached(topic, until_s, say, committed=committed)
        while due := self.due():
            await self._pause(str(Standing({}, due)), until_s, say)
        # What the restater published on the way.
        await self._reached(KPIS, until_s, say)
        return Standing({}, self.due())

    async def _reached(self, topic: Topic, until_s: float, say: Callable[[str], None], *, committed: bool = False) -> None:
        ends = await self.ends(topic)
        while number := await self.missing(topic, ends, committed=committed):
            await self._pause(str(Standing({topic.name: number}, {})), until_s, say)

    async def _pause(self, what: str, until_s: float, say: Callable[[str], None]) -> None:
        if clock.monotonic_s() > until_s:
            raise TimeoutError(f"not settled: {what}")
        say(what)
        await asyncio.sleep(_LOOK_S)

    async def ends(self, topic: Topic) -> Ends:
        """Where its partitions end now."""
        try:
            found = await self._consumer.end_offsets([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(f"Kafka at {self._bootstrap}", f"the ends of {topic.name}", repr(error)) from error
        return {part.partition: end for part, end in found.items()}

    async def missing(self, topic: Topic, ends: Ends, *, committed: bool = False) -> int:
        """Records before these ends that are not stored (of readings: their checked records), or that the workers have not committed."""
        at = await self._committed(topic) if committed else self._stored(topic)
        return sum(max(0, end - max(0, at.get(number, 0))) for number, end in ends.items())

    async def _committed(self, topic: Topic) -> dict[int, int]:
        parts = [(topic.name, number) for number in range(topic.partitions)]
        found = await kafka.group_offsets(self._admin, self._bootstrap, WORKERS, parts)
        return {partition: offset for (_, partition), offset in found.items()}

    def _stored(self, topic: Topic) -> dict[int, int]:
        """Of readings the input offsets that the checked records brought; of other topics where the writer goes on."""
        wanted = CHECKED if topic is READINGS else topic
        with world():
            rows = self._connection.execute(_POSITIONS).fetchall()
            self._connection.rollback()
        return {partition: next_offset for name, partition, next_offset, _ in rows if name == wanted.name}

    def due(self) -> dict[str, int]:
        """What waits in the database."""
        with world():
            tests = untested.waiting(self._connection)
            found = tests | {what: int(row[0]) for what, statement in _DUE.items() if (row := self._connection.execute(statement).fetchone())}
            self._connection.rollback()
        return {what: number for what, number in found.items() if number}
