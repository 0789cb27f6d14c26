"""Play a file of real readings over MQTT, as the map says that its columns mean.

./kompas replay counts.csv.gz --map docs/examples/maps/long.toml --speed max --shift now
"""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catalog.errors import ConfigError
from cli import _broker
from simulators.maps import load_map
from simulators.replay import Order, replay


def play(
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines; .gz is unpacked.", exists=True, dir_okay=False)],
    map_file: Annotated[Path, typer.Option("--map", help="TOML: which column is what.", exists=True, dir_okay=False)],
    speed: Annotated[str, typer.Option(help="Times the file's own pace, or max.")] = "1",
    shift: Annotated[
        str, typer.Option(help="now: move all times by one span, so that the newest is now when it is sent. none: as they are.")
    ] = "none",
    per_s: Annotated[float, typer.Option("--per-s", help="Messages a second at most, with --speed max.", min=1)] = 5_000.0,
    limit: Annotated[int | None, typer.Option(help="Rows at most.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
) -> None:
    """Play a file of real readings over MQTT."""
    order = Order(file, load_map(map_file), _speed(speed), _shift(shift), per_s, limit)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(file.name, total=None)
        report = replay(order, _broker.simulator(), lambda done, rows: bar.update(task, completed=done, total=rows))
    _broker.print_report(report, as_json)
    raise typer.Exit(0 if not report.refused else 1)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e9:
        raise ConfigError("--speed", "a number above 0, or max", text)
    return speed


def _shift(text: str) -> Literal["now", "none"]:
    if text == "now":
        return "now"
    if text == "none":
        return "none"
    raise ConfigError("--shift", "now or none", text)


COMMAND = play
