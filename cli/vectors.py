"""Run a file of test vectors against the kernels: passed and failed per function, wanted and got for each failure.

./kompas vectors my-vectors.json
./kompas vectors my-vectors.json --json
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.decode import read_text
from catalog.errors import ConfigError


def vectors(
    file: Annotated[
        Path, typer.Argument(help="JSON: lists of vectors (id, function, inputs, params, expected, tol) under any key, or one bare list.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output: passed, failed, functions.")] = False,
) -> None:
    """Hold the kernels against test vectors. Exit code 0 where all pass, 1 where one fails, 2 where the file cannot be read."""
    from kernels.errors import KernelInputError
    from kernels.vectors import FUNCTIONS
    from kernels.vectors.plain import json_ready
    from kernels.vectors.run import run, vectors_of

    try:
        there = vectors_of(_document(file))
    except KernelInputError as error:
        raise ConfigError(f"{file}: {error.where}", error.wanted, error.got) from error
    found = run(there, FUNCTIONS)
    if as_json:
        sys.stdout.write(json.dumps(json_ready(msgspec.to_builtins(found)), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        _show(found)
    raise typer.Exit(1 if found.failed else 0)


def _document(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{file}: line {error.lineno}, column {error.colno}", "JSON", error.msg) from error


def _show(found: Any) -> None:
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    table = Table("function", "passed", "failed", box=None, pad_edge=False)
    for name, tally in found.functions.items():
        failed = f"[red]{tally.failed}[/]" if tally.failed else "0"
        table.add_row(escape(name), str(tally.passed), failed)
    out.print(table)
    for tally in found.functions.values():
        for failure in tally.failures:
            out.print(f"[red]failed[/]  {escape(failure.id)}: {escape(failure.why)}")
            out.print(f"        wanted {escape(json.dumps(failure.wanted, ensure_ascii=False))}")
            out.print(f"        got    {escape(json.dumps(failure.got, ensure_ascii=False))}")
    if written := [each for tally in found.functions.values() for each in tally.as_written]:
        out.print(f"equal at the ten digits they are written with, which is coarser than their tolerance: {escape(', '.join(written))}")
    colour = "red" if found.failed else "green"
    out.print(f"[{colour}]{found.passed} passed, {found.failed} failed[/]")


COMMAND = vectors
