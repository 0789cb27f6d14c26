"""The fast way of readings in the order of time: those that lie in the windows at hand; the others go kernels.ordered's way.

Promises  The same numbers as kernels.ordered.feed_across would write.
Leaves    Windows that are not at hand, and what is held at the end, to kernels.ordered.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.ordered import Ground, add_product, feed_across, term

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
_U = np.uint64
Readings = tuple[I32, I32, I64, I64]


@jit
def _feed(rows: Any, ground: Any, start: int, need: Any) -> Any:
    # Arrays out of their tuples once, no call for a row that lies in the windows at hand, unsigned places: see kernels.accumulate.
    lanes, tracks, held, blocks, hold_us = ground.lanes, ground.tracks, ground.held, ground.blocks, ground.hold_us
    slot, quantity, at_us, values = rows
    row_of, devices, slots = lanes.row.reshape(-1), _U(lanes.row.shape[1]), _U(held.at_us.shape[1])
    lane_of, function, above, span, part, slot_city = tracks.lane, tracks.function, tracks.above, tracks.span, lanes.part, lanes.slot_city
    held_us, held_value, held_fed_us = held.at_us.reshape(-1), held.value.reshape(-1), held.fed_us.reshape(-1)
    cell, hit = blocks.cell.reshape(-1), blocks.hit.reshape(-1)
    for i in range(_U(start), _U(slot.size)):
        s, q, at, v = _U(slot[i]), _U(quantity[i]), at_us[i], values[i]
        r, first, last, near = row_of[q * devices + s], _U(span[q, 0]), _U(span[q, 1]), True
        if r < 0:
            continue
        for t in range(first, last):  # the reading, and all that the held value adds, lie in the window that the track found last
            h, k = _U(lane_of[t]) << _U(3), t * slots + s
            in_it = (part[lane_of[t]] == 0) & (hit[h] <= at) & (at < hit[h + _U(1)]) & (slot_city[s] == hit[h + _U(3)])
            near = near & in_it & ((function[t] == 11) | (held_us[k] == -(1 << 62)) | (held_fed_us[k] >= hit[h]))
        if not near:
            if not feed_across(ground, rows, np.int64(i), need):
                return np.int64(i)
            continue
        for t in range(first, last):
            k, p = t * slots + s, _U(hit[(_U(lane_of[t]) << _U(3)) + _U(2)] + r)
            c, before_us, before, fed_us = p << _U(3), held_us[k], held_value[k], held_fed_us[k]
            held_us[k], held_value[k], held_fed_us[k] = at, v, at
            cell[c] = (cell[c] + 2) | 1
            times = min(at, before_us + hold_us[s]) - fed_us if function[t] != 11 else np.int64(1)
            counted = term(function[t], before, v, above[t])
            if before_us == -(1 << 62) or times <= 0:
                continue
            if -(1 << 31) <= counted < 1 << 31 and times < 1 << 31:  # the product has 63 bits
                low, product = _U(cell[c + _U(1)]), counted * times
                cell[c + _U(1)], carry = np.int64(low + _U(product)), (product >> 63) + np.int64(low + _U(product) < low)
                if carry != 0:
                    cell[c + _U(2)] += carry
            else:
                add_product(blocks.cell, p, counted, times)
            cell[c + _U(7)] += times
    return np.int64(slot.size)


@jit
def _ordered_rows(quantity: Any, tracked: Any, status: Any, quality: Any, out: Any) -> Any:
    n = 0
    for i in range(quantity.size):
        flag = quality[i] & np.uint16(0x000F)
        out[n] = i  # always, and overwritten where it is not taken: which rows are is no pattern that a branch could foretell
        n += (status[i] == 0) & (flag >= 1) & (flag <= 2) & tracked[quantity[i]]
    return n


def ordered_rows(quantity: I32, tracked: npt.NDArray[np.bool_], status: npt.NDArray[np.uint8], quality: npt.NDArray[np.uint16]) -> I64:
    """Rows, ascending, that ordered lanes take: kept, good, and of a quantity that a track follows (tracked[q]). O(n)."""
    out = np.empty(quantity.size, np.int64)
    return out[: _ordered_rows(quantity, tracked, status, quality, out)]


@jit
def _split(slot: Any, at_us: Any, slot_kind: Any, watermark_us: Any, passed: Any, waiting: Any) -> Any:
    n = 0
    for i in range(slot.size):
        if at_us[i] < watermark_us[slot_kind[slot[i]]]:
            passed[n] = i
            n += 1
        else:
            waiting[i - n] = i
    return n


def split(slot: I32, at_us: I64, slot_kind: I32, watermark_us: I64) -> tuple[I64, I64]:
    """Numbers of the readings before the watermark of their kind, and of the others; ascending. O(n)."""
    passed, waiting = np.empty(slot.size, np.int64), np.empty(slot.size, np.int64)
    n = _split(slot, at_us, slot_kind, watermark_us, passed, waiting)
    return passed[:n], waiting[: slot.size - n]


def in_order(rows: Readings, which: I64) -> Readings:
    """Those of the readings (slot, quantity, at_us, integer value), by ascending number, in order of time as `feed` wants them.

    Readings of one time stay in the order of the log: they are of several devices or quantities, which know nothing of each other.
    """
    order = which[np.argsort(rows[2][which], kind="stable")]
    slot, quantity, at_us, value = rows
    return slot[order], quantity[order], at_us[order], value[order]


def feed(rows: Readings, ground: Ground, start: int, need: I64) -> int:
    """Feed readings (slot, quantity, at_us, integer value; ascending in time) from row `start` on, in place.

    need      int64[3]; where a window is not open: its lane, start (µs) and city
    ->        n when done, else the row at which to go on; that row has changed nothing yet
    """
    return int(_feed(rows, ground, start, need))
