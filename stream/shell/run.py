"""Start the worker: wait for Kafka and its topics, then hand the loop to Faust."""

import asyncio
import ctypes
import gc
import os
import threading

import faust
from aiokafka.errors import KafkaError

from catalog.topics import TOPICS
from runtime import events, kafka
from runtime.guard import Guard
from runtime.health import Check, HealthServer
from stream.settings import WorkerSettings
from stream.shell.app import WorkerApp, declare
from stream.shell.owner import Owner
from stream.shell.progress import WorkerProgress
from stream.warm import warm

LONGEST_WAIT_S = 5.0
LINGER_MS = 20
"""Hundreds of small records a second leave in tens of requests."""
STOP_WITHIN_S, EXIT_HUNG = 9.0, 70
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
"""glibc's numbers of these options."""


class _Waiting:
    """What the worker waits for: before it can join the group by its own asking, afterwards as its guard finds it; None: nothing."""

    def __init__(self, guard: Guard) -> None:
        self.reason: str | None = "Kafka has not been asked yet"
        self._guard = guard

    def __call__(self) -> str | None:
        return self.reason or self._guard.awaited()


def _keep_memory() -> None:
    """Let the C library keep what it was given back: records of Kafka come and go in blocks of megabytes, and asking the system for each of them
    anew costs more than reading them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
    if mallopt is not None:
        for option, value in ((M_TRIM_THRESHOLD, 256 << 20), (M_TOP_PAD, 16 << 20), (M_MMAP_THRESHOLD, 32 << 20), (M_ARENA_MAX, 1)):
            mallopt(option, value)


async def _wait_for_topics(bootstrap: str, waiting: _Waiting) -> None:
    """Return when Kafka answers and has our topics; says what it waits for, again where that changes."""
    wait_s = 0.2
    while True:
        client = kafka.admin(bootstrap, "kompas-worker-wait")
        try:
            await client.start()
            missing = {topic.name for topic in TOPICS} - set(await client.list_topics())
            if not missing:
                waiting.reason = None
                return
            reason = f"Kafka at {bootstrap}: wanted topics {', '.join(sorted(missing))}, got none of that name"
        except (KafkaError, OSError) as error:
            reason = f"Kafka at {bootstrap}: wanted an answer, got {error!r}"
        finally:
            await client.close()
        if waiting.reason != reason:
            events.happened("waiting", waiting_for=reason)
            waiting.reason = reason
        await asyncio.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, 2 * wait_s)


async def _prepare(settings: WorkerSettings) -> WorkerApp:
    """Everything of ours that must stand before Faust joins the group; the health server first, which says what is waited for."""
    name = f"kompas-worker-{settings.ordinal}"
    producer = kafka.producer(settings.kafka, name, linger_ms=LINGER_MS)
    owner = Owner(settings.kafka, name, producer)
    guard = Guard(WorkerProgress(settings.kafka, name, owner), settings.watchdog_s, asyncio.get_running_loop())
    waiting = _Waiting(guard)
    ready: dict[str, Check] = {"kafka": waiting, "partitions": owner.unassigned, "schema": owner.standing, "progress": guard.problem}
    health = HealthServer(settings.health_host, settings.health_port, {}, ready)
    await health.start()
    await _wait_for_topics(settings.kafka, waiting)
    await producer.start()
    guard.start()
    app = WorkerApp(settings, producer, health, owner)
    declare(app)
    return app


def run(settings: WorkerSettings) -> None:
    """Run the worker until it is asked to end; ends the interpreter."""
    _keep_memory()
    warm()  # before the group knows us: a compilation would hold up its heartbeats
    gc.collect()
    gc.freeze()  # what is here now stays: the collector need not walk it again
    gc.set_threshold(20_000, 20, 50)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = loop.run_until_complete(_prepare(settings))
    worker = faust.Worker(app, loop=loop, loglevel="WARNING", redirect_stdouts=False, override_logging=False)
    threading.Thread(target=_end_in_time, args=(worker,), daemon=True).start()
    worker.execute_from_commandline()


def _end_in_time(worker: faust.Worker) -> None:
    """Faust's own stop waits for ever for a Kafka that is gone; what is not confirmed by then comes again after the restart."""
    never = threading.Event()
    while not worker.should_stop:
        never.wait(0.2)
    never.wait(STOP_WITHIN_S)
    events.failed("stop_hung", after_s=STOP_WITHIN_S)
    os._exit(EXIT_HUNG)
