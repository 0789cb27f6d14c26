"""A result as tables for a person.

Promises  Every figure of the JSON that decides a target is on the screen, too; what is not known is a dash.
"""

import math

from rich.console import Console
from rich.table import Table

from benchmarks.loading import Latency
from benchmarks.result import Result, Verdict


def show(found: Result, console: Console) -> None:
    """Print everything, the verdicts last."""
    where = found.machine
    console.print(
        f"{where.cores} cores, {where.system}, Python {where.python}, load average {where.load_average:.1f} at the start; took {found.took_s:.0f} s"
    )
    for table in (loads(found), cpu(found), frames(found), limits(found), wanted(found.verdicts)):
        console.print()
        console.print(table)
    console.print()
    console.print(f"{found.rows_sent:,} readings sent in all, {found.rows_in_table:,} rows in the table")


def loads(found: Result) -> Table:
    """Loads side by side."""
    table = plain_table("loads", "", *(load.name for load in found.loads))
    rows = {
        "sent": [f"{load.sent:,}" for load in found.loads],
        "stored": [f"{load.stored:,}" for load in found.loads],
        "lost": [f"{load.lost:,}" for load in found.loads],
        "duplicates dropped": [f"{load.duplicates:,}" for load in found.loads],
        "rejected": [f"{load.rejected:,}" for load in found.loads],
        "readings/s sent": [number(load.sent_per_s) for load in found.loads],
        "readings/s stored": [number(load.stored_per_s) for load in found.loads],
        "backlog slope/s": [f"{load.backlog_slope_per_s:+,.0f} ± {load.backlog_slope_error_per_s:,.0f}" for load in found.loads],
        "sustained": ["yes" if load.sustained else "no" for load in found.loads],
        "publish to KPI p50 / p99": [latency(load.to_kpi) for load in found.loads],
        "publish to row p50 / p99": [latency(load.to_row) for load in found.loads],
        "sender behind, p99 ms": [number(load.sender_behind_ms_p99) for load in found.loads],
        "KPI values/s": [number(load.kpi_values_per_s) for load in found.loads],
        "cores in use": [f"{load.cores_used:.2f}" for load in found.loads],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def cpu(found: Result) -> Table:
    """CPU seconds per million readings."""
    table = plain_table("CPU seconds per million readings", "", *(load.name for load in found.loads))
    for name in found.loads[0].cpu_s_per_million:
        table.add_row(name, *(f"{load.cpu_s_per_million.get(name, math.nan):.2f}" for load in found.loads))
    return table


def frames(found: Result) -> Table:
    """Frames as cut."""
    table = plain_table("frames as the gateway cut them", "", "rows p10", "p50", "p90", "kB p50", "records/s")
    for each in (*found.frames, found.worker_frames):
        rows = each.rows
        table.add_row(each.load, number(rows.p10), number(rows.p50), number(rows.p90), number(each.kilobytes.p50), number(each.records_per_s))
    return table


def limits(found: Result) -> Table:
    """Ours against the limits."""
    table = plain_table("against the limits of this run", "", "ours", "limit", "ratio")
    for each in found.ratios:
        table.add_row(each.what, number(each.ours), number(each.limit), f"{each.ratio:.2f}")
    return table


def wanted(verdicts: list[Verdict]) -> Table:
    """Wanted and reached."""
    table = plain_table("wanted and reached", "", "target", "wanted", "reached", "why not")
    for each in verdicts:
        table.add_row("[green]✔[/]" if each.met else "[red]✘[/]", each.target, each.wanted, each.reached, each.why)
    return table


def number(value: float) -> str:
    """`12.3`, `4,567`, `1.52 M`, or a dash."""
    if math.isnan(value):
        return "—"
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.2f} M"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def latency(of: Latency) -> str:
    """`0.62 / 1.41 s (98)`, and how many were not seen."""
    if not of.count:
        return "—"
    missing = f", {of.missing} not seen" if of.missing else ""
    return f"{of.p50_s:.2f} / {of.p99_s:.2f} s ({of.count}{missing})"


def plain_table(title: str, *columns: str) -> Table:
    """A table without lines; the first column to the left."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 or title == "wanted and reached" else "right")
    return table
