"""Write the boards as files, and tell whether those that are there are still true.

Promises  A file is written only where its bytes change; what no board makes any more is removed.
Leaves    What is on a board to dashboards/boards.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

OUT = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"
"""Where the built boards lie in the repository: deploy/grafana/dashboards/<language>/<name>.json."""


class Changes(NamedTuple):
    """Paths below the folder, sorted."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


def compare(wanted: Mapping[str, bytes], out: Path) -> Changes:
    """What `write` would do."""
    there = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.glob("*/*.json"))}
    written = tuple(path for path in sorted(wanted) if there.get(path) != wanted[path])
    removed = tuple(path for path in sorted(there) if path not in wanted)
    return Changes(written, removed, tuple(path for path in sorted(wanted) if path not in written))


def write(wanted: Mapping[str, bytes], out: Path) -> Changes:
    """Make the folder hold exactly these boards."""
    changes = compare(wanted, out)
    for path in changes.written:
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wanted[path])
    for path in changes.removed:
        (out / path).unlink()
    return changes
