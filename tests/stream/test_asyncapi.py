"""The AsyncAPI document is that of the code, and says nothing that a value does not keep."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from catalog.kpi_value import KpiValue
from catalog.topics import KPIS
from stream.asyncapi import EXAMPLES, document, render, schema
from tests.stream.partials import MINUTE_US, T0_US, rows_frame
from tests.stream.test_combiner import at, begun, pm

STORED = Path(__file__).parents[2] / "docs/reference/asyncapi.json"
VALIDATOR = jsonschema.Draft7Validator(schema())


def test_the_stored_document_is_fresh() -> None:
    assert STORED.read_bytes() == render(), "run: python -m stream.asyncapi > docs/reference/asyncapi.json"


def test_the_schema_is_a_schema_and_names_every_field() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert list(schema()["properties"]) == [field.name for field in msgspec.structs.fields(KpiValue)]
    assert set(schema()["required"]) == set(schema()["properties"])


def test_examples_are_valid() -> None:
    for example in EXAMPLES:
        VALIDATOR.validate(msgspec.to_builtins(example))


def test_what_the_combiner_gives_is_valid() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + 30_000_000), [pm()]))
    values = log.combiner.take(T0_US, live=True)
    values += log.put(rows_frame(0, 2, at(T0_US + 3 * MINUTE_US), [pm()])).finals()
    assert {value.state for value in values} == {"ok", "no_data"}
    for value in values:
        VALIDATOR.validate(msgspec.json.decode(msgspec.json.encode(value)))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("state", "fine"),
        ("coverage", 1.5),
        ("window_start", "2025-10-09 09:00"),
        ("revision", -1),
        ("value", "11"),
        ("devices", None),
        ("area", "Élsewhere"),
    ],
)
def test_what_is_wrong_is_refused(field: str, wrong: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(msgspec.to_builtins(EXAMPLES[0]) | {field: wrong})


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.extend([node["$ref"]] if "$ref" in node else [])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(whole)
    assert found
    for reference in found:
        node = whole
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    assert whole["channels"]["kpis"]["address"] == KPIS.name
