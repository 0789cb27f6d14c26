"""A wedged worker on a real Kafka says so, ends and is started again; an outage of its servers ends nobody, whoever starts first."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from catalog.topics import CHECKED, PARTITIONS, READINGS
from local.child import Child, with_parent
from local.state import Part
from local.watched import Watched
from runtime import kafka
from runtime.frames import decode
from tests.integration.test_worker_restarts import KPIS_HERE, whole
from tests.servers import System, start_system
from tests.stream.city import SECOND, T0, catalogue_frame, documents, readings_frame

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PATIENCE_S = 4.0
PART = 3


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("watchdog"), postgres=servers.postgres) as mine:
        asyncio.run(send(mine, {p: [catalogue_frame(documents(KPIS_HERE, {"d0": ("air", "c.1.n1")}))] for p in range(PARTITIONS)}))
        yield mine


async def send(system: System, records: dict[int, list[bytes]]) -> None:
    producer = kafka.producer(system.kafka, "test")
    await producer.start()
    for partition, values in records.items():
        for value in values:
            await producer.send_and_wait(READINGS.name, value, partition=partition)
    await producer.stop()


def until(condition: Callable[[], bool], otherwise: Callable[[], object], within_s: float = 90.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, otherwise()
        time.sleep(0.05)


def ends(system: System) -> dict[tuple[str, int], int]:
    return kafka.ends_now(system.kafka, "test", [(topic.name, PART) for topic in (READINGS, CHECKED)])


def test_a_wedged_worker_says_so_ends_is_started_again_and_loses_nothing(system: System, tmp_path: Path) -> None:
    wedge, log = tmp_path / "wedge", tmp_path / "worker.log"
    environment = system.environment("worker", watchdog_s=PATIENCE_S, session_s=6)
    command = with_parent([sys.executable, "-m", "tests.integration.wedged", str(wedge)])
    worker = Watched(Part("worker", log=str(log)), partial(Child, command, log, environment), lambda: True)

    def said() -> str:
        return log.read_text(encoding="utf-8")

    try:
        worker.start()
        until(lambda: ends(system)[CHECKED.name, PART] == ends(system)[READINGS.name, PART], said)
        first = ends(system)[READINGS.name, PART]
        wedge.touch()
        asyncio.run(send(system, {PART: [readings_frame([("d0", "pm2_5", T0 + n * SECOND, T0, float(n))]) for n in range(3)]}))
        until(lambda: worker.look() and worker.part.state == "restarting", said)
        assert worker.part.reason == "ended: work waited and nothing moved"
        wedged = next(json.loads(line) for line in said().splitlines() if '"wedged"' in line)
        assert f"{READINGS.name}/{PART} (" in wedged["why"]
        assert wedged["process"] == "worker-0"
        until(lambda: (worker.look() or True) and ends(system)[CHECKED.name, PART] >= first + 3, said)
        assert worker.part.restarts == 1
        checked = {decode(r.value).meta["input_offset"] for r in asyncio.run(whole(system, CHECKED)) if r.partition == PART}
        assert checked == set(range(first + 3))
    finally:
        worker.stop()
