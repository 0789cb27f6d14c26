"""/readyz tells the truth while a server comes and goes: worker and restater, both idle, say that it is away, and are ready again by themselves."""

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from catalog.topics import CHECKED, PARTITIONS, READINGS
from local.servers.server import ServerProcess
from runtime import kafka
from tests.integration.test_watchdog import send, until
from tests.integration.test_worker_restarts import KPIS_HERE
from tests.servers import Running, System, start_system
from tests.stream.city import SECOND, T0, catalogue_frame, documents, readings_frame

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]
"""Half a minute for each way; tests/runtime has the rule without servers."""
WATCHDOG_S = 9.0
"""So that Kafka is asked after three seconds of nothing; every outage here lasts longer than this patience, and ends nobody."""
PART = 3
LONG_S = 10


class There(NamedTuple):
    """A system of its own, and two of our processes on it."""

    system: System
    worker: Running
    restater: Running


@pytest.fixture(scope="module")
def there(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    with start_system(tmp_path_factory.mktemp("readiness"), postgres=servers.postgres) as system:
        system.migrate()
        asyncio.run(send(system, {p: [catalogue_frame(documents(KPIS_HERE, {"d0": ("air", "c.1.n1")}))] for p in range(PARTITIONS)}))
        yield There(system, system.spawn("worker", watchdog_s=WATCHDOG_S, session_s=6), system.spawn("restater", watchdog_s=WATCHDOG_S))


def wrong(process: Running) -> dict[str, str]:
    """What /readyz says is wrong; AssertionError where the process has ended."""
    assert process.child.returncode is None, process.log.read_text(encoding="utf-8")
    body = process.get("/readyz")[1]
    return dict(json.loads(body)["wrong"]) if body.startswith("{") else {}


def awaited_s(process: Running, check: str, server: str) -> int:
    """For how long the server has been awaited, as this check says; -1 where it says something else, or is well."""
    found = re.match(re.escape(server) + r": awaited for (\d+) s: wanted .*, got .", wrong(process).get(check, ""))
    return int(found[1]) if found else -1


def said(process: Running) -> Counter[str]:
    return Counter(json.loads(line)["event"] for line in process.log.read_text(encoding="utf-8").splitlines() if line.startswith("{"))


def idle(there: There) -> None:
    """Until both are ready, and the worker has stored all that it took in: neither has a reason to speak with Kafka."""
    for process in (there.worker, there.restater):
        process.wait_ready(90)
    ends = kafka.ends_now(there.system.kafka, "test", [(topic.name, PART) for topic in (READINGS, CHECKED)])
    until(lambda: checked(there.system) >= ends[READINGS.name, PART], lambda: (ends, checked(there.system)))


def checked(system: System) -> int:
    return kafka.ends_now(system.kafka, "test", [(CHECKED.name, PART)])[CHECKED.name, PART]


def signalled(server: ServerProcess, number: signal.Signals) -> None:
    assert server.child is not None
    server.child.signal(number)


AWAY: dict[str, tuple[Callable[[System], None], Callable[[System], None]]] = {
    "stopped": (lambda system: system.stop("kafka"), lambda system: system.start("kafka")),
    "killed": (lambda system: system.kill("kafka"), lambda system: system.start("kafka")),
    "silent": (lambda system: signalled(system.broker, signal.SIGSTOP), lambda system: signalled(system.broker, signal.SIGCONT)),
}


@pytest.mark.parametrize("how", AWAY)
def test_kafka_that_is_away_makes_idle_processes_unready_until_it_is_back(there: There, how: str) -> None:
    go, come = AWAY[how]
    idle(there)
    before, server = {process: said(process) for process in (there.worker, there.restater)}, f"Kafka at {there.system.kafka}"
    go(there.system)
    try:
        for process, check in ((there.worker, "kafka"), (there.restater, "servers")):
            until(lambda p=process, c=check: awaited_s(p, c, server) >= 0, lambda p=process: wrong(p), 45)  # type: ignore[misc]
            assert process.get("/readyz")[0] == 503
            until(lambda p=process, c=check: awaited_s(p, c, server) >= LONG_S, lambda p=process: wrong(p), 45)  # type: ignore[misc]
            assert process.get("/healthz")[0] == 200
    finally:
        come(there.system)
    idle(there)
    first = checked(there.system)
    asyncio.run(send(there.system, {PART: [readings_frame([("d0", "pm2_5", T0 + first * SECOND, T0, 20.0)])]}))
    until(lambda: checked(there.system) > first, lambda: wrong(there.worker))
    for process, back in ((there.worker, "server_answers"), (there.restater, "restater_ready")):
        news = said(process) - before[process]
        assert (news["server_awaited"], news[back]) == (1, 1), process.log.read_text(encoding="utf-8")
        # no_progress may be said: of so short a patience a third is less than a client needs to come back to a Kafka that starts
        assert "wedged" not in news
