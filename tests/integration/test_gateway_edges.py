"""The edges of what a broker passes: what is too large, too long or at no place for a reading is refused in the open, never swallowed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from catalog.reasons import Reason
from ingest.rejected import PAYLOAD_MAX_BYTES
from local.servers.mosquitto import LARGEST_PACKET_BYTES
from tests.ingest import city
from tests.integration import gateway_kit as kit
from tests.servers import Running, System, start_system

pytestmark = pytest.mark.integration

READING = b'{"quantity": "pm2_5", "value": 12.5}'
PROTOCOLS = (MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5)


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kafka and Mosquitto of our own: these stories leave sessions behind."""
    with start_system(tmp_path_factory.mktemp("edges"), postgres=servers.postgres) as started:
        kit.register(started)
        yield started


@pytest.fixture
def gateway(system: System) -> Iterator[Running]:
    running = system.spawn("gateway").wait_ready()
    yield running
    running.stop()


@pytest.fixture
def publisher(system: System) -> Iterator[kit.Publisher]:
    made = kit.Publisher(system)
    yield made
    made.close()


def lives(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    """A reading still goes in, over the gateway's first connection."""
    since = kit.ends(system)
    publisher.publish(city.topic(), READING)
    publisher.settle()
    kit.idle(gateway)
    assert [value for *_, value in kit.readings(system, since)] == [12.5]
    assert gateway.metric("kompas_gateway_mqtt_connections_total") == 1


class Attempt:
    """One connection on which one message is published; `acknowledged` or not, it ends."""

    def __init__(self, system: System, user: str, protocol: MQTTProtocolVersion, topic: str, payload: bytes) -> None:
        self.acknowledged = False
        self.said: list[str] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, f"edge-{time.monotonic_ns()}", protocol=protocol)
        client.username_pw_set(user, system.password(user))
        client.on_connect = lambda client, *_rest: self._publish(client, topic, payload)
        client.on_publish = self._on_publish
        client.connect(system.mqtt_host, system.mqtt_port)
        self.ended = self._ends(client)

    @staticmethod
    def _publish(client: paho.Client, topic: str, payload: bytes) -> None:
        client.publish(topic, payload, qos=1)

    def _on_publish(self, _client: paho.Client, _userdata: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self.acknowledged = True
        self.said.append(str(reason))

    def _ends(self, client: paho.Client) -> bool:
        """Whether the broker ended the connection; without a loop in a thread paho does not connect again by itself."""
        until_s = time.monotonic() + 20
        while not self.acknowledged:
            assert time.monotonic() < until_s, "neither acknowledged nor disconnected"
            if client.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return True
        client.disconnect()
        return False


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_too_large_to_read_is_found_whole(system: System, gateway: Running, publisher: kit.Publisher, protocol: MQTTProtocolVersion) -> None:
    since, chance, topic = kit.ends(system), random.Random(3), city.topic()
    # what surrounds the payload: type, length of the topic, topic, id, and the properties of MQTT 5
    beside = 1 + 2 + len(topic) + 2 + (protocol == MQTTProtocolVersion.MQTTv5)
    payloads = [chance.randbytes(size) for size in (262_145, 1_500_000, LARGEST_PACKET_BYTES - beside)]
    for payload in payloads:
        assert Attempt(system, "simulator", protocol, topic, payload).acknowledged
    kit.until(lambda: gateway.metric("kompas_gateway_messages_total") == 3, 30, lambda: "the gateway did not get them")
    kit.idle(gateway)
    found = kit.rejections(system, since)
    assert sorted(each.payload for each in found) == sorted(payloads)
    assert [entry["reason"] for each in found for entry in each.rejections] == [Reason.TOO_LARGE] * 3
    assert all("truncated" not in each.headers and each.headers["city"] == b"testville" for each in found)
    assert gateway.metric("kompas_gateway_rejected_total") == 3
    lives(system, gateway, publisher)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_above_the_hard_bound_nothing_is_acknowledged(
    system: System, gateway: Running, publisher: kit.Publisher, protocol: MQTTProtocolVersion
) -> None:
    since, topic = kit.ends(system), city.topic()
    beside = 1 + 2 + len(topic) + 2 + (protocol == MQTTProtocolVersion.MQTTv5)
    for size in (LARGEST_PACKET_BYTES - beside + 1, 2 * LARGEST_PACKET_BYTES):
        attempt = Attempt(system, "simulator", protocol, topic, b"x" * size)
        assert attempt.ended
        assert not attempt.acknowledged
    assert kit.rejections(system, since) == []
    lives(system, gateway, publisher)


def test_what_the_broker_passes_is_kept_whole() -> None:
    assert LARGEST_PACKET_BYTES <= PAYLOAD_MAX_BYTES


def resident_mb(process: Running) -> int:
    """Memory that a process holds now."""
    return psutil.Process(process.pid).memory_info().rss >> 20


@pytest.mark.slow  # half a gigabyte through three servers; the large ones above are found one by one
def test_many_large_messages_wait_for_kafka_in_bounded_memory(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since, before_mb, count = kit.ends(system), resident_mb(gateway), 150
    system.stop("kafka")
    most_mb = 0
    for number in range(count):
        publisher.publish(city.topic(), b"%d;" % number + b" " * 2_900_000)
        publisher.settle()
        most_mb = max(most_mb, resident_mb(gateway))
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        most_mb = max(most_mb, resident_mb(gateway))
        time.sleep(0.05)
    # 435 MB came: at most twice 64 MiB towards Kafka, 64 MiB from MQTT, and what is in hand; the rest stays with the broker
    assert most_mb - before_mb < 300
    system.start("kafka")
    kit.idle(gateway, 120)
    # a batch that Kafka confirmed before it went away may come twice, a message never not at all
    assert {int(each.payload.partition(b";")[0]) for each in kit.rejections(system, since)} == set(range(count))
    lives(system, gateway, publisher)


def test_a_topic_of_the_wrong_depth_is_refused_with_its_bytes(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since, device = kit.ends(system), "testville.air-0000"
    below = f"city/testville/{device}"
    of_a_device = [below, f"{below}/json/x", f"{below}/", f"{below}/" + "/".join("x" * 150)]
    of_anybody = ["city", "city/", "city/b", "city/b/dev", "city/b/dev/json/x", "city/testville//", f"city/b/dev/{'y' * 60_000}/x"]
    sent = [(topic, b"%d" % number + READING) for number, topic in enumerate(of_a_device + of_anybody)]
    for topic, payload in sent[: len(of_a_device)]:
        assert Attempt(system, device, MQTTProtocolVersion.MQTTv311, topic, payload).acknowledged
    for topic, payload in sent[len(of_a_device) :]:
        publisher.publish(topic, payload)
    publisher.settle()
    kit.until(lambda: gateway.metric("kompas_gateway_messages_total") == len(sent), 30, lambda: "the gateway did not get them")
    kit.idle(gateway)
    found = kit.rejections(system, since)
    assert Counter((each.headers["origin"].decode(), each.payload) for each in found) == Counter(
        (f"mqtt:{topic}", payload) for topic, payload in sent
    )
    reasons = {each.headers["origin"].decode(): each.rejections[0]["reason"] for each in found}
    # as deep as a reading's topic, but with nothing where device or format would be
    four = {f"mqtt:{below}/": Reason.UNSUPPORTED_FORMAT, "mqtt:city/testville//": Reason.UNKNOWN_DEVICE}
    assert reasons == {f"mqtt:{topic}": four.get(f"mqtt:{topic}", Reason.MALFORMED) for topic, _ in sent}
    assert gateway.metric("kompas_gateway_rejected_total") == len(sent)
    lives(system, gateway, publisher)


def test_what_a_device_may_not_write_only_mqtt_5_tells_it(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since = kit.ends(system)
    said = [Attempt(system, "testville.air-0000", protocol, city.topic("air-0001"), READING).said for protocol in PROTOCOLS]
    assert said == [["Success"], ["Not authorized"]]
    lives(system, gateway, publisher)
    assert kit.rejections(system, since) == []


def earlier_session(system: System, topic: str) -> None:
    """Leave a session of the gateway's name that knows nothing but this filter."""
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, "kompas-gw-0", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
    client.username_pw_set("gateway", system.password("gateway"))

    def on_connect(client: paho.Client, *_rest: object) -> None:
        client.subscribe(topic, 1)

    client.on_connect = on_connect
    client.on_subscribe = lambda *_rest: subscribed.set()
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    client.connect(system.mqtt_host, system.mqtt_port, clean_start=True, properties=properties)
    client.loop_start()
    assert subscribed.wait(10)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize(
    ("earlier", "shared"),
    [("city/+/+/+", False), ("$share/kompas/city/+/+/+", False), ("$share/kompas/city/+/+/+", True), ("city/#", True)],
)
def test_a_session_of_an_earlier_release_gives_each_message_once(system: System, publisher: kit.Publisher, earlier: str, shared: bool) -> None:
    earlier_session(system, earlier)
    since = kit.ends(system)
    for number in range(50):
        publisher.publish(city.topic(f"air-{number % 20:04d}"), b'{"quantity": "pm2_5", "value": %d}' % number)
    publisher.settle()
    gateway = system.spawn("gateway", shared=str(shared).lower()).wait_ready()
    for number in range(50, 150):
        publisher.publish(city.topic(f"air-{number % 20:04d}"), b'{"quantity": "pm2_5", "value": %d}' % number)
    publisher.publish("city/testville/testville.air-0000", READING)
    publisher.settle()
    kit.until(lambda: gateway.metric("kompas_gateway_messages_total") >= 151, 30, lambda: "the gateway did not get them")
    time.sleep(0.5)
    kit.idle(gateway)
    assert gateway.metric("kompas_gateway_messages_total") == 151
    assert sorted(value for *_, value in kit.readings(system, since)) == list(range(150))
    assert [each.rejections[0]["reason"] for each in kit.rejections(system, since)] == [Reason.MALFORMED]
    assert gateway.stop() == 0
