"""PostgreSQL 17 with TimescaleDB: one cluster for one home, roles with passwords, one or more databases.

Promises  Listens on 127.0.0.1 only, every login by SCRAM; runs as an unprivileged user; `ask` is a query, answered.
Leaves    Tables and rights to storage/migrations.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import credentials, tools
from local.errors import MachineError
from local.servers import postgres_root
from local.servers.server import ServerProcess

DATABASE = "kompas"

SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "'timescaledb'",
    "timescaledb.telemetry_level": "off",
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": "''",
    "max_connections": "60",
    "max_worker_processes": "16",
    "max_locks_per_transaction": "256",  # a query may touch many chunks
    "shared_buffers": "256MB",
    "dynamic_shared_memory_type": "sysv",  # a chroot without mounts has no /dev/shm in memory
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "wal_compression": "on",
    "jit": "off",  # statements are short; compiling them costs more than running them
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %u@%d '",
}
BRIEF: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
"""For tests: survives the end of any process, not of the machine."""


class Postgres(ServerProcess):
    """One cluster on `host:port`; passwords of the roles lie in `secrets`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # the fast way: ends sessions, writes everything

    def __init__(self, folder: Path, log: Path, cache: Path, address: tuple[str, int], secrets: Path) -> None:
        super().__init__(folder, log)
        self.cache, self.secrets = cache, secrets
        self.host, self.port = address
        self.instance, self.brief = "main", False
        self._root: postgres_root.Root | None = None

    @property
    def root(self) -> postgres_root.Root:
        """Where its programs are."""
        if self._root is None:
            self._root = postgres_root.install(self.cache, self.log.with_name("install.log"))
        return self._root

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self.root.data_folder(self.folder, self.instance)

    def install(self) -> None:
        """PostgreSQL and TimescaleDB."""
        _ = self.root

    def prepare(self) -> None:
        """Make the cluster once; write its settings each time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.root.native:
            _require_entrance(self.folder, self.root.uid)
        if not (self.data / "PG_VERSION").exists():
            self._make()
        given = {**SETTINGS, **(BRIEF if self.brief else {}), "listen_addresses": f"'{self.host}'", "port": str(self.port)}
        settings = self.data / "postgresql.auto.conf"
        tools.keep_text(settings, "".join(f"{name} = {value}\n" for name, value in given.items()))
        self._own(settings)

    def command(self) -> Sequence[str]:
        """The server in the foreground."""
        return self.root.command("postgres", ["-D", self.root.inside(self.data)], "INT")

    def start(self) -> None:
        """Start; then see that the roles are there with today's passwords."""
        super().start()
        try:
            self.sql("".join(_role(role, self._password(role)) for role in credentials.ROLES[1:]))
        except BaseException:
            self.stop()
            raise

    def ask(self) -> str | None:
        """A query as superuser, answered."""
        done = self._psql("postgres", "SELECT 1")
        return None if done.returncode == 0 and done.stdout.strip() == "1" else (done.stderr.strip() or "no answer")

    def create_database(self, name: str = DATABASE) -> bool:
        """Make a database with TimescaleDB that kompas_owner owns; False where it was there."""
        if self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            return False
        # template0: a database that is being created has no other session to wait for
        self.sql(f'CREATE DATABASE "{name}" OWNER {credentials.OWNER} TEMPLATE template0')
        self.sql(f"CREATE EXTENSION timescaledb; ALTER SCHEMA public OWNER TO {credentials.OWNER};", name)
        return True

    def drop_database(self, name: str) -> None:
        """Remove a database and end its sessions."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run SQL as superuser; returns the rows as psql prints them, unaligned."""
        done = self._psql(database, text)
        if done.returncode != 0:
            raise MachineError(f"PostgreSQL refused a statement: {done.stderr.strip()}", f"read {self.log}; {tools.hint(done.stderr)}")
        return done.stdout.strip()

    def remove(self) -> None:
        """Delete the cluster."""
        shutil.rmtree(self.data, ignore_errors=True)

    def _make(self) -> None:
        tools.require_space(self.data, 300)
        part = self.data.with_name(self.data.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        self._own(part)
        secret = part.with_name(part.name + ".secret")
        credentials.write(secret, self._password(credentials.SUPERUSER))
        self._own(secret)
        options = [f"--username={credentials.SUPERUSER}", f"--pwfile={self.root.inside(secret)}", "--auth=scram-sha-256", "--data-checksums"]
        where = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D", self.root.inside(part)]
        try:
            tools.run(self.root.command("initdb", [*options, *where]), self.log.with_name("install.log"))
        finally:
            secret.unlink()
        part.rename(self.data)

    def _psql(self, database: str, text: str) -> "subprocess.CompletedProcess[str]":
        address = ["-h", self.host, "-p", str(self.port), "-U", credentials.SUPERUSER, "-d", database]
        command = self.root.command("psql", [*address, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
        environment = {**os.environ, "PGPASSWORD": self._password(credentials.SUPERUSER), "PGCONNECT_TIMEOUT": "5"}
        return subprocess.run(command, input=text, env=environment, text=True, capture_output=True, check=False)

    def _password(self, role: str) -> str:
        return credentials.ensure(credentials.role_file(self.secrets, role))

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.root.uid, self.root.gid)


def _role(role: str, password: str) -> str:
    """SQL that makes a role that may log in, or gives it this password."""
    return (
        f"SELECT 'CREATE ROLE {role} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')\\gexec\n"
        f"ALTER ROLE {role} LOGIN PASSWORD '{password}';\n"
    )


def _require_entrance(folder: Path, uid: int) -> None:
    """PostgreSQL's user must be able to reach its data."""
    for parent in (folder, *folder.parents):
        state = parent.stat()
        if state.st_uid != uid and not state.st_mode & 0o001:
            raise MachineError(
                f"PostgreSQL runs as user {uid}, which may not enter {parent}",
                f"chmod o+x {parent}, or choose another place: KOMPAS_HOME=/var/lib/kompas ./kompas up",
            )
