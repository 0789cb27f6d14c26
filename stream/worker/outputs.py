"""What a worker's partition says about one input record: the checked record, and what it refuses.

Promises  Every input record gives exactly one checked record (rule 11). Bytes that depend on the input alone.
Leaves    Sending to stream.shell.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.reasons import Reason
from catalog.topics import CHECKED, REJECTED
from kernels.arrive import CONFLICT, CORRECTED, DUPLICATE, IMPOSSIBLE, KEPT, LATE, UNKNOWN, Verdicts
from runtime.frames import Coded, Frame, decode, encode, replaced, reworded

HOUR_US = 3_600_000_000
Headers = list[tuple[str, bytes]]
EMPTY: dict[str, Any] = {
    "device": Coded(np.zeros(0, np.int32), []),
    "quantity": Coded(np.zeros(0, np.int32), []),
    "measured_at": np.zeros(0, np.int64),
    "received_at": np.zeros(0, np.int64),
    "value": np.zeros(0),
    "quality": np.zeros(0, np.uint16),
}


_NOTHING = decode(encode({}, EMPTY))


class Refusal(NamedTuple):
    """One record for kompas.rejected.v1."""

    value: bytes
    headers: Headers


class Outputs(NamedTuple):
    """What one input record gives."""

    checked: bytes
    refused: list[Refusal]
    readings: int
    oldest_received_us: int | None = None
    """Receipt of the reading that has waited longest; for the latency, not for the state."""


def checked_meta(kind: str, offset: int, watermarks: Mapping[str, int | None]) -> dict[str, Any]:
    """The metadata that every checked record has."""
    return {"schema": CHECKED.schema, "kind": kind, "input_offset": offset, "watermarks": watermarks, "duplicates": 0, "conflicts": 0, "late": 0}


def without_rows(meta: dict[str, Any]) -> Outputs:
    """A checked record for an input that carries no readings."""
    return Outputs(reworded(_NOTHING, meta), [], 0)


def with_rows(frame: Frame, verdicts: Verdicts, meta: dict[str, Any], where: tuple[int, int], city_of: Callable[[str], str | None]) -> Outputs:
    """The checked record of a readings frame, and the refusals of conflicts.

    where    input partition and offset
    city_of  city of a device, None where it is not known
    """
    status = verdicts.status
    tally = np.bincount(status, minlength=IMPOSSIBLE + 1)
    refusals = int(tally[CONFLICT] + tally[UNKNOWN] + tally[IMPOSSIBLE])
    meta |= {"duplicates": int(tally[DUPLICATE]), "conflicts": refusals, "late": int(tally[LATE])}
    meta |= {"rows": frame.rows} | {name: frame.meta.get(name) for name in ("gateway", "life", "seq")}
    if tally[CORRECTED]:
        meta["corrected"] = int(tally[CORRECTED])
    if tally[DUPLICATE] or tally[CONFLICT]:
        meta["repeats"] = _repeats(frame, status)
    if tally[KEPT] + tally[LATE] + tally[CORRECTED] == frame.rows:
        checked = replaced(frame, meta, "quality", verdicts.quality)
    else:
        kept = (status == KEPT) | (status == LATE) | (status == CORRECTED)
        columns: dict[str, Any] = {**frame.columns, "quality": verdicts.quality}
        checked = encode(meta, {name: _taken(column, kept) for name, column in columns.items()})
    refused = []
    if refusals:
        rows = np.flatnonzero((status == CONFLICT) | (status == UNKNOWN) | (status == IMPOSSIBLE)).tolist()
        refused = [_refuse(frame, row, int(status[row]), where, city_of) for row in rows]
    return Outputs(checked, refused, frame.rows, int(frame.columns["received_at"].min()) if frame.rows else None)


def _repeats(frame: Frame, status: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Whose readings were dropped or refused as repeats: per device how many, and the hour of receipt."""
    device = frame.columns["device"]
    found: dict[str, Any] = {"hour_us": int(frame.columns["received_at"].max()) // HOUR_US * HOUR_US}
    for name, code in (("duplicates", DUPLICATE), ("conflicts", CONFLICT)):
        numbers = np.bincount(device.codes[status == code], minlength=len(device.texts))
        found[name] = {device.texts[n]: int(numbers[n]) for n in np.flatnonzero(numbers).tolist()}
    return found


def _taken(column: Any, kept: npt.NDArray[np.bool_]) -> Any:
    return Coded(column.codes[kept], column.texts) if isinstance(column, Coded) else column[kept]


def _refuse(frame: Frame, row: int, status: int, where: tuple[int, int], city_of: Callable[[str], str | None]) -> Refusal:
    device, quantity = frame.columns["device"], frame.columns["quantity"]
    reading = {
        "device": device.texts[device.codes[row]],
        "quantity": quantity.texts[quantity.codes[row]],
        "measured_at_us": int(frame.columns["measured_at"][row]),
        "value": float(frame.columns["value"][row]),
    }
    reason, wanted = Reason.CONFLICT, "the value that the log already has for this device, quantity and time"
    if status == UNKNOWN:
        reason, wanted = Reason.UNKNOWN_DEVICE, "a device and quantity that this partition's catalogue has"
    elif status == IMPOSSIBLE:
        finite = math.isfinite(reading["value"])
        reason, wanted = (Reason.OUT_OF_RANGE, "a value that its quantity can have") if finite else (Reason.NOT_FINITE, "a finite number")
    detail = f"{reading['device']} {reading['quantity']}: wanted {wanted}, got {reading['value']!r} [{reason.value}]"
    refused = refusal(
        msgspec.json.encode(reading), frame.meta, where, reason=reason, detail=detail, row=row, received_us=int(frame.columns["received_at"][row])
    )
    city = city_of(reading["device"])
    if city is not None:
        refused.headers.append(("city", city.encode()))
    return refused


def refusal(value: bytes, meta: Mapping[str, Any], where: tuple[int, int], *, reason: Reason, detail: str, row: int, received_us: int) -> Refusal:
    """A record for kompas.rejected.v1 with the headers of schema rejected/1."""
    rejections = msgspec.json.encode([{"index": row, "reason": reason.value, "detail": detail}])
    headers = [
        ("kompas.schema", REJECTED.schema.encode()),
        ("origin", f"readings/{where[0]}/{where[1]}".encode()),
        ("gateway", str(meta.get("gateway", "")).encode()),
        ("life", str(meta.get("life", "")).encode()),
        ("received_at", str(received_us).encode()),
        ("rejections", rejections),
    ]
    return Refusal(value, headers)
