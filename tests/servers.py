"""Real servers for tests: Mosquitto, Kafka and PostgreSQL with TimescaleDB on free ports, and our processes on them.

The fixture `servers` (tests/conftest.py) is one `System` for the whole session; its topics exist, its database is empty.
A module that needs a Kafka, a Mosquitto and a database of its own:

    @pytest.fixture(scope="module")
    def system(servers, tmp_path_factory):
        with start_system(tmp_path_factory.mktemp("mine"), postgres=servers.postgres) as system:
            system.migrate()                       # python -m storage.migrate, to its end
            yield system

Of a `System`:
    kafka, mqtt_host, mqtt_port, db_host, db_port, db_name     addresses; kafka is host:port
    password_file(user)      path of the password of an MQTT user (gateway, simulator, or any device id, which is then added as a
                             user that writes below city/<city>/<device>/) or a database role (kompas_owner, kompas_writer,
                             kompas_reader, postgres)
    password(user)           its content
    conninfo(role="kompas_reader")                             for psycopg.connect
    environment(process, **overrides)   environment of a child process (migrate, gateway, worker, writer, demo, simulator,
                             reader): KOMPAS_* and what Python needs; overrides by setting name: cities="zwolle"
    spawn(process, module=None, arguments=(), **overrides) -> Running        start `python -m <module>`; its /readyz etc. at .url
    stop(name), start(name), restart(name), kill(name)         name: mosquitto, kafka, postgres. Same ports, same data
    sql(text)                run SQL as superuser in this database, unaligned text back (storage tests use psycopg instead)
    folder                   everything of this system; logs in folder/log

Only processes started here are ever ended; they end with pytest, however it ends.
"""

import itertools
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psutil

from local import credentials, ports, processes, topics
from local.child import Child, tail, with_parent
from local.layout import Layout, layout
from local.servers import mosquitto as mqtt
from local.servers.kafka import Kafka
from local.servers.mosquitto import Mosquitto
from local.servers.postgres import Postgres
from local.servers.server import ServerProcess

_DATABASES = itertools.count(1)


class Running:
    """One of our processes under test."""

    def __init__(self, child: Child, port: int, log: Path) -> None:
        self.child, self.port, self.log = child, port, log
        self.url = f"http://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def wait_ready(self, within_s: float = 60.0) -> Self:
        """Wait until /readyz answers 200; AssertionError with its log where it ends or takes too long."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            assert self.child.returncode is None, f"ended with {self.child.returncode}:\n    {tail(self.log, 30)}"
            if self.get("/readyz")[0] == 200:
                return self
            time.sleep(0.05)
        raise AssertionError(f"not ready within {within_s} s: {self.get('/readyz')}\n    {tail(self.log, 30)}")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 where it does not listen."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own http address
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, name: str) -> float:
        """Sum of a Prometheus counter or gauge over its labels; `name` as it is written on /metrics."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def stop(self, within_s: float = 15.0) -> int:
        """SIGTERM, wait; returns the exit code."""
        return self.child.stop(within_s)

    def kill(self) -> int:
        """SIGKILL."""
        return self.child.kill()


class System:
    """Servers of one system; see the top of this file."""

    def __init__(self, folder: Path, postgres: Postgres | None, db_name: str) -> None:
        self.layout = Layout(folder, layout().cache).make()
        self.folder, self.db_name = folder, db_name
        self.mqtt_host, self.db_host = ports.HOST, ports.HOST
        self.mqtt_port, kafka_port, controller_port, db_port = ports.free(4)
        logs, secrets = self.layout.logs, self.layout.secrets
        self.mosquitto = Mosquitto(folder / "mosquitto", logs / "mosquitto.log", self.mqtt_host, self.mqtt_port, secrets)
        self.broker = Kafka(folder / "kafka", logs / "kafka.log", self.layout.cache, ports.HOST, (kafka_port, controller_port))
        self.broker.brief, self.broker.heap_mb = True, 256
        self.owns_postgres = postgres is None
        self.postgres = postgres or Postgres(folder / "postgres", logs / "postgres.log", self.layout.cache, (ports.HOST, db_port), secrets)
        if self.owns_postgres:
            self.postgres.brief, self.postgres.instance = True, f"test-{os.getpid()}-{next(_DATABASES)}"
        self.db_port = self.postgres.port
        self.kafka = self.broker.bootstrap
        self._running: list[Running] = []

    def begin(self) -> None:
        """Start the servers; make topics and database."""
        for server in (self.mosquitto, self.broker, *([self.postgres] if self.owns_postgres else [])):
            server.install()
            server.start()
        topics.create(self.kafka)
        self.postgres.create_database(self.db_name)

    def end(self) -> None:
        """Stop what was started here, ours first."""
        for each in reversed(self._running):
            each.stop()
        self.mosquitto.stop()
        self.broker.stop()
        if self.owns_postgres:
            self.postgres.stop()
            self.postgres.remove()
        elif self.postgres.child is not None:
            self.postgres.drop_database(self.db_name)

    def password_file(self, user: str) -> Path:
        """Where the password of an MQTT user or database role lies."""
        if user in credentials.ROLES:
            return credentials.role_file(self.postgres.secrets, user)
        if user not in {each.name for each in self.mosquitto.users}:
            self.mosquitto.users = [*self.mosquitto.users, mqtt.device_user(user, user.partition(".")[0])]
            self.mosquitto.reload()
            until_s = time.monotonic() + 10
            while said := mqtt.login(self.mqtt_host, self.mqtt_port, user, self.password(user)):
                assert time.monotonic() < until_s, said
                time.sleep(0.02)
        return credentials.mqtt_file(self.layout.secrets, user)

    def password(self, user: str) -> str:
        """The password of an MQTT user or database role."""
        return self.password_file(user).read_text(encoding="utf-8").rstrip("\n")

    def conninfo(self, role: str = credentials.READER) -> str:
        """libpq connection string."""
        return f"host={self.db_host} port={self.db_port} dbname={self.db_name} user={role} password={self.password(role)}"

    def sql(self, text: str) -> str:
        """Run SQL as superuser in this database."""
        return self.postgres.sql(text, self.db_name)

    @property
    def addresses(self) -> processes.Addresses:
        """As local/processes.py wants them; secrets of the roles lie with the cluster, so they are linked beside ours."""
        for role in credentials.ROLES:
            here = credentials.role_file(self.layout.secrets, role)
            if not here.exists():
                here.symlink_to(credentials.role_file(self.postgres.secrets, role))
        return processes.Addresses(self.kafka, self.mqtt_host, self.mqtt_port, self.db_host, self.db_port, self.db_name, self.layout.secrets)

    def environment(self, process: str, **overrides: object) -> dict[str, str]:
        """Environment of a child process, overrides by setting name."""
        given = processes.settings(processes.named(process), self.addresses)
        given |= {f"KOMPAS_{name.upper()}": str(value) for name, value in overrides.items()}
        return processes.environment(given, self.layout.cache / "numba")

    def spawn(self, process: str, module: str | None = None, arguments: Sequence[str] = (), **overrides: Any) -> Running:
        """Start one of our processes with a health port of its own; it ends with the system at the latest."""
        port = ports.free(1)[0]
        environment = self.environment(process, **{"health_port": port, **overrides})
        log = self.layout.logs / f"{process}-{len(self._running)}.log"
        command = with_parent([sys.executable, "-m", module or processes.named(process).module, *arguments])
        running = Running(Child(command, log, environment), port, log)
        self._running.append(running)
        return running

    def migrate(self, **overrides: Any) -> None:
        """Run storage.migrate to its end."""
        running = self.spawn("migrate", **overrides)
        until_s = time.monotonic() + 120
        while running.child.returncode is None:
            assert time.monotonic() < until_s, f"storage.migrate takes longer than 120 s:\n    {tail(running.log, 30)}"
            time.sleep(0.05)
        assert running.child.returncode == 0, f"storage.migrate ended with {running.child.returncode}:\n    {tail(running.log, 30)}"

    def start(self, name: str) -> None:
        """Start a server again: same port, same data."""
        self._server(name).start()

    def stop(self, name: str) -> None:
        """Stop a server cleanly."""
        self._server(name).stop()

    def restart(self, name: str) -> None:
        """Stop cleanly and start again."""
        self.stop(name)
        self.start(name)

    def kill(self, name: str) -> None:
        """End a server with SIGKILL."""
        self._server(name).kill()

    def _server(self, name: str) -> ServerProcess:
        return {"mosquitto": self.mosquitto, "kafka": self.broker, "postgres": self.postgres}[name]


@contextmanager
def start_system(folder: Path, *, postgres: Postgres | None = None, db_name: str | None = None) -> Iterator[System]:
    """A system of its own in `folder`; with `postgres`, a fresh database in that cluster instead of a cluster."""
    system = System(folder, postgres, db_name or (f"kompas_{next(_DATABASES)}" if postgres else "kompas"))
    try:
        system.begin()
        yield system
    finally:
        system.end()


def remove_leftovers() -> None:
    """Delete clusters of test runs that were killed: their data lie in the PostgreSQL root, not under pytest's folder."""
    for folder in (layout().cache / "postgres-root" / "srv" / "kompas").glob("test-*"):
        pid = folder.name.split("-")[1].split(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            folder.unlink() if folder.is_file() else shutil.rmtree(folder, ignore_errors=True)
