"""What gateway stories share: publish over real MQTT, read both topics back, and compare."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from catalog import topics
from runtime import frames
from tests.ingest import city
from tests.servers import Running, System


class Rejected(NamedTuple):
    """A record of `kompas.rejected.v1`."""

    payload: bytes
    headers: dict[str, bytes]
    rejections: list[dict[str, Any]]


def register(system: System, documents: Iterable[tuple[str, bytes | None]] | None = None) -> None:
    """Write records into `kompas.devices.v1`, as storage would."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=system.kafka, acks="all")
        await producer.start()
        for key, value in documents or city.documents():
            await producer.send_and_wait(topics.DEVICES.name, value, key=key.encode(), partition=0)
        await producer.stop()

    asyncio.run(send())


def ends(system: System) -> dict[str, dict[int, int]]:
    """Where both topics end now: a story reads from there."""
    return asyncio.run(_ends(system))


async def _ends(system: System) -> dict[str, dict[int, int]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=system.kafka)
    await consumer.start()
    partitions = [TopicPartition(topic.name, number) for topic in (topics.READINGS, topics.REJECTED) for number in range(topic.partitions)]
    found = await consumer.end_offsets(partitions)
    await consumer.stop()
    result: dict[str, dict[int, int]] = {}
    for partition, offset in found.items():
        result.setdefault(partition.topic, {})[partition.partition] = offset
    return result


def read(system: System, topic: str, since: dict[str, dict[int, int]]) -> list[tuple[int, Any]]:
    """Partition and record of everything from `since` to the end of now."""

    async def fetch() -> list[tuple[int, Any]]:
        until = (await _ends(system))[topic]
        waiting = {TopicPartition(topic, number): end for number, end in until.items() if end > since[topic][number]}
        if not waiting:
            return []
        consumer = AIOKafkaConsumer(bootstrap_servers=system.kafka, enable_auto_commit=False)
        await consumer.start()
        consumer.assign(list(waiting))
        for partition in waiting:
            consumer.seek(partition, since[topic][partition.partition])
        found: list[tuple[int, Any]] = []
        while waiting:
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                found += [(partition.partition, record) for record in records]
            for partition in list(waiting):
                if await consumer.position(partition) >= waiting[partition]:
                    del waiting[partition]
        await consumer.stop()
        return found

    return asyncio.run(fetch())


def readings(system: System, since: dict[str, dict[int, int]]) -> list[tuple[str, str, int, float]]:
    """Device, quantity, measured_at and value of every row."""
    found: list[tuple[str, str, int, float]] = []
    for _, frame in read_frames(system, since):
        if frame.meta["kind"] == "readings":
            device, quantity = (frame.columns[name] for name in ("device", "quantity"))
            found += zip(
                [device.texts[code] for code in device.codes],
                [quantity.texts[code] for code in quantity.codes],
                frame.columns["measured_at"].tolist(),
                frame.columns["value"].tolist(),
                strict=True,
            )
    return found


def read_frames(system: System, since: dict[str, dict[int, int]]) -> list[tuple[int, frames.Frame]]:
    """Partition and frame, in the order of each partition."""
    return [(partition, frames.decode(record.value)) for partition, record in read(system, topics.READINGS.name, since)]


def rejections(system: System, since: dict[str, dict[int, int]]) -> list[Rejected]:
    """What was refused."""
    found = []
    for _, record in read(system, topics.REJECTED.name, since):
        headers = dict(record.headers)
        found.append(Rejected(record.value, headers, json.loads(headers["rejections"])))
    return found


class Publisher:
    """A paho client at QoS 1 that knows what the broker has taken."""

    def __init__(self, system: System, user: str = "simulator") -> None:
        self._taken, self._lock = 0, threading.Lock()
        self._sent = 0
        client = paho.Client(CallbackAPIVersion.VERSION2, f"test-{user}-{time.monotonic_ns()}", protocol=paho.MQTTv5)
        client.username_pw_set(user, system.password(user))
        client.max_inflight_messages_set(1_000)
        client.on_publish = self._on_publish
        client.reconnect_delay_set(1, 1)
        client.connect(system.mqtt_host, system.mqtt_port)
        client.loop_start()
        self._client = client

    def _on_publish(self, _client: paho.Client, _userdata: Any, _mid: int, _reason: Any, _properties: Properties) -> None:
        with self._lock:
            self._taken += 1

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Hand in; see `settle`."""
        self._sent += 1
        self._client.publish(topic, payload, qos=qos)

    @property
    def waiting(self) -> int:
        """Handed in, and not taken by the broker yet."""
        return self._sent - self._taken

    def settle(self, within_s: float = 30.0) -> None:
        """Wait until the broker has taken everything."""
        until(lambda: self._taken == self._sent, within_s, lambda: f"the broker took {self._taken} of {self._sent}")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def until(condition: Callable[[], bool], within_s: float, otherwise: Callable[[], str]) -> None:
    """Wait for a condition."""
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, otherwise()
        time.sleep(0.05)


def idle(gateway: Running, within_s: float = 60.0) -> None:
    """Wait until the gateway is ready and has acknowledged everything, twice in a row: its gauge is set per turn."""
    quiet = 0
    end_s = time.monotonic() + within_s
    while quiet < 2:
        done = gateway.get("/readyz")[0] == 200 and gateway.metric("kompas_gateway_unacknowledged") == 0
        quiet = quiet + 1 if done else 0
        assert time.monotonic() < end_s, f"{gateway.get('/readyz')}, {gateway.metric('kompas_gateway_unacknowledged')} unacknowledged"
        time.sleep(0.6)
