"""Connections for those who need this release's tables: while they are not there, that is something to wait for.

Promises  A database without tables, or of an earlier release, is `Unavailable` and the sentence names the migration that is missing;
          a later one is taken as it is, for layouts only grow.
Leaves    Making the tables to storage.migrate.
"""

from functools import cache

import psycopg

from catalog import tables
from runtime.errors import Unavailable
from storage import connect as plain
from storage import schema
from storage.connect import Connection, world

_APPLIED = f"SELECT number FROM {tables.SCHEMA_MIGRATION.name}"


def connect(conninfo: str, application: str) -> Connection:
    """`storage.connect.connect`, once the layout is there; raises Unavailable while it is not."""
    connection = plain.connect(conninfo, application)
    try:
        missing = sorted(_wanted() - _applied(connection))
    except BaseException:
        connection.close()
        raise
    if missing:
        connection.close()
        raise Unavailable("PostgreSQL", f"this release's layout, made by python -m storage.migrate, with number {missing[-1]:04d}", "an earlier one")
    return connection


@cache
def _wanted() -> frozenset[int]:
    return frozenset(each.number for each in schema.read() if not each.community)


def _applied(connection: Connection) -> set[int]:
    with world():
        try:
            return {number for (number,) in connection.execute(_APPLIED)}
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            return set()
        finally:
            connection.rollback()
