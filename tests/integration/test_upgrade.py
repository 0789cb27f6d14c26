"""A worker over topics and commits of an earlier release: what it cannot read it passes and replays, loudly, and then says what a fresh one would."""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from catalog.topics import PARTIALS, PARTITIONS, READINGS, STATE, WORKERS
from runtime import kafka
from runtime.frames import Coded, encode
from stream.shell import chunks
from stream.shell.owner import state_partition
from tests.integration.test_worker_restarts import compare, publish_catalogue, publish_city, ready
from tests.servers import System, start_system
from tests.stream.city import T0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
OLD_RECORDS = 30


@pytest.fixture
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("upgrade"), postgres=servers.postgres) as mine:
        yield mine


def old_partials(number: int) -> bytes:
    """A record of partials/1: rows as an Arrow frame, cut by area, with watermarks that would close windows wrongly."""
    meta: dict[str, Any] = {"schema": "partials/1", "kind": ("rows", "watermarks", "census", "catalogue")[number % 4], "input_partition": number % 12}
    columns = {"aggregate": Coded(np.zeros(1, np.int32), ["mean(pm2_5)@minute"]), "area": Coded(np.zeros(1, np.int32), ["c.1.n1"])}
    times = {"window_start": np.array([T0]), "sum_hi": np.array([7]), "sum_lo": np.array([7]), "readings": np.array([1_000])}
    return encode({**meta, "input_offset": 10**6 + number, "watermarks": {"air": T0 + 10**12, "noise": T0 + 10**12}}, {**columns, **times})


def old_snapshot(layout: object, partition: int) -> bytes:
    """The form of the first layouts: a checksum, then packed by zlib."""
    body = zlib.compress(msgspec.msgpack.encode([layout, partition, PARTITIONS, OLD_RECORDS, "c.1.n1" * 50]), 1)
    return zlib.crc32(body).to_bytes(4, "big") + body


async def left_behind(system: System, producer: AIOKafkaProducer) -> None:
    """Partials, snapshots and commits as a release before layouts changed left them."""
    for number in range(OLD_RECORDS * PARTITIONS):
        await producer.send(PARTIALS.name, old_partials(number), partition=number % PARTITIONS)
    await producer.flush()
    committed = {}
    for topic, layout in ((READINGS, "worker/1"), (PARTIALS, 2)):
        for partition in range(PARTITIONS):
            state = state_partition((topic.name, partition))
            pointer = await chunks.write(producer, state, old_snapshot(layout, partition), 0 if topic is READINGS else OLD_RECORDS - 1)
            committed[TopicPartition(topic.name, partition)] = OffsetAndMetadata(pointer.offset + 1, pointer.encode())
    group: AIOKafkaConsumer = kafka.consumer(system.kafka, "before", group_id=WORKERS)
    await group.start()
    group.assign(list(committed))
    await group.commit(committed)
    await group.stop()


async def test_rule_14_what_an_earlier_release_left_is_passed_and_replayed_loudly(system: System, producer: AIOKafkaProducer) -> None:
    await publish_catalogue(producer)
    await left_behind(system, producer)
    worker = system.spawn("worker")
    await publish_city(producer, 0, 180)
    await ready(worker)
    await publish_city(producer, 180, 330)
    await compare(system, producer)
    said = worker.log.read_text(encoding="utf-8")
    assert said.count('"snapshot_of_another_layout"') == 2 * PARTITIONS
    assert worker.metric("kompas_combiner_after_close_total") == 0
    assert worker.child.returncode is None
    assert STATE.partitions == 2 * PARTITIONS
