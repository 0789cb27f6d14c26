"""Settled KPI values as a file: CSV or Parquet.

./kompas export --kpi noise_now --area brussels --from 2026-11-01 --to 2026-12-01 --out noise.csv
./kompas export --kpi pm2_5_day --from 2026-01-01 --to 2027-01-01 --format parquet --out pm2_5.parquet
./kompas export --kpi pm2_5_day --from 2026-11-01 --to 2026-12-01 --as-of 2026-12-02T09:00:00Z
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from catalog.errors import ConfigError


def export(
    kpi: Annotated[str, typer.Option(help="Id of the KPI.")],
    start: Annotated[str, typer.Option("--from", help="First window_start: ISO 8601 date or time, UTC where it has no offset.")],
    end: Annotated[str, typer.Option("--to", help="Windows that start before this.")],
    area: Annotated[str, typer.Option(help="Id of one area; all areas without it.")] = "",
    form: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="csv or parquet; without it as --out ends, else csv.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output without it.")] = None,
    as_of: Annotated[str, typer.Option("--as-of", help="What was known at this time, before later revisions; now without it.")] = "",
) -> None:
    """Write the settled values of one KPI: every column of kpi_value, times in UTC."""
    from storage import export as files
    from storage import queries

    span = time_of(start, "--from"), time_of(end, "--to")
    if span[0] >= span[1]:
        raise ConfigError("--to", f"a time after --from ({start})", end)
    chosen: Literal["csv", "parquet"] = "parquet" if out is not None and out.suffix == ".parquet" else form
    if out is None and chosen == "parquet" and sys.stdout.isatty():
        raise ConfigError("--out", "a file for Parquet, or standard output that is no terminal", "a terminal")
    with queries.reader(_conninfo(), "kompas export") as connection:
        queries.require_kpi(connection, kpi)
        known_at = time_of(as_of, "--as-of") if as_of else None
        blocks = _shown(queries.history(connection, kpi, area or None, span, known_at))
        if out is None:
            rows = files.write(blocks, chosen, sys.stdout.buffer)
        else:
            with files.whole_file(out) as file:
                rows = files.write(blocks, chosen, file)
    Console(stderr=True, highlight=False).print(f"{rows:,} values{f' in {out}' if out else ''}")


def _shown(blocks: "Iterator[tuple[list[str], list[tuple[object, ...]]]]") -> "Iterator[tuple[list[str], list[tuple[object, ...]]]]":
    """The blocks, with a count of rows on a terminal while they pass."""
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(), TextColumn("{task.completed:,.0f} values"), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("export", total=None)
        for names, rows in blocks:
            yield names, rows
            bar.advance(task, len(rows))


def time_of(text: str, option: str) -> datetime:
    """The time that an option says; raises ConfigError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(option, "an ISO 8601 date or time", text) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _conninfo() -> str:
    """The database that the environment names, as in a container; else the running system's, as the role that may only read."""
    if os.environ.get("KOMPAS_DB_USER"):
        from runtime.settings import DatabaseSettings, load

        return load(DatabaseSettings, {"KOMPAS_KAFKA": "", **os.environ}).conninfo
    from cli._broker import reader

    return reader()


COMMAND = export
