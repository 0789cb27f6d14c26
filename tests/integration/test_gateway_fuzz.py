"""Thousands of broken payloads at a running gateway: each is found in `kompas.rejected.v1`, and the gateway lives."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from catalog.reasons import Reason
from ingest.format import formats
from tests.ingest import city
from tests.integration import gateway_kit as kit
from tests.servers import System, start_system

pytestmark = pytest.mark.integration

COUNT = 4_000
GOOD = b'{"quantity": "pm2_5", "value": 12.5, "time": %d}'


@pytest.fixture(scope="module")
def system(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kafka and Mosquitto of our own, so that only our records are there."""
    with start_system(tmp_path_factory.mktemp("fuzz"), postgres=servers.postgres) as started:
        yield started


def broken(number: int, chance: random.Random) -> tuple[str, bytes]:
    """A topic and a payload that cannot go in as a whole; the number in it makes each one different."""
    form = chance.choice(sorted(formats()))
    device = f"air-{number % 20:04d}"
    mark = b"%d" % number
    kind = number % 8
    if kind == 0:
        return city.topic(device, form), mark + chance.randbytes(chance.randrange(200)).replace(b"[", b"(").replace(b"{", b"(")
    if kind == 1:
        example = chance.choice([each.payload for each in formats()[form].examples if len(each.payload) > 12])
        return city.topic(device, form), example[: chance.randrange(1, len(example) - 1)] + b"\x00" + mark
    if kind == 2:
        return city.topic(device, "json"), b'{"quantity": "pm2_5", "value": "' + mark + b'"}'
    if kind == 3:
        return city.topic(device, "json"), b'{"quantity": "pm2_5", "value": 1e9, "note": ' + mark + b"}"
    if kind == 4:
        return city.topic("nobody", form), mark
    if kind == 5:
        return city.topic(device, "senml"), b'[{"n": "pm2_5", "vs": "' + mark + b'"}]'
    if kind == 6:
        return city.topic(device, "json"), b"[" * chance.randrange(1, 3_000) + mark
    return city.topic(device, f"form{number}"), b"{}" + mark


def test_each_broken_payload_is_found_with_its_bytes_and_the_gateway_lives(system: System) -> None:
    kit.register(system)
    gateway = system.spawn("gateway").wait_ready()
    since = kit.ends(system)
    chance, publisher = random.Random(7), kit.Publisher(system)
    sent = [broken(number, chance) for number in range(COUNT)]
    for number, (topic, payload) in enumerate(sent):
        publisher.publish(topic, payload)
        if number % 100 == 0:
            publisher.publish(city.topic(), GOOD % (1_000_000_000_000 + number))
    publisher.publish(city.topic(), b" " * 300_000 + b"{}")
    publisher.settle(120)
    kit.idle(gateway)
    found = kit.rejections(system, since)
    large = [each for each in found if each.rejections[0]["reason"] == Reason.TOO_LARGE]
    assert [len(each.payload) for each in large] == [300_002]
    old = [each for each in found if each.rejections[0]["reason"] == Reason.TIME_TOO_OLD]
    assert len(old) == COUNT // 100
    others = [each for each in found if each not in large and each not in old]
    assert Counter((each.headers["origin"].decode(), each.payload) for each in others) == Counter(
        (f"mqtt:{topic}", payload) for topic, payload in sent
    )
    assert {reason for each in others for reason in (entry["reason"] for entry in each.rejections)} <= {reason.value for reason in Reason}
    assert all("wanted" in entry["detail"] or "decoder" in entry["detail"] for each in others for entry in each.rejections)
    assert kit.readings(system, since) == []
    publisher.publish(city.topic(), b'{"quantity": "pm2_5", "value": 12.5}')
    publisher.settle()
    kit.idle(gateway)
    assert [value for *_, value in kit.readings(system, since)] == [12.5]
    assert gateway.metric("kompas_gateway_decoder_defects_total") == 0
    assert gateway.metric("kompas_gateway_mqtt_connections_total") == 1
    publisher.close()
    assert gateway.stop() == 0
