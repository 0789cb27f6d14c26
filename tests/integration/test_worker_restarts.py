"""The worker on a real Kafka: whichever of the two is killed, stopped or doubled in mid-stream, it publishes what a worker left alone would."""

import asyncio
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from catalog.topics import CHECKED, KPIS, PARTITIONS, READINGS, Topic, partition_of
from local.child import tail
from runtime import kafka
from runtime.frames import decode
from stream.combiner.partition import CombinerPartition
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from tests.integration import gateway_kit as kit
from tests.servers import Running, System, start_system
from tests.stream.city import SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DEVICES = {f"d{n}": ("air" if n % 2 else "noise", f"c.{1 + n % 2}.n{1 + n // 2 % 2}") for n in range(48)}
KPIS_HERE = [
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("loud", "leq(sound_level)", "minute", "dB"),
    kpi("busy", "p95(pm2_5)", "quarter_hour", "ug/m3"),
    kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"),
]
MINUTES = 6


@pytest.fixture
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("worker"), postgres=servers.postgres) as mine:
        yield mine


async def publish_catalogue(producer: AIOKafkaProducer) -> None:
    found = documents(KPIS_HERE, DEVICES)
    found = [(e, i, r if e != "device" else _due_from(r)) for e, i, r in found]
    for p in range(PARTITIONS):
        mine = [each for each in found if each[0] != "device" or partition_of(each[1]) == p]
        await producer.send_and_wait(READINGS.name, catalogue_frame(mine), partition=p)


def _due_from(record: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, due_from_us=T0)


async def publish_second(producer: AIOKafkaProducer, second: int) -> None:
    """One second of city time: a reading of every tenth device, some doubled, some late, and every gateway heartbeat."""
    now = T0 + second * SECOND
    for p in range(PARTITIONS):
        rows = []
        for n, device in enumerate(sorted(DEVICES)):
            if partition_of(device) == p and (second + n) % 10 == 0:
                quantity = "pm2_5" if DEVICES[device][0] == "air" else "sound_level"
                at = now - (90 * SECOND if (second + n) % 170 == 0 else 0)
                row = (device, quantity, at, now, 30.0 + (second * 7 + n) % 50)
                rows += [row, row] if second % 3 == 0 else [row]
        if rows:
            await producer.send(READINGS.name, readings_frame(rows, seq=second), partition=p)
        await producer.send(READINGS.name, heartbeat(now), partition=p)
    await producer.flush()


async def publish_city(producer: AIOKafkaProducer, from_s: int, to_s: int) -> None:
    for second in range(from_s, to_s):
        await publish_second(producer, second)
        if second % 20 == 0:
            await asyncio.sleep(0.02)


async def publish_on(producer: AIOKafkaProducer, said: list[int], over: asyncio.Event) -> None:
    """The city at 50 times its pace until it is over, waiting for Kafka where it is away; `said` is told each second that Kafka has."""
    while not over.is_set():
        await publish_second(producer, len(said))
        said.append(len(said))
        await asyncio.sleep(0.02)


async def whole(system: System, topic: Topic) -> list[Any]:
    """Every record of a topic, in order of its partitions."""
    consumer: AIOKafkaConsumer = kafka.consumer(system.kafka, "whole")
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, p) for p in range(topic.partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        await consumer.seek_to_beginning()
        found: list[Any] = []
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def reference(system: System) -> tuple[dict[tuple[int, int], bytes], dict[Any, Any]]:
    """What a worker that is left alone makes of the log: checked records and final values."""
    checked, partials = {}, []
    log = await whole(system, READINGS)
    for p in range(PARTITIONS):
        worker = WorkerPartition(p)
        publisher = Publisher(worker)
        mine = [each for each in log if each.partition == p]
        for record in mine:
            checked[p, record.offset] = worker.apply(record.value, record.offset).checked
            partials.append((record.offset, p, publisher.take(everywhere=record.offset % 20 == 0 or record is mine[-1])))
    combiners = [CombinerPartition(p, PARTITIONS) for p in range(PARTITIONS)]
    counts = [0] * PARTITIONS
    finals = {}
    for _, _, records in sorted(partials, key=lambda each: each[:2]):
        for record in records:
            combiner = combiners[record.partition]
            combiner.apply(record.value, counts[record.partition])
            counts[record.partition] += 1
            for value in combiner.take(0, live=False):
                finals[value.kpi, value.area, value.window_start] = (value.value, value.state, value.coverage, value.devices)
    return checked, finals


async def settled(system: System, producer: AIOKafkaProducer, wanted: dict[Any, Any], within_s: float = 90.0) -> dict[Any, list[Any]]:
    """The finals on the topic, once there are as many as wanted; the log's clock goes on meanwhile, as a gateway's would."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        finals: dict[Any, list[Any]] = {}
        for record in await whole(system, KPIS):
            value = json.loads(record.value)
            if value["status"] == "final":
                key = (value["kpi"], value["area"], value["window_start"])
                finals.setdefault(key, []).append((value["value"], value["state"], value["coverage"], value["devices"]))
        if finals.keys() >= wanted.keys() or asyncio.get_running_loop().time() > deadline:
            return finals
        await asyncio.sleep(0.5)


async def compare(system: System, producer: AIOKafkaProducer) -> None:
    checked, wanted = await reference(system)
    assert len(wanted) > 50
    finals = await settled(system, producer, wanted)
    assert finals.keys() == wanted.keys()
    wrong = {key: (values, wanted[key]) for key, values in finals.items() if any(value != wanted[key] for value in values)}
    assert not wrong
    found: dict[tuple[int, int], set[bytes]] = {}
    for record in await whole(system, CHECKED):
        found.setdefault((record.partition, decode(record.value).meta["input_offset"]), set()).add(record.value)
    assert found == {key: {value} for key, value in checked.items()}


async def ready(worker: Running) -> Running:
    await asyncio.to_thread(worker.wait_ready)
    return worker


async def test_killed_and_stopped_workers_publish_the_same(system: System, producer: AIOKafkaProducer) -> None:
    await publish_catalogue(producer)
    worker = await ready(system.spawn("worker"))
    third = MINUTES * 60 // 3
    await publish_city(producer, 0, third)
    await asyncio.sleep(2.0)  # into the middle of its work: the kill falls wherever it falls
    worker.kill()
    await publish_city(producer, third, 2 * third)
    worker = await ready(system.spawn("worker"))
    await asyncio.to_thread(worker.stop)
    worker = await ready(system.spawn("worker"))
    await publish_city(producer, 2 * third, 3 * third + 90)
    await compare(system, producer)


async def test_two_workers_share_the_partitions_and_one_leaves(system: System, producer: AIOKafkaProducer) -> None:
    await publish_catalogue(producer)
    first = await ready(system.spawn("worker", session_s=3))
    await publish_city(producer, 0, 120)
    second = await ready(system.spawn("worker", ordinal=1, session_s=3))
    await publish_city(producer, 120, 240)
    second.kill()
    await publish_city(producer, 240, 390)
    await compare(system, producer)
    assert first.child.returncode is None


async def test_a_worker_that_is_asked_to_end_ends_when_kafka_is_gone(system: System, producer: AIOKafkaProducer) -> None:
    await publish_catalogue(producer)
    worker = system.spawn("worker").wait_ready(120.0)
    await publish_second(producer, 1)
    await producer.stop()
    system.kill("kafka")
    assert worker.stop(within_s=20.0) != -signal.SIGKILL  # what a process gets that does not end by itself


Outage = Callable[[Running, float], bool]
"""Whether it is over, asked of the worker and of the seconds since Kafka was gone."""
MOST_LINES = 5_000
"""Of the worker's log in an outage. Its clients say some 75 a second; one that asks without a pause says twice as many as this in a second."""


def at_once(worker: Running, gone_s: float) -> bool:
    return True


def noticed(worker: Running, gone_s: float) -> bool:
    return "awaited" in worker.get("/readyz")[1]


def long(worker: Running, gone_s: float) -> bool:
    return gone_s > 45.0


@pytest.mark.parametrize(
    "outages",
    [
        pytest.param([at_once, noticed], id="brief"),
        # three quarters of a minute of nothing: longer than the 30 s after which aiokafka gives up a batch that has no leader
        pytest.param([long], id="long", marks=pytest.mark.slow),
    ],
)
async def test_a_worker_lives_through_clean_outages_of_kafka_in_mid_stream_and_doubles_nothing(
    system: System, producer: AIOKafkaProducer, caplog: pytest.LogCaptureFixture, outages: list[Outage]
) -> None:
    """Kafka comes back at once, or only after the worker has said that it waits, or late. None ends the worker, so nobody starts it again."""
    caplog.set_level(logging.CRITICAL, "aiokafka")  # our own producer says several times a second that Kafka is away
    await publish_catalogue(producer)
    worker = await ready(system.spawn("worker", watchdog_s=8.0))  # it asks for Kafka after a third of that

    async def until(condition: Callable[[], bool]) -> None:
        await asyncio.to_thread(kit.until, condition, 60.0, lambda: f"{worker.get('/readyz')}\n    {tail(worker.log, 30)}")

    async def in_mid_stream() -> None:
        goal = worker.metric("kompas_worker_frames_total") + PARTITIONS * 30
        await until(lambda: worker.metric("kompas_worker_frames_total") > goal)

    async def live_through(over: Outage) -> None:
        lines = len(worker.log.read_bytes().splitlines())
        await asyncio.to_thread(system.stop, "kafka")
        gone_at_s = time.monotonic()
        try:
            await until(lambda: over(worker, time.monotonic() - gone_at_s))
            assert len(worker.log.read_bytes().splitlines()) - lines < MOST_LINES
        finally:
            await asyncio.to_thread(system.start, "kafka")

    said: list[int] = []
    over = asyncio.Event()
    stream = asyncio.create_task(publish_on(producer, said, over))
    for outage in outages:
        await in_mid_stream()
        await live_through(outage)
    await in_mid_stream()
    over.set()
    await stream
    await publish_city(producer, len(said), max(len(said), MINUTES * 30) + 90)
    await compare(system, producer)
    assert worker.child.returncode is None
    checked = [(record.partition, decode(record.value).meta["input_offset"]) for record in await whole(system, CHECKED)]
    assert len(checked) == len(set(checked))
