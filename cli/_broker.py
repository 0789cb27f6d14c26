"""The running system's broker for commands that send, and how they print what they did."""

import sys

import msgspec
from rich.console import Console

from local import credentials, state
from local.layout import layout
from local.plan import Plan, plan
from runtime.settings import secret
from simulators.publisher import Broker


def running_plan() -> Plan:
    """The plan of the system that runs, or of the one that `up` would start."""
    now = state.read(layout().run)
    return plan(now.cities if now else "brussels")


def simulator() -> Broker:
    """Its broker, as the user `simulator`."""
    at = running_plan().addresses
    user = credentials.MQTT_SIMULATOR
    return Broker(at.mqtt_host, at.mqtt_port, user, secret(str(credentials.mqtt_file(at.secrets, user))))


def print_report(report: msgspec.Struct, as_json: bool) -> None:
    """All fields, a line each, or one JSON object."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for name, value in msgspec.structs.asdict(report).items():
        console.print(f"{name:18} {value}", markup=False)
