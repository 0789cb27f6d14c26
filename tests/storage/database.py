"""A fresh, empty database in the session's PostgreSQL, for stories that need no Kafka."""

import itertools

import psycopg

from catalog import tables
from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.packs import configured
from storage.connect import connect
from storage.migrate import migrate
from storage.registry import Wanted, register
from tests.storage.making import NOON_US

_NUMBERS = itertools.count(1)


class Database:
    """One database; drop it with `drop`."""

    def __init__(self, servers) -> None:
        self.servers, self.name = servers, f"storage_{next(_NUMBERS)}"
        servers.postgres.create_database(self.name)

    def conninfo(self, role: str) -> str:
        return self.servers.conninfo(role).replace(f"dbname={self.servers.db_name} ", f"dbname={self.name} ")

    def ask(self, statement: str, *given, role: str = tables.READER_ROLE) -> list[tuple]:
        with psycopg.connect(self.conninfo(role), options="-c timezone=UTC") as connection:
            return connection.execute(statement, given or None).fetchall()

    def drop(self) -> None:
        self.servers.postgres.drop_database(self.name)


def registered(servers, city: str) -> Database:
    """A database with all tables and one registered city pack."""
    made, pack = Database(servers), load_city(city)
    with connect(made.conninfo(tables.OWNER_ROLE), "test") as connection:
        migrate(connection)
        register(connection, Wanted(configured(load_catalogue(), [pack]), (pack,)), NOON_US)
        connection.commit()
    return made
