"""Stop Kompas, in order; the data stay.

./kompas down
./kompas down --purge
"""

from typing import Annotated

import typer
from rich.console import Console

from local import follow, install, state
from local.docker.system import DockerSystem
from local.layout import layout


def down(
    purge: Annotated[bool, typer.Option("--purge", help="Delete data, secrets and logs as well; what was fetched stays.")] = False,
) -> None:
    """Stop the demo city, gateway, worker, writer, restater and the servers."""
    console = Console(highlight=False)
    places = layout()
    docker = DockerSystem(places)
    native = state.holder(places.run) is not None
    with console.status("Stopping, in order"):
        stopped = follow.end(places, lambda _: None) if native else docker.end(purge=purge)
        if native and purge:
            docker.end(purge=True)
    kept = "" if purge else "; the data are kept for the next ./kompas up"
    console.print(f"Everything is stopped{kept}." if stopped else "Kompas does not run.")
    if purge:
        for folder in install.purge(places):
            console.print(f"deleted {folder}", markup=False)


COMMAND = down
