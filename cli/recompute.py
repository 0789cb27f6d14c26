"""Compute a KPI again from stored readings and compare it with what was published.

./kompas recompute --kpi pm2_5_hour --area brussels --from 2026-11-01 --to 2026-11-02
./kompas recompute --kpi no2_day --from 2026-11-01 --to 2026-12-01 --restate
"""

import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from catalog.errors import ConfigError
from cli._database import conninfo, writer_conninfo
from cli.export import time_of

_SHOWN = 50


def recompute(
    kpi: Annotated[str, typer.Option(help="Id of the KPI.")],
    start: Annotated[str, typer.Option("--from", help="First window_start: ISO 8601 date or time, UTC where it has no offset.")],
    end: Annotated[str, typer.Option("--to", help="Windows that start before this.")],
    area: Annotated[list[str] | None, typer.Option(help="Id of an area, may be given again; all areas without it.")] = None,
    restate: Annotated[bool, typer.Option("--restate", help="Mark what differs, so that the restater publishes it.")] = False,
    version: Annotated[int | None, typer.Option(help="What this version says, or would have said before it was live.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Compare closed windows with what their stored readings say. Exit code 1 where something differs."""
    from catalog.windows import to_us
    from restate import recompute as work

    span = time_of(start, "--from"), time_of(end, "--to")
    if span[0] >= span[1]:
        raise ConfigError("--to", f"a time after --from ({start})", end)
    asked = work.Asked(kpi, tuple(area or ()), to_us(span[0]), to_us(span[1]), version)
    compared, marked = _run(asked, restate)
    differing = [each for each in compared if each.differs]
    found = {"compared": len(compared), "differing": len(differing), "marked": marked}
    if as_json:
        sys.stdout.write(msgspec.json.encode({**found, "differences": [work.row(each) for each in differing]}).decode() + "\n")
    else:
        _print(found, [work.row(each) for each in differing])
    raise typer.Exit(1 if differing and not restate else 0)


def _run(asked: Any, restate: bool) -> tuple[list[Any], int]:
    """What was compared, and how many windows were marked."""
    from restate import recompute as work
    from runtime import clock
    from storage import restating

    store = restating.Restating(writer_conninfo() if restate else conninfo())
    store.open(alone=False)
    console = Console(stderr=True)
    try:
        known = store.known()
        found: list[Any] = []
        columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} windows")
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("recompute", total=None)
            for window in work.windows(known, asked, store.passed(known), clock.now_us()):
                with store.snapshot() as snapshot:
                    found += work.compare(snapshot, known.dated, window)
                bar.advance(task)
        marks = work.to_mark(known.dated, found, asked.version) if restate else []
        store.mark(marks, "recomputed")
        return found, len(marks)
    finally:
        store.close()


def _print(found: dict[str, int], rows: list[dict[str, Any]]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if rows:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("window", "area", "rev", "published", "computed", "state", "coverage", "devices"):
            table.add_column(column)
        for row in rows[:_SHOWN]:
            table.add_row(
                row["window_start"], row["area"], _text(row["revision"]), _text(row["published"]), _text(row["computed"]),
                _both(row, "state"), _both(row, "coverage"), _both(row, "devices"),
            )  # fmt: skip
        console.print(table)
        if len(rows) > _SHOWN:
            console.print(f"… and {len(rows) - _SHOWN:,} more: --json has them all")
    marked = f", {found['marked']:,} marked for the restater" if found["marked"] else ""
    console.print(f"{found['compared']:,} values compared, {found['differing']:,} differ{marked}")


def _both(row: dict[str, Any], name: str) -> str:
    was, now = _text(row[f"published_{name}"]), _text(row[f"computed_{name}"])
    return now if was == now else f"{was} -> {now}"


def _text(value: object) -> str:
    return "—" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


COMMAND = recompute
