"""Flag readings by hand, see what is flagged, and have closed quarter-hours tested again.

./kompas quality set --device brussels.air-0007 --from 2026-11-20T08:00 --to 2026-11-20T14:00 --flag bad --why "cleaning"
./kompas quality set --device brussels.air-0007 --quantity no2 --from 2026-11-20 --to 2026-12-01 --flag suspect --why "lamp is old"
./kompas quality list --device brussels.air-0007
./kompas quality list --tests --from 2026-11-20 --to 2026-11-21
./kompas quality clear 12
./kompas quality retest --kind air_quality --from 2026-11-01 --to 2026-12-01
"""

import getpass
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from catalog.errors import ConfigError
from cli._database import conninfo, writer_conninfo
from cli.export import time_of

COMMAND = typer.Typer(help="Flags set by hand, and what the tests on closed quarter-hours say.")

_LOOK_S = 0.2
_SPAN = ("no", "device", "quantity", "starts", "ends", "flag", "why", "set_by", "readings", "cleared_at")
_WORD = ("device", "quantity", "test", "starts", "ends", "flag", "readings")

From = Annotated[str, typer.Option("--from", help="First time: ISO 8601 date or time, UTC where it has no offset.")]
To = Annotated[str, typer.Option("--to", help="Up to this time, not including it.")]
By = Annotated[str, typer.Option(help="Who says so; the user of the operating system without it.")]
Wait = Annotated[float, typer.Option("--wait", min=0.0, help="Seconds to wait until stored readings say it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


@COMMAND.command(name="set")
def set_flag(
    device: Annotated[str, typer.Option(help="Id of the device.")],
    start: From,
    end: To,
    flag: Annotated[str, typer.Option(help="good, not_evaluated, suspect, bad or missing. KPIs use the first two.")],
    why: Annotated[str, typer.Option(help="The reason, kept with it.")],
    quantity: Annotated[str | None, typer.Option(help="Only this quantity; all of the device without it.")] = None,
    by: By = "",
    wait: Wait = 30.0,
    as_json: AsJson = False,
) -> None:
    """Flag a device's readings of a time, those that are stored later included. The windows of KPIs that it touches are computed again."""
    from storage import by_hand
    from storage.connect import connect

    wish = by_hand.Wish(device, quantity, time_of(start, "--from"), time_of(end, "--to"), flag, why, by or getpass.getuser())
    with connect(writer_conninfo(), "kompas quality") as connection:
        no = by_hand.put(connection, wish)
        _tell(_applied(connection, no, wait), as_json)


@COMMAND.command()
def clear(
    no: Annotated[int, typer.Argument(help="Number of the span, as list shows it.", metavar="NO")],
    by: By = "",
    wait: Wait = 30.0,
    as_json: AsJson = False,
) -> None:
    """Take a flag back: its readings say again what arrival and tests say. The span stays in the list of all."""
    from storage import by_hand
    from storage.connect import connect

    with connect(writer_conninfo(), "kompas quality") as connection:
        by_hand.clear(connection, no, by or getpass.getuser())
        _tell(_applied(connection, no, wait), as_json)


@COMMAND.command(name="list")
def list_all(
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Cleared spans, too.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="What the tests say instead of what people say.")] = False,
    start: Annotated[str, typer.Option("--from", help="With --tests: first time; a day ago without it.")] = "",
    end: Annotated[str, typer.Option("--to", help="With --tests: up to this time; now without it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Spans that people set, or with --tests what the tests on closed quarter-hours found."""
    from storage import by_hand, queries

    if (start or end) and not tests:
        raise ConfigError("--from, --to", "--tests beside them", "neither")
    now = datetime.now(UTC)
    span = time_of(start, "--from") if start else now - timedelta(days=1), time_of(end, "--to") if end else now
    if span[0] >= span[1]:
        raise ConfigError("--to", f"a time after --from ({span[0].isoformat()})", span[1].isoformat())
    with queries.reader(conninfo(), "kompas quality") as connection:
        if device is not None:
            by_hand.require_device(connection, device)
        rows = by_hand.words(connection, device, span) if tests else by_hand.spans(connection, device, cleared=every)
    _print(rows, _WORD if tests else _SPAN, as_json)


@COMMAND.command()
def retest(
    kind: Annotated[str, typer.Option(help="Id of the sensor kind.")],
    start: From,
    end: To,
) -> None:
    """Have stored readings tested again, after thresholds have changed. The restater does it as it finds the time."""
    from storage import by_hand
    from storage.connect import connect

    span = time_of(start, "--from"), time_of(end, "--to")
    if span[0] >= span[1]:
        raise ConfigError("--to", f"a time after --from ({start})", end)
    with connect(writer_conninfo(), "kompas quality") as connection:
        many = by_hand.retest(connection, kind, span)
    Console(highlight=False).print(f"{many:,} quarter-hours of {kind} will be tested again")


def _applied(connection: Any, no: int, within_s: float) -> dict[str, Any]:
    """The span, once the restater has applied it, or as it is when the time is over."""
    from storage import by_hand

    until_s = time.monotonic() + within_s
    with Console(stderr=True).status("waiting for the restater"):
        while True:
            (span,) = by_hand.spans(connection, cleared=True, no=no)
            if not span["pending"] or time.monotonic() >= until_s:
                return span
            time.sleep(_LOOK_S)


def _tell(span: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print([span], _SPAN, as_json)
        return
    what = f"{span['device']} {span['quantity'] or 'all quantities'}: {span['flag']} from {_text(span['starts'])} to {_text(span['ends'])}"
    done = "waits for the restater: ./kompas status" if span["pending"] else f"{span['readings']:,} stored readings"
    state = f"cleared by {span['cleared_by']}" if span["cleared_at"] else f"set by {span['set_by']}"
    Console(highlight=False, soft_wrap=True).print(f"{span['no']}  {what}, {state}; {done}", markup=False)


def _print(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else 240).print(table)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "—" if value is None else str(value)
