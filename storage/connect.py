"""Connections to PostgreSQL: opened with back-off, and the one place that tells the world's fault from ours.

Promises  A connection speaks UTC, commits only when told, and carries the name of its process;
          `Unavailable` is raised for what a retry can cure, everything else passes unchanged.
Leaves    What to ask to the other files of this room.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from runtime import clock
from runtime.errors import Unavailable

Connection = psycopg.Connection[tuple[Any, ...]]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


@contextmanager
def world() -> Iterator[None]:
    """Turn a lost or refusing server into `Unavailable`; a wrong statement stays what it is."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable("PostgreSQL", "an answer", _first_line(error)) from error


def connect(conninfo: str, application: str) -> Connection:
    """One connection, autocommit off; raises Unavailable while there is no server to speak to."""
    with world():
        return psycopg.connect(
            conninfo,
            application_name=application,
            connect_timeout=5,
            options="-c timezone=UTC -c client_min_messages=warning",
            keepalives_idle=10,
            keepalives_interval=3,
            keepalives_count=3,
        )


def answers(conninfo: str, application: str) -> None:
    """One query on a connection of its own; raises Unavailable where PostgreSQL does not answer it at once."""
    with world(), psycopg.connect(conninfo, application_name=application, connect_timeout=3, options="-c statement_timeout=3000") as connection:
        connection.execute("SELECT 1")


def connect_patiently(conninfo: str, application: str, within_s: float) -> Connection:
    """`connect`, again and again for `within_s`: for one-shot commands that start beside their server."""
    deadline, pause_s = clock.monotonic_s() + within_s, FIRST_PAUSE_S
    while True:
        try:
            return connect(conninfo, application)
        except Unavailable:
            if clock.monotonic_s() + pause_s > deadline:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
