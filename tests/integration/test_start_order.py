"""Every process first, its servers later, one after the other: each waits, says for what, and does its work in the end."""

import json
from collections.abc import Iterator

import pytest

from catalog.topics import DEVICES, TOPICS
from local import topics
from tests.integration.test_watchdog import until
from tests.servers import Running, System

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PROCESSES = ("gateway", "worker", "writer", "restater")


@pytest.fixture
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Ports and passwords, and nothing that listens; PostgreSQL is there without our database."""
    mine = System(tmp_path_factory.mktemp("order"), servers.postgres, "kompas_order")
    mine.mosquitto.prepare()
    try:
        yield mine
    finally:
        mine.end()


def wrong(process: Running) -> dict[str, str]:
    """What /readyz says; AssertionError where the process has ended."""
    assert process.child.returncode is None, process.log.read_text(encoding="utf-8")
    body = process.get("/readyz")[1]
    return json.loads(body)["wrong"] if body.startswith("{") else {"health": body}


def ready(process: Running) -> None:
    until(lambda: process.get("/readyz")[0] == 200, lambda: wrong(process))


def says(process: Running, name: str, text: str) -> None:
    until(lambda: text in wrong(process).get(name, ""), lambda: f"wanted {name}: … {text} …, got {wrong(process)}")


def test_whoever_starts_first_waits_and_says_for_what(system: System) -> None:
    running = {name: system.spawn(name) for name in PROCESSES}
    says(running["gateway"], "kafka", f"no producer at {system.kafka}")
    says(running["worker"], "kafka", f"Kafka at {system.kafka}")
    says(running["writer"], "kafka", f"Kafka at {system.kafka}")
    says(running["restater"], "servers", "PostgreSQL")
    system.broker.install()
    system.broker.start()
    says(running["gateway"], "registry", DEVICES.name)
    says(running["worker"], "kafka", f"wanted topics {', '.join(sorted(topic.name for topic in TOPICS))}")
    says(running["writer"], "database", "PostgreSQL")
    topics.create(system.kafka)
    ready(running["worker"])
    system.postgres.create_database(system.db_name)
    for name in ("writer", "restater"):
        says(running[name], "database" if name == "writer" else "servers", "layout")
    system.migrate()
    for name in ("writer", "restater"):
        ready(running[name])
    says(running["gateway"], "mqtt", f"no broker at {system.mqtt_host}:{system.mqtt_port}")
    system.mosquitto.start()
    ready(running["gateway"])
    for name in PROCESSES:
        assert running[name].stop() == 0, running[name].log.read_text(encoding="utf-8")
