"""senml: RFC 8428 Sensor Measurement Lists in JSON.

Promises  Base fields, relative times, versions and must-understand labels as the RFC has them; each record gives one
          reading, one half of a position, new base fields only, or one refusal with its index.
Leaves    Text, boolean and data values (refused: an indicator has no use for them) and sums (refused without a value).
          The device comes from the topic; of a record's name only the part after the last `:` or `/` is read: the quantity.
Source: [rfc8428] in docs/sources.md
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from catalog.reasons import Reason
from ingest.format import WHOLE_MESSAGE, Columns, Example, Format, Row, number, text, whole
from ingest.formats._senml_pack import MEANT_OTHERWISE, RELATIVE_BELOW_S, Record, resolve
from runtime.errors import Rejected

VERSION = 10
"""The version of RFC 8428; a pack that asks for a higher one is not read."""

_BASE = {"bn": str, "bu": str, "bt": float, "bv": float, "bs": float, "bver": int}
_REGULAR = {"n": str, "u": str, "vs": str, "vd": str, "v": float, "s": float, "t": float, "ut": float, "vb": bool}
_DECODER = msgspec.json.Decoder(list[Record])


def decode(payload: bytes, into: Columns) -> None:
    """Add every good record and reject every bad one by its index; raises Rejected where the pack cannot be used."""
    # a label may hide a final underscore behind an escape, so both go the careful way
    if b'_"' in payload or b"\\" in payload:
        _decode_carefully(payload, into)
        return
    rows, refusals = len(into), len(into.refusals)
    try:
        records = _DECODER.decode(payload)
        _check_versions([record.bver for record in records])
        resolve(records, {}, into)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        into.cut(rows, refusals)
        _decode_carefully(payload, into)


def _decode_carefully(payload: bytes, into: Columns) -> None:
    try:
        pack = json.loads(text(payload))
    except RecursionError as error:
        raise Rejected(Reason.MALFORMED, "payload", "JSON of few levels", "too many levels") from error
    except ValueError as error:
        raise Rejected(Reason.MALFORMED, "payload", f"JSON ({error})", payload[:40]) from error
    if not isinstance(pack, list):
        raise Rejected(Reason.MALFORMED, "payload", "an array of SenML records", pack)
    problems: dict[int, Rejected] = {}
    records = [_checked(index, raw, problems) for index, raw in enumerate(pack)]
    _check_versions([record.bver for record in records])
    resolve(records, problems, into)


def _checked(index: int, raw: object, problems: dict[int, Rejected]) -> Record:
    """The record with its good fields; a bad regular field is this record's problem, a bad base field the pack's."""
    where = f"record {index}"
    if not isinstance(raw, dict):
        problems[index] = Rejected(Reason.MALFORMED, where, "an object", raw)
        return Record()
    for label in raw:
        if label.endswith("_") and label not in _BASE and label not in _REGULAR:
            raise Rejected(Reason.MALFORMED, where, "no label that must be understood and is not known", label)
    fields = {label: _field(raw[label], kind, f"{where}, {label}") for label, kind in _BASE.items() if label in raw}
    for label, kind in _REGULAR.items():
        if label in raw:
            try:
                fields[label] = _field(raw[label], kind, f"{where}, {label}")
            except Rejected as problem:
                problems.setdefault(index, problem)
    return Record(**fields)


def _field(value: Any, kind: type, where: str) -> Any:
    if kind is float:
        return number(value, where)
    if kind is int:
        return whole(value, where)
    if not isinstance(value, kind):
        raise Rejected(Reason.MALFORMED, where, {str: "text", bool: "true or false"}[kind], value)
    return value


def _check_versions(versions: Sequence[int | UnsetType]) -> None:
    """One version for the whole pack, at most ours. Raises Rejected."""
    given = {version for version in versions if version is not UNSET}
    for version in given:
        if not 1 <= version <= VERSION:
            raise Rejected(Reason.MALFORMED, "pack, bver", f"a version from 1 to {VERSION}", version)
    if len(given) > 1:
        raise Rejected(Reason.MALFORMED, "pack, bver", "one version for all records", sorted(given))


def encode(rows: Sequence[Row]) -> bytes:
    """A pack of one record per row, and two more per time with a position. Raises ValueError for what SenML cannot say."""
    records: list[dict[str, Any]] = []
    placed: dict[tuple[int | None, int], tuple[float | None, float | None]] = {}
    for row in rows:
        time = _seconds(row)
        place = (row.latitude, row.longitude)
        if placed.setdefault((row.measured_at_us, row.since_receipt_us), place) != place:
            raise ValueError(f"senml: wanted one position for one time, got {place} beside another")
        unit = {} if row.unit is None else {"u": _symbol(row.unit)}
        records.append({"n": row.quantity, **unit, **time, "v": row.value})
    for (at_us, since_us), (latitude, longitude) in placed.items():
        if latitude is not None:
            time = _seconds(Row("", 0.0, at_us, since_receipt_us=since_us))
            records += [{"n": "latitude", "u": "lat", **time, "v": latitude}, {"n": "longitude", "u": "lon", **time, "v": longitude}]
    return msgspec.json.encode(records)


def _seconds(row: Row) -> Mapping[str, float]:
    at_us = row.since_receipt_us if row.measured_at_us is None else row.measured_at_us
    if (row.measured_at_us is None) != (at_us < RELATIVE_BELOW_S * 1_000_000):
        raise ValueError(f"senml: wanted an absolute time from 1978-07-04 on or a relative one, got {at_us} µs")
    return {"t": at_us / 1e6} if at_us else {}


def _symbol(label: str) -> str:
    return {meant: symbol for symbol, meant in MEANT_OTHERWISE.items()}.get(label, label)


def detect(payload: bytes) -> bool:
    """True for an array whose records carry SenML labels."""
    return payload.lstrip()[:1] == b"[" and any(label in payload for label in (b'"n"', b'"bn"', b'"v"')) and b'"quantity"' not in payload


FORMAT = Format(
    name="senml",
    title="SenML packs in JSON (RFC 8428)",
    decode=decode,
    encode=encode,
    detect=detect,
    examples=[
        Example(b'[{"n": "temperature", "u": "Cel", "v": 23.1}]', [Row("temperature", 23.1, None, "Cel")]),
        Example(
            b'[{"bn": "urn:dev:mac:0024befffe804ff1/", "bt": 1700000000, "bu": "ug/m3", "bver": 10},'
            b' {"n": "pm2_5", "v": 11.5}, {"n": "pm2_5", "t": -60, "v": 12}, {"n": "humidity", "u": "%RH", "v": 71}]',
            [
                Row("pm2_5", 11.5, 1_700_000_000_000_000, "ug/m3"),
                Row("pm2_5", 12.0, 1_699_999_940_000_000, "ug/m3"),
                Row("humidity", 71.0, 1_700_000_000_000_000, "%RH"),
            ],
        ),
        Example(
            b'[{"n": "pm2_5", "t": -5, "v": 9}, {"n": "door", "vb": true}, {"n": "no2", "v": "30"}]',
            [Row("pm2_5", 9.0, since_receipt_us=-5_000_000)],
            [(1, Reason.MALFORMED), (2, Reason.MALFORMED)],
        ),
        Example(b'[{"bver": 11, "n": "pm2_5", "v": 9}]', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        Example(b'[{"n": "pm2_5", "v": 9, "scale_": 2}]', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
    ],
)
