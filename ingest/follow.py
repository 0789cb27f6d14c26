"""Follow `kompas.devices.v1` into the registry: first to its end, then for ever.

Promises  `loaded` turns true once the topic was read to the end that it had at the start and holds a city; a damaged
          record is named and skipped, the last good one stands.
Leaves    What the records mean to ingest/registry.
"""

import asyncio

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from catalog import topics
from ingest.registry import Registry
from runtime import events, kafka

_RETRY_S = 1.0
_STOP_S = 2.0
_POLL_MS = 250
_WAIT_MS = 1_000
_POLL_RECORDS = 2_000


class Follower:
    """Reads the registry topic; `run` is its task."""

    def __init__(self, bootstrap: str, client_id: str, registry: Registry) -> None:
        self._bootstrap, self._client_id, self._registry = bootstrap, client_id, registry
        self._next_offset = 0
        self._read_once = False

    @property
    def loaded(self) -> bool:
        """True when the registry can be relied on."""
        return self._read_once and bool(self._registry.cities)

    def waits_for(self) -> str | None:
        """What is missing, None when loaded."""
        if not self._read_once:
            return f"{topics.DEVICES.name} has not been read to its end"
        return None if self._registry.cities else f"{topics.DEVICES.name} holds no city yet: the registry has not been published"

    async def run(self) -> None:
        """Follow for ever, over lost connections; cancel to stop."""
        said = ""
        while True:
            # The registry changes a few times a day: one request a second is plenty, and Kafka still answers at once when there is news.
            consumer = kafka.consumer(self._bootstrap, self._client_id, fetch_max_wait_ms=_WAIT_MS)
            try:
                await consumer.start()
                said = ""
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                if repr(error) != said:
                    said = repr(error)
                    events.happened("registry_awaited", address=self._bootstrap, error=said)
            finally:
                await _stop(consumer)
            await asyncio.sleep(_RETRY_S)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        partition = TopicPartition(topics.DEVICES.name, 0)
        consumer.assign([partition])
        consumer.seek(partition, self._next_offset)
        end = (await consumer.end_offsets([partition]))[partition]
        while True:
            # compaction leaves holes, so the position and not the last record tells the end
            if not self._read_once and await consumer.position(partition) >= end:
                self._read_once = True
                self._say()
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)
            for record in found.get(partition, ()):
                self._apply(record.key, record.value, record.offset)
            if found and self._read_once:
                self._say()

    def _apply(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        try:
            self._registry.apply((key or b"").decode(), value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            events.failed("registry_record_damaged", offset=offset, key=repr(key), error=str(error))
        self._next_offset = offset + 1

    def _say(self) -> None:
        known = self._registry
        events.happened("registry_read", cities=len(known.cities), kinds=len(known.kinds), devices=len(known.devices), next_offset=self._next_offset)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop, whatever it says. A consumer that is stopped soon after its start raises the cancellation of a task of its own."""
    try:
        await asyncio.wait_for(consumer.stop(), _STOP_S)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    except Exception as error:  # noqa: BLE001 - it is given up either way
        events.happened("registry_consumer_given_up", error=repr(error))
