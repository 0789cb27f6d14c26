"""Accumulate readings into open windows: dense rows of integers per device, one block per lane and window (kernels.lanes).

Promises  Integers of the quantity's resolution, 128-bit sums; free of the order of the rows, but for energies (float64).
Leaves    Opening windows to the caller: the loop stops where one is missing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.bundle import Bundle
from kernels.lanes import ALL_IN, LOOK, SKIP, locate

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@jit
def _add(cell: Any, dirty: Any, r: int, at_us: int, v: int, needs: int) -> None:
    dirty[r] = 1
    n = cell[r, 0]
    cell[r, 0] = n + 1
    before = np.uint64(cell[r, 1])
    after = before + np.uint64(v)
    cell[r, 1] = np.int64(after)
    carry = (v >> 63) + (1 if after < before else 0)
    if carry != 0:
        cell[r, 2] += carry
    if needs & 2:
        if n == 0:
            cell[r, 3] = v
            cell[r, 4] = v
        elif v < cell[r, 3]:
            cell[r, 3] = v
        elif v > cell[r, 4]:
            cell[r, 4] = v
    if needs & 4 and (n == 0 or at_us > cell[r, 5]):
        cell[r, 5] = at_us
        cell[r, 6] = v


@jit
def _energy(power_at: Any, power: Any, resolution: float, q: int, v: int) -> Any:
    k = v - power_at[q, 1]
    if 0 <= k < power_at[q, 2]:
        return power[power_at[q, 0] + k]
    return 10.0 ** (v * resolution / 10.0)


@jit
def _seats(lanes: Any, blocks: Any, low_us: int, high_us: int) -> None:
    """What all rows of a frame from low_us to high_us have in common, by quantity, so that a row need not look.

    seat[q] = (base, needs) where the quantity has one lane and its window at hand holds them all; base SKIP where it has no lane or they lie
    outside its part of the day; base ALL_IN where it has several lanes whose windows at hand hold them; else base LOOK.
    """
    seat, hit = lanes.seat, blocks.hit
    one_city = lanes.calendar_at.shape[0] == 1
    for q in range(seat.shape[0]):
        first, last = lanes.of_quantity[q], lanes.of_quantity[q + 1]
        seat[q, 0] = SKIP
        for j in range(first, last):
            lane = lanes.lane[j]
            if not one_city or low_us < hit[lane, 0] or high_us >= hit[lane, 1]:
                seat[q, 0] = LOOK
                break
            seat[q, 0] = ALL_IN
        if last - first == 1 and seat[q, 0] == ALL_IN:
            lane = lanes.lane[first]
            seat[q, 0] = hit[lane, 2] if hit[lane, 2] >= 0 else SKIP
            seat[q, 1] = lanes.needs[lane]


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
    # Arrays out of their tuples once, and no tuple handed to a function for a row: each array taken out is counted, atomically.
    lanes, blocks = ground.arrays
    row_of, slot_city, seat, cell, energies, dirty = lanes.row, lanes.slot_city, lanes.seat, blocks.cell, blocks.energy, blocks.dirty
    of_quantity, lane_of, needs, hit = lanes.of_quantity, lanes.lane, lanes.needs, blocks.hit
    power_at, power, resolution = lanes.power_at, lanes.power, lanes.resolution
    _seats(lanes, blocks, span[0], span[1])
    for i in range(start, slot.size):
        flag = quality[i] & np.uint16(0x000F)
        if status[i] != 0 or flag < 1 or flag > 2:  # a set literal would be made anew for each row
            continue
        s, q = slot[i], quantity[i]
        r, base = row_of[q, s], seat[q, 0]
        if r < 0 or base == SKIP:
            continue
        at, v = measured_us[i], integer[i]
        if base >= 0:
            _add(cell, dirty, base + r, at, v, seat[q, 1])
            if seat[q, 1] & 1:
                energies[base + r] += _energy(power_at, power, resolution[q], q, v)
            continue
        first, last = of_quantity[q], of_quantity[q + 1]
        if base == LOOK:  # all windows are there before one of them takes the row in
            for j in range(first, last):
                if not _at_hand(hit, lane_of[j], slot_city[s], at) and not locate(lanes, blocks, lane_of[j], slot_city[s], at, need):
                    return i
        for j in range(first, last):
            lane = lane_of[j]
            p = hit[lane, 2] + r
            if hit[lane, 2] >= 0:
                _add(cell, dirty, p, at, v, needs[lane])
                if needs[lane] & 1:
                    energies[p] += _energy(power_at, power, resolution[q], q, v)
    return int(slot.size)


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
