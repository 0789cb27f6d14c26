"""Whatever dies in mid-stream, what the broker has taken is in Kafka afterwards. Repeats are allowed here; the worker drops them."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration import gateway_kit as kit
from tests.servers import Running, System, start_system

pytestmark = pytest.mark.integration

PER_S = 500


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kafka and Mosquitto of our own: these stories end them."""
    with start_system(tmp_path_factory.mktemp("faults"), postgres=servers.postgres) as started:
        kit.register(started)
        yield started


@pytest.fixture
def spawn(system: System) -> Iterator[Callable[[], Running]]:
    """Starts a gateway, ready; none outlives its story: two with one name would take each other's session."""
    running: list[Running] = []

    def start(**settings: Any) -> Running:
        running.append(system.spawn("gateway", **settings))
        return running[-1].wait_ready()

    yield start
    for each in running:
        each.kill()


class Stream:
    """A steady stream of numbered readings, one in ten of them refused, until `stop`."""

    def __init__(self, system: System, per_s: int = PER_S) -> None:
        self._publisher, self._per_s = kit.Publisher(system), per_s
        self._start_us = time.time_ns() // 1_000 - 60_000_000
        self._go, self.count = True, 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        begun_s, begun = time.monotonic(), self.count
        while self._go:
            # what the broker has not taken counts for nothing: on a busy machine it may be slower than the pace
            while self.count - begun < self._per_s * (time.monotonic() - begun_s) and self._publisher.waiting < 2 * PER_S:
                device, value = f"testville.air-{self.count % 20:04d}", f'"{self.count}"' if self.count % 10 == 9 else str(self.count % 400)
                at_us = self._start_us + self.count
                payload = f'{{"time": {at_us // 1_000_000}.{at_us % 1_000_000:06d}, "quantity": "pm2_5", "value": {value}}}'
                self._publisher.publish(f"city/testville/{device}/json", payload.encode())
                self.count += 1
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop, and wait until the broker has everything."""
        self._go = False
        self._thread.join()
        self._publisher.settle(120)
        self._publisher.close()

    def missing(self, system: System, since: dict[str, dict[int, int]]) -> tuple[set[int], set[int]]:
        """Numbers of good and of bad readings that are in neither topic."""
        arrived = {at_us - self._start_us for _, _, at_us, _ in kit.readings(system, since)}
        refused = {int(each.payload.split(b'"')[-2]) for each in kit.rejections(system, since)}
        bad = set(range(9, self.count, 10))
        return set(range(self.count)) - bad - arrived, bad - refused


def wait_for(stream: Stream, more: int) -> None:
    """Let the stream go on for `more` messages."""
    goal = stream.count + more
    kit.until(lambda: stream.count >= goal, 60 + more / 100, lambda: f"{stream.count} of {goal}")


def in_mid_stream(gateway: Running, stream: Stream) -> None:
    """Wait until this gateway has taken messages, Kafka has some of them, and the stream goes on."""

    def under_way() -> bool:
        taken = gateway.metric("kompas_gateway_messages_total")
        return taken > PER_S and taken > gateway.metric("kompas_gateway_unacknowledged")

    kit.until(under_way, 60, lambda: gateway.get("/readyz")[1])
    wait_for(stream, PER_S // 5)


def test_rule_24_a_gateway_killed_in_mid_stream_loses_nothing(system: System, spawn: Callable[[], Running]) -> None:
    since, gateway = kit.ends(system), spawn()
    stream = Stream(system)
    for _ in range(3):
        in_mid_stream(gateway, stream)
        gateway.kill()
        wait_for(stream, PER_S // 4)
        gateway = spawn()
    in_mid_stream(gateway, stream)
    stream.stop()
    kit.idle(gateway)
    assert stream.missing(system, since) == (set(), set())
    assert len({frame.meta["life"] for _, frame in kit.read_frames(system, since)}) == 4
    assert gateway.stop() == 0


def test_a_gateway_stopped_in_mid_stream_repeats_nothing_either(system: System, spawn: Callable[[], Running]) -> None:
    since, gateway = kit.ends(system), spawn()
    stream = Stream(system)
    in_mid_stream(gateway, stream)
    assert gateway.stop(10) == 0
    again = spawn()
    in_mid_stream(again, stream)
    stream.stop()
    kit.idle(again)
    assert stream.missing(system, since) == (set(), set())
    assert len(kit.readings(system, since)) == len(set(kit.readings(system, since)))
    assert again.stop() == 0


@pytest.mark.parametrize("server", ["mosquitto", "kafka"])
def test_a_restart_of_a_server_loses_nothing(system: System, spawn: Callable[[], Running], server: str) -> None:
    since, gateway = kit.ends(system), spawn()
    stream = Stream(system)
    in_mid_stream(gateway, stream)
    system.stop(server)
    kit.until(lambda: gateway.get("/readyz")[0] == 503, 30, lambda: f"ready without {server}: {gateway.get('/readyz')}")
    assert gateway.get("/healthz")[0] == 200
    system.start(server)
    gateway.wait_ready(60)
    wait_for(stream, PER_S)
    stream.stop()
    kit.idle(gateway, 90)
    assert stream.missing(system, since) == (set(), set())
    assert gateway.stop() == 0


def test_a_gateway_told_to_stop_while_kafka_is_away_ends_in_time_and_leaves_the_messages_with_the_broker(
    system: System, spawn: Callable[[], Running]
) -> None:
    since, gateway = kit.ends(system), spawn()
    stream = Stream(system)
    in_mid_stream(gateway, stream)
    system.stop("kafka")
    wait_for(stream, PER_S)
    assert gateway.stop(10) == 0
    system.start("kafka")
    again = spawn()
    wait_for(stream, PER_S // 5)
    stream.stop()
    kit.idle(again, 90)
    assert stream.missing(system, since) == (set(), set())
    assert again.stop() == 0


@pytest.mark.parametrize(
    "outage_s",
    [
        11,
        pytest.param(40, marks=pytest.mark.slow),  # longer than the 30 s after which aiokafka gives up a batch that has no leader
        pytest.param(600, marks=[pytest.mark.slow, pytest.mark.timeout(2_400)]),
    ],
)
def test_rule_24_an_outage_of_kafka_at_1000_messages_a_second_loses_nothing_and_ends_no_gateway(
    system: System, spawn: Callable[..., Running], outage_s: int
) -> None:
    since, gateway = kit.ends(system), spawn(watchdog_s=1.0)  # its patience is far below the outage
    stream = Stream(system, per_s=1_000)
    in_mid_stream(gateway, stream)
    system.stop("kafka")
    wait_for(stream, 1_000 * outage_s)
    assert gateway.child.returncode is None
    assert gateway.get("/healthz")[0] == 200
    assert "for Kafka" in json.loads(gateway.get("/readyz")[1])["wrong"]["kafka"]
    assert 9_000 <= gateway.metric("kompas_gateway_unacknowledged") <= 10_000  # its ReceiveMaximum; the broker holds the rest
    system.start("kafka")
    gateway.wait_ready(60)
    stream.stop()
    kit.idle(gateway, 120 + outage_s)
    assert stream.missing(system, since) == (set(), set())
    found = kit.readings(system, since)
    assert len(found) == len(set(found))
    assert gateway.metric("kompas_gateway_kafka_producers_total") == 1  # a producer that gives up is followed by another, which repeats
    assert gateway.stop() == 0
    said = [json.loads(line)["event"] for line in gateway.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    assert said.count("kafka_silent") == said.count("kafka_answers") == 1
    assert "broker_drops" not in said


def test_rule_03_a_gateway_that_kafka_does_not_confirm_says_nothing_of_the_time(system: System, spawn: Callable[..., Running]) -> None:
    since, gateway = kit.ends(system), spawn()
    broker = system.broker.child
    assert broker is not None

    def clocks_us() -> list[int]:
        beats = [frame.meta for number, frame in kit.read_frames(system, since) if number == 0 and frame.meta["kind"] == "heartbeat"]
        return [meta["clock_us"] for meta in beats]

    kit.until(lambda: len(clocks_us()) >= 2, 30, lambda: str(clocks_us()))
    broker.signal(signal.SIGSTOP)
    try:
        stopped_us = time.time_ns() // 1_000
        kit.until(lambda: gateway.get("/readyz")[0] == 503, 30, lambda: "ready although Kafka confirms nothing")
        woken_us = time.time_ns() // 1_000
    finally:
        broker.signal(signal.SIGCONT)
    gateway.wait_ready(60)
    kit.until(lambda: len([at_us for at_us in clocks_us() if at_us > woken_us]) >= 2, 30, lambda: str(clocks_us()))
    # the first after the stop is on its way before anybody can know; none follows it until it is confirmed
    assert len([at_us for at_us in clocks_us() if stopped_us < at_us < woken_us]) <= 1
    assert woken_us - stopped_us > 4_000_000
    assert gateway.stop() == 0
