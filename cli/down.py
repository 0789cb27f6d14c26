"""Stop Kompas, in order; the data stay.

./kompas down
./kompas down --purge
"""

from typing import Annotated

import typer
from rich.console import Console

from local import follow, install
from local.layout import layout


def down(
    purge: Annotated[bool, typer.Option("--purge", help="Delete data, secrets and logs as well; what was fetched stays.")] = False,
) -> None:
    """Stop the demo city, gateway, worker, writer and the servers."""
    console = Console(highlight=False)
    places = layout()
    with console.status("Stopping, in order"):
        stopped = follow.end(places, lambda _: None)
    kept = "" if purge else "; the data are kept for the next ./kompas up"
    console.print(f"Everything is stopped{kept}." if stopped else "Kompas does not run.")
    if purge:
        for folder in install.purge(places):
            console.print(f"deleted {folder}", markup=False)


COMMAND = down
