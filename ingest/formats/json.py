"""json: an object with `quantity` and `value`, an object with `values`, or an array of either.

Promises  The quick path (typed, no object per reading) and the careful path (a sentence per bad record) give the same
          rows; a record of several `values` loses only the bad ones.
Leaves    Units and ranges to ingest/checks. Of equal names inside one JSON object the last stands, as JSON readers do.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.reasons import Reason
from ingest.format import WHOLE_MESSAGE, Columns, Example, Format, Row, number, text
from ingest.times import aware_us, epoch_us, iso, time_us
from runtime.errors import Rejected


class _Object(msgspec.Struct, gc=False):
    quantity: str | UnsetType = UNSET
    value: float | UnsetType = UNSET
    values: dict[str, float] | UnsetType = UNSET
    unit: str | None = None
    time: Annotated[datetime, Meta(tz=True)] | int | float | None = None
    latitude: float | None = None
    longitude: float | None = None
    lat: float | None = None
    lon: float | None = None


_DECODER = msgspec.json.Decoder(_Object | list[_Object])


def decode(payload: bytes, into: Columns) -> None:
    """Add every good record and reject every bad one by its index; raises Rejected where it is no JSON of this shape."""
    rows, refusals = len(into), len(into.refusals)
    try:
        message = _DECODER.decode(payload)
        if type(message) is list:
            for index, record in enumerate(message):
                _quick(index, record, into)
        else:
            _quick(0, message, into)
    except (msgspec.MsgspecError, Rejected, ValueError, OverflowError, RecursionError):
        into.cut(rows, refusals)
        decode_carefully(payload, into)


def _quick(index: int, record: _Object, into: Columns) -> None:
    """Add one record of the usual shape; anything else raises and goes the careful way."""
    at_us = None
    time = record.time
    if time is not None:
        at_us = aware_us(time) if type(time) is datetime else epoch_us(time, "time")
    first = len(into)
    if type(record.values) is dict:
        if not record.values or record.unit is not None or record.quantity is not UNSET or record.value is not UNSET:
            raise ValueError
        into.add_many(index, record.values, at_us)
    else:
        if type(record.quantity) is not str or type(record.value) is not float:
            raise ValueError
        into.add(index, record.quantity, record.value, at_us, record.unit)
    if record.latitude is not None or record.longitude is not None or record.lat is not None or record.lon is not None:
        latitude = record.lat if record.latitude is None else record.latitude
        longitude = record.lon if record.longitude is None else record.longitude
        if latitude is None or longitude is None:
            raise ValueError
        into.place(first, latitude, longitude)


def decode_carefully(payload: bytes, into: Columns) -> None:
    """The same as `decode`, slower, with a sentence for each record that is refused."""
    try:
        message = json.loads(text(payload))
    except RecursionError as error:
        raise Rejected(Reason.MALFORMED, "payload", "JSON of few levels", "too many levels") from error
    except ValueError as error:
        raise Rejected(Reason.MALFORMED, "payload", f"JSON ({error})", payload[:40]) from error
    if not isinstance(message, dict | list):
        raise Rejected(Reason.MALFORMED, "payload", "an object or an array of objects", message)
    for index, record in enumerate(message if isinstance(message, list) else [message]):
        try:
            _record(index, record, into)
        except Rejected as refusal:
            into.refuse(index, refusal)


def _record(index: int, record: Any, into: Columns) -> None:
    where = f"record {index}"
    if not isinstance(record, dict):
        raise Rejected(Reason.MALFORMED, where, "an object", record)
    time, unit = record.get("time"), record.get("unit")
    at_us = None if time is None else time_us(time, f"{where}, time")
    position = _position(record, where)
    if unit is not None and not isinstance(unit, str):
        raise Rejected(Reason.MALFORMED, f"{where}, unit", "text", unit)
    first = len(into)
    for quantity, value in _pairs(record, where):
        try:
            into.add(index, quantity, number(value, f"{where}, {quantity}"), at_us, unit)
        except Rejected as refusal:
            into.refuse(index, refusal)
    if position is not None:
        into.place(first, *position)


def _pairs(record: dict[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """Quantity and value of each reading in the record."""
    if "values" not in record:
        if not isinstance(record.get("quantity"), str):
            raise Rejected(Reason.MALFORMED, f"{where}, quantity", "the name of a quantity", record.get("quantity"))
        if "value" not in record:
            raise Rejected(Reason.MALFORMED, f"{where}, value", "a number", "nothing")
        yield record["quantity"], record["value"]
        return
    values = record["values"]
    beside = [name for name in ("quantity", "value", "unit") if name in record and (name != "unit" or record["unit"] is not None)]
    if beside:
        raise Rejected(Reason.MALFORMED, where, "`values` alone, in canonical units", f"`values` and {', '.join(beside)}")
    if not isinstance(values, dict) or not values:
        raise Rejected(Reason.MALFORMED, f"{where}, values", "an object of at least one quantity and number", values)
    yield from values.items()


def _position(record: dict[str, Any], where: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, None where the record has neither."""
    latitude = record["latitude"] if record.get("latitude") is not None else record.get("lat")
    longitude = record["longitude"] if record.get("longitude") is not None else record.get("lon")
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise Rejected(Reason.MALFORMED, f"{where}, position", "latitude and longitude together", {"latitude": latitude, "longitude": longitude})
    return number(latitude, f"{where}, latitude"), number(longitude, f"{where}, longitude")


def encode(rows: Sequence[Row]) -> bytes:
    """One object for one row, one object with `values` where the rows differ in quantity and value only, else an array."""
    heads = [_head(row) for row in rows]
    if len(rows) == 1:
        return msgspec.json.encode(_single(rows[0]))
    distinct = len({row.quantity for row in rows}) == len(rows)
    if rows and distinct and all(row.unit is None for row in rows) and all(head == heads[0] for head in heads):
        return msgspec.json.encode({**heads[0], "values": {row.quantity: row.value for row in rows}})
    return msgspec.json.encode([_single(row) for row in rows])


def _single(row: Row) -> dict[str, Any]:
    unit = {} if row.unit is None else {"unit": row.unit}
    return {**_head(row), "quantity": row.quantity, "value": row.value, **unit}


def _head(row: Row) -> dict[str, Any]:
    if row.since_receipt_us:
        raise ValueError(f"json: wanted an absolute time or none, got {row.since_receipt_us} µs since receipt")
    time = {} if row.measured_at_us is None else {"time": iso(row.measured_at_us)}
    place = {} if row.latitude is None else {"latitude": row.latitude, "longitude": row.longitude}
    return {**time, **place}


def detect(payload: bytes) -> bool:
    """True for an object, or an array of objects that speak of quantities or values."""
    head = payload.lstrip()[:1]
    return head == b"{" or (head == b"[" and (b'"quantity"' in payload or b'"values"' in payload))


_AT_US = 1_700_000_000_000_000

FORMAT = Format(
    name="json",
    title="plain JSON: one reading, several of one time, or an array of either",
    decode=decode,
    encode=encode,
    detect=detect,
    examples=[
        Example(
            b'{"time": "2023-11-14T22:13:20Z", "quantity": "pm2_5", "value": 11.5, "unit": "ug/m3"}',
            [Row("pm2_5", 11.5, _AT_US, "ug/m3")],
        ),
        Example(b'{"time": 1700000000, "values": {"pm2_5": 11.5, "no2": 30}}', [Row("pm2_5", 11.5, _AT_US), Row("no2", 30.0, _AT_US)]),
        Example(b'{"quantity": "pm2_5", "value": 11.5}', [Row("pm2_5", 11.5)]),
        Example(
            b'[{"time": 1700000000000, "quantity": "pm2_5", "value": 11.5, "latitude": 50.85, "longitude": 4.35},'
            b' {"time": "2023-11-14T22:13:20", "quantity": "no2", "value": 30},'
            b' {"time": 1700000000, "values": {"no2": "30", "o3": 61}}]',
            [Row("pm2_5", 11.5, _AT_US, None, 50.85, 4.35), Row("o3", 61.0, _AT_US)],
            [(1, Reason.MALFORMED), (2, Reason.MALFORMED)],
        ),
        Example(b'{"quantity": "pm2_5", "value": NaN}', [], [(0, Reason.NOT_FINITE)]),
        Example(b"pm2_5=11.5", [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
    ],
)
