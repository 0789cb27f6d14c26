"""The real servers come up, keep their data over a restart, and refuse who is not known."""

from pathlib import Path

import psutil
import pytest

from catalog.topics import TOPICS
from local import topics
from local.servers import mosquitto
from tests.servers import System, start_system

pytestmark = pytest.mark.integration


def test_topics_are_as_declared_and_survive_a_restart(servers: System) -> None:
    declared = {topic.name: topic.partitions for topic in TOPICS}
    assert topics.partitions(servers.kafka) == declared
    servers.restart("kafka")
    assert topics.partitions(servers.kafka) == declared
    assert topics.create(servers.kafka) == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_database_survives(servers: System, how: str) -> None:
    servers.sql("CREATE TABLE IF NOT EXISTS kept (x int)")
    servers.sql("INSERT INTO kept VALUES (1)")
    before = servers.sql("SELECT count(*) FROM kept")
    getattr(servers, how)("postgres")
    servers.start("postgres")
    assert servers.sql("SELECT count(*) FROM kept") == before


def test_mqtt_knows_its_users_by_password_only(servers: System) -> None:
    def login(user: str, password: str) -> str | None:
        return mosquitto.login(servers.mqtt_host, servers.mqtt_port, user, password)

    device = "brussels.air-0007"
    for user in ("gateway", "simulator", device):
        assert login(user, servers.password(user)) is None
        assert login(user, "wrong") == "CONNACK 20020005"
    assert login("nobody", servers.password("gateway")) == "CONNACK 20020005"
    assert servers.password(device) != servers.password("gateway")


def test_a_second_system_shares_the_cluster_and_nothing_else(servers: System, tmp_path: Path) -> None:
    with start_system(tmp_path / "own", postgres=servers.postgres) as own:
        assert own.kafka != servers.kafka
        assert own.db_name != servers.db_name
        own.sql("CREATE TABLE only_here (x int)")
        assert servers.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'") == "0"
        environment = own.environment("writer", cities="zwolle")
        assert environment["KOMPAS_CITIES"] == "zwolle"
        assert Path(environment["KOMPAS_DB_PASSWORD_FILE"]).read_text().strip() == servers.password("kompas_writer")
    assert servers.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{own.db_name}'") == "0"


def test_kafka_starts_with_its_classes_from_one_file(servers: System) -> None:
    broker = servers.broker
    assert broker.child is not None
    java = psutil.Process(broker.child.pid)
    mapped = "".join(Path(f"/proc/{each.pid}/maps").read_text() for each in (java, *java.children(recursive=True)))
    assert str(broker.classes) in mapped


def test_postgres_does_not_run_as_root(servers: System) -> None:
    assert servers.postgres.child is not None
    assert Path(f"/proc/{servers.postgres.child.pid}").stat().st_uid != 0
