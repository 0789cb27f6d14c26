"""Find the boards and build them all in the three languages.

Promises  Boards sorted by file name; a file without BOARD, a uid used twice or too long for Grafana stops the build and is named.
Leaves    Writing files to dashboards/build, speaking to Grafana to dashboards/push.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from catalog.load import Catalogue
from catalog.records import LANGUAGES
from dashboards.builder.board import render
from dashboards.builder.fields import Json
from dashboards.texts import Texts, read_texts
from runtime.errors import ConfigError

FOLDER = Path(__file__).parent / "boards"
LONGEST_UID = 40


class Board(NamedTuple):
    """What a file in dashboards/boards binds as BOARD: a function that gives its dashboards by file name, without suffix."""

    build: Callable[[Catalogue, Texts], Mapping[str, Json]]


def load_boards(folder: Path = FOLDER) -> dict[str, Board]:
    """Every board by the name of its file; raises ConfigError."""
    boards: dict[str, Board] = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem == "__init__":
            continue
        found = getattr(importlib.import_module(f"dashboards.boards.{path.stem}"), "BOARD", None)
        if not isinstance(found, Board):
            raise ConfigError(f"dashboards/boards/{path.name}", "a constant BOARD of type Board", type(found).__name__)
        boards[path.stem] = found
    return boards


def build_all(catalogue: Catalogue, boards: Mapping[str, Board] | None = None) -> dict[str, Json]:
    """Every dashboard by its path `<language>/<name>.json`; raises ConfigError."""
    words = read_texts()
    found = load_boards() if boards is None else boards
    built: dict[str, Json] = {}
    for language in LANGUAGES:
        texts = Texts(language, words)
        for board in found.values():
            for name, dashboard in board.build(catalogue, texts).items():
                path = f"{language}/{name}.json"
                if path in built:
                    raise ConfigError(path, "one board of this name", "two")
                built[path] = dashboard
    _check_uids(built)
    return dict(sorted(built.items()))


def files(built: Mapping[str, Json]) -> dict[str, bytes]:
    """The bytes of every dashboard by path."""
    return {path: render(dashboard) for path, dashboard in built.items()}


def targets(dashboard: Json) -> Sequence[tuple[Json, Json]]:
    """Every (panel, target) of a dashboard, in order."""
    return [(panel, target) for panel in dashboard["panels"] for target in panel["targets"]]


def _check_uids(built: Mapping[str, Json]) -> None:
    seen: dict[str, str] = {}
    for path, dashboard in built.items():
        uid = dashboard["uid"]
        if len(uid) > LONGEST_UID:
            raise ConfigError(path, f"a uid of at most {LONGEST_UID} characters", uid)
        if uid in seen:
            raise ConfigError(path, "a uid of its own", f"{uid}, as in {seen[uid]}")
        seen[uid] = path
