"""Start the worker: wait for Kafka and its topics, then hand the loop to Faust."""

import asyncio
import gc
import os
import threading

import faust
from aiokafka.errors import KafkaError

from catalog.topics import TOPICS
from runtime import events, kafka
from runtime.health import HealthServer
from stream.settings import WorkerSettings
from stream.shell.app import WorkerApp, declare
from stream.shell.owner import Owner
from stream.warm import warm

LONGEST_WAIT_S = 5.0
LINGER_MS = 20
"""Hundreds of small records a second leave in tens of requests."""
STOP_WITHIN_S, EXIT_HUNG = 9.0, 70


async def _wait_for_topics(bootstrap: str) -> None:
    """Return when Kafka answers and has our topics; says once what it waits for."""
    wait_s, said = 0.2, False
    while True:
        client = kafka.admin(bootstrap, "kompas-worker-wait")
        try:
            await client.start()
            missing = {topic.name for topic in TOPICS} - set(await client.list_topics())
            if not missing:
                return
            reason = f"topics {sorted(missing)}"
        except (KafkaError, OSError) as error:
            reason = f"kafka at {bootstrap}: {error!r}"
        finally:
            await client.close()
        if not said:
            events.happened("waiting", waiting_for=reason)
            said = True
        await asyncio.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, 2 * wait_s)


async def _prepare(settings: WorkerSettings) -> WorkerApp:
    """Everything of ours that must stand before Faust joins the group."""
    await _wait_for_topics(settings.kafka)
    name = f"kompas-worker-{settings.ordinal}"
    producer = kafka.producer(settings.kafka, name, linger_ms=LINGER_MS)
    owner = Owner(settings.kafka, name, producer)
    ready = {"partitions": lambda: None if owner.holders else "wanted partitions of the group, got none yet", "schema": owner.standing}
    health = HealthServer(settings.health_host, settings.health_port, {}, ready)
    await health.start()
    await producer.start()
    app = WorkerApp(settings, producer, health, owner)
    declare(app)
    return app


def run(settings: WorkerSettings) -> None:
    """Run the worker until it is asked to end; ends the interpreter."""
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
