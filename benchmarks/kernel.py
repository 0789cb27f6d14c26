"""The worker's aggregation kernel beside DuckDB on one thread: the same readings, the same result, compared in the run.

The result: count, sum, smallest and largest integer of every device, quantity and minute; then, per area of each level, the mean over
its devices of their means.

Promises  The kernel runs as the worker calls it, frame by frame, on the program that the worker compiles from the catalogue (one lane
          per quantity: its mean over a minute): right after the arrival checks of the same frame, which are not counted and which leave its
          columns in the cache. All frames one after another from memory is told beside it. DuckDB gets the good readings only, as one table
          of plain integers in its memory. Best of some rounds for both, in CPU seconds.
Leaves    The whole worker to benchmarks.catching_up.
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from benchmarks.duck import MINUTE_US, Part, Side, answer
from benchmarks.limits import Record
from catalog.records import KpiDocument, Quantity
from kernels.accumulate import accumulate
from kernels.arrive import NEVER_US, Rows, Verdicts, new_verdicts
from kernels.good import Good
from kernels.lanes import COUNT, HIGH, LOW, SUM_HI, SUM_LO
from kernels.reduce import FUNCTIONS, PartialRows, Scratch, new_rows, new_scratch, reduce_blocks
from kernels.seen import new_seen
from runtime.frames import decode
from stream.worker.blocks import listed, spoke
from stream.worker.partition import WorkerPartition, judge, rows_of

Space = tuple[Scratch, PartialRows]
_NAMES = {"en": "mean", "fr": "mean", "nl": "mean"}


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Kernel against DuckDB."""

    readings: int
    frames: int
    groups: int
    """Devices, quantities and minutes."""
    areas: int
    kernel_s: float
    duckdb_s: float
    kernel_readings_per_s: float
    duckdb_readings_per_s: float
    ratio: float
    equal: bool
    """Counts, sums and extremes to the bit, means of areas to a relative 1e-9."""
    cold_readings_per_s: float
    """The kernel on frames that come from memory, one after another."""
    real_readings_per_s: float
    """The kernel with the catalogue's own KPIs: several windows per quantity, energies of sound."""


def compare(catalogue: Sequence[Record], frames: Sequence[Record], rounds: int = 5) -> Compared:
    """Frames as cut, under the catalogue records that came before them."""
    parts = _parts(catalogue, frames, means_only=True)
    spaces = _spaces(parts)
    kernel_s, cold_s = (min(_run(parts, spaces, hot=hot) for _ in range(rounds + 1)) for hot in (True, False))
    ours = _ours(parts)
    theirs, duckdb_s = answer(parts, rounds)
    real = _parts(catalogue, frames, means_only=False)
    spaces = _spaces(real)
    real_s = min(_run(real, spaces, hot=True) for _ in range(3))
    readings = sum(rows.slot.size for part in parts for rows, _ in part.frames)
    equal = np.array_equal(ours.devices, theirs.devices) and ours.areas.shape == theirs.areas.shape
    equal = equal and bool(np.allclose(ours.areas, theirs.areas, rtol=1e-9, atol=1e-9))
    return Compared(
        readings=readings,
        frames=sum(len(part.frames) for part in parts),
        groups=len(ours.devices),
        areas=len(ours.areas),
        kernel_s=kernel_s,
        duckdb_s=duckdb_s,
        kernel_readings_per_s=readings / kernel_s,
        duckdb_readings_per_s=readings / duckdb_s,
        ratio=duckdb_s / kernel_s,
        equal=equal,
        cold_readings_per_s=readings / cold_s,
        real_readings_per_s=readings / real_s,
    )


def _parts(catalogue: Sequence[Record], frames: Sequence[Record], *, means_only: bool) -> list[Part]:
    workers: dict[int, WorkerPartition] = {}
    for record in catalogue:
        if decode(record.value).meta["kind"] == "catalogue":
            workers.setdefault(record.partition, WorkerPartition(record.partition)).apply(record.value, record.offset)
    if means_only:
        for worker in workers.values():
            _means_only(worker)
    parts = {number: Part(worker, []) for number, worker in workers.items()}
    for record in frames:
        frame = decode(record.value)
        if frame.meta["kind"] == "readings":
            parts[record.partition].frames.append(_arrived(parts[record.partition].worker, frame))
    return [part for _, part in sorted(parts.items()) if part.frames]


def _means_only(worker: WorkerPartition) -> None:
    registry = worker.state.registry
    for id_ in list(registry.of("kpi", KpiDocument)):
        registry.change("kpi", id_, None)
    texts: dict[str, Any] = {"names": _NAMES, "descriptions": _NAMES, "owner": "-", "steward": "-", "source": "-", "check_sql": ""}
    for id_, quantity in list(registry.of("quantity", Quantity).items()):
        if quantity.counter:  # a counter has no mean
            continue
        # Why: a formula has no mean of decibels, and both sides shall do the same work for every quantity: here they are plain numbers.
        registry.change("quantity", id_, msgspec.structs.replace(quantity, unit="1"))
        # Extremes as well, so that both sides compute the same four numbers per device.
        mean = KpiDocument(
            id=f"mean_{id_}",
            version=1,
            unit="1",
            formula=f"mean({id_}) + max({id_}) - min({id_})",
            window="minute",
            better="neither",
            **texts,
        )
        registry.change("kpi", mean.id, mean)
    worker.state.recompile()


def _arrived(worker: WorkerPartition, frame: Any) -> tuple[Rows, Verdicts]:
    """The worker's own first half: ids to numbers, arrival checks."""
    (rows, _), verdicts = rows_of(frame, worker.state.program), new_verdicts(frame.rows)
    judge(rows, worker.state, verdicts)
    return rows, verdicts


def _empty(worker: WorkerPartition) -> None:
    """As before the first reading, but that windows are open."""
    state = worker.state
    arrays = state.windows.arrays
    arrays.cell[:] = 0
    state.seen, state.watermark_us[:], state.quiet_from_us[:] = new_seen(), NEVER_US, NEVER_US


def _run(parts: list[Part], spaces: list[Space], *, hot: bool) -> float:
    """Accumulate all frames into emptied windows and reduce them to areas; CPU s. hot: each frame right after its arrival checks, not counted.

    A frame takes some µs and asking the clock a part of one: what that takes is measured and not counted, either.
    """
    spent_s, asked = 0.0, 0
    for part, space in zip(parts, spaces, strict=True):
        _empty(part.worker)
        for frames in [[frame] for frame in part.frames] if hot else [part.frames]:
            if hot:
                judge(frames[0][0], part.worker.state, frames[0][1])
            began_s = time.process_time()
            for _, verdicts in frames:
                _accumulate(part.worker, verdicts.good)
            spent_s, asked = spent_s + time.process_time() - began_s, asked + 1
        began_s = time.process_time()
        _reduced(part.worker, space)
        spent_s, asked = spent_s + time.process_time() - began_s, asked + 1
    return spent_s - asked * _clock_s()


def _clock_s() -> float:
    """What stands between two looks at the clock with nothing in between; the quickest of many."""
    return min(-(time.process_time() - time.process_time()) for _ in range(1_000))


def _accumulate(worker: WorkerPartition, good: Good) -> None:
    state, program, at = worker.state, worker.state.program, 0
    need = np.zeros(3, np.int64)
    while (at := accumulate(good, state.windows.ground(program.lanes), at, need)) < good.used[0]:
        state.windows.open(program, *(int(each) for each in need))


def _spaces(parts: list[Part]) -> list[Space]:
    """By part, room to reduce all open windows in, once these are open; as the worker keeps its own, it is the same for all rounds."""
    for part in parts:
        for _, verdicts in part.frames:
            _accumulate(part.worker, verdicts.good)
    return [_space(part.worker) for part in parts]


def _space(worker: WorkerPartition) -> Space:
    areas, windows = len(worker.state.program.areas), len(worker.state.windows.windows)
    return new_scratch(areas), new_rows(max(1, windows) * areas * 8 + 1)


def _reduced(worker: WorkerPartition, space: Space) -> PartialRows:
    state, program = worker.state, worker.state.program
    scratch, found = space
    found.used[0] = 0
    windows = listed(list(state.windows.windows.values()), program.listed.quantity)
    reduce_blocks(state.windows.arrays, windows, program.listed, program.places[0], scratch, found)
    return found


def _ours(parts: list[Part]) -> Side:
    devices: list[tuple[int, ...]] = []
    areas: dict[tuple[int, int, int], tuple[int, int]] = {}
    for part in parts:
        _run([part], [_space(part.worker)], hot=True)  # as after the timed rounds; the marks of what changed are set again below
        state, program = part.worker.state, part.worker.state.program
        for window in state.windows.windows.values():
            quantity = program.quantity_number[program.lane_keys[window.lane][0]]
            cells = state.windows.arrays.cell[window.base : window.base + window.rows]
            for r in np.flatnonzero(spoke(cells)):
                cell = cells[r]
                total = (int(cell[SUM_HI]) << 64) + (int(cell[SUM_LO]) & ((1 << 64) - 1))
                key = (part.worker.partition, int(program.places[quantity].slot[r]), quantity, window.start_us // MINUTE_US)
                devices.append((*key, int(cell[COUNT]) >> 1, total, int(cell[LOW]), int(cell[HIGH])))
        state.windows.mark_all()
        _add_areas(part.worker, areas)
    rows = [(*key, n, total / n / (1 << 50)) for key, (n, total) in sorted(areas.items())]
    return Side(np.array(sorted(devices), np.int64), np.array(rows))


def _add_areas(worker: WorkerPartition, areas: dict[tuple[int, int, int], tuple[int, int]]) -> None:
    """Merge a partition's partial rows, as the combiner does."""
    program, found = worker.state.program, _reduced(worker, _space(worker))
    lane_of = {int(number): lane for lane, pairs in enumerate(program.functions) for code, number in pairs if code == FUNCTIONS.index("mean")}
    for n in range(int(found.used[0])):
        if int(found.aggregate[n]) not in lane_of:  # an extreme
            continue
        quantity = program.quantity_number[program.lane_keys[lane_of[int(found.aggregate[n])]][0]]
        key = (quantity, int(found.start_us[n]) // MINUTE_US, int(found.area[n]))
        devices, hi, lo = int(found.number[n, 0]), int(found.number[n, 3]), int(found.number[n, 4]) & ((1 << 64) - 1)
        before = areas.get(key, (0, 0))
        areas[key] = (before[0] + devices, before[1] + (hi << 64) + lo)
