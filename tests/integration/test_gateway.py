"""The gateway on real servers: what goes in at MQTT comes out in Kafka, and comes up and goes down cleanly."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from catalog.topics import PARTITIONS, partition_of
from tests.ingest import city
from tests.integration import gateway_kit as kit
from tests.servers import Running, System, start_system

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kafka and Mosquitto of our own: these stories restart them."""
    with start_system(tmp_path_factory.mktemp("gateway"), postgres=servers.postgres) as started:
        yield started


@pytest.fixture
def publisher(system: System) -> Iterator[kit.Publisher]:
    made = kit.Publisher(system)
    yield made
    made.close()


def test_it_waits_for_the_registry_and_says_so(system: System) -> None:
    gateway = system.spawn("gateway")
    kit.until(lambda: "registry" in gateway.get("/readyz")[1], 60, lambda: str(gateway.get("/readyz")))
    status, said = gateway.get("/readyz")
    assert status == 503
    assert "kompas.devices.v1" in said
    assert gateway.get("/healthz")[0] == 200
    kit.register(system)
    gateway.wait_ready(30)
    assert gateway.stop() == 0


@pytest.fixture
def gateway(system: System) -> Iterator[Running]:
    """A ready gateway, stopped after the story."""
    kit.register(system)
    running = system.spawn("gateway").wait_ready()
    yield running
    running.stop()


def test_readings_arrive_in_their_partition_with_their_values(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since, start_us = kit.ends(system), time.time_ns() // 1_000
    wanted = []
    for i in range(200):
        device, at_us = f"testville.air-{i % 20:04d}", start_us - i * 1_000
        seconds = f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}"
        publisher.publish(f"city/testville/{device}/json", f'{{"time": {seconds}, "values": {{"pm2_5": {i / 10}, "no2": {i}}}}}'.encode())
        wanted += [(device, "pm2_5", at_us, i / 10), (device, "no2", at_us, float(i))]
    publisher.settle()
    kit.idle(gateway)
    found = kit.readings(system, since)
    assert sorted(found) == sorted(wanted)
    for partition, frame in kit.read_frames(system, since):
        if frame.meta["kind"] == "readings":
            assert {partition_of(text) for text in frame.columns["device"].texts} == {partition}
            assert (frame.columns["received_at"] >= start_us).all()


def test_at_low_load_a_reading_does_not_wait(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since = kit.ends(system)
    publisher.publish(city.topic(), b'{"quantity": "pm2_5", "value": 3}')
    publisher.settle()
    kit.until(lambda: len(kit.readings(system, since)) == 1, 10, lambda: "the reading did not arrive")
    assert gateway.metric("kompas_gateway_frame_wait_seconds") == pytest.approx(0.005)


def test_a_message_at_qos_0_is_taken_and_disturbs_no_acknowledgement(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since = kit.ends(system)
    for i in range(20):
        publisher.publish(city.topic(), f'{{"quantity": "pm2_5", "value": {i}}}'.encode(), qos=i % 2)
    publisher.settle()
    kit.idle(gateway)
    assert sorted(value for *_, value in kit.readings(system, since)) == [float(i) for i in range(20)]
    assert gateway.metric("kompas_gateway_mqtt_connections_total") == 1


def test_rule_03_heartbeats_are_numbered_with_the_frames_and_the_last_says_so(system: System, publisher: kit.Publisher) -> None:
    kit.register(system)
    since = kit.ends(system)
    gateway = system.spawn("gateway").wait_ready()
    publisher.publish(city.topic(), b'[{"quantity": "pm2_5", "value": 3}, {"quantity": "pm2_5", "value": "x"}]')
    publisher.publish(city.topic("nobody"), b"{}")
    publisher.settle()
    kit.idle(gateway)
    assert gateway.stop() == 0
    found = kit.read_frames(system, since)
    ours = [(partition, frame.meta) for partition, frame in found]
    assert len({meta["life"] for _, meta in ours}) == 1
    for number in range(PARTITIONS):
        mine = [meta for partition, meta in ours if partition == number]
        assert [meta["seq"] for meta in mine] == list(range(len(mine)))
        assert mine[-1]["kind"] == "heartbeat"
        assert mine[-1]["last"] is True
        assert mine[-1]["totals"].pop("broker_dropped", 0) == 0
        mine[-1]["totals"].pop("broker_began_us", None)  # told once the broker has said how long it is up
        assert mine[-1]["totals"] == {
            "delivered": 2, "decoded": 1, "rejected_messages": 1, "readings": 2, "rejected_readings": 1, "duplicates": 0, "framed": 1, "confirmed": 2,
            "framed_here": 1 if number == partition_of("testville.air-0000") else 0, "confirmed_here": mine[-1]["seq"],
        }  # fmt: skip
        assert not any(meta.get("last") for meta in mine[:-1])


def test_a_new_device_may_speak_as_soon_as_it_is_registered(system: System, gateway: Running, publisher: kit.Publisher) -> None:
    since = kit.ends(system)
    payload, topic = b'{"quantity": "pm2_5", "value": 3}', city.topic("air-new")
    publisher.publish(topic, payload)
    publisher.settle()
    kit.until(lambda: len(kit.rejections(system, since)) == 1, 20, lambda: "it was not refused")
    document = dict(city.documents())["device/testville.air-0000"].replace(b"air-0000", b"air-new")
    kit.register(system, [("device/testville.air-new", document)])

    def spoken() -> bool:
        publisher.publish(topic, payload)
        publisher.settle()
        return any(device == "testville.air-new" for device, *_ in kit.readings(system, since))

    kit.until(spoken, 20, lambda: "it is still refused")
    kit.register(system, [("device/testville.air-new", None)])
    known = len(kit.rejections(system, since))

    def silenced() -> bool:
        publisher.publish(topic, payload)
        publisher.settle()
        return len(kit.rejections(system, since)) > known

    kit.until(silenced, 20, lambda: "it may still speak")


def test_two_gateways_divide_the_messages(system: System, publisher: kit.Publisher) -> None:
    kit.register(system)
    both = [system.spawn("gateway", shared="true", ordinal=number).wait_ready() for number in range(2)]
    since, base_us = kit.ends(system), time.time_ns() // 1_000
    for i in range(200):
        at_us = base_us - i
        publisher.publish(
            city.topic(f"air-{i % 20:04d}"), f'{{"time": {at_us // 1_000_000}.{at_us % 1_000_000:06d}, "quantity": "pm2_5", "value": 3}}'.encode()
        )
    publisher.settle()
    for each in both:
        kit.idle(each)
    assert sorted(base_us - at_us for _, _, at_us, _ in kit.readings(system, since)) == list(range(200))
    assert all(each.metric("kompas_gateway_messages_total") > 0 for each in both)
    assert {frame.meta["gateway"] for _, frame in kit.read_frames(system, since)} == {"gw-0", "gw-1"}
    assert [each.stop() for each in both] == [0, 0]


def test_bad_settings_end_it_with_2(system: System) -> None:
    assert _ends_with(system.spawn("gateway", receive_maximum=0)) == 2
    assert _ends_with(system.spawn("gateway", mqtt_password_file="/nowhere")) == 2


def _ends_with(gateway: Running) -> int | None:
    kit.until(lambda: gateway.child.returncode is not None, 30, lambda: "it did not end")
    return gateway.child.returncode


def test_it_stops_before_it_is_ready_too(system: System) -> None:
    gateway = system.spawn("gateway", kafka="127.0.0.1:1")
    kit.until(lambda: gateway.get("/healthz")[0] == 200, 60, lambda: str(gateway.get("/healthz")))
    assert "no producer" in gateway.get("/readyz")[1]
    os.kill(gateway.pid, signal.SIGTERM)
    assert _ends_with(gateway) == 0
