"""Measure Kompas beside the limits of this machine.

./kompas bench pipeline
./kompas bench pipeline --quick
./kompas bench pipeline --seconds 30 --rate 60000 --json
./kompas bench quality FOLDER --json
./kompas bench kernels --json
./kompas bench exact --json
./kompas bench state
./kompas bench soak --minutes 60
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console

COMMAND = typer.Typer(help="Measure what Kompas reaches beside the limits of this machine, in one run.")
_Found = TypeVar("_Found")


@COMMAND.command()
def pipeline(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Length of the main load; 20 without it.", min=4.0, max=600.0)] = None,
    rate: Annotated[float | None, typer.Option(help="Readings a second in messages of ten; 50,000 without it.", min=100.0)] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Shorter loads and no goal run: about a minute.")] = False,
) -> None:
    """From MQTT to the row: rates, latencies, CPU seconds, ratios to limits. Exit code 0 where every target is met, 1 where one is not."""
    from benchmarks import report
    from benchmarks.pipeline import QUICK, Plan, run

    plan = QUICK if quick else Plan()
    found = run(plan._replace(seconds=seconds or plan.seconds, rate=rate or plan.rate), _tell)
    _print(found, report.show, as_json=as_json)
    raise typer.Exit(0 if all(verdict.met for verdict in found.verdicts) else 1)


@COMMAND.command()
def kernels(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rows, no ten million devices.")] = False,
) -> None:
    """Every hot kernel beside NumPy, Polars and DuckDB on one thread. Exit code 0 where every target is met, 1 where one is not."""
    from benchmarks import kernels as bench
    from benchmarks import kernels_report

    found = bench.run(_tell, quick=quick)
    _print(found, kernels_report.show, as_json=as_json)
    raise typer.Exit(0 if all(verdict.met for verdict in found.verdicts) else 1)


@COMMAND.command()
def exact(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False) -> None:
    """What exactness costs: a killed worker's recovery, workers that come and go, snapshots. Exit code 0 where every target is met."""
    from benchmarks import exact as bench

    found = bench.run(_tell)
    _print(found, bench.show, as_json=as_json)
    raise typer.Exit(0 if all(verdict.met for verdict in found.verdicts) else 1)


@COMMAND.command()
def soak(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    minutes: Annotated[float | None, typer.Option(help="How long; 60 without it.", min=1.0, max=600.0)] = None,
    rate: Annotated[float | None, typer.Option(help="Readings a second in messages of ten; 25,000 without it.", min=100.0)] = None,
) -> None:
    """An hour at half of what is sustained: memory, latency and lag, slice by slice. Exit code 0 where all are flat and nothing is lost."""
    from benchmarks import soak as bench

    found = bench.run(_tell, minutes or bench.MINUTES, rate or bench.RATE)
    _print(found, bench.show, as_json=as_json)
    raise typer.Exit(0 if all(verdict.met for verdict in found.verdicts) else 1)


@COMMAND.command()
def state(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False) -> None:
    """Bytes of a worker's state by device, window and reading, from state that was really filled; sums for a million devices."""
    from benchmarks import state as bench

    _print(bench.measure(), bench.show, as_json=as_json)


@COMMAND.command()
def quality(
    folder: Annotated[Path, typer.Argument(help="Folder that holds traffic/nab with the labelled series.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Precision and recall of the quality tests on labelled anomalies, beside chance. Thresholds: benchmarks/quality_tests.toml."""
    from benchmarks.quality_report import show
    from benchmarks.quality_tests import measure

    _print(measure(folder), show, as_json=as_json)


@COMMAND.callback()
def _root() -> None:
    """A sub-command is named even while there is one only."""


def _tell(step: str) -> None:
    """What is being measured, on standard error."""
    Console(stderr=True, highlight=False).print(f"· {step}", style="dim")


def _print(found: _Found, show: Callable[[_Found, Console], None], *, as_json: bool) -> None:
    """What was measured, for a program or for a person."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        show(found, Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200))
