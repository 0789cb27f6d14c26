"""Accumulate readings into open windows: dense rows of integers per device, one block per lane and window (kernels.lanes).

Promises  Integers of the quantity's resolution, 128-bit sums; free of the order of the rows, but for energies (float64).
Leaves    Opening windows to the caller: the loop stops where one is missing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.bundle import Bundle
from kernels.good import Good
from kernels.lanes import ASK, ENERGY, EXTREMES, LAST_VALUE, LOOK, SKIP, locate

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
_U = np.uint64


@jit
def _seat(lanes: Any, blocks: Any, q: Any, span: Any) -> Any:
    """What all rows of a quantity in a frame that spans these times have in common, so that a row need not look.

    A word is where and how a lane takes a row in: the first row of its window << 11, the number of lanes << 3, what it needs.
    ->       the word of the first lane that takes them, with the number of all; LOOK where a lane's window at hand does not hold these times, SKIP
             where no lane takes them. place[first + k]: the word of the next ones; lanes of another part of the day are not among them.
    """
    first, last, place, hit = lanes.of_quantity[q], lanes.of_quantity[q + _U(1)], lanes.place, blocks.hit
    n = first
    for j in range(first, last):
        lane = lanes.lane[j]
        if lanes.calendar_at.shape[0] != 1 or span[0] < hit[lane, 0] or span[1] >= hit[lane, 1]:
            return LOOK
        if hit[lane, 2] >= 0:
            place[n] = (hit[lane, 2] << 11) | np.int64(lanes.needs[lane])
            n += 1
    return place[first] | (n - first) << 3 if n > first else SKIP


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
def _accumulate(reading: Any, count: Any, span: Any, ground: Any, start: int, need: Any) -> Any:
    # Arrays out of their tuples once, and hardly a call for a row: each array handed over is counted, atomically. Rows of `cell` by their
    # unsigned place in memory: a signed one is looked at for being negative, and two numbers are multiplied, at every use.
    lanes, blocks = ground.arrays
    of_quantity, lane_of, needs_of, seat, place = lanes.of_quantity, lanes.lane, lanes.needs, lanes.seat, lanes.place
    slot_city, power_at, power, resolution = lanes.slot_city, lanes.power_at, lanes.power, lanes.resolution
    good, cell, real, hit = reading.reshape(-1), blocks.cell.reshape(-1), blocks.real.reshape(-1), blocks.hit
    seat[:] = ASK
    for i in range(_U(start), _U(count)):
        g = i << _U(2)
        r, q, v, at = good[g] & 0xFFFFFFFF, _U(good[g + _U(1)]), good[g + _U(2)], good[g + _U(3)]
        word = seat[q]
        if word == ASK:
            word = seat[q] = _seat(lanes, blocks, q, span)
        if word == LOOK:  # all windows are there before one of them takes the row in
            n, city = of_quantity[q], slot_city[good[g] >> 32]
            for k in range(of_quantity[q], of_quantity[q + _U(1)]):
                lane = lane_of[k]
                if not _at_hand(hit, lane, city, at) and not locate(lanes, blocks, lane, city, at, need):
                    return np.int64(i)
                if hit[lane, 2] >= 0:
                    place[n] = (hit[lane, 2] << 11) | np.int64(needs_of[lane])
                    n += 1
            word = place[of_quantity[q]] | (n - of_quantity[q]) << 3 if n > of_quantity[q] else SKIP
        if word == SKIP:
            continue
        j = _U(of_quantity[q])
        last = j + _U((word >> 3) & 0xFF)
        while True:
            c, needs = _U((word >> 11) + r) << _U(3), word & 7
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
            j += _U(1)
            if j == last:
                break
            word = place[j]
    return np.int64(count)


@jit
def _fill_powers(first: int, resolution: float, out: Any) -> None:
    for k in range(out.size):
        out[k] = 10.0 ** ((first + k) * resolution / 10.0)


def powers(first: int, count: int, resolution: float) -> F64:
    """Energies 10^(v * resolution / 10) of the integers first, first + 1, ...: float64[count], as the loop would compute them."""
    out = np.zeros(count)
    _fill_powers(first, resolution, out)
    return out


def accumulate(good: Good, ground: Bundle, start: int, need: I64) -> int:
    """Add the good readings of a frame from `start` on to the open windows of their lanes, in place.

    good      the good readings, as kernels.arrive or kernels.good.pick has listed them
    ground    `ground_of` the program's lanes and the open windows
    need      int64[3]; where a window is not open: its lane, start (µs) and city
    ->        good.used[0] when done, else the reading at which to go on once that window is open

    O(n * lanes of the quantity). Errors: none.
    """
    count = int(good.used[0])
    return int(_accumulate(good.reading, count, good.span, ground, start, need)) if start < count else count
