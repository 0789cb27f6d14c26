"""A whole dashboard: panels in rows of 24 columns, variables, links; and its bytes.

Promises  Same input, same bytes: sorted keys, fixed uid, no id, no version; ids and places follow the order given.
Leaves    What stands on a board to dashboards/boards.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dashboards.builder.fields import Json
from dashboards.builder.panels import DATA_SOURCE

SCHEMA_VERSION = 39
COLUMNS = 24
REFRESH_INTERVALS = ("1s", "5s", "10s", "30s", "1m", "5m", "15m")


class Placed(NamedTuple):
    """A panel with its width in columns and height in rows."""

    panel: Json
    width: int
    height: int


class Head(NamedTuple):
    """What names a board: fixed uid, title, language, range and refresh."""

    uid: str
    title: str
    description: str
    language: str
    since: str = "now-24h"
    refresh: str = "1s"


def place(rows: Iterable[Sequence[Placed]]) -> list[Json]:
    """Panels with ids from 1 on and places; a row that is full goes on below itself."""
    placed: list[Json] = []
    top = 0
    for row in rows:
        left = height = 0
        for item in row:
            if left + item.width > COLUMNS:
                top, left, height = top + height, 0, 0
            grid = {"h": item.height, "w": item.width, "x": left, "y": top}
            placed.append({**item.panel, "gridPos": grid, "id": len(placed) + 1})
            left, height = left + item.width, max(height, item.height)
        top += height
    return placed


def query_variable(name: str, label: str, sql: str) -> Json:
    """A choice that the database fills: columns `__value` and `__text`; the first row is chosen at first."""
    return {
        "current": {},
        "datasource": DATA_SOURCE,
        "definition": sql,
        "hide": 0,
        "includeAll": False,
        "label": label,
        "multi": False,
        "name": name,
        "options": [],
        "query": sql,
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "sort": 0,
        "type": "query",
    }


def choice_variable(name: str, label: str, choices: Sequence[tuple[str, str]]) -> Json:
    """A choice of fixed (value, text) pairs; the first is chosen at first."""
    options = [{"selected": index == 0, "text": text, "value": value} for index, (value, text) in enumerate(choices)]
    return {
        "current": options[0],
        "hide": 0,
        "includeAll": False,
        "label": label,
        "multi": False,
        "name": name,
        "options": options,
        "query": ",".join(f"{_escaped(text)} : {_escaped(value)}" for value, text in choices),
        "skipUrlSync": False,
        "type": "custom",
    }


def _escaped(text: str) -> str:
    return text.replace(",", "\\,")


def tag_link(title: str, tags: Sequence[str]) -> Json:
    """A menu of the boards that carry all these tags; time range and choices travel along."""
    shown: Json = {"asDropdown": True, "icon": "external link", "includeVars": True, "keepTime": True}
    return {**shown, "tags": list(tags), "title": title, "type": "dashboards"}


def board(head: Head, rows: Iterable[Sequence[Placed]], variables: Sequence[Json], links: Sequence[Json]) -> Json:
    """Classic dashboard JSON."""
    return {
        "annotations": {"list": []},
        "description": head.description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": list(links),
        "liveNow": False,
        "panels": place(rows),
        "refresh": head.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["kompas", head.language],
        "templating": {"list": list(variables)},
        "time": {"from": head.since, "to": "now"},
        "timepicker": {"refresh_intervals": list(REFRESH_INTERVALS)},
        "timezone": "browser",
        "title": head.title,
        "uid": head.uid,
        "weekStart": "monday",
    }


def render(dashboard: Json) -> bytes:
    """The board as a file: sorted, indented, UTF-8, one newline at its end."""
    return (json.dumps(dashboard, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
