"""Prove it: lint, format, types, the servers brought once, then the tests. Tells the slowest tests and ends with pytest's summary line.

./kompas test
./kompas test --all
./kompas test tests/local -k restart
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from local import install, once
from local.errors import MachineError
from local.layout import REPOSITORY, layout

_CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy", "--strict", "--num-workers", "2", "."]),
)
# Four files at a time on two cores: tests on real servers wait more than they work. tests/schedule.py says what stays together.
_SIDE_BY_SIDE = ("-n", "4", "--dist", "loadscope", "-p", "tests.schedule", "-p", "tests.durations")


def prove(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="The tests marked slow, too: long faults and outages, an hour's soak, full disks, twenty chaos seeds.")
    ] = False,
) -> None:
    """Run ruff, mypy and pytest without the tests marked slow; further arguments go to pytest. Exit code 0 where all of it passed.

    What the tests need of servers is brought first, as by ./kompas up --install-only; that needs root once.
    """
    console = Console(highlight=False)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    # Here and not in the tests' fixtures, for there four would do it at the same time.
    kernels = once.compiling(layout().make())
    failed = _checks(console, environment)
    console.print("servers: ./kompas up --install-only")
    install.everything(layout(), console.print)
    try:
        kernels.finish()
    except MachineError as error:  # the tests say which kernel it is
        failed.append(f"compiling the kernels ({error})")
    if failed:
        console.print(f"failed: {', '.join(failed)}", style="red", soft_wrap=True)
    slow = [] if everything else ["-m", "not slow"]
    command = [sys.executable, "-m", "pytest", *_SIDE_BY_SIDE, *slow, *context.args]
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False)
    raise typer.Exit(1 if failed else run.returncode)


def _checks(console: Console, environment: Mapping[str, str]) -> list[str]:
    """Names of those that found something."""
    failed = []
    for name, command in _CHECKS:
        console.print(f"{name}: {' '.join(command)}")
        if subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, env=environment, check=False).returncode != 0:
            failed.append(name)
    return failed


prove.PASSES_ON = True  # type: ignore[attr-defined]
COMMAND = prove
