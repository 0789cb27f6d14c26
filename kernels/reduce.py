"""Reduce device accumulators to areas: the absolute partial rows that a worker publishes.

Promises  Integer sums in 128 bits; a device's mean enters as an integer of 2^-50 of the resolution, half to even.
          Every level is summed from device rows, never from a lower level.
Leaves    Merging over partitions to the combiner.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.lanes import Blocks

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

FUNCTIONS = (
    "mean", "last", "sum", "count", "last_sum", "leq", "min", "max", "count_devices", "time_mean", "time_share", "increase", "percentile",
    "mean_count", "mean_population",
)  # fmt: skip
"""A function's code, here and in kernels.ordered, is its place in this tuple; a weighted mean has one of its own."""
PERCENTILE = FUNCTIONS.index("percentile")
LEVELS = 3


class Places(NamedTuple):
    """Where the devices of one block stand and when they are due, by block row r."""

    slot: I32  # [r]
    area: I32  # [s, LEVELS] area numbers, -1 where none
    cadence_us: I64  # [s]
    due_from_us: I64  # [s]
    due_to_us: I64  # [s]
    population: I64  # [s] people of the smallest area, the weight of mean_population
    city: I32  # [s]


class Spans(NamedTuple):
    """The part of the day of a block: the spans of city c, first[c] to first[c + 1]. No spans at all: the whole window."""

    first: I64  # [c + 1]
    edges_us: I64  # [n, 2] from, to


WHOLE = Spans(np.zeros(1, np.int64), np.zeros((0, 2), np.int64))


class Scratch(NamedTuple):
    """Work space by area a: integers (see _sum_device), energies, and which areas changed."""

    number: I64  # [a, 16]
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
    return Scratch(np.zeros((areas, 16), np.int64), np.zeros(areas), np.zeros(areas, np.uint8))


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
    """v * 2^50 + fraction (0 <= fraction <= 2^50) as (hi, lo)."""
    lo = np.uint64(v) << np.uint64(50)
    after = lo + np.uint64(fraction)
    return (v >> 14) + (1 if after < lo else 0), np.int64(after)


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
    """(hi, lo) / count in units of 2^-50, half to even, as (hi, lo); 0 < count < 2^47 (readings, or a year in µs)."""
    q, r = _divide(hi, lo, count)
    if count < 8192:
        r <<= 50
        fraction = r // count
        r -= fraction * count
    else:
        fraction = 0
        for bits in (13, 13, 12, 12):
            r <<= bits
            digit = r // count
            r -= digit * count
            fraction = (fraction << bits) + digit
    twice = 2 * r
    if twice > count or (twice == count and fraction & 1 == 1):
        fraction += 1
    return _scaled(q, fraction)


@jit
def _multiplied(hi: int, lo: int, weight: int) -> Any:
    """(hi, lo) * weight as (hi, lo), modulo 2^128; 0 <= weight."""
    low, w, mask, shift = np.uint64(lo), np.uint64(weight), np.uint64(0xFFFFFFFF), np.uint64(32)
    ll, lh, hl, hh = (low & mask) * (w & mask), (low & mask) * (w >> shift), (low >> shift) * (w & mask), (low >> shift) * (w >> shift)
    middle = (ll >> shift) + (lh & mask) + (hl & mask)
    top = hh + (lh >> shift) + (hl >> shift) + (middle >> shift)
    return hi * weight + np.int64(top), np.int64((ll & mask) | (middle << shift))


@jit
def _due(start_us: int, end_us: int, places: Any, s: int, spans: Any) -> Any:
    """Millionths of a reading that are due of a device in the window, in the spans of its city where there are some."""
    from_us, to_us, cadence_us = places.due_from_us[s], places.due_to_us[s], places.cadence_us[s]
    if spans.edges_us.shape[0] == 0:
        overlap = max(0, min(end_us, to_us) - max(start_us, from_us))
    else:
        overlap = 0
        for k in range(spans.first[places.city[s]], spans.first[places.city[s] + 1]):
            overlap += max(0, min(spans.edges_us[k, 1], to_us) - max(spans.edges_us[k, 0], from_us))
    whole = overlap // cadence_us
    return whole * 1_000_000 + (overlap - whole * cadence_us) * 1_000_000 // cadence_us


@jit
def _device(cell: Any, p: int, due: int, population: int, weighted: bool, out: Any) -> None:
    """What device row p adds to each of its areas; a row with durations (ordered lanes) is weighted by them, another by its readings.

    out: readings, good_due, mean hi lo, last hi lo, weighted hi lo.
    """
    n, weight = cell[p, 0], cell[p, 7] if cell[p, 7] != 0 else cell[p, 0]
    out[0], out[1] = n, min(n * 1_000_000, due)
    out[2], out[3] = device_mean(cell[p, 2], cell[p, 1], weight)
    out[4], out[5] = _scaled(cell[p, 6], 0)
    if weighted:
        out[6], out[7] = _multiplied(out[2], out[3], population)


@jit
def _sum_device(cell: Any, p: int, device: Any, population: int, a: int, out: Any) -> None:
    """Add device row p to area a.

    Columns: devices, readings, good_due, mean hi lo, last hi lo, sum hi lo, last_sum hi lo, low, high, weighted hi lo, weight.
    """
    if out[a, 0] == 0:
        out[a, 11] = cell[p, 3]
        out[a, 12] = cell[p, 4]
    else:
        out[a, 11] = min(out[a, 11], cell[p, 3])
        out[a, 12] = max(out[a, 12], cell[p, 4])
    out[a, 0] += 1
    out[a, 1] += device[0]
    out[a, 2] += device[1]
    _add128(out, a, 3, device[2], device[3])
    _add128(out, a, 5, device[4], device[5])
    _add128(out, a, 7, cell[p, 2], cell[p, 1])
    _add128(out, a, 9, cell[p, 6] >> 63, cell[p, 6])
    if population >= 0:
        _add128(out, a, 13, device[6], device[7])
        out[a, 15] += population


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
    elif function in (2, 11, 13):
        out.number[n, 3], out.number[n, 4] = number[a, 7], number[a, 8]
        if function == 11:
            out.real[n] = scratch.energy[a]
    elif function == 3:
        out.number[n, 4] = number[a, 1]
    elif function == 4:
        out.number[n, 3], out.number[n, 4] = number[a, 9], number[a, 10]
    elif function == 5:
        out.real[n] = scratch.energy[a]
    elif function in (6, 7):
        out.number[n, 5], out.number[n, 6] = number[a, 11], number[a, 12]
    elif function == 14:
        out.number[n, 3], out.number[n, 4], out.real[n] = number[a, 13], number[a, 14], number[a, 15]


@jit
def _mark(areas: Any, changed: Any) -> None:
    for level in range(3):
        if areas[level] >= 0:
            changed[areas[level]] = 1


@jit
def _reduce(blocks: Any, span: Any, places: Any, spans: Any, functions: Any, scratch: Any, out: Any) -> None:
    cell, energy, dirty = blocks.cell, blocks.energy, blocks.dirty
    base, start_us, end_us = span[0], span[1], span[2]
    scratch.number[:] = 0
    scratch.energy[:] = 0.0
    scratch.changed[:] = 0
    device = np.zeros(8, np.int64)
    weighted, stepping = False, False
    for j in range(functions.shape[0]):
        weighted = weighted or functions[j, 0] == 14
        stepping = stepping or functions[j, 0] == 11  # steps of a counter stand where durations do
    for r in range(places.slot.size):
        p = base + r
        s = places.slot[r]
        if cell[p, 0] == 0 and cell[p, 7] == 0:
            if dirty[p] != 0:  # a correction took its only reading back
                _mark(places.area[s], scratch.changed)
                dirty[p] = 0
            continue
        population = places.population[s] if weighted else -1
        _device(cell, p, _due(start_us, end_us, places, s, spans), population, weighted, device)
        strength = float(cell[p, 7]) if stepping else energy[p] / (cell[p, 7] if cell[p, 7] != 0 else cell[p, 0])
        for level in range(3):
            a = places.area[s, level]
            if a >= 0:
                _sum_device(cell, p, device, population, a, scratch.number)
                scratch.energy[a] += strength
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


def reduce_block(blocks: Blocks, span: I64, places: Places, functions: I32, scratch: Scratch, out: PartialRows, spans: Spans = WHOLE) -> None:
    """Append the changed areas' rows of one block to `out` and clear its dirty marks.

    blocks     accumulate.Blocks; span int64[3]: base row, window start, window end (µs)
    functions  int32[m, 2]: function code (place in FUNCTIONS) and the aggregate's number
    out        has room for m * areas rows more
    spans      where the block is of a part of the day: when, by city; readings are due in them only

    O(rows * levels + m * areas). Errors: none.
    """
    _reduce(blocks, span, places, spans, functions, scratch, out)
