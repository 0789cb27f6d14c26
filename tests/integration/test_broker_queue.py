"""A real Mosquitto that holds a backlog: what it drops, what a clean stop and what only a SIGKILL can take."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.mqtt import DROPPED, UPTIME
from local import credentials, ports
from local.outage import Queue
from local.servers.mosquitto import Mosquitto
from tests.integration import gateway_kit as kit

pytestmark = pytest.mark.integration
TOPICS = "city/+/+/+"
AUTOSAVE_S = 2
SLACK_S = 2.0
"""It counts whole seconds, and saves in the one after."""


@contextmanager
def broker(folder: Path, queue: Queue) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(folder / "mosquitto", folder / "mosquitto.log", ports.HOST, ports.free(1)[0], folder / "secrets")
    mosquitto.queue = queue
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


class Client:
    """A paho client whose callbacks fill lists."""

    def __init__(self, of: Mosquitto, user: str, id_: str) -> None:
        self.got: list[str] = []
        self.acknowledged_s: dict[int, float] = {}
        self.said: dict[str, str] = {}
        self.subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, id_, protocol=paho.MQTTv5)
        self.client.username_pw_set(user, credentials.ensure(credentials.mqtt_file(of.secrets, user)))
        self.client.max_inflight_messages_set(1_000)
        self.client.on_message = self._on_message
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.suppress_exceptions = False
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3_600
        session.ReceiveMaximum = 1_000
        self.client.connect(of.host, of.port, clean_start=False, properties=session)
        self.client.loop_start()

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        if message.topic.startswith("$SYS/"):
            self.said[message.topic] = message.payload.decode()
        else:
            self.got.append(message.payload.decode())

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.acknowledged_s[mid] = time.monotonic()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def subscribe(of: Mosquitto, *topics: str) -> Client:
    """The gateway's session, connected."""
    client = Client(of, "gateway", "kompas-gw-0")
    client.client.subscribe([(topic, 1) for topic in topics])
    assert client.subscribed.wait(10)
    return client


def publish(of: Mosquitto, count: int, per_s: float) -> tuple[list[int], dict[int, float]]:
    """Messages 0 … count - 1 at a steady pace: their ids, and when each was acknowledged."""
    client = Client(of, "simulator", "sender")
    mids, begun_s = [], time.monotonic()
    for number in range(count):
        mids.append(client.client.publish("city/c/c.d/json", str(number).encode(), qos=1).mid)
        time.sleep(max(0.0, begun_s + number / per_s - time.monotonic()))
    kit.until(lambda: len(client.acknowledged_s) == count, 30, lambda: f"{len(client.acknowledged_s)} of {count}")
    client.close()
    return mids, client.acknowledged_s


def drained(of: Mosquitto, quiet_s: float = 2.0) -> set[int]:
    """Numbers of all messages that the gateway's session still gets."""
    client = subscribe(of, TOPICS)
    client.client.publish  # noqa: B018 - one client, kept until nothing comes any more
    seen, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < quiet_s:
        if len(client.got) != seen:
            seen, since_s = len(client.got), time.monotonic()
        time.sleep(0.05)
    client.close()
    return {int(each) for each in client.got}


def test_rule_26_a_clean_stop_with_a_backlog_loses_nothing(tmp_path: Path) -> None:
    with broker(tmp_path, Queue(autosave_s=3_600)) as mosquitto:
        subscribe(mosquitto, TOPICS).close()
        publish(mosquitto, 5_000, 5_000)
        mosquitto.stop()
        mosquitto.start()
        assert drained(mosquitto) == set(range(5_000))


def test_rule_26_a_sigkill_takes_only_what_is_younger_than_the_autosave_interval(tmp_path: Path) -> None:
    per_s, lasts_s = 400, 7
    with broker(tmp_path, Queue(autosave_s=AUTOSAVE_S)) as mosquitto:
        subscribe(mosquitto, TOPICS).close()
        mids, acknowledged_s = publish(mosquitto, per_s * lasts_s, per_s)
        mosquitto.kill()
        killed_s = time.monotonic()
        mosquitto.start()
        missing = set(range(per_s * lasts_s)) - drained(mosquitto)
    ages_s = {number: killed_s - acknowledged_s[mids[number]] for number in range(per_s * lasts_s)}
    assert max(ages_s.values()) > AUTOSAVE_S + SLACK_S + 1  # there were older ones to lose
    assert missing  # and younger ones were lost: else this shows nothing
    assert max(ages_s[number] for number in missing) <= AUTOSAVE_S + SLACK_S


def test_what_it_drops_above_its_limit_it_counts_and_the_count_begins_again_with_it(tmp_path: Path) -> None:
    with broker(tmp_path, Queue(messages=100, autosave_s=3_600)) as mosquitto:
        subscribe(mosquitto, TOPICS).close()
        publish(mosquitto, 250, 5_000)
        gateway = subscribe(mosquitto, TOPICS, UPTIME, DROPPED)
        kit.until(lambda: gateway.said.get(DROPPED, "0") != "0", 25, lambda: str(gateway.said))
        assert len(gateway.got) + int(gateway.said[DROPPED]) == 250
        assert gateway.said[UPTIME].endswith(" seconds")
        gateway.close()
        mosquitto.stop()
        mosquitto.start()
        gateway = subscribe(mosquitto, TOPICS, UPTIME, DROPPED)
        kit.until(lambda: UPTIME in gateway.said, 25, lambda: str(gateway.said))
        assert gateway.said.get(DROPPED, "0") == "0"
        gateway.close()
