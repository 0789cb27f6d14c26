"""`python -m simulators.demo` as `up` starts it: it plays the city, leaves manual devices alone, survives its broker, ends when asked."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from catalog.cities import load_city
from local import credentials, ports
from tests.integration.test_simulate_broker import Listener, login, mosquitto  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration


def status(port: int, page: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def await_status(port: int, page: str, wanted: int, within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while (found := status(port, page)) != wanted:
        assert time.monotonic() < end_s, f"/{page}: wanted {wanted}, got {found}"
        time.sleep(0.1)


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "simulators.demo"], env={**os.environ, **environment}, stderr=subprocess.PIPE)


def test_the_demo_plays_recovers_and_ends(mosquitto):  # noqa: F811 - the fixture
    port = ports.free(1)[0]
    at = login(mosquitto)
    environment = {
        "KOMPAS_KAFKA": "unused:9092",
        "KOMPAS_CITIES": "zwolle",
        "KOMPAS_MQTT_PORT": str(at.port),
        "KOMPAS_MQTT_USER": at.user,
        "KOMPAS_MQTT_PASSWORD_FILE": str(credentials.mqtt_file(mosquitto.secrets, at.user)),
        "KOMPAS_HEALTH_PORT": str(port),
    }
    listener = Listener(mosquitto)
    demo = start(environment)
    try:
        await_status(port, "readyz", 200)
        listener.await_distinct(100)
        mosquitto.stop()
        await_status(port, "readyz", 503)
        assert status(port, "healthz") == 200
        mosquitto.start()
        await_status(port, "readyz", 200)
        listener.await_distinct(len(listener.seen) + 100)
        demo.send_signal(signal.SIGTERM)
        said = demo.communicate(timeout=20)[1].decode()
        assert demo.returncode == 0, said
        for event in ("demo_started", "broker_lost", "broker_found", "demo_stopped"):
            assert event in said
        spoken = {topic.split("/")[2] for topic, _ in listener.seen}
        pack = load_city("zwolle")
        assert spoken <= set(pack.devices)
        assert not any(pack.devices[device].manual for device in spoken)
        assert len({pack.devices[device].kind for device in spoken}) >= 3
    finally:
        demo.kill()
        demo.wait()
        listener.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KOMPAS_CITIES": "atlantis"}, "atlantis"),
        ({"KOMPAS_DEMO_SCENARIO": "sharknado"}, "--scenario"),
        ({"KOMPAS_MQTT_PASSWORD_FILE": "/none"}, "/none"),
    ],
)
def test_bad_settings_end_it_with_2_and_a_sentence(mosquitto, change, said):  # noqa: F811 - the fixture
    at = login(mosquitto)
    environment = {"KOMPAS_KAFKA": "unused:9092", "KOMPAS_CITIES": "zwolle", "KOMPAS_MQTT_PORT": str(at.port), "KOMPAS_MQTT_USER": at.user}
    environment["KOMPAS_MQTT_PASSWORD_FILE"] = str(credentials.mqtt_file(mosquitto.secrets, at.user))
    demo = start({**environment, **change})
    told = demo.communicate(timeout=60)[1].decode()
    assert demo.returncode == 2
    assert said in told
