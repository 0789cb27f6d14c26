"""Bring the database to this checkout's layout, register what the city has, and tell Kafka: `python -m storage.migrate`.

Promises  Forward only, each file in one transaction, under an advisory lock, so two that start together do not collide;
          run again, it changes nothing. Works on both editions of TimescaleDB.
Leaves    Roles, passwords and the database itself to the server's set-up (local/, deploy/).
"""

import asyncio
import sys
from collections.abc import Sequence

import psycopg

from catalog import tables
from runtime import events
from runtime.errors import ConfigError, Unavailable
from runtime.settings import DatabaseSettings, load
from storage import schema
from storage.connect import Connection, connect_patiently

_LOCK = 0x6B6F6D706173  # "kompas" in ASCII
_WAIT_S = 60.0

_BOOTSTRAP = f"""
    CREATE TABLE IF NOT EXISTS {tables.SCHEMA_MIGRATION.name} (
        number     integer PRIMARY KEY,
        name       text NOT NULL,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_APPLIED = f"SELECT number, name, checksum FROM {tables.SCHEMA_MIGRATION.name}"
_REMEMBER = f"INSERT INTO {tables.SCHEMA_MIGRATION.name} (number, name, checksum) VALUES (%s, %s, %s)"


def migrate(connection: Connection, files: Sequence[schema.Migration] | None = None) -> list[str]:
    """Run what is pending; the names of the files that ran. Raises ConfigError where a file or the server does not fit."""
    files = schema.read() if files is None else files
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    connection.commit()
    try:
        community = _prepare(connection)
        applied = {row[0]: schema.Applied(row[0], row[1], row[2]) for row in connection.execute(_APPLIED)}
        to_run = schema.pending(files, applied, community=community)
        for migration in to_run:
            _run(connection, migration)
        return [migration.name for migration in to_run]
    finally:
        connection.rollback()
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        connection.commit()


def _prepare(connection: Connection) -> bool:
    """Roles and extension are there; True on the community edition."""
    wanted = (tables.WRITER_ROLE, tables.READER_ROLE)
    there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(wanted),))}
    for role in wanted:
        if role not in there:
            raise ConfigError("PostgreSQL", f"a role {role} (the server's set-up makes it, ./kompas up runs that)", "none")
    if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
        try:
            connection.execute("CREATE EXTENSION timescaledb")
        except psycopg.Error as error:
            raise ConfigError("PostgreSQL", "extension timescaledb, preloaded and creatable", str(error).splitlines()[0]) from error
    connection.execute(_BOOTSTRAP)
    connection.commit()
    row = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return row is not None and row[0] == "timescale"


def _run(connection: Connection, migration: schema.Migration) -> None:
    try:
        # Bytes, not str: the file's text goes to the server as it stands, several statements in one transaction.
        connection.execute(migration.sql.encode())
        connection.execute(_REMEMBER, (migration.number, migration.name, migration.checksum))
        connection.commit()
    except psycopg.errors.Error as error:
        connection.rollback()
        raise ConfigError(f"storage/migrations/{migration.name}", "SQL that this server accepts", str(error).strip()) from error


def main() -> int:
    """The command; 0 done, 1 a server is missing, 2 a file or a setting is wrong."""
    events.configure("migrate")
    try:
        settings = load(DatabaseSettings)
        events.configure("migrate", settings.log_level)
        with connect_patiently(settings.conninfo, "kompas migrate", _WAIT_S) as connection:
            ran = migrate(connection)
            if ran:
                events.happened("schema_migrated", files=ran)
            from storage.register import register_and_publish  # the catalogue is read only after the layout is right

            asyncio.run(register_and_publish(connection, settings))
    except ConfigError as error:
        events.failed("migration_refused", problem=str(error))
        return 2
    except Unavailable as error:
        events.failed("server_missing", problem=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
