"""The running system's broker for commands that send, and how they print what they did."""

import sys

import msgspec
from rich.console import Console

from local import credentials
from local.layout import layout
from local.plan import Plan
from local.running import running
from runtime.settings import secret
from simulators.publisher import Broker


def running_plan() -> Plan:
    """The plan of the system that runs, or of the one that `up` would start."""
    return running(layout()).plan


def simulator() -> Broker:
    """Its broker, as the user `simulator`."""
    at = running_plan().addresses
    user = credentials.MQTT_SIMULATOR
    return Broker(at.mqtt_host, at.mqtt_port, user, secret(str(credentials.mqtt_file(at.secrets, user))))


def reader() -> str:
    """Its database, as the role that may only read."""
    return database(credentials.READER)


def database(role: str) -> str:
    """libpq connection string of its database, as this role."""
    at = running_plan().addresses
    password = secret(str(credentials.role_file(at.secrets, role)))
    return f"host={at.db_host} port={at.db_port} dbname={at.db_name} user={role} password={password}"


def print_report(report: msgspec.Struct, as_json: bool) -> None:
    """All fields, a line each, or one JSON object."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for name, value in msgspec.structs.asdict(report).items():
        console.print(f"{name:18} {value}", markup=False)
