"""How Kompas is: servers, processes, addresses, counts, and commands to look for yourself.

./kompas status
./kompas status --json
"""

from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from local import status
from local.layout import layout
from local.running import running


def show(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Tell how Kompas is. Exit code 0 where everything is up, 1 where something is not."""
    here = running(layout())
    found = status.gather(here.plan, here.state, in_docker=here.in_docker)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print(found)
    raise typer.Exit(0 if status.well(found) else 1)


def _print(found: status.Found) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not found["running"]:
        console.print("Kompas does not run. ./kompas up starts it.")
        return
    who = f"supervisor {found['pid']}" if found["pid"] else "in containers"
    console.print(f"Kompas runs since {found['since']} with {', '.join(found['cities'])} ({who}, {found['phase']})")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "state", "pid", "address", "restarts"):
        table.add_column(column, no_wrap=True)
    parts = {**found["servers"], **found["processes"]}
    for name, part in parts.items():
        said = part["state"] if part.get("ready", True) or part["state"] != "up" else "up, not ready"
        table.add_row(name, said, str(part["pid"] or ""), part["address"], str(part["restarts"]))
    console.print(table)
    for name, part in parts.items():
        wrong = [part["reason"]] if part.get("reason") else []
        for sentence in (*wrong, *(f"{key}: {value}" for key, value in part.get("wrong", {}).items())):
            console.print(f"{name}: {sentence}", style="red", markup=False)
    if found["disk"]["problem"]:
        console.print(found["disk"]["problem"], style="bold red", markup=False)
    mqtt = found["mqtt"]
    room = f"{mqtt['outage_messages']:,} messages of {mqtt['outage_payload_bytes']:,} bytes, {mqtt['outage_s_at_1000']:,} s at 1,000/s"
    memory = f"{mqtt['outage_memory_mb']:,} of {mqtt['memory_free_mb']:,} MB of memory"
    disk = f"{mqtt['outage_disk_mb']:,} of {mqtt['disk_free_mb']:,} MB of disk"
    console.print(f"while Kafka or the gateway is away, the MQTT broker holds {room}; full it takes {memory} and {disk}", markup=False)
    if mqtt["outage_problem"]:
        console.print(mqtt["outage_problem"], style="bold red", markup=False)
    _print_ledger(console, found["ledger"])
    counts = {**found["counts"], **{f"rejected {reason}": count for reason, count in found["rejected"].items()}}
    console.print("   ".join(f"{name} {count:,}" for name, count in counts.items()), markup=False)
    for name, command in found["urls"].items():
        console.print(f"{name:16} {command}", markup=False)


def _print_ledger(console: Console, ledger: dict[str, Any] | None) -> None:
    if ledger is None:
        return
    wrong = bool(ledger["balance"] or ledger["dropped_by_broker"])
    dropped = f", dropped by the broker: {ledger['dropped_by_broker']:,}" if ledger["dropped_by_broker"] else ""
    console.print(f"ledger: balance {ledger['balance']:,}{dropped}", style="bold red" if wrong else "", markup=False)
    for sentence in ledger["alarms"]:
        console.print(f"  {sentence}", style="red", markup=False)


COMMAND = show
