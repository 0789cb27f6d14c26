"""The reference page of the payload formats, from the formats themselves: `python -m ingest.reference > docs/reference/formats.md`.

Promises  Every format with its examples, what each gives and what it refuses; a test compares the page with the file.
Leaves    Why and how to the developer's guide.
"""

import sys
from collections.abc import Iterable, Mapping

from ingest.format import Example, Format, Row, formats
from ingest.times import iso

_HEAD = """# Payload formats

A device publishes to `city/<city>/<device>/<format>`, where `<format>` is one of these names. Every example is read by the tests.
A reading without a time of its own gets the gateway's receive time and the flag `gateway_time`. A unit that is absent is the
quantity's canonical one; any unit that the catalogue knows for the quantity, in any usual spelling, is converted.
A payload above 256 KiB is refused. Of equal quantities and times inside one message the first stands.

This page is made by `python -m ingest.reference`.
"""


def page(known: Mapping[str, Format]) -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *(_section(each) for each in known.values())])


def _section(each: Format) -> str:
    lines = [f"## `{each.name}`", "", f"{each.title[0].upper()}{each.title[1:]}.", ""]
    for example in each.examples:
        lines += ["```", example.payload.decode("utf-8", "backslashreplace"), "```", "", *_outcome(example), ""]
    return "\n".join(lines)


def _outcome(example: Example) -> Iterable[str]:
    if example.rows:
        yield "| quantity | value | unit | measured at | position |"
        yield "|---|---|---|---|---|"
        yield from (_row(row) for row in example.rows)
    for index, reason in example.rejected:
        yield f"{'' if not example.rows else chr(10)}Refused: {'the whole message' if index < 0 else f'record {index}'}, `{reason.value}`."


def _row(row: Row) -> str:
    if row.measured_at_us is not None:
        at = iso(row.measured_at_us)
    elif row.since_receipt_us:
        at = f"{row.since_receipt_us / 1e6:+g} s from receipt"
    else:
        at = "receipt"
    place = "" if row.latitude is None else f"{row.latitude}, {row.longitude}"
    return f"| {row.quantity} | {row.value:g} | {row.unit or ''} | {at} | {place} |"


if __name__ == "__main__":
    sys.stdout.write(page(formats()))
