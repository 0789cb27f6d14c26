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
from kernels.wide import device_mean, multiplied, scaled

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
_SUM_AT = np.array([3, 5, 7, 0, 9, 0, 0, 0, 0, 3, 3, 7, 0, 7, 13], np.int64)  # by function: where its 128-bit sum lies in Scratch.number, 0 nowhere
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


class Listed(NamedTuple):
    """What the blocks of a program are reduced by, end to end: slots by quantity q, functions by lane l."""

    slot: I32  # [...] as Places.slot of each quantity
    slot_at: I64  # [q + 1] first of each
    function: I32  # [..., 2] function code and the aggregate's number
    function_at: I64  # [l + 1]
    quantity: I64  # [l]


class Scratch(NamedTuple):
    """Work space by area a: integers, energies, which areas changed, which are not zero and which are to be told; and one device's integers.

    Integers, energies and marks are zero between calls.

    Integers: devices, readings, good_due, mean hi lo, last hi lo, sum hi lo, last_sum hi lo, low, high, weighted hi lo, weight.
    """

    number: I64  # [a, 16]
    energy: F64  # [a]
    changed: U8  # [a]
    touched: I32  # [a]
    told: I32  # [a]
    device: I64  # [16]
    columns: I64  # [5]


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
    return Scratch(
        np.zeros((areas, 16), np.int64),
        np.zeros(areas),
        np.zeros(areas, np.uint8),
        np.zeros(areas, np.int32),
        np.zeros(areas, np.int32),
        np.zeros(16, np.int64),
        np.zeros(5, np.int64),
    )


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
def _columns(wants: int, columns: Any) -> Any:
    """Where the 128-bit sums that are wanted lie in Scratch.number; returns how many they are."""
    n = 0
    for bit, at in ((1, 3), (2, 5), (4, 7), (8, 9), (32, 13)):
        if wants & bit:
            columns[n] = at
            n += 1
    return n


@jit
def _mark(areas: Any, changed: Any) -> None:
    for level in range(3):
        if areas[level] >= 0:
            changed[areas[level]] = 1


@jit
def _emit(functions: Any, start_us: int, scratch: Any, out: Any, t: int) -> None:
    """A row per function and changed area, function after function; then the scratch, of which t areas were touched, is zero again."""
    # No call in the loop: each array handed over is counted, atomically, and that costs more than the row.
    number, energy, changed = scratch.number, scratch.energy, scratch.changed
    aggregate, area, begins, into, real = out.aggregate, out.area, out.start_us, out.number, out.real
    told, many, n = scratch.told, 0, out.used[0]
    for area_ in range(changed.size):
        told[many] = area_  # without a branch: the next one overwrites an area that has not changed
        many += changed[area_]
    for j in range(functions.shape[0]):
        code, from_ = functions[j, 0], _SUM_AT[functions[j, 0]]
        for m in range(many):
            a = told[m]
            aggregate[n], area[n], begins[n], real[n] = functions[j, 1], a, start_us, 0.0
            into[n, 0], into[n, 1], into[n, 2] = number[a, 0], number[a, 1], number[a, 2]
            into[n, 3], into[n, 4], into[n, 5], into[n, 6] = 0, 0, 0, 0
            if from_ > 0:
                into[n, 3], into[n, 4] = number[a, from_], number[a, from_ + 1]
            if code == 3:
                into[n, 4] = number[a, 1]
            elif code in (5, 11):
                real[n] = energy[a]
            elif code in (6, 7):
                into[n, 5], into[n, 6] = number[a, 11], number[a, 12]
            elif code == 14:
                real[n] = number[a, 15]
            n += 1
    out.used[0] = n
    for n in range(t):
        number[scratch.touched[n]], energy[scratch.touched[n]] = 0, 0.0
    changed[:] = 0


@jit
def _reduce(blocks: Any, span: Any, places: Any, spans: Any, functions: Any, scratch: Any, out: Any) -> None:
    # No array is handed to a function for a device: each is counted, atomically, and eighty of these cost more than what is done with them.
    cell, real, base = blocks.cell, blocks.real, span[0]
    slot, area, cadence_us, due_from_us, due_to_us = places.slot, places.area, places.cadence_us, places.due_from_us, places.due_to_us
    number, energies, changed = scratch.number, scratch.energy, scratch.changed
    touched, one, columns = scratch.touched, scratch.device, scratch.columns
    wants, parted, people, t = _wanted(functions), spans.edges_us.shape[0] > 0, places.population, 0
    sums = _columns(wants, columns)
    for r in range(slot.size):
        p, s = base + r, slot[r]
        n, dirty = cell[p, 0] >> 1, cell[p, 0] & 1
        if dirty != 0:
            cell[p, 0] -= 1
        if n == 0 and cell[p, 7] == 0:
            if dirty != 0:  # a correction took its only reading back
                _mark(area[s], changed)
            continue
        low_us, high_us = max(span[1], due_from_us[s]), min(span[2], due_to_us[s])
        due = _due(_overlap(spans, places.city[s], low_us, high_us) if parted else high_us - low_us, cadence_us[s])
        weight = n if wants & 64 or cell[p, 7] == 0 else cell[p, 7]  # durations in ordered lanes, else readings
        one[1], one[2], one[7], one[8] = n, min(n * 1_000_000, due), cell[p, 2], cell[p, 1]
        one[3], one[4] = device_mean(cell[p, 2], cell[p, 1], weight) if wants & 33 else (0, 0)
        one[5], one[6] = scaled(cell[p, 6], 0)
        one[9], one[10], one[15] = cell[p, 6] >> 63, cell[p, 6], people[s] if wants & 32 else 0
        one[13], one[14] = multiplied(one[3], one[4], one[15]) if wants & 32 else (0, 0)
        for level in range(3):
            a = area[s, level]
            if a < 0:
                continue
            if number[a, 0] == 0:
                touched[t], number[a, 11], number[a, 12], t = a, cell[p, 3], cell[p, 4], t + 1
            number[a, 11], number[a, 12] = min(number[a, 11], cell[p, 3]), max(number[a, 12], cell[p, 4])
            number[a, 0], number[a, 1], number[a, 2] = number[a, 0] + 1, number[a, 1] + one[1], number[a, 2] + one[2]
            for j in range(sums):
                k, after = columns[j], np.uint64(number[a, columns[j] + 1]) + np.uint64(one[columns[j] + 1])
                number[a, k], number[a, k + 1] = number[a, k] + one[k] + np.int64(after < np.uint64(one[k + 1])), np.int64(after)
            number[a, 15], changed[a] = number[a, 15] + one[15], changed[a] | dirty
            energies[a] += float(cell[p, 7]) if wants & 128 else real[p, 7] / weight if wants & 64 else 0.0
    _emit(functions, span[1], scratch, out, t)


@jit
def _reduce_each(blocks: Any, windows: Any, listed: Any, places: Any, spans: Any, scratch: Any, out: Any, first: Any) -> None:
    slot, slot_at, function, function_at = listed.slot, listed.slot_at, listed.function, listed.function_at
    for w in range(windows.shape[0]):
        begin, lane = slot_at[windows[w, 4]], windows[w, 5]
        here = Places(
            slot[begin : begin + windows[w, 3]], places.area, places.cadence_us, places.due_from_us, places.due_to_us, places.population, places.city
        )
        first[w] = out.used[0]
        _reduce(blocks, windows[w], here, spans, function[function_at[lane] : function_at[lane + 1]], scratch, out)


def reduce_blocks(blocks: Blocks, windows: I64, listed: Listed, places: Places, scratch: Scratch, out: PartialRows) -> I64:
    """`reduce_block` of many blocks that are of no part of the day, in one call.

    windows    int64[w, 6]: base row, window start, window end (µs), rows, quantity, lane
    places     of any quantity: its slots are not read
    ->         int64[w], the row of `out` at which each begins
    """
    first = np.zeros(windows.shape[0], np.int64)
    _reduce_each(blocks, windows, listed, places, WHOLE, scratch, out, first)
    return first


def listed_of(places: list[Places], functions: list[I32], quantity: I64) -> Listed:
    """The slots of each quantity and the functions of each lane, end to end; quantity by lane."""
    slots = [each.slot for each in places]
    return Listed(
        np.concatenate([np.zeros(0, np.int32), *slots]),
        np.cumsum([0, *(each.size for each in slots)]).astype(np.int64),
        np.concatenate([np.zeros((0, 2), np.int32), *functions]),
        np.cumsum([0, *(each.shape[0] for each in functions)]).astype(np.int64),
        quantity,
    )


def reduce_block(blocks: Blocks, span: I64, places: Places, functions: I32, scratch: Scratch, out: PartialRows, spans: Spans = WHOLE) -> None:
    """Append the changed areas' rows of one block to `out` and clear its dirty marks.

    blocks     accumulate.Blocks; span int64[3]: base row, window start, window end (µs)
    functions  int32[m, 2]: function code (place in FUNCTIONS) and the aggregate's number
    out        has room for m * areas rows more
    spans      where the block is of a part of the day: when, by city; readings are due in them only

    O(rows * levels + m * areas). Errors: none.
    """
    _reduce(blocks, span, places, spans, functions, scratch, out)
