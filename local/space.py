"""Space on the disks that a home writes to: how much there is, and what to say when it runs out.

Promises  Looks at the home and at PostgreSQL's data, which may lie on another disk; a folder that is not there yet stands for its parent.
Leaves    What waits for space to watched.py, telling it to status.py.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

from local.layout import Layout
from local.servers.postgres_root import Root

LOW_MB = 500
"""`status` warns below this; `up` does not start."""
FULL_MB = 64
"""Below this a program that ends is taken to wait for space: its end does not count against it."""
NONE_MB = 16
"""Below this no server is started: a start that fails half-way could leave less than it found."""


class Space(NamedTuple):
    """The fullest of the disks, and which folder lies on it."""

    folder: Path
    free_mb: int


def folders(places: Layout) -> tuple[Path, ...]:
    """Everything that servers and processes of a home write to."""
    data = (places.server("postgres") / "data", Root(places.cache / "postgres-root", 0, 0).data_folder(places.server("postgres"), places.instance))
    return places.home, *(folder for folder in data if folder.exists())


def least(of: Iterable[Path]) -> Space:
    """The folder with the least space left."""
    return min((Space(folder, free_mb(folder)) for folder in of), key=lambda space: space.free_mb)


def room(of: Iterable[Path]) -> bool:
    """Whether there is space to work with; a full disk is something to wait for, as a server is."""
    return least(of).free_mb >= FULL_MB


def hindrance(of: Iterable[Path]) -> str | None:
    """What to wait for before a server is started; None where it has the space to."""
    left = least(of)
    return f"waits for space on the disk under {left.folder}" if left.free_mb < NONE_MB else None


def memory_mb() -> int:
    """Memory that programs can still have, MB."""
    return int(psutil.virtual_memory().available >> 20)


def problem(space: Space) -> str | None:
    """A sentence for the person who can free some, None where there is enough."""
    if space.free_mb >= LOW_MB:
        return None
    what = f"the disk under {space.folder} has {space.free_mb} MB left"
    if space.free_mb >= FULL_MB:
        return f"{what}: free some before it is full"
    return (
        f"{what}: free some space and leave Kompas running; what stopped starts again by itself. Until then messages wait in Mosquitto's memory, "
        "which has no room to save them: do not stop it"
    )


def free_mb(folder: Path) -> int:
    """Space under a folder, or where it will be, MB."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free >> 20
