"""Play a city that is not there, at any rate and with any share of faults, and keep the truth about it.

./kompas simulate --city brussels --devices 500 --rate 2000 --scenario faulty --seed 7 --duration 60 --truth truth.parquet --check
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli import _broker
from simulators import checking
from simulators.simulate import Order, simulate
from simulators.worlds import world


def run(
    city: Annotated[str, typer.Option(help="City pack.")] = "brussels",
    devices: Annotated[int | None, typer.Option(help="How many of its devices; all that are not manual without it.")] = None,
    rate: Annotated[float | None, typer.Option(help="Readings a second of all devices; without it each kind keeps its cadence.")] = None,
    scenario: Annotated[str, typer.Option(help="One of simulators/scenarios/.")] = "demo",
    seed: Annotated[int, typer.Option(help="The same seed, the same city.", min=0)] = 1,
    duration: Annotated[float, typer.Option(help="Seconds.")] = 60.0,
    pack: Annotated[int | None, typer.Option(help="Readings a message; without it all quantities of one moment.")] = None,
    connections: Annotated[int, typer.Option(help="MQTT connections.", min=1, max=64)] = 1,
    truth: Annotated[Path | None, typer.Option(help="Parquet file for every reading; the KPIs go beside it as NAME.kpis.parquet.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare with the database: loss, duplicates, latency, KPI error.")] = False,
    settle: Annotated[float, typer.Option(help="Seconds that --check waits for what is due.", min=0)] = checking.SETTLE_S,
    as_json: Annotated[bool, typer.Option("--json", help="Reports as JSON objects, one a line.")] = False,
) -> None:
    """Simulate a city, open loop, over real MQTT."""
    there = world(city)
    order = Order(devices, rate, scenario, seed, duration, pack, connections)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[sent]:,} sent, {task.fields[waiting]:,} on their way"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{city} {scenario}", total=duration, sent=0, waiting=0)
        done = simulate(
            order, _broker.simulator(), there, lambda since_s, sent, waiting: bar.update(task, completed=since_s, sent=sent, waiting=waiting)
        )
    _broker.print_report(done.report, as_json)
    well = done.report.kept_up and not done.report.refused
    if truth is not None or check:
        known = checking.truth_of(done, there)
        if truth is not None:
            checking.keep(known, truth)
        if check:
            found = checking.check(known, done.report, _broker.reader(), settle)
            _broker.print_report(found, as_json)
            well = well and found.well
    raise typer.Exit(0 if well else 1)


COMMAND = run
