"""Our processes: which module each runs, what it needs, and its environment.

Promises  The environment is a function of addresses and process; passwords travel as paths of files, never as values.
Leaves    Starting and watching them to supervise.py.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from local import credentials
from local.layout import REPOSITORY
from runtime.errors import ConfigError


class Addresses(NamedTuple):
    """Where the servers of one system listen and where its secrets lie."""

    kafka: str
    mqtt_host: str
    mqtt_port: int
    db_host: str
    db_port: int
    db_name: str
    secrets: Path
    cities: str = "brussels"


class Process(NamedTuple):
    """One of our programs: `python -m module`, as which MQTT user and database role, after which servers."""

    name: str
    module: str
    mqtt_user: str | None = None
    role: str | None = None
    needs: tuple[str, ...] = ()


MIGRATE = Process("migrate", "storage.migrate", None, credentials.OWNER, ("kafka", "postgres"))
GATEWAY = Process("gateway", "ingest", credentials.MQTT_GATEWAY, None, ("mosquitto", "kafka"))
WORKER = Process("worker", "stream", None, None, ("kafka",))
WRITER = Process("writer", "storage", None, credentials.WRITER, ("kafka", "postgres"))
RESTATER = Process("restater", "restate", None, credentials.WRITER, ("kafka", "postgres"))
DEMO = Process("demo", "simulators.demo", credentials.MQTT_SIMULATOR, credentials.READER, ("mosquitto",))
READER = Process("reader", "storage", None, credentials.READER, ("postgres",))
"""Not started: the environment of a program that only looks, a test or a command."""

LONG_RUNNING: tuple[Process, ...] = (WRITER, RESTATER, WORKER, GATEWAY, DEMO)
"""In the order in which they start: who receives before who sends. They stop the other way round."""

BY_NAME: Mapping[str, Process] = {each.name: each for each in (MIGRATE, *LONG_RUNNING, READER)} | {"simulator": DEMO}


def named(name: str) -> Process:
    """The process of that name."""
    if name not in BY_NAME:
        raise ConfigError("process", f"one of {', '.join(sorted(BY_NAME))}", name)
    return BY_NAME[name]


def settings(process: Process, at: Addresses, health_port: int = 0) -> dict[str, str]:
    """KOMPAS_* variables of one process."""
    given = {"KOMPAS_KAFKA": at.kafka, "KOMPAS_CITIES": at.cities, "KOMPAS_HEALTH_HOST": "127.0.0.1", "KOMPAS_HEALTH_PORT": str(health_port)}
    if process.mqtt_user is not None:
        given |= {
            "KOMPAS_MQTT_HOST": at.mqtt_host,
            "KOMPAS_MQTT_PORT": str(at.mqtt_port),
            "KOMPAS_MQTT_USER": process.mqtt_user,
            "KOMPAS_MQTT_PASSWORD_FILE": str(credentials.mqtt_file(at.secrets, process.mqtt_user)),
        }
    if process.role is not None:
        given |= {
            "KOMPAS_DB_HOST": at.db_host,
            "KOMPAS_DB_PORT": str(at.db_port),
            "KOMPAS_DB_NAME": at.db_name,
            "KOMPAS_DB_USER": process.role,
            "KOMPAS_DB_PASSWORD_FILE": str(credentials.role_file(at.secrets, process.role)),
        }
    return given


def environment(given: Mapping[str, str], numba_cache: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """A whole environment: ours without its own connections, the checkout to import from, the compile cache, and `given`.

    What a person sets besides (KOMPAS_CITIES_DIR, KOMPAS_CATALOG_DIR, KOMPAS_LOG_LEVEL and the like) goes through.
    """
    base = os.environ if base is None else base
    own = {"PYTHONPATH": str(REPOSITORY), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    own["OPENBLAS_NUM_THREADS"] = "1"  # nothing here multiplies large matrices, and idle helpers spin at every start
    return {**base, **own, "NUMBA_CACHE_DIR": str(numba_cache), **given}
