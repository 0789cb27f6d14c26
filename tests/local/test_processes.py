"""Each process gets exactly what it needs, in variables that its settings understand."""

from pathlib import Path

import pytest

from catalog.errors import ConfigError
from local import credentials, processes
from local.processes import DEMO, GATEWAY, LONG_RUNNING, MIGRATE, RESTATER, WORKER, WRITER, Addresses
from runtime.settings import DatabaseSettings, MqttSettings, Settings, load


@pytest.fixture
def at(tmp_path: Path) -> Addresses:
    credentials.ensure_all(tmp_path, ["gateway", "simulator"])
    return Addresses("127.0.0.1:9", "127.0.0.1", 18, "127.0.0.1", 54, "kompas", tmp_path, "brussels,zwolle")


def test_gateway_reads_mqtt_as_itself(at: Addresses) -> None:
    settings = load(MqttSettings, processes.settings(GATEWAY, at, 81))
    assert (settings.kafka, settings.mqtt_port, settings.mqtt_user, settings.health_port) == ("127.0.0.1:9", 18, "gateway", 81)
    assert settings.cities == "brussels,zwolle"
    assert Path(settings.mqtt_password_file).exists()


@pytest.mark.parametrize(
    ("process", "role"), [(MIGRATE, "kompas_owner"), (WRITER, "kompas_writer"), (RESTATER, "kompas_writer"), (DEMO, "kompas_reader")]
)
def test_database_roles(at: Addresses, process: processes.Process, role: str) -> None:
    settings = load(DatabaseSettings, processes.settings(process, at))
    assert settings.db_user == role
    assert credentials.role_file(at.secrets, role).read_text().strip() in settings.conninfo


def test_the_worker_gets_neither_mqtt_nor_database(at: Addresses) -> None:
    given = processes.settings(WORKER, at)
    assert load(Settings, given).kafka == "127.0.0.1:9"
    assert not [name for name in given if "MQTT" in name or "DB" in name]


def test_what_a_person_sets_goes_through_and_our_own_wins(tmp_path: Path) -> None:
    base = {"KOMPAS_LOG_LEVEL": "debug", "KOMPAS_KAFKA": "elsewhere:1", "PATH": "/bin"}
    found = processes.environment({"KOMPAS_KAFKA": "here:2"}, tmp_path / "numba", base)
    assert (found["KOMPAS_LOG_LEVEL"], found["KOMPAS_KAFKA"], found["PATH"]) == ("debug", "here:2", "/bin")
    assert found["NUMBA_CACHE_DIR"] == str(tmp_path / "numba")


def test_receivers_start_before_senders() -> None:
    assert [process.name for process in LONG_RUNNING] == ["writer", "restater", "worker", "gateway", "demo"]


def test_an_unknown_process_is_named_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="one of demo, gateway, migrate, reader, restater, simulator, worker, writer, got 'nobody'"):
        processes.named("nobody")
