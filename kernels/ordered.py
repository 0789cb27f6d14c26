"""Aggregates that need readings in the order of time: counter increases, and values that hold until the next.

A track follows one lane over its devices. Readings are fed in order once the watermark has passed them (rule 10), so
every number is an integer and free of the order of arrival.

Promises  time_mean and time_share: sums of value times µs, and µs, per window; a value holds at most max_hold_us.
          increase: the step between two good readings belongs to the window of the later; a fall is a reset to zero.
          Steps are counted, too: a first reading alone says nothing.
          In a part of the day only time that lies in it, and steps whose later reading does, count.
Leaves    Readings that lie in the windows at hand to kernels.feeding; sorting and holding back to stream.worker.partition.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.calendar import edge, end_of, in_part, start_of
from kernels.lanes import Blocks, Lanes

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

NOTHING_US = -(1 << 62)


class Tracks(NamedTuple):
    """The ordered lanes, by track t."""

    lane: I32
    quantity: I32
    function: I32  # code of kernels.reduce.FUNCTIONS: time_mean, time_share or increase
    above: I64  # time_share: the limit as an integer of the resolution; a value at or above it counts
    span: I32  # [q, 2] first track of a quantity, and one past its last: they stand together


def new_tracks(lane: I32, quantity: I32, function: I32, above: I64, quantities: int) -> Tracks:
    """Tracks by t, those of one quantity side by side; raises ValueError where they are not."""
    span = np.zeros((max(1, quantities), 2), np.int32)
    for q in np.unique(quantity).tolist():
        mine = np.flatnonzero(quantity == q)
        if mine[-1] - mine[0] + 1 != mine.size:
            raise ValueError(f"tracks: wanted those of quantity {q} side by side, got numbers {mine.tolist()}")
        span[q] = mine[0], mine[-1] + 1
    return Tracks(lane, quantity, function, above, span)


class Held(NamedTuple):
    """What each device said last, by track t and slot s."""

    at_us: I64
    value: I64
    fed_us: I64  # up to where its duration is counted


class Ground(NamedTuple):
    """Everything that the loops read and write."""

    lanes: Lanes
    blocks: Blocks
    tracks: Tracks
    held: Held
    hold_us: I64  # [s] how long a value holds at most


def new_held(tracks: int, slots: int) -> Held:
    """Nothing held yet."""
    shape = (tracks, slots)
    return Held(np.full(shape, NOTHING_US, np.int64), np.zeros(shape, np.int64), np.full(shape, NOTHING_US, np.int64))


@jit
def _block(blocks: Any, lane: int, start_us: int) -> Any:
    for j in range(blocks.open[lane]):
        if blocks.start_us[blocks.of_lane[lane, j]] == start_us:
            return blocks.of_lane[lane, j]
    return -1


@jit
def _next_part(lanes: Any, city: int, at_us: int) -> Any:
    """The next edge between parts of the day after at_us (µs)."""
    low, high = lanes.calendar_at[city, 4], lanes.calendar_at[city, 5]
    k = edge(lanes.edges, low, high, at_us) + 1
    return lanes.edges[k] if k < high else np.int64(1 << 62)


@jit
def add_product(cell: Any, p: Any, value: Any, duration_us: Any) -> None:
    """cell sum += value * duration_us; the product may pass 64 bits, so it is made of 32-bit halves."""
    negative = value < 0
    v, d = np.uint64(-value if negative else value), np.uint64(duration_us)
    mask = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    ll, lh, hl, hh = (v & mask) * (d & mask), (v & mask) * (d >> shift), (v >> shift) * (d & mask), (v >> shift) * (d >> shift)
    middle = (ll >> shift) + (lh & mask) + (hl & mask)
    lo = (ll & mask) | (middle << shift)
    hi = hh + (lh >> shift) + (hl >> shift) + (middle >> shift)
    if negative:
        lo = ~lo + np.uint64(1)
        hi = ~hi + (np.uint64(1) if lo == np.uint64(0) else np.uint64(0))
    before = np.uint64(cell[p, 1])
    after = before + lo
    cell[p, 1] = np.int64(after)
    cell[p, 2] += np.int64(hi) + (1 if after < before else 0)


@jit
def term(function: Any, before: Any, v: Any, above: Any) -> Any:
    """What is counted of a value that held, or of a step from it to v."""
    if function == 11:
        return v - before if v >= before else v
    if function == 10:
        return np.int64(1) if before >= above else np.int64(0)
    return before


@jit
def _advance(ground: Any, t: int, s: int, until_us: int, write: bool, need: Any) -> Any:
    """Count the held value up to until_us; False where a window it touches is not open (then nothing was written)."""
    lanes, blocks, tracks, held = ground.lanes, ground.blocks, ground.tracks, ground.held
    if held.at_us[t, s] == -(1 << 62):
        return True
    lane, city = tracks.lane[t], lanes.slot_city[s]
    row = lanes.row[tracks.quantity[t], s]
    end = min(until_us, held.at_us[t, s] + ground.hold_us[s])
    at = held.fed_us[t, s]
    part = lanes.part[lane]
    value = term(tracks.function[t], held.value[t, s], held.value[t, s], tracks.above[t])
    while at < end:
        start = start_of(lanes, city, lanes.window[lane], at)
        stop = end_of(lanes, city, lanes.window[lane], at)
        b = _block(blocks, lane, start)
        if b < 0:
            need[0], need[1], need[2] = lane, start, city
            return False
        inside = True
        if part != 0:
            stop, inside = min(stop, _next_part(lanes, city, at)), in_part(lanes, city, part, at)
        if write and inside:
            p = blocks.base[b] + row
            add_product(blocks.cell, p, value, min(stop, end) - at)
            blocks.cell[p, 7] += min(stop, end) - at
            blocks.cell[p, 0] |= 1
        at = stop
    if write:
        held.fed_us[t, s] = max(held.fed_us[t, s], until_us)
    return True


@jit
def _note(ground: Any, t: int, s: int, at_us: int, v: int, write: bool, need: Any) -> Any:
    """Count the reading itself in its window, and the increase since the one before."""
    lanes, blocks, tracks, held = ground.lanes, ground.blocks, ground.tracks, ground.held
    lane, city = tracks.lane[t], lanes.slot_city[s]
    start = start_of(lanes, city, lanes.window[lane], at_us)
    b = _block(blocks, lane, start)
    if b < 0:
        need[0], need[1], need[2] = lane, start, city
        return False
    if write:
        if in_part(lanes, city, lanes.part[lane], at_us):
            p = blocks.base[b] + lanes.row[tracks.quantity[t], s]
            blocks.cell[p, 0] = (blocks.cell[p, 0] + 2) | 1
            if tracks.function[t] == 11 and held.at_us[t, s] != -(1 << 62):
                add_product(blocks.cell, p, term(11, held.value[t, s], v, tracks.above[t]), 1)
                blocks.cell[p, 7] += 1
        held.at_us[t, s], held.value[t, s], held.fed_us[t, s] = at_us, v, at_us
    return True


@jit
def feed_across(ground: Any, rows: Any, i: Any, need: Any) -> Any:
    """One reading on the long way: first every window is looked for, then written; False where one is missing."""
    lanes, tracks, hit = ground.lanes, ground.tracks, ground.blocks.hit
    s, q, at, v = rows[0][i], rows[1][i], rows[2][i], rows[3][i]
    for write in (False, True):
        for t in range(tracks.span[q, 0], tracks.span[q, 1]):
            if tracks.function[t] != 11 and not _advance(ground, t, s, at, write, need):
                return False
            if not _note(ground, t, s, at, v, write, need):
                return False
            lane, city = tracks.lane[t], lanes.slot_city[s]
            start = start_of(lanes, city, lanes.window[lane], at)
            hit[lane, 0], hit[lane, 1] = start, end_of(lanes, city, lanes.window[lane], at)
            hit[lane, 2], hit[lane, 3] = ground.blocks.base[_block(ground.blocks, lane, start)], city
    return True


@jit
def _close(t: int, until_us: Any, ground: Any, need: Any) -> Any:
    lanes, tracks = ground.lanes, ground.tracks
    if tracks.function[t] == 11:
        return True
    for write in (False, True):
        for s in range(ground.held.at_us.shape[1]):
            if lanes.row[tracks.quantity[t], s] >= 0 and not _advance(ground, t, s, until_us[lanes.slot_city[s]], write, need):
                return False
    return True


def close(t: int, until_us: I64, ground: Ground, need: I64) -> bool:
    """Count what track t's devices hold up to until_us[city]; False where a window is missing (see `need`), nothing written."""
    return bool(_close(t, until_us, ground, need))
