"""Faust's consumer, made ours: it reads on from where our state ends, and brings all records of a partition that one poll gave as one event.

Faust takes 0.15 to 0.2 ms for an event, whatever is in it: four tasks to put it into an agent's queue, and the way out of it. In a backlog a
poll brings tens of records of one partition.

Promises  The records of a partition in order, each once per assignment; positions are the holders', whatever the group has committed.
Leaves    What to do with a record to stream.shell.app; membership, assignment and flow control to Faust.
Source: hook points of faust-streaming 0.15.3 (Consumer._getmany, _to_message, _new_consumer_thread, perform_seek); decisions 0002 and 0010
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from runtime import kafka
from runtime.clock import monotonic_s

if TYPE_CHECKING:
    from stream.shell.app import WorkerApp


class Several(ConsumerMessage):
    """One message to Faust, with all records in it: of one partition, in the order of the log."""

    __slots__ = ("records",)

    records: Sequence[Any]


BUSY_WAIT_MS, IDLE_WAIT_MS = 50, 500
"""How long a fetch may wait for records, while polls bring much and while they do not.

Why: the client has one fetch on its way to a broker. While records of some partitions wait here to be taken in, it fetches for the others
only, which may stay empty; Faust's 1500 ms were seen as up to 2.5 s between a frame in the log and its checked record, with the processor idle.
Without load nothing waits here, and a fetch for 36 partitions is a millisecond of work for either side.
"""
_MUCH_BYTES, _BUSY_S = 16_384, 2.0


class _Thread(driver.AIOKafkaConsumerThread):
    """Faust's thread with the client, whose fetches wait for so long and no longer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = BUSY_WAIT_MS  # read when it starts; Faust has no setting for it
        kafka.pace(consumer._client)
        return consumer

    def wait_for(self, wait_ms: int) -> None:
        """From the next fetch on."""
        fetcher = self._consumer._fetcher if self._consumer is not None else None
        if fetcher is not None:
            fetcher._fetch_max_wait_ms = wait_ms


class OwnPositions(driver.Consumer):
    """Reads on from where our state ends, whatever the group has committed."""

    _busy_until_s = 0.0

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """After Faust's own seek, put every partition to the holder's next record."""
        await super().perform_seek()
        for tp in self.assignment():
            position = cast("WorkerApp", self.app).owner.position((tp.topic, tp.partition))
            if position is not None:
                await self._seek(tp, position)
                self._read_offset[tp] = position
                self._committed_offset[tp] = position

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """What a poll brought: one list of records for each partition, as its only item."""
        came = await super()._getmany(active_partitions, timeout)
        now_s = monotonic_s()
        if sum(len(record.value or b"") for records in came.values() for record in records) > _MUCH_BYTES:
            self._busy_until_s = now_s + _BUSY_S
        cast("_Thread", self._thread).wait_for(BUSY_WAIT_MS if now_s < self._busy_until_s else IDLE_WAIT_MS)
        return {tp: [records] for tp, records in came.items() if records}

    def _to_message(self, tp: TP, record: Sequence[Any]) -> Several:
        """The records as one message that stands at the last of them."""
        last = record[-1]
        at_s: Any = None if last.timestamp is None else last.timestamp / 1_000.0
        message = Several(tp.topic, tp.partition, last.offset, at_s, last.timestamp_type, None, None, b"", None, tp=tp)
        message.generation_id, message.records = self.app.consumer_generation_id, record
        # Why: Faust takes the step from one message's offset to the next for a hole in the log and would keep it for acknowledgements.
        self._read_offset[tp] = last.offset
        return message


driver.Transport.Consumer = OwnPositions
