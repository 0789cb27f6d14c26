"""The balance of messages and readings: what came in, what became of it, and where something is missing.

./kompas ledger
./kompas ledger --json --wait
./kompas ledger --watch
"""

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from catalog.errors import ConfigError
from cli._database import conninfo, kafka_address
from runtime.errors import Unavailable

_WATCH_S = 2.0


def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when everything that came in has found its place.")] = False,
    timeout: Annotated[float, typer.Option(help="How long --wait waits, in seconds.")] = 300.0,
) -> None:
    """Print the balance per gateway, partition, writer and in all. Exit code 1 where it is settled and not zero, or does not settle in time."""
    if watch and (wait or as_json):
        raise ConfigError("--watch", "no --wait and no --json beside it", "both")
    if timeout <= 0:
        raise ConfigError("--timeout", "seconds above 0", timeout)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
    progress = Console(stderr=True, highlight=False)
    while True:
        found, problem = asyncio.run(_look(timeout if wait else None, progress))
        if as_json:
            print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        else:
            if watch and console.is_terminal:
                console.clear()
            _print(console, found)
        if problem:
            raise Unavailable("./kompas ledger --wait", f"settled within {timeout:g} s", problem)
        if not watch:
            raise typer.Exit(1 if found["settled"] and found["balance"] else 0)
        time.sleep(_WATCH_S)


async def _look(within_s: float | None, console: Console) -> tuple[dict[str, Any], str]:
    """The JSON object, and what it was still waiting for where the time ran out."""
    from storage import ledger_report, queries, settled

    problem = ""
    with queries.reader(conninfo(), "kompas ledger") as connection, console.status("looking") as status:
        async with settled.Look(kafka_address(), connection) as look:
            try:
                standing = await look.once() if within_s is None else await look.wait(within_s, lambda what: status.update(f"waiting for {what}"))
            except TimeoutError as error:
                problem, standing = str(error), await look.once()
        return ledger_report.report(connection, standing), problem


def _print(console: Console, found: dict[str, Any]) -> None:
    state = "settled" if found["settled"] else f"not settled: {', '.join(f'{number} {what}' for what, number in found['pending'].items())}"
    console.print(f"balance {found['balance']}   {state}", style="bold red" if found["balance"] else "bold", markup=False)
    console.print(_table(("hop", "where", "what", "expected", "got", "missing"), found["lines"]))
    for name in ("gateways", "partitions", "writers"):
        if found[name]:
            console.print(_table(tuple(found[name][0]), found[name]))
    for sentence in found["alarms"]:
        console.print(sentence, style="red", markup=False)
    for sentence in found["waiting"]:
        console.print(sentence, style="dim", markup=False)


def _table(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="left" if name in ("hop", "where", "what", "gateway") else "right")
    for row in rows:
        table.add_row(*(f"{row[name]:,}" if isinstance(row[name], int) else str(row[name]) for name in columns))
    return table


COMMAND = ledger
