"""The AsyncAPI document of what Kompas says to the outside: KPI values on Kafka.

Promises  Made from catalog.kpi_value and catalog.topics alone: names, types and texts are those of the code. A test compares
          docs/reference/asyncapi.json with it, and the examples with the schema.
Leaves    What each KPI means to docs/reference/kpis.md.

    python -m stream.asyncapi > docs/reference/asyncapi.json
"""

import ast
import inspect
import sys
from typing import Any

import msgspec

from catalog.kpi_value import KpiValue
from catalog.records import Id
from catalog.topics import KPIS

SCHEMA = "http://json-schema.org/draft-07/schema#"
_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$"
_RULES: dict[str, dict[str, Any]] = {
    "kpi": {"pattern": msgspec.json.schema(Id)["pattern"]},
    "version": {"minimum": 1},
    "area": {"pattern": msgspec.json.schema(Id)["pattern"]},
    "window_start": {"pattern": _TIME},
    "window_end": {"pattern": _TIME},
    "coverage": {"minimum": 0, "maximum": 1},
    "devices": {"minimum": 0},
    "revision": {"minimum": 0},
    "computed_at": {"pattern": _TIME},
}
"""What holds for every value beyond its type."""

_ABOUT = """Indicators of cities: one JSON object per value of one KPI, for one area and one window, within about a second of the
reading that changed it. Who wins, for one KPI, version and area: the newer window_start, then the higher revision, then (revision 0
only) the higher epoch. Within v1 fields are only added. How to read it: docs/analyst/consume.md."""

EXAMPLES = (
    KpiValue(
        kpi="pm2_5_now",
        version=1,
        area="brussels.21004",
        window_start="2026-11-22T15:04:00Z",
        window_end="2026-11-22T15:05:00Z",
        value=11.25,
        state="ok",
        band="fair",
        unit="ug/m3",
        coverage=0.9583333333333334,
        devices=12,
        revision=0,
        status="live",
        reason=None,
        epoch="7/48213",
        computed_at="2026-11-22T15:04:31.250000Z",
    ),
    KpiValue(
        kpi="pm2_5_now",
        version=1,
        area="brussels.21004",
        window_start="2026-11-22T15:03:00Z",
        window_end="2026-11-22T15:04:00Z",
        value=None,
        state="not_enough_data",
        band=None,
        unit="ug/m3",
        coverage=0.5,
        devices=6,
        revision=1,
        status="final",
        reason=None,
        epoch="7/48102",
        computed_at="2026-11-22T15:04:21.000000Z",
    ),
)


def schema() -> dict[str, Any]:
    """JSON Schema (draft 7) of one KPI value; fields may be added within v1, so others are allowed."""
    found: dict[str, Any] = msgspec.json.schema(KpiValue)["$defs"]["KpiValue"]
    texts = _field_texts()
    for name in found["properties"]:
        found["properties"][name] |= _RULES.get(name, {})
        if name in texts:
            found["properties"][name]["description"] = texts[name]
    return {"$schema": SCHEMA, "$id": "kpi_value/1"} | found


def document() -> dict[str, Any]:
    """The AsyncAPI 3 document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kompas: KPI values",
            "version": "1",
            "description": " ".join(_ABOUT.split()),
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:29092",
                "protocol": "kafka",
                "description": "`./kompas status --json` says the address of the one that runs (kafka.bootstrap).",
            }
        },
        "channels": {"kpis": _channel()},
        "operations": {
            "receiveKpiValues": {
                "action": "receive",
                "channel": {"$ref": "#/channels/kpis"},
                "summary": "Read KPI values: live about once a second while a window is open, one final when it closes, restated ones after.",
                "messages": [{"$ref": "#/channels/kpis/messages/kpiValue"}],
            }
        },
        "components": {"messages": {"kpiValue": _message()}, "schemas": {"kpiValue": schema()}},
    }


def _channel() -> dict[str, Any]:
    return {
        "address": KPIS.name,
        "title": "KPI values of every city, area and window",
        "messages": {"kpiValue": {"$ref": "#/components/messages/kpiValue"}},
        "bindings": {
            "kafka": {
                "topic": KPIS.name,
                "partitions": KPIS.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": KPIS.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message() -> dict[str, Any]:
    return {
        "name": "kpi_value",
        "title": "KPI value",
        "contentType": "application/json",
        "headers": {"type": "object", "properties": {"kompas.schema": {"type": "string", "const": KPIS.schema}}, "required": ["kompas.schema"]},
        "payload": {"$ref": "#/components/schemas/kpiValue"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "`kpi|area`, so that a KPI's values of one area are in order."}}},
        "examples": [
            {"name": f"{example.state} {example.status}", "headers": {"kompas.schema": KPIS.schema}, "payload": msgspec.to_builtins(example)}
            for example in EXAMPLES
        ],
    }


def _field_texts() -> dict[str, str]:
    """The text under each field of KpiValue, as it stands in the source."""
    body = ast.parse(inspect.getsource(KpiValue)).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    texts = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            texts[field.target.id] = inspect.cleandoc(str(ast.literal_eval(text.value)))
    return texts


def render() -> bytes:
    """The document as it stands in docs/reference/asyncapi.json."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(render())
