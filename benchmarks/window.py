"""The worker's window kernel: beside DuckDB, by number of devices, and by number of KPIs.

Promises  The worker's own program, compiled from the catalogue, on readings of the demo city. State by devices is what the kernels hold
          and touch: accumulator rows and the table of what was seen.
Leaves    The comparison's result to benchmarks.kernel, the whole worker to benchmarks.catching_up.
"""

import gc
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.in_process import Scene, catalogue_frames, reading_frames
from benchmarks.kernel import Compared, compare
from benchmarks.limits import Record
from catalog.records import KpiDocument
from ingest.frames import waiting_s
from kernels.accumulate import accumulate
from kernels.arrive import NEVER_US, Rows, Tables, arrive, new_verdicts
from kernels.lanes import Blocks, Lanes, ground_of, new_cells
from kernels.seen import new_seen, with_room
from runtime.frames import decode
from simulators.worlds import World, world
from stream.shell.holders import LONG_WINDOWS_AT_LEAST_EVERY_S
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition

FULL_FRAME_US, LOAD_FRAME_US = 1_000_000, round(1e6 * waiting_s(50_000.0))
START_US = 1_790_000_040_000_000
FRAME = 4_000
ROWS_EVERY_US = 500_000


class ByDevices(msgspec.Struct, frozen=True, kw_only=True):
    """Arrival checks and accumulation with so many devices, one quantity and one open minute each."""

    devices: int
    spoke: int
    """Those of them that sent: the state is of all, the readings of these."""
    first_ns_per_reading: float
    """A device's first: its places are made, and all tables grow."""
    ns_per_reading: float
    """The next one."""
    window_bytes_per_device: float
    """Of one open window of one quantity."""
    seen_bytes_per_reading: float
    """Key, time and value of the table that finds duplicates, its slack included."""


class ByKpis(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's step per reading with the whole catalogue, and with the one KPI that reads its most frequent quantity."""

    kpis: int
    ns_per_reading: float
    one: str
    one_ns_per_reading: float
    ratio: float


def beside_duckdb(frame_us: int) -> Compared:
    """A minute of 50,000 readings/s of the demo city, cut into frames of frame_us: the readings of one whole window."""
    there = world("brussels", Path("cities"))
    catalogue = [Record(p, n, value) for p, values in enumerate(catalogue_frames(there)) for n, value in enumerate(values)]
    frames = [Record(p, 1_000 + n, value) for n, (_, p, value) in enumerate(_frames(there, frame_us, 60.0, 50_000.0))]
    return compare(catalogue, frames)


def _frames(there: World, frame_us: int, seconds: float, rate: float) -> list[tuple[int, int, bytes]]:
    return [each for each in reading_frames(there, Scene(rate, 10, frame_us, seconds)) if decode(each[2]).meta["kind"] == "readings"]


def measure_devices(devices: int, seed: int = 1) -> ByDevices:
    """Two readings of every device of one partition's state, in frames of FRAME, in random order; of ten million devices two million speak."""
    lanes, blocks, tables = _state(devices)
    ground, need = ground_of(lanes, blocks), np.zeros(3, np.int64)
    order = np.random.default_rng(seed).permutation(devices).astype(np.int32)
    most = min(devices, 2_000_000)
    seen, watermark_us, quiet_us = new_seen(), np.full(1, NEVER_US, np.int64), np.full(1, NEVER_US, np.int64)
    spent_s, kinds = [0.0, 0.0], np.zeros(devices, np.int32)
    for turn in (0, 1):
        for first in range(0, most, FRAME):
            rows = _rows(order[first : first + FRAME], first, turn)
            verdicts = new_verdicts(rows.slot.size)
            began_s = time.process_time()
            seen = arrive(rows, tables, watermark_us, quiet_us, with_room(seen, kinds, watermark_us, rows.slot.size), verdicts)
            done = accumulate(verdicts.good, ground, 0, need)
            spent_s[turn] += time.process_time() - began_s
            if done != rows.slot.size or verdicts.status.any():
                raise AssertionError(f"window of {need.tolist()} is not open, or a reading was not kept")
    return ByDevices(
        devices=devices,
        spoke=most,
        first_ns_per_reading=spent_s[0] / most * 1e9,
        ns_per_reading=spent_s[1] / most * 1e9,
        window_bytes_per_device=blocks.cell.nbytes / devices,
        seen_bytes_per_reading=(seen.series.nbytes + seen.ring.nbytes) / (2 * most),
    )


def _rows(slots: Any, first: int, turn: int) -> Rows:
    n = slots.size
    at_us = START_US + turn * 30_000_000 + first + np.arange(n)
    return Rows(slots, np.zeros(n, np.int32), at_us, at_us + 1_000, np.round(slots % 500 / 10.0, 1), np.full(n, 2, np.uint16))


def _state(devices: int) -> tuple[Lanes, Blocks, Tables]:
    zero, one = np.zeros(1, np.int32), np.zeros(1, np.int64)
    city, powers, place = np.zeros(devices, np.int32), np.zeros((1, 3), np.int64), np.zeros(1, np.int64)
    lanes = Lanes(
        of_quantity=np.array([0, 1], np.int32), lane=zero, row=np.arange(devices, dtype=np.int32)[None, :], window=zero, part=zero,
        needs=np.zeros(1, np.uint8), slot_city=city, calendar_at=np.zeros((1, 6), np.int64), edges=one,
        part_code=np.zeros(1, np.uint8), power_at=powers, power=np.zeros(0), resolution=np.array([0.1]), seat=np.zeros(1, np.int64), place=place,
    )  # fmt: skip
    cell, real = new_cells(devices)
    blocks = Blocks(
        open=np.ones(1, np.int32), of_lane=np.zeros((1, 8), np.int32), start_us=np.array([START_US]), base=one, hit=np.zeros((1, 8), np.int64),
        cell=cell, real=real,
    )  # fmt: skip
    tables = Tables(
        np.zeros(devices, np.int32), np.arange(devices, dtype=np.int32), np.array([0.1]), np.array([[-1e4, 1e4]]), np.full((1, 1), -1e4),
        np.full((1, 1), 1e4), np.array([60_000_000]), np.array([60_000_000]), np.zeros(1, np.uint8), lanes.row,
    )  # fmt: skip
    return lanes, blocks, tables


def measure_kpis() -> ByKpis:
    """The demo city's own mix at its own cadences, whole catalogue against one KPI, in turn."""
    there = world("brussels", Path("cities"))
    frames = _frames(there, LOAD_FRAME_US, 8.0, 50_000.0)
    one = _most_read(there, frames)
    few_s, all_s = [], []
    for _ in range(3):
        few_s.append(_spent(there, frames, {one}))
        all_s.append(_spent(there, frames, None))
    readings = sum(decode(value).rows for _, _, value in frames)
    few, every = min(few_s) / readings * 1e9, min(all_s) / readings * 1e9
    return ByKpis(kpis=len(there.catalogue.kpis), ns_per_reading=every, one=one, one_ns_per_reading=few, ratio=every / few)


def _most_read(there: World, frames: list[tuple[int, int, bytes]]) -> str:
    counted: dict[str, int] = {}
    for _, _, value in frames:
        column = decode(value).columns["quantity"]
        for text, count in zip(column.texts, np.bincount(column.codes, minlength=len(column.texts)).tolist(), strict=True):
            counted[text] = counted.get(text, 0) + count
    for quantity in sorted(counted, key=lambda id_: -counted[id_]):
        for kpi in there.catalogue.kpis.values():
            if f"({quantity})" in kpi.formula and kpi.formula.count("(") == 1:
                return kpi.id
    raise AssertionError("no KPI reads a quantity of the demo city")


def _spent(there: World, frames: list[tuple[int, int, bytes]], kpis: set[str] | None) -> float:
    """CPU s of checking and accumulating the frames, and of the partial rows at the paces of stream.shell under load, by the city's time."""
    workers, offsets = {}, {}
    for p, values in enumerate(catalogue_frames(there)):
        worker = workers[p] = WorkerPartition(p)
        for n, value in enumerate(values):
            worker.apply(value, n)
        if kpis is not None:
            for id_ in list(worker.state.registry.of("kpi", KpiDocument)):
                if id_ not in kpis:
                    worker.state.registry.change("kpi", id_, None)
            worker.state.recompile()
        offsets[p] = len(values)
    publishers = {p: Publisher(worker) for p, worker in workers.items()}
    for publisher in publishers.values():
        publisher.take(everywhere=True)
    gc.collect()
    began_s, next_us, long_us = time.process_time(), 0, 0
    for at_us, p, value in frames:
        workers[p].apply(value, offsets[p])
        offsets[p] += 1
        if at_us >= next_us:
            next_us, brief = at_us + ROWS_EVERY_US, at_us < long_us
            long_us = long_us if brief else at_us + round(LONG_WINDOWS_AT_LEAST_EVERY_S * 1e6)
            for publisher in publishers.values():
                publisher.take(everywhere=True, only_brief=brief)
    return time.process_time() - began_s
