"""What runs once before the containers' servers: secrets that last, a Mosquitto that knows its users, roles and database."""

import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.cities import HOME as CITIES
from deploy.mosquitto_hash import password_line
from deploy.prepare import configuration, prepare, users_of
from local import credentials, ports
from local.layout import REPOSITORY, layout
from local.servers import mosquitto
from local.servers.postgres import Postgres
from tests.servers import System

DEVICE = mosquitto.device_user("brussels.by-hand", "brussels")
USERS = [mosquitto.GATEWAY, mosquitto.SIMULATOR, DEVICE]


def _contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_secrets_are_made_once_and_new_devices_are_taken_up(tmp_path: Path) -> None:
    prepare(tmp_path, USERS[:2])
    before = {name: text for name, text in _contents(tmp_path).items() if name != "mosquitto/passwords"}
    prepare(tmp_path, USERS)
    after = _contents(tmp_path)
    assert {name: after[name] for name in before if name != "mosquitto/access"} == {k: v for k, v in before.items() if k != "mosquitto/access"}
    assert "kompas/mqtt-brussels.by-hand" in after
    assert "topic write city/brussels/brussels.by-hand/#" in after["mosquitto/access"]


def test_each_server_gets_what_it_needs_and_no_more(tmp_path: Path) -> None:
    prepare(tmp_path, USERS)
    there = {place.name: sorted(path.name for path in place.iterdir()) for place in tmp_path.iterdir()}
    assert there["postgres"] == sorted(f"db-{role}" for role in credentials.ROLES)
    assert there["grafana"] == ["db-kompas_reader", "grafana-admin"]
    assert there["mosquitto"] == ["access", "mosquitto.conf", "passwords"]
    for path in (tmp_path / "kompas").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    clear = {path.read_text().strip() for path in (tmp_path / "kompas").iterdir()}
    assert not any(secret in (tmp_path / "mosquitto" / "passwords").read_text() for secret in clear)


def test_users_are_gateway_simulator_and_the_manual_devices_of_the_packs() -> None:
    names = [user.name for user in users_of("brussels, zwolle", CITIES)]
    assert names[:2] == ["gateway", "simulator"]
    assert any(name.startswith("brussels.") for name in names)
    assert any(name.startswith("zwolle.") for name in names)


def test_mosquitto_listens_to_everybody_in_its_network_and_lets_nobody_in_unnamed() -> None:
    lines = configuration().splitlines()
    assert "listener 1883 0.0.0.0" in lines
    assert "allow_anonymous false" in lines
    assert "persistence_location /mosquitto/data/" in lines
    assert "user root" not in lines


def test_mosquitto_disconnects_who_sends_too_much_and_acknowledges_nothing_that_it_drops() -> None:
    lines = configuration().splitlines()
    assert "max_packet_size 3145728" in lines
    assert not any(line.startswith("message_size_limit") for line in lines)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """A real Mosquitto on the files that `prepare` makes, paths and port moved to this machine."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(program).exists():
        pytest.skip("mosquitto is not installed; ./kompas up installs it")
    prepare(tmp_path / "secrets", USERS)
    port, data = ports.free(1)[0], tmp_path / "data"
    data.mkdir()
    text = configuration().replace("/mosquitto/config", str(tmp_path / "secrets" / "mosquitto")).replace("/mosquitto/data", str(data))
    text = text.replace("listener 1883 0.0.0.0", f"listener {port} 127.0.0.1") + ("user root\n" if os.geteuid() == 0 else "")
    (tmp_path / "mosquitto.conf").write_text(text)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        _await_port(port, process, tmp_path / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until_s, log.read_text()
            time.sleep(0.02)
        else:
            return


@pytest.mark.integration
def test_a_real_mosquitto_takes_the_passwords_and_no_others(broker: int, tmp_path: Path) -> None:
    for user in USERS:
        password = (tmp_path / "secrets" / "kompas" / f"mqtt-{user.name}").read_text().strip()
        assert mosquitto.login("127.0.0.1", broker, user.name, password) is None
        assert mosquitto.login("127.0.0.1", broker, user.name, password + "x") is not None
    assert mosquitto.login("127.0.0.1", broker, "stranger", "x") is not None


def test_equal_passwords_have_different_hashes() -> None:
    assert password_line("a", "same", b"0" * 12) != password_line("a", "same", b"1" * 12)


@pytest.mark.integration
def test_the_script_makes_roles_and_database_on_a_real_cluster(servers: System, tmp_path: Path) -> None:
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed on this machine")
    prepare(tmp_path, USERS[:2])
    place = layout()
    cluster = Postgres(tmp_path / "cluster", tmp_path / "postgres.log", place.cache, ("127.0.0.1", ports.free(1)[0]), tmp_path / "kompas")
    cluster.brief, cluster.instance = True, f"test-{os.getpid()}-init"
    cluster.install()
    cluster.start()
    try:
        cluster.sql("; ".join(f"DROP ROLE {role}" for role in credentials.ROLES[1:]))
        environment = {**os.environ, "KOMPAS_SECRETS": str(tmp_path / "postgres"), "POSTGRES_USER": "postgres"}
        environment |= {"PGHOST": cluster.host, "PGPORT": str(cluster.port), "PGPASSWORD": (tmp_path / "kompas" / "db-postgres").read_text().strip()}
        script = REPOSITORY / "deploy" / "postgres" / "kompas.sh"
        done = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert os.access(script, os.X_OK)
        assert cluster.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'kompas'") == "kompas_owner"
        assert cluster.sql("SELECT extname FROM pg_extension WHERE extname = 'timescaledb'", "kompas") == "timescaledb"
        for role in credentials.ROLES[1:]:
            password = (tmp_path / "kompas" / f"db-{role}").read_text().strip()
            login = {**environment, "PGPASSWORD": password, "PGUSER": role, "PGDATABASE": "kompas"}
            asked = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT current_user"], env=login, capture_output=True, text=True, check=False)
            assert asked.stdout.strip() == role, asked.stderr
    finally:
        cluster.stop()
        cluster.remove()
