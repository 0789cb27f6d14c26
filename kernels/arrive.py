"""Arrival of a frame: which readings are late, doubled or in conflict, and what they are worth.

Promises  One pass over the rows in the order of the log; the same rows give the same verdicts on every machine.
Leaves    Windows to kernels.windows and kernels.accumulate; growing and cleaning the table of what was seen to stream/.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.table import Table, capacity_for, new_table, place_in, put

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U16 = npt.NDArray[np.uint16]
U8 = npt.NDArray[np.uint8]

KEPT, DUPLICATE, CONFLICT, LATE, UNKNOWN, CORRECTED = range(6)
NEVER_US = -(1 << 62)
"""Watermark of a kind that has none yet."""


class Rows(NamedTuple):
    """n readings as columns; `slot` and `quantity` are numbers of this partition, -1 where not known."""

    slot: I32
    quantity: I32
    measured_us: I64
    received_us: I64
    value: F64
    quality: U16


class Tables(NamedTuple):
    """What the catalogue says, by slot s, quantity q and kind k."""

    slot_kind: I32  # [s]
    slot_device: I32  # [s] slots of one device share its number
    resolution: F64  # [q]
    plausible_low: I64  # [k, q] integers of the resolution
    plausible_high: I64  # [k, q]
    lateness_us: I64  # [k]
    correcting: U8  # [k] 1 where of two values for one time the later stands


class Verdicts(NamedTuple):
    """Output by row: status, quality after the arrival checks, value as an integer of the resolution; `span`: times of the kept rows."""

    status: U8
    quality: U16
    integer: I64
    span: I64  # [2] earliest and latest time (µs) of the kept rows


def new_verdicts(rows: int) -> Verdicts:
    """Room for the verdicts on n rows."""
    return Verdicts(np.zeros(rows, np.uint8), np.zeros(rows, np.uint16), np.zeros(rows, np.int64), np.array([1 << 62, -(1 << 62)], np.int64))


@jit
def _arrive(rows: Any, tables: Any, watermark_us: Any, quiet_from_us: Any, seen: Any, out: Any) -> None:
    keys, times_us, values, added = seen.key, seen.at_us, seen.value, 0
    low_us, high_us = out.span[0], out.span[1]
    for i in range(rows.slot.size):
        s, q, at = rows.slot[i], rows.quantity[i], rows.measured_us[i]
        if s < 0 or q < 0:
            out.status[i], out.quality[i] = 4, rows.quality[i]
            continue
        k = tables.slot_kind[s]
        v = np.int64(np.rint(rows.value[i] / tables.resolution[q]))
        out.integer[i] = v
        quality = (rows.quality[i] & np.uint16(0xFFF0)) | np.uint16(1)
        if v < tables.plausible_low[k, q] or v > tables.plausible_high[k, q]:
            quality = quality | np.uint16(0x0013)  # suspect (3), for its plausible range
        quiet_from_us[k] = max(quiet_from_us[k], rows.received_us[i])
        if at < watermark_us[k]:
            out.status[i], out.quality[i] = 3, quality | np.uint16(0x1000)
            continue
        out.quality[i] = quality
        watermark_us[k] = max(watermark_us[k], min(at, rows.received_us[i]) - tables.lateness_us[k])
        key = (np.int64(tables.slot_device[s]) << 16) | np.int64(q)
        p = place_in(keys, times_us, key, at)
        if keys[p] == -1:
            keys[p], times_us[p], values[p] = key, at, v
            added += 1
            out.status[i] = 0
            low_us, high_us = min(low_us, at), max(high_us, at)
        elif values[p] == v:
            out.status[i] = 1
        elif tables.correcting[k] != 0:
            values[p], out.status[i] = v, 5
        else:
            out.status[i] = 2
    seen.used[0] += added
    out.span[0], out.span[1] = low_us, high_us


def arrive(rows: Rows, tables: Tables, watermark_us: I64, quiet_from_us: I64, seen: Table, out: Verdicts) -> None:
    """Judge n rows in order; changes watermark_us[k], quiet_from_us[k] (last reading's receipt) and seen in place.

    Late: measured below the watermark of its kind as it stands at that row (rules 8, 9). Duplicate and conflict are
    exact above the watermark (rule 7); another value of a correcting kind is CORRECTED and stands from then on.
    The caller has made room: seen.used + n <= capacity / 2.

    O(n), expected one probe a row. Errors: none; a row without slot or quantity gets status UNKNOWN.
    """
    _arrive(rows, tables, watermark_us, quiet_from_us, seen, out)


@jit
def _keep(old: Any, device_kind: Any, watermark_us: Any, new: Any) -> None:
    for i in range(old.key.size):
        if old.key[i] != -1 and old.at_us[i] >= watermark_us[device_kind[old.key[i] >> 16]]:
            put(new, old.key[i], old.at_us[i], old.value[i])


@jit
def _count_open(old: Any, device_kind: Any, watermark_us: Any) -> Any:
    n = 0
    for i in range(old.key.size):
        if old.key[i] != -1 and old.at_us[i] >= watermark_us[device_kind[old.key[i] >> 16]]:
            n += 1
    return n


def make_room(seen: Table, device_kind: I32, watermark_us: I64, rows: int) -> Table:
    """A table with room for `rows` more: the same one if it has it, else a new one without what the watermark has passed."""
    if 2 * (int(seen.used[0]) + rows) <= seen.key.size:
        return seen
    needed = _count_open(seen, device_kind, watermark_us) + rows
    new = new_table(capacity_for(needed))
    _keep(seen, device_kind, watermark_us, new)
    return new
