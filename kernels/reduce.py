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
from kernels.wide import add128, device_mean, multiplied, scaled

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
_MEAN, _LAST, _SUM, _LAST_SUM, _EXTREMES, _PEOPLE, _ENERGY, _STEPS = (1 << bit for bit in range(8))
_NEEDS = np.array(
    [_MEAN, _LAST, _SUM, 0, _LAST_SUM, _ENERGY, _EXTREMES, _EXTREMES, 0, _MEAN, _MEAN, _SUM | _STEPS, 0, _SUM, _PEOPLE], np.int64
)  # by function: what its rows are made of
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
def _overlap(spans: Any, city: int, from_us: int, to_us: int) -> Any:
    """How much of [from_us, to_us) lies in the spans of a city."""
    total = np.int64(0)
    for k in range(spans.first[city], spans.first[city + 1]):
        total += max(0, min(spans.edges_us[k, 1], to_us) - max(spans.edges_us[k, 0], from_us))
    return total


@jit
def _due(overlap: int, cadence_us: int) -> Any:
    """Millionths of a reading that are due."""
    if overlap <= 0:
        return np.int64(0)
    whole = overlap // cadence_us
    return whole * 1_000_000 + (overlap - whole * cadence_us) * 1_000_000 // cadence_us


@jit
def _wanted(functions: Any) -> Any:
    """What the functions of a block need: bits MEAN, LAST, SUM, LAST_SUM, EXTREMES, PEOPLE, ENERGY, STEPS."""
    wants = 0
    for j in range(functions.shape[0]):
        wants |= _NEEDS[functions[j, 0]]
    return wants


@jit
def _sum_device(cell: Any, p: int, device: Any, wants: int, a: int, out: Any) -> None:
    """Add device row p (readings, good_due, mean hi lo, weighted hi lo, people) to area a.

    Columns: devices, readings, good_due, mean hi lo, last hi lo, sum hi lo, last_sum hi lo, low, high, weighted hi lo, weight.
    """
    if wants & 16:
        if out[a, 0] == 0:
            out[a, 11] = cell[p, 3]
            out[a, 12] = cell[p, 4]
        else:
            out[a, 11] = min(out[a, 11], cell[p, 3])
            out[a, 12] = max(out[a, 12], cell[p, 4])
    out[a, 0] += 1
    out[a, 1] += device[0]
    out[a, 2] += device[1]
    if wants & 1:
        add128(out, a, 3, device[2], device[3])
    if wants & 2:
        hi, lo = scaled(cell[p, 6], 0)
        add128(out, a, 5, hi, lo)
    if wants & 4:
        add128(out, a, 7, cell[p, 2], cell[p, 1])
    if wants & 8:
        add128(out, a, 9, cell[p, 6] >> 63, cell[p, 6])
    if wants & 32:
        add128(out, a, 13, device[4], device[5])
        out[a, 15] += device[6]


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
def _emit(functions: Any, start_us: int, scratch: Any, out: Any) -> None:
    """A row per function and changed area."""
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


@jit
def _reduce(blocks: Any, span: Any, places: Any, spans: Any, functions: Any, scratch: Any, out: Any) -> None:
    cell, energy, dirty = blocks.cell, blocks.energy, blocks.dirty
    slot, area, cadence_us, due_from_us, due_to_us = places.slot, places.area, places.cadence_us, places.due_from_us, places.due_to_us
    number, energies, changed = scratch.number, scratch.energy, scratch.changed
    base, start_us, end_us = span[0], span[1], span[2]
    number[:], energies[:], changed[:] = 0, 0.0, 0
    wants, parted = _wanted(functions), spans.edges_us.shape[0] > 0
    for r in range(slot.size):
        p, s = base + r, slot[r]
        if cell[p, 0] == 0 and cell[p, 7] == 0:
            if dirty[p] != 0:  # a correction took its only reading back
                _mark(area[s], changed)
                dirty[p] = 0
            continue
        low_us, high_us = max(start_us, due_from_us[s]), min(end_us, due_to_us[s])
        due = _due(_overlap(spans, places.city[s], low_us, high_us) if parted else high_us - low_us, cadence_us[s])
        weight = cell[p, 7] if cell[p, 7] != 0 else cell[p, 0]  # durations in ordered lanes, else readings
        mean_hi, mean_lo, people_hi, people_lo, people = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        if wants & 33:
            mean_hi, mean_lo = device_mean(cell[p, 2], cell[p, 1], weight)
        if wants & 32:
            people = places.population[s]
            people_hi, people_lo = multiplied(mean_hi, mean_lo, people)
        device = (cell[p, 0], min(cell[p, 0] * 1_000_000, due), mean_hi, mean_lo, people_hi, people_lo, people)
        strength = float(cell[p, 7]) if wants & 128 else energy[p] / weight
        for level in range(3):
            a = area[s, level]
            if a >= 0:
                _sum_device(cell, p, device, wants, a, number)
                energies[a] += strength
                if dirty[p] != 0:
                    changed[a] = 1
        dirty[p] = 0
    _emit(functions, start_us, scratch, out)


def reduce_block(blocks: Blocks, span: I64, places: Places, functions: I32, scratch: Scratch, out: PartialRows, spans: Spans = WHOLE) -> None:
    """Append the changed areas' rows of one block to `out` and clear its dirty marks.

    blocks     accumulate.Blocks; span int64[3]: base row, window start, window end (µs)
    functions  int32[m, 2]: function code (place in FUNCTIONS) and the aggregate's number
    out        has room for m * areas rows more
    spans      where the block is of a part of the day: when, by city; readings are due in them only

    O(rows * levels + m * areas). Errors: none.
    """
    _reduce(blocks, span, places, spans, functions, scratch, out)
