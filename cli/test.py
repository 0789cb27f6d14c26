"""Prove it: lint, format, types, then every test. Tells the slowest tests and ends with pytest's summary line.

./kompas test
./kompas test --all
./kompas test tests/local -k restart
"""

import os
import subprocess
import sys
from typing import Annotated

import typer
from rich.console import Console

from local.layout import REPOSITORY

_CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy", "--strict", "--num-workers", "2", "."]),
)


def prove(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="The slow tests, too.")] = False,
) -> None:
    """Run ruff, mypy and pytest; further arguments go to pytest. Exit code 0 where all of it passed."""
    console = Console(highlight=False)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    failed = []
    for name, command in _CHECKS:
        console.print(f"{name}: {' '.join(command)}")
        if subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, env=environment, check=False).returncode != 0:
            failed.append(name)
    if failed:
        console.print(f"failed: {', '.join(failed)}", style="red")
    slow = [] if everything else ["-m", "not slow"]
    # Four files at a time on two cores: tests on real servers wait more than they work. tests/schedule.py says what stays together.
    side_by_side = ["-n", "4", "--dist", "loadscope", "-p", "tests.schedule", "-p", "tests.durations"]
    run = subprocess.run([sys.executable, "-m", "pytest", *side_by_side, *slow, *context.args], cwd=REPOSITORY, env=environment, check=False)
    raise typer.Exit(1 if failed else run.returncode)


prove.PASSES_ON = True  # type: ignore[attr-defined]
COMMAND = prove
