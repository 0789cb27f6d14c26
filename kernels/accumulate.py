"""Accumulate readings into open windows: dense rows of integers per device, one block per lane and window (kernels.lanes).

Promises  Integers of the quantity's resolution, 128-bit sums; free of the order of the rows, but for energies (float64).
Leaves    Opening windows to the caller: the loop stops where one is missing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.bundle import Bundle
from kernels.lanes import ALL_IN, ASK, ENERGY, EXTREMES, LAST_VALUE, LOOK, SKIP, locate

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
_U = np.uint64


@jit
def _seat(lanes: Any, blocks: Any, q: Any, span: Any) -> Any:
    """What all rows of a quantity in a frame that spans these times have in common, so that a row need not look.

    ->       ALL_IN where the windows at hand of all lanes of the quantity hold these times, LOOK where one does not, SKIP where it has no lane;
    place[j] = (base, needs) of each of its lanes, base below 0 where the times lie outside the lane's part of the day.
    """
    first, last, place, hit = lanes.of_quantity[q], lanes.of_quantity[q + _U(1)], lanes.place, blocks.hit
    found = ALL_IN if last > first else SKIP
    for j in range(first, last):
        lane = lanes.lane[j]
        place[j, 0], place[j, 1] = hit[lane, 2], lanes.needs[lane]
        if lanes.calendar_at.shape[0] != 1 or span[0] < hit[lane, 0] or span[1] >= hit[lane, 1]:
            found = LOOK
    return found


@jit
def _at_hand(hit: Any, lane: int, city: int, at: int) -> Any:
    """True where the lane's window at hand, or the one before it, holds `at`; the one that does comes to the front."""
    if hit[lane, 0] <= at < hit[lane, 1] and hit[lane, 3] == city:
        return True
    found = hit[lane, 4] <= at < hit[lane, 5] and hit[lane, 7] == city
    for k in range(4):  # on a miss the front moves back, too, and is overwritten
        hit[lane, k], hit[lane, k + 4] = hit[lane, k + 4], hit[lane, k]
    return found


@jit
def _accumulate(
    slot: Any, quantity: Any, measured_us: Any, quality: Any, status: Any, integer: Any, span: Any, ground: Any, start: int, need: Any
) -> Any:
    # Arrays out of their tuples once, and hardly a call for a row: each array handed over is counted, atomically. Rows of `cell` and `row` by
    # their unsigned place in memory: a signed one is looked at for being negative, and two numbers are multiplied, at every use.
    lanes, blocks = ground.arrays
    row_of, of_quantity, seat, place, devices = lanes.row.reshape(-1), lanes.of_quantity, lanes.seat, lanes.place, _U(lanes.row.shape[1])
    lane_of, slot_city, power_at, power, resolution = lanes.lane, lanes.slot_city, lanes.power_at, lanes.power, lanes.resolution
    cell, real, hit = blocks.cell.reshape(-1), blocks.real.reshape(-1), blocks.hit
    seat[:] = ASK
    for i in range(_U(start), _U(slot.size)):
        flag = quality[i] & np.uint16(0x000F)
        if (status[i] != 0) | (flag < 1) | (flag > 2):
            continue
        q, at, v = _U(quantity[i]), measured_us[i], integer[i]
        r = row_of[q * devices + _U(slot[i])]
        if r < 0:
            continue
        if seat[q] == ASK:
            seat[q] = _seat(lanes, blocks, q, span)
        if seat[q] == SKIP:
            continue
        first, last = _U(of_quantity[q]), _U(of_quantity[q + _U(1)])
        if seat[q] == LOOK:  # all windows are there before one of them takes the row in
            for j in range(first, last):
                if not _at_hand(hit, lane_of[j], slot_city[slot[i]], at) and not locate(lanes, blocks, lane_of[j], slot_city[slot[i]], at, need):
                    return np.int64(i)
                place[j, 0] = hit[lane_of[j], 2]
        for j in range(first, last):
            if place[j, 0] < 0:
                continue
            p, needs = _U(place[j, 0] + r), place[j, 1]
            c = p << _U(3)
            n, before, after = cell[c], _U(cell[c + _U(1)]), _U(cell[c + _U(1)]) + _U(v)
            cell[c], cell[c + _U(1)], carry = (n + 2) | 1, np.int64(after), (v >> 63) + np.int64(after < before)
            if carry != 0:
                cell[c + _U(2)] += carry
            if needs & EXTREMES and (n < 2 or v < cell[c + _U(3)]):
                cell[c + _U(3)] = v
            if needs & EXTREMES and (n < 2 or v > cell[c + _U(4)]):
                cell[c + _U(4)] = v
            if needs & LAST_VALUE and (n < 2 or at > cell[c + _U(5)]):
                cell[c + _U(5)], cell[c + _U(6)] = at, v
            if needs & ENERGY:
                k = v - power_at[q, 1]
                real[c + _U(7)] += power[power_at[q, 0] + k] if 0 <= k < power_at[q, 2] else 10.0 ** (v * resolution[q] / 10.0)
    return np.int64(slot.size)


@jit
def _fill_powers(first: int, resolution: float, out: Any) -> None:
    for k in range(out.size):
        out[k] = 10.0 ** ((first + k) * resolution / 10.0)


def powers(first: int, count: int, resolution: float) -> F64:
    """Energies 10^(v * resolution / 10) of the integers first, first + 1, ...: float64[count], as the loop would compute them."""
    out = np.zeros(count)
    _fill_powers(first, resolution, out)
    return out


def accumulate(rows: Any, verdicts: Any, ground: Bundle, start: int, need: I64) -> int:
    """Add the kept, good rows from `start` on to the open windows of their lanes, in place.

    rows      arrive.Rows[n], verdicts arrive.Verdicts[n] of the same frame
    ground    `ground_of` the program's lanes and the open windows
    need      int64[3]; where a window is not open: its lane, start (µs) and city
    ->        n when done, else the row at which to go on once that window is open

    O(n * lanes of the quantity). Errors: none.
    """
    if start >= rows.slot.size:
        return int(rows.slot.size)
    return int(
        _accumulate(
            rows.slot, rows.quantity, rows.measured_us, verdicts.quality, verdicts.status, verdicts.integer, verdicts.span, ground, start, need
        )
    )
