"""Judge the rows of a batch: units, ranges, times, positions, equal keys; as arrays, with a sentence per refused row.

Promises  Every row is kept, refused with a reason, or a duplicate inside its message: one of the three.
Leaves    What is implausible for its kind, and duplicates between messages, to the worker.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.quality import Cause, Flag
from catalog.reasons import Reason
from ingest.decode import Decoded, Delivery
from ingest.format import Columns, Refusal, shown
from ingest.registry import Registry, Route
from ingest.times import iso
from kernels import ingest as kernel

AHEAD_US = 5 * 60 * 1_000_000
"""How far a device's clock may be ahead of the receipt."""

_REASONS = {
    kernel.UNKNOWN_QUANTITY: Reason.UNKNOWN_QUANTITY,
    kernel.WRONG_UNIT: Reason.WRONG_UNIT,
    kernel.NOT_FINITE: Reason.NOT_FINITE,
    kernel.OUT_OF_RANGE: Reason.OUT_OF_RANGE,
    kernel.IN_FUTURE: Reason.TIME_IN_FUTURE,
    kernel.TOO_OLD: Reason.TIME_TOO_OLD,
    kernel.MISPLACED: Reason.IMPLAUSIBLE_POSITION,
    kernel.CONFLICT: Reason.CONFLICT,
}


I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """The rows that go on, as columns in order of arrival; what does not go on is in the batch's refusals."""

    message: I32
    device: I32
    partition: I32
    quantity: I32
    measured_at: I64
    received_at: I64
    value: F64
    quality: npt.NDArray[np.uint16]
    latitude: F64 | None
    longitude: F64 | None
    decoded: int
    """Rows that came in."""
    duplicates: int
    refused: int
    """Rows that were refused here; those that a decoder refused are not among them."""


def judge(decoded: Decoded, deliveries: Sequence[Delivery], registry: Registry) -> Judged:
    """Check all rows; refusals are added to `decoded.refusals`."""
    columns, rows = decoded.columns, len(decoded.columns)
    message = np.repeat(np.arange(len(deliveries), dtype=np.int32), np.array(decoded.counts, np.int32))
    device, partition, max_age_us, received_us = _per_message(decoded, deliveries)
    received_at, measured_at = received_us[message], np.array(columns.at_us, np.int64)
    quality = np.full(rows, Flag.NOT_EVALUATED, np.uint16)
    if columns.relative:
        measured_at[columns.relative] += received_at[columns.relative]
        quality[columns.relative] |= np.uint16(Cause.GATEWAY_TIME)
    slot = np.array(decoded.slots, np.int32)
    verdict = np.where(slot < 0, -slot, kernel.OK).astype(np.uint8)
    value = kernel.canonical(slot, np.array(columns.value, np.float64), registry.table, verdict)
    kernel.timely(measured_at, received_at, max_age_us[message], AHEAD_US, verdict)
    device = device[message]
    latitude, longitude = _positions(decoded.columns, device, registry, verdict)
    quantity = registry.quantity_of_slot[np.maximum(slot, 0)] if len(registry.quantity_of_slot) else np.zeros(rows, np.int32)
    kernel.repeated(message, quantity, measured_at, value, verdict)
    all_rows = (message, device, partition[message], quantity, measured_at, received_at, value, quality, latitude, longitude)
    good = verdict == kernel.OK
    if good.all():
        return Judged(*all_rows, rows, 0, 0)
    repeated = verdict == kernel.DUPLICATE
    refused = np.flatnonzero(~good & ~repeated)
    for row in refused.tolist():
        found = (float(value[row]), int(measured_at[row]), int(received_at[row]))
        decoded.refusals.setdefault(int(message[row]), []).append(_refusal(decoded, row, int(verdict[row]), found, registry))
    kept: list[Any] = [None if column is None else column[good] for column in all_rows]
    return Judged._make([*kept, rows, int(np.count_nonzero(repeated)), len(refused)])


def _per_message(decoded: Decoded, deliveries: Sequence[Delivery]) -> tuple[I32, I32, I64, I64]:
    """Device, partition, max_age in µs and time of receipt of each message."""
    known = [(route.device, route.partition, route.max_age_us) if type(route) is Route else (-1, route.partition, 0) for route in decoded.routes]
    table = np.array(known, np.int64).reshape(-1, 3)
    received_us = np.array([delivery[4] for delivery in deliveries], np.int64)
    return table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2], received_us


def _positions(columns: Columns, device: I32, registry: Registry, verdict: npt.NDArray[np.uint8]) -> tuple[F64 | None, F64 | None]:
    """Latitude and longitude per row (NaN: none), or None where no row has one; MISPLACED outside the city's box."""
    written = len(columns.latitude)
    if not written:
        return None, None
    latitude, longitude = np.full((2, len(verdict)), np.nan)
    latitude[:written], longitude[:written] = columns.latitude, columns.longitude
    if np.isnan(latitude).all():
        return None, None
    west, south, east, north = registry.boxes[device].T
    # NaN is on no side of anything, so a row without a position is nowhere outside
    outside = (latitude < south) | (latitude > north) | (longitude < west) | (longitude > east)
    verdict[outside & (verdict == kernel.OK)] = kernel.MISPLACED
    return latitude, longitude


def _refusal(decoded: Decoded, row: int, verdict: int, found: tuple[float, int, int], registry: Registry) -> Refusal:
    """The reason and the sentence of one refused row; `found` is its canonical value, measured and received time (µs)."""
    columns, (value, measured_at, received_at) = decoded.columns, found
    index, name, unit = columns.index[row], columns.quantity[row], columns.unit[row]
    known = registry.quantities.get(name)
    if verdict == kernel.UNKNOWN_QUANTITY:
        wanted, got = "a quantity that its kind of device measures", shown(name)
    elif verdict == kernel.WRONG_UNIT:
        accepted = sorted({known.unit, *known.conversions}) if known else []
        wanted, got = f"a unit of {name}: {', '.join(accepted)}", shown(unit)
    elif verdict == kernel.OUT_OF_RANGE and known:
        wanted, got = f"{known.possible[0]:g} to {known.possible[1]:g} {known.unit}", f"{value:.10g} {known.unit}"
    elif verdict in (kernel.IN_FUTURE, kernel.TOO_OLD):
        late = "at most 5 minutes ahead of" if verdict == kernel.IN_FUTURE else "not older than its kind's max_age before"
        wanted, got = f"a time {late} the receipt at {_iso(received_at)}", _iso(measured_at)
    elif verdict == kernel.MISPLACED:
        wanted, got = "a position in or near its city (latitude, longitude)", repr((columns.latitude[row], columns.longitude[row]))
    elif verdict == kernel.CONFLICT:
        wanted, got = "one value for a quantity and a time", f"another one, {value:.10g}"
    else:
        wanted, got = "a finite number", shown(columns.value[row])
    reason = _REASONS[verdict]
    return Refusal(index, reason, f"record {index}, {name[:64] if known else 'quantity'}: wanted {wanted}, got {got} [{reason.value}]")


def _iso(at_us: int) -> str:
    try:
        return iso(at_us)
    except OverflowError:
        # a relative time may point beyond the year 9999
        return f"{at_us} µs"
