"""The ledger of a whole pipeline: zero after good, broken, doubled and late messages and the death of every process, else it names the hop."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from catalog.topics import CHECKED
from local.outage import Queue
from simulators import checking
from simulators.simulate import Order, Run, simulate
from simulators.worlds import World, worlds
from storage import ledger_report, queries, settled
from storage.expiry import Expiry
from storage.metrics import WriterMetrics
from tests.integration import gateway_kit as kit
from tests.packs import Box, DeviceRow, write_catalogue, write_city
from tests.pipeline import Pipeline
from tests.servers import System, start_system

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

KINDS = ("air_quality", "noise", "parking", "weather")
QUICK = {kind: {"lateness_s": 2.0, "idle_s": 4.0} for kind in KINDS}
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with start_system(tmp_path_factory.mktemp("ledger"), postgres=servers.postgres) as mine:
        yield mine


@pytest.fixture(scope="module")
def pipeline(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("city")
    rows = [DeviceRow(f"mini.{kind.replace('_', '-')}-{number:02d}", kind) for kind in KINDS for number in range(6)]
    write_city(folder / "cities", "mini", Box(4.3, 50.8, 4.4, 50.9), "Europe/Brussels", rows, QUICK)
    catalogue = write_catalogue(folder, ["noise_now", "pm2_5_now"])
    with Pipeline(system, cities="mini", cities_dir=folder / "cities", catalog_dir=catalogue, session_s=3) as found:
        # Late readings mark windows, which count as unsettled until they are computed again.
        system.spawn("restater", **found.settings).wait_ready(60.0)
        yield found


def world(pipeline: Pipeline) -> World:
    return worlds(["mini"], Path(pipeline.settings["cities_dir"]), Path(pipeline.settings["catalog_dir"]))[0]


class Load(threading.Thread):
    """A faulty city that sends while the test does what it does."""

    def __init__(self, pipeline: Pipeline, seed: int, duration_s: float) -> None:
        super().__init__(daemon=True)
        self.order = Order(rate=300.0, scenario="faulty", seed=seed, duration_s=duration_s, per_message=4)
        self.pipeline = pipeline
        self.run_of: Run | None = None

    def run(self) -> None:
        self.run_of = simulate(self.order, self.pipeline.broker(), world(self.pipeline))


def wait_settled(system: System, within_s: float = 120.0) -> dict[str, Any]:
    """The report once everything has found its place."""

    async def look() -> dict[str, Any]:
        with queries.reader(system.conninfo(), "test") as connection:
            async with settled.Look(system.kafka, connection) as looking:
                standing = await looking.wait(within_s, lambda _: None)
            return ledger_report.report(connection, standing)

    return asyncio.run(look())


def stored(pipeline: Pipeline) -> int:
    return int(pipeline.value("SELECT coalesce(sum(total), 0)::bigint FROM stored_total WHERE name = 'readings'"))


def moved(pipeline: Pipeline, beyond: int) -> None:
    pipeline.until(lambda: stored(pipeline) > beyond, 60.0, f"more than {beyond} readings stored")


def balanced(found: dict[str, Any]) -> None:
    assert (found["settled"], found["balance"], found["dropped_by_broker"]) == (True, 0, 0), found["alarms"]
    sums = {line["what"]: line for line in found["lines"] if line["where"] == "in all"}
    assert all(line["missing"] == 0 for line in sums.values() if line["hop"] != "gateway->Kafka")


@pytest.mark.slow  # longer than a minute; the short chaos run balances over the same deaths
def test_a_faulty_city_balances_over_the_death_of_every_process(system: System, pipeline: Pipeline) -> None:
    load = Load(pipeline, seed=3, duration_s=12.0)
    load.start()
    moved(pipeline, 200)
    pipeline.processes["gateway"].kill()
    pipeline.restart("gateway")
    moved(pipeline, stored(pipeline))
    for name in ("worker", "writer"):
        pipeline.processes[name].kill()
        pipeline.processes[name] = system.spawn(name, **pipeline.settings)
    load.join(60.0)
    assert load.run_of is not None
    found = wait_settled(system)
    balanced(found)
    (gateway,) = found["gateways"]
    assert gateway["lives"] == 2
    assert gateway["rejected_messages"] > 0
    assert sum(each["duplicates"] for each in found["partitions"]) > 0
    assert sum(each["late"] for each in found["partitions"]) > 0
    (writer,) = found["writers"]
    assert writer["readings"] == pipeline.value("SELECT count(*) FROM reading")
    judged = checking.check(checking.truth_of(load.run_of, world(pipeline)), load.run_of.report, system.conninfo())
    assert (judged.lost, judged.altered) == (0, 0)
    assert writer["rejected_messages"] == pipeline.value("SELECT count(*) FROM rejected_seen")


def test_the_command_prints_the_balance_and_exits_by_it(system: System, pipeline: Pipeline) -> None:
    assert pipeline.processes["writer"].child.returncode is None

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "cli", "ledger", *arguments]
        return subprocess.run(line, env=system.environment("reader"), cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)

    load = Load(pipeline, 5, duration_s=2.0)
    load.start()
    load.join(60.0)
    pipeline.until(lambda: pipeline.value("SELECT count(*) FROM reading") > 0, 60.0, "readings are stored")
    right = command("--json", "--wait")
    assert right.returncode == 0, right.stderr
    balanced(json.loads(right.stdout))
    assert command("--watch", "--json").returncode == 2
    table = command()
    assert table.returncode == 0
    assert "balance 0" in table.stdout
    with psycopg.connect(system.conninfo("postgres")) as connection:
        assert connection.execute("UPDATE stored_total SET total = total - 7 WHERE name = 'readings'").rowcount == 1
    wrong = command("--json", "--wait")
    with psycopg.connect(system.conninfo("postgres")) as connection:
        connection.execute("UPDATE stored_total SET total = total + 7 WHERE name = 'readings'")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["balance"] == 7
    (alarm,) = json.loads(wrong.stdout)["alarms"]
    assert alarm.startswith("writer: writer 0: rows: stored")
    assert alarm.endswith("7 missing")


@pytest.mark.slow  # it waits for the end of a minute's window, and the test before it has asked the command
def test_a_clean_stop_ends_a_life_and_waiting_names_what_it_waits_for(system: System, pipeline: Pipeline) -> None:
    pipeline.until(lambda: pipeline.rows("SELECT gateway, dropped FROM ledger_broker") == [("gw-0", 0)], 30.0, "the broker's word is kept")
    pipeline.processes["gateway"].stop()
    found = wait_settled(system)
    balanced(found)
    assert pipeline.value("SELECT ended FROM ledger_gateway ORDER BY clock DESC LIMIT 1") is True
    pipeline.processes.pop("writer").stop()
    pipeline.restart("gateway")
    load = Load(pipeline, 9, duration_s=2.0)
    load.start()
    load.join(60.0)
    pipeline.until(lambda: pipeline.processes["gateway"].metric("kompas_gateway_readings_total") > 0, 30.0)
    pipeline.until(lambda: pipeline.processes["gateway"].metric("kompas_gateway_kafka_backlog_bytes") == 0, 30.0)
    with pytest.raises(TimeoutError, match=r"not settled: \d+ records of kompas\.readings\.v1"):
        wait_settled(system, 3.0)
    # what it has not read is told once half of the time that the topic keeps is over
    expiry, now_ms = Expiry(system.kafka, system.conninfo(), WriterMetrics(CollectorRegistry())), time.time_ns() // 1_000_000
    assert asyncio.run(expiry.look(now_ms)) == {}
    assert asyncio.run(expiry.look(now_ms + CHECKED.retention_ms // 2 + 60_000))[CHECKED.name] > 0
    pipeline.restart("writer")
    balanced(wait_settled(system))


def kept(pipeline: Pipeline, dropped: int) -> bool:
    return bool(pipeline.value("SELECT dropped FROM ledger_broker") == dropped)


def test_rule_25_what_the_broker_drops_is_a_line_of_the_ledger_and_an_alarm_over_its_restarts(system: System, pipeline: Pipeline) -> None:
    """The last story: the ledger is not at 0 behind it."""
    system.mosquitto.queue = Queue(messages=100)
    dropped = 0
    for count in (350, 200):  # it counts from nothing each time, and says less the second time
        pipeline.processes.pop("gateway").stop()
        system.restart("mosquitto")
        publisher = kit.Publisher(system)
        for number in range(count):
            publisher.publish("city/mini/mini.noise-00/json", f'{{"quantity": "sound_level", "value": {40 + number % 9}}}'.encode())
        publisher.settle()
        publisher.close()
        gateway = pipeline.restart("gateway")
        dropped += count - 100
        pipeline.until(partial(kept, pipeline, dropped), 60.0, f"{dropped} dropped")
        assert '"broker_drops"' in gateway.log.read_text(encoding="utf-8")
    found = wait_settled(system)
    assert (found["balance"], found["dropped_by_broker"]) == (0, dropped)
    assert [line["expected"] for line in found["lines"] if line["what"] == "dropped_by_broker"] == [dropped]
    writer = pipeline.processes["writer"]
    pipeline.until(lambda: f'"messages": {dropped}' in writer.log.read_text(encoding="utf-8"), 30.0, "the alarm")
    assert json.loads(writer.get("/report")[1])["ledger"]["dropped_by_broker"] == dropped
