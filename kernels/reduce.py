"""Reduce device accumulators to areas: the absolute partial rows that a worker publishes.

Promises  Integer sums in 128 bits; a device's mean enters as an integer of 2^-30 of the resolution, half to even.
          Every level is summed from device rows, never from a lower level.
Leaves    Merging over partitions to the combiner.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

FUNCTIONS = ("mean", "last", "sum", "count", "last_sum", "leq", "min", "max", "count_devices", "time_mean", "time_share", "increase", "percentile")
"""A function's code, here and in kernels.ordered, is its place in this tuple."""
PERCENTILE = FUNCTIONS.index("percentile")
LEVELS = 3
_SCALE = 30


class Places(NamedTuple):
    """Where the devices of one block stand and when they are due, by block row r."""

    slot: I32  # [r]
    area: I32  # [s, LEVELS] area numbers, -1 where none
    cadence_us: I64  # [s]
    due_from_us: I64  # [s]
    due_to_us: I64  # [s]


class Scratch(NamedTuple):
    """Work space by area a: integers (see _sum_devices), energies, and which areas changed."""

    number: I64  # [a, 13]
    energy: F64  # [a]
    changed: U8  # [a]


class PartialRows(NamedTuple):
    """Output rows, columns as in kompas.partials.v1; `used[0]` of them are filled."""

    aggregate: I32
    area: I32
    start_us: I64
    number: I64  # [n, 7] devices, readings, good_due, sum_hi, sum_lo, low, high
    real: F64
    used: I64


def new_scratch(areas: int) -> Scratch:
    """Scratch for a areas."""
    return Scratch(np.zeros((areas, 13), np.int64), np.zeros(areas), np.zeros(areas, np.uint8))


def new_rows(capacity: int) -> PartialRows:
    """Room for `capacity` partial rows."""
    return PartialRows(
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int64),
        np.zeros((capacity, 7), np.int64),
        np.zeros(capacity),
        np.zeros(1, np.int64),
    )


@jit
def _add128(number: Any, a: int, at: int, hi: int, lo: int) -> None:
    before = np.uint64(number[a, at + 1])
    after = before + np.uint64(lo)
    number[a, at + 1] = np.int64(after)
    number[a, at] += hi + (1 if after < before else 0)


@jit
def _scaled(v: int, fraction: int) -> Any:
    """v * 2^30 + fraction (0 <= fraction <= 2^30) as (hi, lo)."""
    lo = np.uint64(v) << np.uint64(30)
    after = lo + np.uint64(fraction)
    return (v >> 34) + (1 if after < lo else 0), np.int64(after)


@jit
def _divide(hi: Any, lo: Any, count: Any) -> Any:
    """floor((hi, lo) / count) where the quotient fits 64 bits, and the remainder; count > 0."""
    if hi == lo >> 63:
        q = lo // count
        return q, lo - q * count
    negative = hi < 0
    high, low = np.uint64(hi), np.uint64(lo)
    if negative:
        low = ~low + np.uint64(1)
        high = ~high + (np.uint64(1) if low == np.uint64(0) else np.uint64(0))
    remainder, quotient = np.uint64(0), np.uint64(0)
    for bit in range(127, -1, -1):
        source = high >> np.uint64(bit - 64) if bit >= 64 else low >> np.uint64(bit)
        remainder = (remainder << np.uint64(1)) | (source & np.uint64(1))
        quotient <<= np.uint64(1)
        if remainder >= np.uint64(count):
            remainder -= np.uint64(count)
            quotient |= np.uint64(1)
    q, r = np.int64(quotient), np.int64(remainder)
    if negative:
        return (-q, 0) if r == 0 else (-q - 1, count - r)
    return q, r


@jit
def device_mean(hi: int, lo: int, count: int) -> Any:
    """(hi, lo) / count in units of 2^-30, half to even, as (hi, lo); 0 < count < 2^47 (readings, or a year in µs)."""
    q, r = _divide(hi, lo, count)
    r <<= 15
    upper = r // count
    r = (r - upper * count) << 15
    lower = r // count
    fraction = (upper << 15) + lower
    twice = 2 * (r - lower * count)
    if twice > count or (twice == count and fraction & 1 == 1):
        fraction += 1
    return _scaled(q, fraction)


@jit
def _due(start_us: int, end_us: int, from_us: int, to_us: int, cadence_us: int) -> Any:
    overlap = min(end_us, to_us) - max(start_us, from_us)
    if overlap <= 0:
        return 0
    whole = overlap // cadence_us
    return whole * 1_000_000 + (overlap - whole * cadence_us) * 1_000_000 // cadence_us


@jit
def _sum_device(cell: Any, energy: float, p: int, due: int, a: int, out: Any) -> None:
    """Add device row p to area a; a row with durations (ordered lanes) is weighted by them, another by its readings.

    Columns: devices, readings, good_due, mean hi lo, last hi lo, sum hi lo, last_sum hi lo, low, high.
    """
    n, weight = cell[p, 0], cell[p, 7] if cell[p, 7] != 0 else cell[p, 0]
    if out.number[a, 0] == 0:
        out.number[a, 11] = cell[p, 3]
        out.number[a, 12] = cell[p, 4]
    else:
        out.number[a, 11] = min(out.number[a, 11], cell[p, 3])
        out.number[a, 12] = max(out.number[a, 12], cell[p, 4])
    out.number[a, 0] += 1
    out.number[a, 1] += n
    out.number[a, 2] += min(n * 1_000_000, due)
    hi, lo = device_mean(cell[p, 2], cell[p, 1], weight)
    _add128(out.number, a, 3, hi, lo)
    hi, lo = _scaled(cell[p, 6], 0)
    _add128(out.number, a, 5, hi, lo)
    _add128(out.number, a, 7, cell[p, 2], cell[p, 1])
    _add128(out.number, a, 9, cell[p, 6] >> 63, cell[p, 6])
    out.energy[a] += energy / weight


@jit
def _write(function: int, scratch: Any, a: int, n: int, out: Any) -> None:
    number = scratch.number
    for j in range(3):
        out.number[n, j] = number[a, j]
    for j in range(3, 7):
        out.number[n, j] = 0
    out.real[n] = 0.0
    if function in (0, 9, 10):
        out.number[n, 3], out.number[n, 4] = number[a, 3], number[a, 4]
    elif function == 1:
        out.number[n, 3], out.number[n, 4] = number[a, 5], number[a, 6]
    elif function in (2, 11):
        out.number[n, 3], out.number[n, 4] = number[a, 7], number[a, 8]
    elif function == 3:
        out.number[n, 4] = number[a, 1]
    elif function == 4:
        out.number[n, 3], out.number[n, 4] = number[a, 9], number[a, 10]
    elif function == 5:
        out.real[n] = scratch.energy[a]
    elif function in (6, 7):
        out.number[n, 5], out.number[n, 6] = number[a, 11], number[a, 12]


@jit
def _reduce(cell: Any, energy: Any, dirty: Any, span: Any, places: Any, functions: Any, scratch: Any, out: Any) -> None:
    base, start_us, end_us = span[0], span[1], span[2]
    scratch.number[:] = 0
    scratch.energy[:] = 0.0
    scratch.changed[:] = 0
    for r in range(places.slot.size):
        p = base + r
        if cell[p, 0] == 0 and cell[p, 7] == 0:
            continue
        s = places.slot[r]
        due = _due(start_us, end_us, places.due_from_us[s], places.due_to_us[s], places.cadence_us[s])
        for level in range(3):
            a = places.area[s, level]
            if a >= 0:
                _sum_device(cell, energy[p], p, due, a, scratch)
                if dirty[p] != 0:
                    scratch.changed[a] = 1
        dirty[p] = 0
    n = out.used[0]
    for j in range(functions.shape[0]):
        for a in range(scratch.changed.size):
            if scratch.changed[a] != 0:
                out.aggregate[n] = functions[j, 1]
                out.area[n] = a
                out.start_us[n] = start_us
                _write(functions[j, 0], scratch, a, n, out)
                n += 1
    out.used[0] = n


def reduce_block(blocks: Any, span: I64, places: Places, functions: I32, scratch: Scratch, out: PartialRows) -> None:
    """Append the changed areas' rows of one block to `out` and clear its dirty marks.

    blocks     accumulate.Blocks; span int64[3]: base row, window start, window end (µs)
    functions  int32[m, 2]: function code (place in FUNCTIONS) and the aggregate's number
    out        has room for m * areas rows more

    O(rows * levels + m * areas). Errors: none.
    """
    _reduce(blocks.cell, blocks.energy, blocks.dirty, span, places, functions, scratch, out)
