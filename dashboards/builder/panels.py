"""Panels of classic Grafana dashboards: stat, time series, table, map, state timeline.

Promises  Each function returns one panel without id and place; every target is plain SQL on data source `kompas`.
Leaves    Ids and places to builder/layout, the SQL to dashboards/sql.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from dashboards.builder.fields import Json, thresholds

DATA_SOURCE: Json = {"type": "grafana-postgresql-datasource", "uid": "kompas"}
Format = Literal["table", "time_series"]

BLANK_TILE = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='256' height='256'>"
    "<rect width='256' height='256' fill='rgb(128,136,144)' fill-opacity='0.12'/>"
    "<path d='M256 0H0V256' fill='none' stroke='rgb(128,136,144)' stroke-opacity='0.25'/></svg>"
)
"""The map's base layer, one tile for everywhere, inside the board: no tile server is asked, here or outside."""


class Text(NamedTuple):
    """What a person reads at a panel: its title, and the sentence behind its (i)."""

    title: str
    description: str = ""


class Target(NamedTuple):
    """One query: SQL with Grafana's macros and variables, and the shape of its answer."""

    sql: str
    format: Format


def _targets(targets: Sequence[Target]) -> list[Json]:
    return [
        {
            "datasource": DATA_SOURCE,
            "editorMode": "code",
            "format": target.format,
            "rawQuery": True,
            "rawSql": target.sql,
            "refId": chr(ord("A") + index),
        }
        for index, target in enumerate(targets)
    ]


def _panel(kind: str, text: Text, targets: Sequence[Target], fields: Json, options: Json) -> Json:
    return {
        "datasource": DATA_SOURCE,
        "description": text.description,
        "fieldConfig": {"defaults": fields, "overrides": []},
        "options": options,
        "targets": _targets(targets),
        "title": text.title,
        "type": kind,
    }


def stat(text: Text, sql: str, overrides: Sequence[Json]) -> Json:
    """Tiles, one per series, each coloured by its own thresholds; the series' name (column `metric`) stands in the tile."""
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["last"], "fields": "", "values": False},
        "textMode": "value_and_name",
        "wideLayout": False,
    }
    fields = {"color": {"mode": "thresholds"}, "noValue": "–", "thresholds": thresholds(())}
    panel = _panel("stat", text, [Target(sql, "time_series")], fields, options)
    panel["fieldConfig"]["overrides"] = list(overrides)
    return panel


def time_series(text: Text, sql: str, field: Mapping[str, Any], max_data_points: int = 400) -> Json:
    """Lines over time, one per series; at most `max_data_points` intervals, whatever the range."""
    custom = {"drawStyle": "line", "lineInterpolation": "stepAfter", "lineWidth": 1, "showPoints": "auto", "spanNulls": False}
    fields = {"color": {"mode": "palette-classic"}, "custom": custom, **field}
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    panel = _panel("timeseries", text, [Target(sql, "time_series")], fields, options)
    panel["maxDataPoints"] = max_data_points
    return panel


def table(text: Text, sql: str, overrides: Sequence[Json]) -> Json:
    """Rows as they come."""
    options = {"cellHeight": "sm", "footer": {"enablePagination": True, "show": False}, "showHeader": True}
    fields = {"custom": {"align": "auto", "cellOptions": {"type": "auto"}}, "thresholds": thresholds(())}
    panel = _panel("table", text, [Target(sql, "table")], fields, options)
    panel["fieldConfig"]["overrides"] = list(overrides)
    return panel


def geomap(text: Text, sql: str, colour_field: str, overrides: Sequence[Json]) -> Json:
    """Markers at columns `lat` and `lon`, coloured by a text field; the base layer comes with the board."""
    style = {
        "color": {"field": colour_field, "fixed": "#808080"},
        "opacity": 0.8,
        "size": {"fixed": 9, "max": 15, "min": 2},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
    }
    markers = {
        "config": {"showLegend": False, "style": style},
        "location": {"latitude": "lat", "longitude": "lon", "mode": "coords"},
        "name": text.title,
        "tooltip": True,
        "type": "markers",
    }
    options = {
        "basemap": {"config": {"attribution": "", "url": BLANK_TILE}, "name": "base", "type": "xyz"},
        "controls": {"mouseWheelZoom": True, "showAttribution": False, "showScale": True, "showZoom": True},
        "layers": [markers],
        "tooltip": {"mode": "details"},
        "view": {"allLayers": True, "id": "fit", "lat": 0, "lon": 0, "padding": 5, "zoom": 12},
    }
    panel = _panel("geomap", text, [Target(sql, "table")], {"thresholds": thresholds(())}, options)
    panel["fieldConfig"]["overrides"] = list(overrides)
    return panel


def state_timeline(text: Text, queries: Sequence[str], overrides: Sequence[Json]) -> Json:
    """One bar of states per query; a query gives `time` and one text column, its rows where the state changes."""
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    fields = {"color": {"mode": "thresholds"}, "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": True}, "thresholds": thresholds(())}
    panel = _panel("state-timeline", text, [Target(sql, "table") for sql in queries], fields, options)
    panel["fieldConfig"]["overrides"] = list(overrides)
    return panel
