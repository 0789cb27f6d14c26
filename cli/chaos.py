"""Kill, pause, fill and break what can fail while a city speaks, then hold what is left against an oracle.

./kompas chaos --seed 1 --minutes 2
./kompas chaos --seed 7 --minutes 6 --json
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console


def chaos(
    seed: Annotated[int, typer.Option(help="Decides what the devices say, and what fails when.", min=0)] = 1,
    minutes: Annotated[float, typer.Option(help="Length of the load at least; the full list of faults from 2 on.", min=1.0)] = 4.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and truth files in this new folder.")] = None,
) -> None:
    """A system of its own under load and faults. Exit code 0 where nothing is lost, double or wrong and the ledger balances, else 1."""
    from chaos import report
    from chaos.run import order, run
    from runtime import events

    events.configure("chaos")  # on standard error: what ends and is started again
    asked = order(seed, minutes)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="kompas-chaos-") if keep is None else contextlib.nullcontext(str(keep)) as folder:
        found = run(asked, Path(folder), lambda step: errors.print(f"· {step}", style="dim", markup=False))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        report.show(found, Console(highlight=False, soft_wrap=True))
    raise typer.Exit(0 if found.well else 1)


COMMAND = chaos
