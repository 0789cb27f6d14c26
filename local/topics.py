"""Create the topics that catalog/topics.py declares, and ask Kafka whether it answers.

Promises  Existing topics are left alone; one with another number of partitions is an error, since keys would move.
Leaves    What travels in them to the rooms.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from catalog.topics import TOPICS, Topic
from local.errors import MachineError
from runtime import kafka

T = TypeVar("T")


def ask(bootstrap: str) -> str | None:
    """One metadata request: None where it is answered, else what was wrong."""
    try:
        partitions(bootstrap, TOPICS)
    except (KafkaError, OSError, TimeoutError) as error:
        return repr(error)
    return None


def partitions(bootstrap: str, topics: Iterable[Topic] = TOPICS) -> dict[str, int]:
    """Number of partitions by topic, of those that exist."""
    wanted = {topic.name for topic in topics}

    async def described() -> dict[str, int]:
        admin = kafka.admin(bootstrap, "local")
        try:
            await admin.start()
            there = [name for name in await admin.list_topics() if name in wanted]
            found = await admin.describe_topics(there) if there else []
            return {each["topic"]: len(each["partitions"]) for each in found}
        finally:
            await admin.close()

    return alone(described)


def ends(bootstrap: str) -> dict[str, dict[str, int]]:
    """Number of partitions and sum of their end offsets, by topic."""

    async def asked() -> dict[str, dict[str, int]]:
        consumer = kafka.consumer(bootstrap, "local")
        try:
            await consumer.start()
            there = await consumer.topics()
            found = {}
            for topic in TOPICS:
                if topic.name in there:
                    of = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
                    found[topic.name] = {"partitions": len(of), "end_offsets": sum((await consumer.end_offsets(of)).values())}
            return found
        finally:
            await consumer.stop()

    return alone(asked)


def create(bootstrap: str, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Create what is missing; returns the names created."""
    declared = list(topics)
    there = partitions(bootstrap, declared)
    for topic in declared:
        if there.get(topic.name, topic.partitions) != topic.partitions:
            raise MachineError(
                f"topic {topic.name}: wanted {topic.partitions} partitions, got {there[topic.name]}",
                "the number is fixed when the log is created: keep the old release, or start anew with ./kompas down --purge",
            )
    missing = [topic for topic in declared if topic.name not in there]

    async def made() -> None:
        admin = kafka.admin(bootstrap, "local")
        try:
            await admin.start()
            new = [NewTopic(topic.name, topic.partitions, 1, topic_configs=topic.config) for topic in missing]
            answer = await admin.create_topics(new, timeout_ms=30_000)
            for name, code, *said in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise MachineError(f"topic {name}: Kafka answered with error {code} {said}", "read the log of Kafka")
        finally:
            await admin.close()

    if missing:
        alone(made)
    return [topic.name for topic in missing]


def alone(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end in a thread of its own, whether or not this one has a loop."""

    def run() -> T:
        return asyncio.run(asyncio.wait_for(work(), 30.0))

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
