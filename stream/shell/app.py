"""The Faust app: two agents, Kafka's group, and nothing else of Faust.

Promises  Events are never acknowledged to Faust; positions and commits are ours (stream.shell.owner).
Leaves    What to do with a record to the holders.
Source: hook points of faust-streaming 0.15.3, docs/decisions/0002-exact-stream.md
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import mode.loop

mode.loop.use("uvloop")

import faust  # noqa: E402 - the event loop is chosen before faust is imported
from aiokafka import AIOKafkaProducer  # noqa: E402
from faust.types import TP  # noqa: E402

from catalog.topics import PARTIALS, READINGS, WORKERS, Topic  # noqa: E402
from runtime import events  # noqa: E402
from runtime.clock import boottime_s  # noqa: E402
from runtime.health import HealthServer  # noqa: E402
from stream.settings import WorkerSettings  # noqa: E402
from stream.shell.consumer import Several  # noqa: E402 - gives Faust our consumer, too
from stream.shell.holders import OLDEST_HEADER  # noqa: E402
from stream.shell.owner import Owner  # noqa: E402

DATA = Path(tempfile.gettempdir()) / f"kompas-faust-{os.getuid()}"
"""Folders that Faust makes and, with tables in memory, leaves empty: the same for all, for nobody takes away those of a worker that was killed."""
EXIT_STALLED = 75
TICK_S = 0.025
TURN = 8
"""Records taken in until the others have their turn."""
STALL_CHECK_S = 0.25


class WorkerApp(faust.App):
    """Faust's app with our producer, owner and health server."""

    def __init__(self, settings: WorkerSettings, producer: AIOKafkaProducer, health: HealthServer, owner: Owner) -> None:
        self.kompas, self.own_producer, self.health, self.owner = settings, producer, health, owner
        self.working = False
        super().__init__(
            WORKERS,
            broker=f"kafka://{settings.kafka}",
            store="memory://",
            datadir=DATA,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            key_serializer="raw",
            value_serializer="raw",
            stream_buffer_maxsize=8,  # events, each of up to broker_max_poll_records records
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            broker_max_poll_records=64,
            consumer_max_fetch_size=4 << 20,
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=f"worker-{settings.ordinal}",
            broker_client_id=f"kompas-worker-{settings.ordinal}",
            broker_session_timeout=settings.session_s,
            broker_request_timeout=max(40.0, settings.session_s + 10),
            broker_heartbeat_interval=min(3.0, settings.session_s / 5),
            broker_rebalance_timeout=10.0,
            agent_supervisor="mode.CrashingSupervisor",
        )

    async def on_start(self) -> None:
        """Guard against stalls from before the group knows us: Faust's own tasks begin only after recovery."""
        self.add_future(_watch_stalls(self))
        await super().on_start()

    async def on_stop(self) -> None:
        """Give everything back with a last snapshot while the consumer is still a member."""
        self.working = False
        await self.owner.give_back(self.consumer)
        await super().on_stop()
        await self.own_producer.stop()
        await self.health.stop()


def declare(app: WorkerApp) -> None:
    """Bind agents, tasks and signals."""
    for topic in (READINGS, PARTIALS):
        app.agent(_channel(app, topic), name=topic.name)(_reader(app))
    app.task(_publish(app))
    app.task(_snapshot(app))

    @app.on_rebalance_complete.connect(weak=False)
    async def restore(_sender: Any, **_: Any) -> None:
        parts = {(tp.topic, tp.partition) for tp in app.consumer.assignment() if tp.topic in (READINGS.name, PARTIALS.name)}
        await app.owner.restore(app.consumer, parts)
        app.working = True
        events.happened("partitions_assigned", partitions=len(parts))

    @app.on_partitions_revoked.connect(weak=False)
    async def revoke(_sender: Any, revoked: set[TP], **_: Any) -> None:
        app.working = False
        if app.owner.holders:
            await app.owner.give_back(app.consumer)
            events.happened("partitions_revoked", partitions=len(revoked))


def _channel(app: WorkerApp, topic: Topic) -> Any:
    return app.topic(topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def _reader(app: WorkerApp) -> Any:
    async def read(stream: Any) -> None:
        owner, taken, unacknowledged = app.owner, 0, stream.noack()
        async for _ in unacknowledged:
            message: Several = unacknowledged.current_event.message
            for record in message.records:
                if message.generation_id != app.consumer_generation_id:
                    break
                holder = owner.expect((record.topic, record.partition), record.offset)
                if holder is None:
                    continue
                waited = next((int(text) for name, text in record.headers or () if name == OLDEST_HEADER), None)
                holder.take(record.value, record.offset, waited)  # never acknowledged: the snapshot commits its offset
                taken += 1
                if taken % TURN == 0:
                    await asyncio.sleep(0)  # nothing above gives the loop away while records wait
                if owner.outbox.crowded:
                    await owner.outbox.room()

    return read


def _publish(app: WorkerApp) -> Any:
    async def publish() -> None:
        while not app.should_stop:
            await asyncio.sleep(TICK_S)
            await app.owner.publish()

    return publish


def _snapshot(app: WorkerApp) -> Any:
    async def snapshot() -> None:
        while not app.should_stop:
            await asyncio.sleep(TICK_S)
            if app.working:
                await app.owner.snapshot_due(app.consumer)

    return snapshot


async def _watch_stalls(app: WorkerApp) -> None:
    last_s = boottime_s()
    while not app.should_stop:
        await asyncio.sleep(STALL_CHECK_S)
        now_s = boottime_s()
        if now_s - last_s > app.kompas.session_s:
            events.failed("stalled", for_s=round(now_s - last_s, 1), session_s=app.kompas.session_s)
            os._exit(EXIT_STALLED)  # the group has given our partitions away: end before another word
        last_s = now_s
