"""The live view in the terminal: a picture of one moment. Pure: state and numbers in, a rich renderable out.

Promises  A number that is not known yet is a dash, never a zero. Latencies begin at the gateway's receipt of a reading.
Leaves    Asking for the numbers to measure.py and report.py; refreshing to the command.
"""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local import measure
from local.report import Report
from local.state import Part, RunState

_COLOURS = {"up": "green", "starting": "yellow", "restarting": "yellow", "waiting": "dim", "failed": "bold red", "stopped": "dim"}
_SEVERITY = ("green", "yellow", "dark_orange", "red")


def draw(of: RunState, span: tuple[measure.Sample, measure.Sample], report: Report, commands: Mapping[str, str]) -> RenderableType:
    """All of it, top to bottom."""
    who = f"pid {of.pid}" if of.pid else "in containers"
    title = Text.assemble(("Kompas  ", "bold"), of.cities, f"   {who}   Ctrl-C stops everything in order", style="dim")
    return Group(title, _parts(of), _flow(*span), _rejected(span[1], report), _worst(report), _commands(commands))


def _parts(of: RunState) -> RenderableType:
    line = Text()
    for part in (*of.servers.values(), *of.processes.values()):
        restarts = f" restarted {part.restarts}x" if part.restarts else ""
        line.append(f"● {part.name}{restarts}   ", style=_COLOURS[part.state])
    troubled = [_trouble(part) for part in (*of.servers.values(), *of.processes.values()) if part.state in ("failed", "restarting")]
    return Group(line, *troubled)


def _trouble(part: Part) -> Text:
    return Text(f"  {part.name}: {part.reason}", style="red")


def _flow(before: measure.Sample, after: measure.Sample) -> RenderableType:
    def rate(process: str, name: str) -> str:
        return number(measure.rate(before, after, process, name))

    def latency(name: str) -> str:
        return latencies(before, after, name)

    table = Table.grid(padding=(0, 3))
    for _ in range(6):
        table.add_column()
    table.add_row(
        "messages/s in", rate("gateway", "kompas_gateway_messages_total"), "readings/s in", rate("gateway", "kompas_gateway_readings_total")
    )
    table.add_row("readings/s stored", rate("writer", "kompas_writer_rows_total"), "KPI values/s", rate("worker", "kompas_combiner_values_total"))
    table.add_row("receipt → KPI p50/p99", latency("kompas_latency_kpi_seconds"), "receipt → row p50/p99", latency("kompas_latency_row_seconds"))
    return Panel(table, title=f"last {after.at_s - before.at_s:.0f} s", title_align="left")


def _rejected(after: measure.Sample, report: Report) -> RenderableType:
    reasons = report.rejected or measure.by_label(after, "gateway", "kompas_gateway_rejected_total", "reason")
    said = "   ".join(f"{reason} {count:,.0f}" for reason, count in reasons.items() if count) or "none yet"
    stored = "   ".join(f"{name} {count:,}" for name, count in report.counts.items()) or "—"
    return Group(Text(f"rejected: {said}"), Text(f"stored: {stored}"), _restated(after), _ledger(report))


def _ledger(report: Report) -> RenderableType:
    told = report.ledger
    if told is None:
        return Text("ledger: —")
    wrong = [*told.alarms, *([f"the broker dropped {told.dropped_by_broker:,} messages"] if told.dropped_by_broker else [])]
    return Text("   ".join([f"ledger: balance {told.balance:,}", *wrong]), style="bold red" if wrong else "")


def _restated(after: measure.Sample) -> RenderableType:
    names = {
        "values changed": "kompas_restater_changed_total",
        "windows marked": "kompas_restater_dirty_windows",
        "not sent": "kompas_restater_outbox",
    }
    found = {text: measure.total(after, "restater", name) for text, name in names.items()}
    return Text("restated: " + "   ".join(f"{text} {'—' if value is None else f'{value:,.0f}'}" for text, value in found.items()))


def _worst(report: Report) -> RenderableType:
    table = Table(title="worst KPIs of the moment", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("area", "indicator", "value", "band"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for each in report.worst:
        table.add_row(each.area, each.kpi, each.value, Text(each.band, style=_SEVERITY[round(each.severity * (len(_SEVERITY) - 1))]))
    return table if report.worst else Text("no KPI value yet", style="dim")


def _commands(commands: Mapping[str, str]) -> RenderableType:
    wide = max(map(len, commands), default=0) + 2
    lines = [Text.assemble((name.ljust(wide), "dim"), command, overflow="fold") for name, command in commands.items()]
    return Panel(Group(*lines), title="look for yourself", title_align="left")


def line(span: tuple[measure.Sample, measure.Sample]) -> str:
    """The numbers of the flow in one line, for output that is no terminal."""
    before, after = span
    said = {
        "readings/s in": number(measure.rate(before, after, "gateway", "kompas_gateway_readings_total")),
        "stored": number(measure.rate(before, after, "writer", "kompas_writer_rows_total")),
        "KPI values/s": number(measure.rate(before, after, "worker", "kompas_combiner_values_total")),
    }
    for name, histogram in (("receipt to KPI", "kompas_latency_kpi_seconds"), ("receipt to row", "kompas_latency_row_seconds")):
        said[f"{name} p50/p99"] = latencies(before, after, histogram)
    return "   ".join(f"{name} {value}" for name, value in said.items())


def latencies(before: measure.Sample, after: measure.Sample, histogram: str) -> str:
    """`p50 / p99` of the process that observes it."""
    holder = next((name for name, counters in after.counters.items() if any(each == f"{histogram}_bucket" for each, _ in counters)), "writer")
    return " / ".join(seconds(measure.quantile(before, after, holder, histogram, share)) for share in (0.5, 0.99))


def number(value: float | None) -> str:
    """`12.3`, `4,567`, or a dash."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """`85 ms`, `1.20 s`, or a dash."""
    if value is None:
        return "—"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
