"""How a field looks in Grafana: unit, thresholds, value mappings, overrides.

Promises  Colours change exactly where a KPI's bands do: an upper edge belongs to the lower band.
Leaves    Where a field stands to builder/panels, what it means to the catalogue.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from catalog.records import Band

Json = dict[str, Any]

NEUTRAL = "#808080"
"""Colour of what has no band."""

_GRAFANA_UNITS = {"%": "percent", "": "none"}


class Shade(NamedTuple):
    """A value as it is shown: its text and its colour."""

    value: str
    text: str
    colour: str


def grafana_unit(shown: str) -> str:
    """Grafana's id of a unit as people write it; empty for a pure number."""
    return _GRAFANA_UNITS.get(shown) or f"suffix:{shown}"


def thresholds(bands: Sequence[Band]) -> Json:
    """Bands as Grafana threshold steps.

    A step of Grafana begins at its value, a band ends with its value: the next band's step
    begins at the next float above the edge, so that the edge itself keeps its colour.
    """
    if not bands:
        return {"mode": "absolute", "steps": [{"color": NEUTRAL, "value": None}]}
    steps: list[Json] = [{"color": bands[0].colour, "value": None}]
    for lower, upper in pairwise(bands):
        if lower.to is not None:
            steps.append({"color": upper.colour, "value": math.nextafter(lower.to, math.inf)})
    return {"mode": "absolute", "steps": steps}


def value_mappings(shades: Iterable[Shade]) -> list[Json]:
    """Texts and colours of the values of a text field."""
    options = {shade.value: {"color": shade.colour, "index": index, "text": shade.text} for index, shade in enumerate(shades)}
    return [{"type": "value", "options": options}] if options else []


def override(field: str, properties: Mapping[str, Any]) -> Json:
    """Settings of the one field of that name."""
    return _override("byName", field, properties)


def override_prefix(prefix: str, properties: Mapping[str, Any]) -> Json:
    """Settings of the fields whose name begins so."""
    escaped = re.sub(r"([.*+?^${}()|\[\]\\/])", r"\\\1", prefix)
    return _override("byRegexp", f"/^{escaped}/", properties)


def _override(matcher: str, options: str, properties: Mapping[str, Any]) -> Json:
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def coloured(field: str, shades: Iterable[Shade], cell: Mapping[str, Any] | None = None) -> Json:
    """An override that shows a text field in words and colours; `cell` is a table's cell style."""
    properties: Json = {"mappings": value_mappings(shades)}
    if cell is not None:
        properties["custom.cellOptions"] = dict(cell)
    return override(field, properties)
