"""The combiner's state as bytes and back.

Promises  Equal states give equal bytes: everything is in the order of its names, slots do not show. Torn or foreign bytes and
          other layouts raise SnapshotUnusable.
Leaves    Keeping the bytes, and the pointer to them, to the shell.
"""

import zlib
from array import array

import msgspec
import numpy as np
import pyarrow as pa

from stream.combiner.catalogue import Catalogue, Document, KpiEntry
from stream.combiner.census import Census, Group
from stream.combiner.closing import Closing
from stream.combiner.finals import Finals, Series
from stream.combiner.marks import Marks
from stream.combiner.panes import WIDTH, Floors, Panes
from stream.rows import Rows

LAYOUT = 5
_MOST_TIMES = 256
"""LZ4 makes nothing smaller than a 255th."""


class SnapshotUnusable(Exception):
    """Bytes of another layout, another partition or none at all: replay instead."""


class State:
    """Everything that a prefix of the partition says."""

    def __init__(self, inputs: int) -> None:
        self.offset = -1
        self.incomplete = False
        """True until it is known from where on a log without its beginning counts."""
        self.catalogue = Catalogue()
        self.marks = Marks(inputs)
        self.census = Census(inputs)
        self.panes = Panes(inputs)
        self.closing = Closing()
        self.finals = Finals()

    @classmethod
    def empty(cls, inputs: int) -> "State":
        """Before the first record."""
        return cls(inputs)


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    layout: int
    partition: int
    inputs: int
    offset: int
    incomplete: bool
    documents: list[tuple[str, str, int, str | None]]
    kpis: list[tuple[str, int, int, str, int]]
    clock_us: int
    mark_offsets: list[int]
    marks: list[list[tuple[str, int | None]]]
    census_offsets: list[int]
    census: list[list[tuple[str, str, int, int, int, int]]]
    areas: list[str]
    panes: list[tuple[str, int]]
    rows: bytes
    """int64[n, 12]: pane, area, input, offset, then the eight numbers of the cell."""
    bins: list[tuple[int, int, int, bytes]]
    passed: list[tuple[str, int, str, int]]
    started: list[tuple[str, int, str, list[str]]]
    rebuilt_before_us: int
    held_us: int
    finals: list[tuple[str, int, str, bytes, bytes]]
    """KPI, version, area, then int64 window starts and float64 values."""
    behind: bool = False


def dump(partition: int, state: State) -> bytes:
    """Checksum, then the compressed state."""
    panes, areas = state.panes, sorted(state.panes.areas)
    names = sorted((panes.keys[key], start, index) for (key, start), index in panes.pane.items())
    rows, bins = _cells(panes, areas, [index for _, _, index in names])
    stored = _Stored(
        LAYOUT,
        partition,
        panes.inputs,
        state.offset,
        state.incomplete,
        [(*name, *document) for name, document in sorted(state.catalogue.documents.items())],
        [(*name, *entry) for name, entry in sorted(state.catalogue.kpis.items())],
        state.marks.clock_us,
        state.marks.offsets,
        [state.marks.of_input(source) for source in range(panes.inputs)],
        state.census.offsets,
        [sorted((*group, devices) for group, devices in groups.items()) for groups in state.census.of_input],
        areas,
        [(key, start) for key, start, _ in names],
        rows,
        bins,
        [(*lane, at_us) for lane, at_us in sorted(state.closing.passed.items())],
        [(*lane, sorted(names)) for lane, names in sorted(state.closing.started.items())],
        state.closing.rebuilt_before_us,
        state.closing.held_us,
        [(*name, series.starts.tobytes(), series.values.tobytes()) for name, series in sorted(state.finals.series.items())],
        state.closing.behind,
    )
    plain = msgspec.msgpack.encode(stored)
    body = len(plain).to_bytes(8, "little") + bytes(pa.compress(plain, codec="lz4", asbytes=True))
    return zlib.crc32(body).to_bytes(4, "big") + body


def load(data: bytes, partition: int, inputs: int) -> State:
    """Inverse of dump; raises SnapshotUnusable."""
    body = data[4:]
    if len(data) < 4 or zlib.crc32(body) != int.from_bytes(data[:4], "big"):
        raise SnapshotUnusable(f"combiner {partition}: wanted a whole snapshot, got {len(data)} bytes with another checksum")
    try:
        size = int.from_bytes(body[:8], "little")
        if size > _MOST_TIMES * len(body):  # of an earlier layout, in which something else stood here
            raise SnapshotUnusable(f"combiner {partition}: wanted layout {LAYOUT}, got {len(body)} bytes that say they are {size}")
        plain = pa.decompress(body[8:], size, codec="lz4", asbytes=True)
        layout = msgspec.msgpack.decode(plain, type=list[msgspec.Raw])[0]
        if msgspec.msgpack.decode(layout) != LAYOUT:
            raise SnapshotUnusable(f"combiner {partition}: wanted layout {LAYOUT}, got {msgspec.msgpack.decode(layout)}")
        stored = msgspec.msgpack.decode(plain, type=_Stored)
    except (pa.ArrowException, OSError, ValueError, IndexError) as error:  # msgspec's errors are ValueErrors
        raise SnapshotUnusable(f"combiner {partition}: wanted a snapshot, got {error}") from error
    if (stored.partition, stored.inputs) != (partition, inputs):
        raise SnapshotUnusable(f"combiner: wanted partition {partition} of {inputs} inputs, got {stored.partition} of {stored.inputs}")
    return _state(stored)


def _state(stored: _Stored) -> State:
    state = State(stored.inputs)
    state.offset, state.incomplete = stored.offset, stored.incomplete
    state.catalogue.documents = {(entity, id_): Document(offset, text) for entity, id_, offset, text in stored.documents}
    state.catalogue.kpis = {(id_, version): KpiEntry(offset, text, to) for id_, version, offset, text, to in stored.kpis}
    state.marks.clock_us = stored.clock_us
    for source, (offset, marks) in enumerate(zip(stored.mark_offsets, stored.marks, strict=True)):
        state.marks.apply(source, offset, dict(marks))
    state.census.offsets = list(stored.census_offsets)
    state.census.of_input = [{Group(*group[:5]): group[5] for group in groups} for groups in stored.census]
    for area in stored.areas:
        state.panes.slot_of_area(area)
    _fill(state.panes, stored)
    state.closing.passed = {(kpi, version, city): at_us for kpi, version, city, at_us in stored.passed}
    state.closing.started = {(kpi, version, city): set(areas) for kpi, version, city, areas in stored.started}
    state.closing.rebuilt_before_us = stored.rebuilt_before_us
    state.closing.held_us, state.closing.behind = stored.held_us, stored.behind
    for kpi, version, area, starts, values in stored.finals:
        state.finals.series[kpi, version, area] = Series(array("q", starts), array("d", values))
    return state


def _cells(panes: Panes, areas: list[str], order: list[int]) -> tuple[bytes, list[tuple[int, int, int, bytes]]]:
    slots = [panes.area_slot[area] for area in areas]
    if not order or not slots:
        return b"", []
    cells, offsets = panes.cells[np.ix_(order, slots)], panes.offsets[np.ix_(order, slots)]
    place = np.argwhere(offsets >= 0)
    pane, area, source = place.T
    rows = np.concatenate([place, offsets[pane, area, source][:, None], cells[pane, area, source]], axis=1)
    pane_at, area_at = {index: at for at, index in enumerate(order)}, {slot: at for at, slot in enumerate(slots)}
    bins = sorted((pane_at[pane], area_at[slot], source, data) for pane, known in panes.bins.items() for (slot, source), data in known.items())
    return np.ascontiguousarray(rows, "<i8").tobytes(), bins


def _fill(panes: Panes, stored: _Stored) -> None:
    keys = np.array([panes.slot_of_key(key) for key, _ in stored.panes], np.int64)
    starts = np.array([start for _, start in stored.panes], np.int64)
    rows = np.frombuffer(stored.rows, "<i8").reshape(-1, 4 + WIDTH)
    floors = Floors(np.full((len(panes.keys), 1), np.iinfo(np.int64).min), np.zeros(len(panes.areas), np.int64))
    bins = {(pane, area, source): data for pane, area, source, data in stored.bins}
    own = np.arange(max(len(panes.keys), len(panes.areas)), dtype=np.int64)
    for source in range(panes.inputs):
        for offset in np.unique(rows[rows[:, 2] == source, 3]).tolist():
            some = rows[(rows[:, 2] == source) & (rows[:, 3] == offset)]
            matrix = np.ascontiguousarray(np.column_stack((keys[some[:, 0]], some[:, 1], starts[some[:, 0]], some[:, 4:])))
            places = zip(some[:, 0].tolist(), some[:, 1].tolist(), strict=True)
            mine = {n: bins[pane, area, source] for n, (pane, area) in enumerate(places) if (pane, area, source) in bins}
            panes.put(Rows((), (), matrix, mine), (own, own), floors, source, offset)
