"""The load generator against a real Mosquitto: everything arrives, through restarts, and refusals are seen."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from local import credentials, ports
from local.servers.mosquitto import GATEWAY, SIMULATOR, Mosquitto, device_user
from runtime.errors import ConfigError, Unavailable
from simulators import wire
from simulators.publisher import Broker, Message, Publisher
from simulators.replay import Order as Replay
from simulators.replay import replay
from simulators.simulate import Order, simulate
from simulators.worlds import World, world
from tests.simulators.test_replay import SIMPLE

pytestmark = pytest.mark.integration


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "log").mkdir()
    broker = Mosquitto(tmp_path / "mosquitto", tmp_path / "log" / "mosquitto.log", ports.HOST, ports.free(1)[0], tmp_path / "secrets")
    broker.users = (GATEWAY, SIMULATOR, device_user("zwolle.air-0001", "zwolle"))
    broker.install()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def zwolle() -> World:
    return world("zwolle")


def login(broker: Mosquitto, user: str = credentials.MQTT_SIMULATOR) -> Broker:
    return Broker(broker.host, broker.port, user, credentials.ensure(credentials.mqtt_file(broker.secrets, user)))


class Listener:
    """A gateway that only counts: a persistent session of QoS 1."""

    def __init__(self, broker: Mosquitto) -> None:
        self.seen: Counter[tuple[str, bytes]] = Counter()
        self._subscribed = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        at = login(broker, credentials.MQTT_GATEWAY)
        self.client.username_pw_set(at.user, at.password)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_rest: client.subscribe("city/#", 1)
        self.client.on_subscribe = lambda *_all: self._subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.seen.update([(message.topic, bytes(message.payload))])
        self.client.connect(at.host, at.port)
        self.client.loop_start()
        assert self._subscribed.wait(20)

    def await_distinct(self, count: int, within_s: float = 60.0) -> None:
        end_s = time.monotonic() + within_s
        while len(self.seen) < count:
            assert time.monotonic() < end_s, f"{len(self.seen)} of {count}"
            time.sleep(0.05)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def messages(count: int) -> list[Message]:
    topics = [wire.topic(f"city/zwolle/zwolle.air-{i:04d}/json") for i in range(50)]
    return [Message(topics[i % 50], b'{"quantity":"no2","value":%d}' % i) for i in range(count)]


def pump_for_ever(publisher: Publisher) -> None:
    for _ in range(2_000):
        publisher.pump(0.05)


def test_an_open_loop_run_arrives_whole_over_several_connections(mosquitto, zwolle):
    listener = Listener(mosquitto)
    try:
        run = simulate(Order(devices=200, rate=2_000.0, scenario="calm", duration_s=3.0, per_message=2, connections=3), login(mosquitto), zwolle)
        report = run.report
        assert (report.acknowledged, report.unheard, report.refused, report.unacknowledged) == (report.messages, 0, {}, 0)
        assert report.readings == pytest.approx(6_000, rel=0.02)
        assert report.messages == len(run.sent.message) == sum(len(part.messages.device) for part in run.parts)
        listener.await_distinct(report.messages)
        assert set(listener.seen.values()) == {1}
    finally:
        listener.close()


def test_nobody_listening_is_seen(mosquitto):
    publisher = Publisher(login(mosquitto), "alone")
    publisher.connect()
    publisher.put(messages(100))
    assert publisher.drain(20)
    assert (publisher.acknowledged, publisher.unheard) == (100, 100)
    publisher.close()


def test_a_topic_that_is_not_ones_own_is_refused_and_counted(mosquitto):
    publisher = Publisher(login(mosquitto, "zwolle.air-0001"), "thief")
    publisher.connect()
    publisher.put(messages(50))
    assert publisher.drain(20)
    assert (publisher.acknowledged, publisher.refused) == (1, {0x87: 49})
    publisher.close()


def test_a_wrong_password_and_an_absent_broker_are_told_apart(mosquitto):
    with pytest.raises(ConfigError, match="wanted to log in as simulator, got 'refused"):
        Publisher(login(mosquitto)._replace(password="wrong"), "x").connect()
    with pytest.raises(Unavailable, match="wanted an MQTT broker"):
        Publisher(Broker("127.0.0.1", ports.free(1)[0], "a", "b"), "x").connect()


def test_a_broker_that_restarts_in_mid_stream_loses_nothing(mosquitto):
    listener = Listener(mosquitto)
    publisher = Publisher(login(mosquitto), "patient")
    publisher.connect()
    wanted = messages(20_000)
    try:
        publisher.put(wanted)
        while publisher.acknowledged < 2_000:
            publisher.pump(0.1)
        mosquitto.stop()
        with pytest.raises(Unavailable):
            pump_for_ever(publisher)
        assert publisher.waiting > 0
        mosquitto.start()
        publisher.connect()
        assert publisher.drain(60)
        assert publisher.reconnects == 1
        listener.await_distinct(20_000, 120)
    finally:
        publisher.close()
        listener.close()


def test_a_replay_sends_every_row_that_a_message_can_carry(mosquitto, tmp_path):
    listener = Listener(mosquitto)
    path = tmp_path / "rows.csv"
    lines = [
        "who,at,v",
        *(f"zwolle.air-{i % 7:04d},2025-03-01T00:{i // 60:02d}:{i % 60:02d}Z,{i}" for i in range(1_200)),
        "only,two",
        "zwolle.x,never,1",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        seen: list[tuple[int, int]] = []
        report = replay(Replay(path, SIMPLE, None, "now"), login(mosquitto), lambda done, rows: seen.append((done, rows)))
        assert (report.rows, report.messages, report.acknowledged, report.skipped, report.unreadable_times) == (1_202, 1_201, 1_201, 1, 1)
        assert report.skipped_lines == ["line 1202: wanted 3 fields, got 2"]
        assert seen[-1] == (1_202, 1_202)
        listener.await_distinct(1_201)
    finally:
        listener.close()


def test_a_replay_keeps_the_files_own_pace(mosquitto, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("who,at,v\n" + "".join(f"a,2025-03-01T00:00:{i:02d}Z,{i}\n" for i in range(0, 60, 10)), encoding="utf-8")
    report = replay(Replay(path, SIMPLE, 50.0), login(mosquitto))
    assert report.messages == 6
    assert report.took_s >= 1.0
