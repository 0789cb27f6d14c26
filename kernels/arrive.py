"""Arrival of a frame: which readings are late, doubled or in conflict, and what they are worth.

Promises  One pass over the rows in the order of the log; the same rows give the same verdicts on every machine. The good ones are
          listed on the way (kernels.good), so that the window kernel does not look at the others again.
Leaves    Windows to kernels.windows and kernels.accumulate; what was seen before to kernels.seen.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.good import Good, new_good
from kernels.seen import Seen, append, begin, find, grown, series_of
from kernels.table import place_in

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U16 = npt.NDArray[np.uint16]
U8 = npt.NDArray[np.uint8]

KEPT, DUPLICATE, CONFLICT, LATE, UNKNOWN, CORRECTED, IMPOSSIBLE = range(7)
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
    possible: F64  # [q, 2] lowest and highest, in steps of the resolution, as are the plausible ones
    plausible_low: F64  # [k, q] not below what is possible, so that a value within both is looked at once
    plausible_high: F64  # [k, q]
    lateness_us: I64  # [k]
    ahead_us: I64  # [k] measured more than this after its receipt, a reading is suspect
    correcting: U8  # [k] 1 where of two values for one time the later stands
    row: I32  # [q, s] row of a slot in the blocks of a quantity, -1 where it has none


class Verdicts(NamedTuple):
    """Output by row: status, quality after the arrival checks, value as an integer of the resolution; and the good ones among them."""

    status: U8
    quality: U16
    integer: I64
    good: Good


def new_verdicts(rows: int) -> Verdicts:
    """Room for the verdicts on n rows."""
    return Verdicts(np.zeros(rows, np.uint8), np.zeros(rows, np.uint16), np.zeros(rows, np.int64), new_good(rows))


@jit
def _again(seen: Any, n: int, key: Any, at: int, v: int, correcting: int) -> Any:
    """Status of a reading of series n that is not newer than all before it; it is kept where it was not seen."""
    ring, late = seen.ring, seen.late
    p = find(seen.series, ring, n, at)
    if p >= 0:
        if ring[p, 1] == v:
            return 1
        if correcting == 0:
            return 2
        ring[p, 1] = v
        return 5
    p = place_in(late.key, late.at_us, key, at)
    if late.key[p] == -1:
        late.key[p], late.at_us[p], late.value[p] = key, at, v
        late.used[0] += 1
        return 0
    if late.value[p] == v:
        return 1
    if correcting == 0:
        return 2
    late.value[p] = v
    return 5


@jit
def _one(rows: Any, tables: Any, watermark_us: Any, seen: Any, out: Any, i: int) -> Any:
    """Row i, whose reading is judged but for what was seen before: of a new series, of one whose ring is full, or not newer than all before it.

    False where room is missing; then nothing of it is kept.
    """
    s, q, at, v = rows.slot[i], rows.quantity[i], rows.measured_us[i], out.integer[i]
    k, key = tables.slot_kind[s], (np.int64(tables.slot_device[s]) << 16) | np.int64(q)
    n = series_of(seen.series, key)
    if seen.series[n, 0] == -1 and not begin(seen, n, key):
        return False
    if at <= seen.series[n, 1]:
        out.status[i] = _again(seen, n, key, at, v, tables.correcting[k])
    elif append(seen, n, at, v, watermark_us[k]):
        out.status[i] = 0
    else:
        return False
    watermark_us[k] = max(watermark_us[k], min(at, rows.received_us[i]) - tables.lateness_us[k])
    if out.status[i] == 0:
        good, r = out.good, tables.row[q, s]
        good.span[0], good.span[1] = min(good.span[0], at), max(good.span[1], at)
        if (out.quality[i] & np.uint16(0x000F)) == 1 and r >= 0:
            m = good.used[0]
            good.reading[m, 0], good.reading[m, 1], good.reading[m, 2], good.reading[m, 3] = (np.int64(s) << 32) | r, q, v, at
            good.used[0] = m + 1
    return True


@jit
def _in_order(rows: Any, tables: Any, watermark_us: Any, quiet_from_us: Any, seen: Any, out: Any, start: int) -> Any:
    """Rows from `start` on, up to the first that needs a longer look; returns its number."""
    # Arrays out of their tuples once, no call in the loop: each taken or handed over is counted, atomically: 80 of these cost five times the work.
    slot, quantity, measured_us, received_us, value, came = rows.slot, rows.quantity, rows.measured_us, rows.received_us, rows.value, rows.quality
    slot_kind, slot_device, resolution, lateness_us = tables.slot_kind, tables.slot_device, tables.resolution, tables.lateness_us
    lowest, highest, status, judged, integer = tables.plausible_low, tables.plausible_high, out.status, out.quality, out.integer
    series, ring, span, ahead_us, possible = seen.series, seen.ring, out.good.span, tables.ahead_us, tables.possible
    low_us, high_us, mask, m = span[0], span[1], series.shape[0] - 1, np.uint64(out.good.used[0])
    good, row, devices = out.good.reading, tables.row.reshape(-1), np.uint64(tables.row.shape[1])
    for i in range(start, slot.size):
        s, q, at, received = slot[i], quantity[i], measured_us[i], received_us[i]
        if s < 0 or q < 0:
            status[i], judged[i] = 4, came[i]
            continue
        k, steps, quality = slot_kind[s], np.rint(value[i] / resolution[q]), (came[i] & np.uint16(0xFFF0)) | np.uint16(1)
        if not lowest[k, q] <= steps <= highest[k, q]:  # NaN is not, either
            if not possible[q, 0] <= steps <= possible[q, 1]:
                status[i], judged[i] = 6, came[i]
                continue
            quality = quality | np.uint16(0x0013)  # suspect (3), for its plausible range
        quality = quality | (np.uint16(0x0023) if at - received > ahead_us[k] else np.uint16(0))  # suspect (3), for its plausible time
        integer[i], quiet_from_us[k] = np.int64(steps), max(quiet_from_us[k], received)
        if at < watermark_us[k]:
            status[i], judged[i] = 3, quality | np.uint16(0x1000)
            continue
        judged[i], key = quality, (np.int64(slot_device[s]) << 16) | np.int64(q)
        n = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask  # as kernels.seen.series_of
        while series[n, 0] != key and series[n, 0] != -1:
            n = (n + 1) & mask
        count = series[n, 5]
        if at <= series[n, 1] or count > series[n, 3]:
            span[0], span[1], out.good.used[0] = low_us, high_us, m
            return i
        r, place = series[n, 2] + ((series[n, 4] + count) & series[n, 3]), row[np.uint64(q) * devices + np.uint64(s)]
        ring[r, 0], ring[r, 1], series[n, 1], series[n, 5], status[i] = at, integer[i], at, count + 1, 0
        watermark_us[k], low_us, high_us = max(watermark_us[k], min(at, received) - lateness_us[k]), min(low_us, at), max(high_us, at)
        good[m, 0], good[m, 1], good[m, 2], good[m, 3] = (np.int64(s) << 32) | place, q, integer[i], at
        m += np.uint64((place >= 0) & ((quality & np.uint16(0x000F)) == 1))  # else the next is written over it
    span[0], span[1], out.good.used[0] = low_us, high_us, m
    return slot.size


@jit
def _arrive(rows: Any, tables: Any, watermark_us: Any, quiet_from_us: Any, seen: Any, out: Any, start: int) -> Any:
    i = start
    if start == 0:
        out.good.used[0] = 0
    while True:
        i = _in_order(rows, tables, watermark_us, quiet_from_us, seen, out, i)
        if i == rows.slot.size or not _one(rows, tables, watermark_us, seen, out, i):
            return i
        i += 1


def arrive(rows: Rows, tables: Tables, watermark_us: I64, quiet_from_us: I64, seen: Seen, out: Verdicts) -> Seen:
    """Judge n rows in order; changes watermark_us[k] and quiet_from_us[k] (last reading's receipt) in place.

    Late: measured below the watermark of its kind as it stands at that row (rules 8, 9). Duplicate and conflict are
    exact above the watermark (rule 7); another value of a correcting kind is CORRECTED and stands from then on.
    Suspect, whatever becomes of it: outside its plausible range, or measured more than ahead_us after its receipt.
    ->    what is seen now: `seen`, changed in place, or in more room
    The caller has made room for rows out of order: kernels.seen.with_room.

    O(n), but for those out of order: O(log m) of the m readings open in their series. Errors: none; a row without slot or quantity gets
    status UNKNOWN, one whose value is not finite or not possible IMPOSSIBLE, and neither leaves a trace.
    """
    at = 0
    while (at := int(_arrive(rows, tables, watermark_us, quiet_from_us, seen, out, at))) < rows.slot.size:
        seen = grown(seen)
    return seen
