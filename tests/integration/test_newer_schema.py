"""A frame of a later release on real servers: the worker stays up, is not ready and says why; upgraded, it goes on there."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from catalog.topics import CHECKED, PARTITIONS, READINGS, REJECTED
from runtime import kafka
from runtime.frames import decode
from tests.integration.test_worker_restarts import KPIS_HERE, whole
from tests.servers import Running, System, start_system
from tests.stream.city import SECOND, T0, catalogue_frame, documents, heartbeat, readings_frame

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
STANDS, GOES_ON = 3, 5


@pytest.fixture
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("newer"), postgres=servers.postgres) as mine:
        yield mine


async def test_rule_11_a_newer_frame_waits_for_the_upgrade(system: System) -> None:
    frame = readings_frame([("d0", "pm2_5", T0, T0, 20.0)])
    newer = readings_frame([("d0", "pm2_5", T0 + SECOND, T0 + SECOND, 21.0)], schema="readings/2")
    producer = kafka.producer(system.kafka, "test")
    await producer.start()
    try:
        for p in range(PARTITIONS):
            await producer.send_and_wait(READINGS.name, catalogue_frame(documents(KPIS_HERE, {"d0": ("air", "c.1.n1")})), partition=p)
        worker = system.spawn("worker")
        await asyncio.to_thread(worker.wait_ready)
        for value in (frame, newer, frame):
            await producer.send_and_wait(READINGS.name, value, partition=STANDS)
        said = await not_ready(worker)
        assert f"{READINGS.name}/{STANDS} stands at offset 2" in said
        assert "readings/1" in said
        assert "readings/2" in said
        await producer.send_and_wait(READINGS.name, heartbeat(T0), partition=GOES_ON)
        assert await checked(system, GOES_ON, 2) == [0, 1]
        assert worker.get("/healthz")[0] == 200
        assert worker.metric("kompas_worker_standing") == 1
        assert worker.child.returncode is None
        worker.stop()
        assert await checked(system, STANDS, 2) == [0, 1]
        upgraded = system.spawn("worker", module="tests.integration.upgraded")
        await asyncio.to_thread(upgraded.wait_ready)
        assert await checked(system, STANDS, 4) == [0, 1, 2, 3]
        assert await whole(system, REJECTED) == []
    finally:
        await producer.stop()


async def not_ready(worker: Running, within_s: float = 30.0) -> str:
    """What /readyz says is wrong with the schema."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while loop.time() < until_s:
        status, body = await asyncio.to_thread(worker.get, "/readyz")
        if status == 503 and "schema" in (wrong := json.loads(body)["wrong"]):
            return str(wrong["schema"])
        await asyncio.sleep(0.1)
    raise AssertionError(f"wanted a worker that is not ready, got {worker.get('/readyz')}")


async def checked(system: System, partition: int, wanted: int, within_s: float = 30.0) -> list[int]:
    """Input offsets on kompas.checked.v1 of one partition, once there are as many as wanted."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while True:
        found = sorted({decode(r.value).meta["input_offset"] for r in await whole(system, CHECKED) if r.partition == partition})
        if len(found) >= wanted or loop.time() > until_s:
            return found
        await asyncio.sleep(0.2)
