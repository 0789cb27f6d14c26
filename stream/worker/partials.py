"""What a partition publishes: absolute partial rows per area, census, catalogue and watermarks (rule 12).

Promises  A record with watermark W at offset o comes after all rows of windows that ended at or before W, as they stand
          at o; content depends on the state alone, so a former owner's record says nothing else for the same offset.
          All areas of a city are in the partition of the city's id: a round is one record per city's partition.
Leaves    When to publish, and confirming, to stream.shell.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.records import Area
from catalog.topics import PARTIALS, partition_of
from kernels.arrive import NEVER_US
from kernels.reduce import PERCENTILE, PartialRows, Scratch, new_rows, new_scratch, reduce_block, reduce_blocks
from runtime.frames import Coded, encode
from stream.rows import COLUMNS, TAIL, Rows, Said, pack
from stream.worker.blocks import OpenWindows, Window, listed
from stream.worker.partition import WorkerPartition
from stream.worker.pool import lineages, summed_by_area
from stream.worker.program import Program
from stream.worker.registry import ENTITIES
from stream.worker.tail import Tail

I64 = npt.NDArray[np.int64]
BRIEF_US = 60_000_000
MOST_BYTES = 1 << 20
NUMBERS = ("devices", "readings", "good_due", "sum_hi", "sum_lo", "low", "high")
"""Columns of PartialRows.number."""


class Record(NamedTuple):
    """One record for kompas.partials.v1."""

    partition: int
    value: bytes
    bare: bool = False
    """True where it says the watermarks and nothing else."""


class Publisher:
    """Builds the partials records of one input partition; keeps work space between calls, and no state."""

    def __init__(self, worker: WorkerPartition) -> None:
        self._worker = worker
        self._program: Program | None = None
        self._aggregates: list[str] = []
        """Those of the program, then the same with their tail."""
        self._areas: list[str] = []
        self._owner = np.zeros(0, np.int64)
        self._partitions: list[int] = []
        """Those that a city known here has: nobody else listens."""
        self._scratch: Scratch = new_scratch(0)
        self._rows: PartialRows = new_rows(1024)
        self._lineages: tuple[Program | None, dict[int, npt.NDArray[np.int32]]] = (None, {})
        self._tail = Tail()

    def mark_all(self) -> None:
        """Everything that is open is to be told again."""
        self._worker.state.windows.mark_all()
        self._tail.forget()

    def take(self, everywhere: bool, only_brief: bool = False) -> list[Record]:
        """All that changed since the last call, and the closing of windows that the watermark has passed.

        everywhere   True: every partials partition gets a record, if only with the watermarks
        only_brief   True: what changed in windows longer than BRIEF_US waits for a later call, unless they close now
        """
        if self._worker.offset < 0:
            return []
        records: list[Record] = []
        if self._program is not self._worker.state.program:
            self._number_areas()
        if self._worker.announce:
            records += self._catalogue() + self._census()
            self._worker.announce = False
        rows = self._changed_rows(only_brief)
        records += rows
        if everywhere:
            told = {record.partition for record in rows}
            records += [Record(p, pack(self._said()), bare=True) for p in self._partitions if p not in told]
        self._close_passed()
        return records

    def _meta(self, kind: str) -> dict[str, Any]:
        state = self._worker.state
        return {
            "schema": PARTIALS.schema,
            "kind": kind,
            "input_partition": self._worker.partition,
            "input_offset": state.offset,
            "watermarks": state.watermarks(),
            "clock_us": state.silence.newest_us,
        }

    def _said(self) -> Said:
        state = self._worker.state
        return Said(
            input_partition=self._worker.partition,
            input_offset=state.offset,
            watermarks=state.watermarks(),
            clock_us=state.silence.newest_us,
            rebuilt_before_us=None if state.rebuilt_before_us == NEVER_US else state.rebuilt_before_us,
        )

    def _number_areas(self) -> None:
        self._program = self._worker.state.program
        records = self._worker.state.registry.records
        self._aggregates = [*self._program.aggregates, *(text + TAIL for text in self._program.aggregates)]
        self._areas = list(self._program.areas)
        homes = {id_: record.city if isinstance(record, Area) else id_ for id_, record in records["area"].items()}
        self._owner = np.array([partition_of(homes[area]) for area in self._areas], np.int64)
        self._partitions = sorted({partition_of(city) for city in records["city"]} | set(self._owner.tolist()))
        self._scratch = new_scratch(len(self._areas))

    def _changed_rows(self, only_brief: bool) -> list[Record]:
        state, program = self._worker.state, self._worker.state.program

        def now(window: Window) -> bool:
            brief = not only_brief or window.end_us - window.start_us <= BRIEF_US
            return brief or window.end_us <= state.passed_us(program.lane_keys[window.lane][0])

        changed = [window for number in state.windows.dirty() if now(window := state.windows.windows[number])]
        tail, tailed = self._tail.take(state, changed, now, only_brief=only_brief)
        most = sum(program.functions[window.lane].shape[0] for window in changed + tailed) * len(self._areas)
        if most > self._rows.area.size:
            self._rows = new_rows(2 * most)
        self._rows.used[0] = 0
        bins = self._reduce(state.windows, changed)
        exact = int(self._rows.used[0])
        self._reduce(tail, tailed)
        self._rows.aggregate[exact : int(self._rows.used[0])] += len(program.aggregates)
        return self._encode(self._rows, bins)

    def _reduce(self, windows: OpenWindows, some: list[Window]) -> dict[int, bytes]:
        """Append the rows of some windows; the histograms by row."""
        program = self._worker.state.program
        whole = [window for window in some if not program.part_of(window.lane)]
        parted = [window for window in some if program.part_of(window.lane)]
        firsts = [*self._reduce_whole(windows, whole), *(self._reduce_parted(windows, window) for window in parted)]
        bins: dict[int, bytes] = {}
        for window, first, end in zip(whole + parted, firsts, [*firsts, int(self._rows.used[0])][1:], strict=True):
            bins.update(self._bins(window, first, end))
        return bins

    def _reduce_whole(self, windows: OpenWindows, some: list[Window]) -> list[int]:
        """Append the rows of windows that are of no part of the day; the first row of each."""
        if not some:
            return []
        program = self._worker.state.program
        numbers = listed(some, program.listed.quantity)
        first: list[int] = reduce_blocks(windows.arrays, numbers, program.listed, program.places[0], self._scratch, self._rows).tolist()
        return first

    def _reduce_parted(self, windows: OpenWindows, window: Window) -> int:
        program, first = self._worker.state.program, int(self._rows.used[0])
        places = program.places[program.quantity_number[program.lane_keys[window.lane][0]]]
        span = np.array([window.base, window.start_us, window.end_us], np.int64)
        spans, here = program.spans(window.lane, window.start_us, window.end_us), places._replace(slot=places.slot[: window.rows])
        reduce_block(windows.arrays, span, here, program.functions[window.lane], self._scratch, self._rows, spans)
        return first

    def _bins(self, window: Window, first: int, end: int) -> dict[int, bytes]:
        """Histograms of the percentile rows of a window, which are from row `first` to before `end`, by row."""
        state, program = self._worker.state, self._worker.state.program
        pooled = [int(number) for code, number in program.functions[window.lane] if code == PERCENTILE]
        if not pooled:
            return {}
        quantity = program.quantity_number[program.lane_keys[window.lane][0]]
        summed = summed_by_area(*state.pool.entries(window.lane, window.start_us), self._lineage(quantity))
        rows = self._rows
        return {row: summed[int(rows.area[row])] for row in range(first, end) if int(rows.aggregate[row]) in pooled and int(rows.area[row]) in summed}

    def _lineage(self, quantity: int) -> npt.NDArray[np.int32]:
        program = self._worker.state.program
        if self._lineages[0] is not program:
            self._lineages = (program, {})
        known = self._lineages[1]
        if quantity not in known:
            known[quantity] = lineages(program.places[quantity])
        return known[quantity]

    def _encode(self, rows: PartialRows, bins: dict[int, bytes]) -> list[Record]:
        used = int(rows.used[0])
        if used == 0:
            return []
        said, matrix = self._said(), np.empty((used, len(COLUMNS)), np.int64)
        matrix[:, 0], matrix[:, 1], matrix[:, 2] = rows.aggregate[:used], rows.area[:used], rows.start_us[:used]
        for name, column in zip(NUMBERS, rows.number[:used].T, strict=True):
            matrix[:, COLUMNS.index(name)] = column
        matrix[:, COLUMNS.index("real")] = rows.real[:used].view(np.int64)
        owner = self._owner[rows.area[:used]]
        records: list[Record] = []
        for p in self._partitions:
            mine = np.flatnonzero(owner == p)
            pieces = _pieces(mine, bins)
            for piece in pieces:
                some = _here(piece, bins)
                # Why: the watermarks speak of all rows, so only the last of several records says them.
                word = said if piece is pieces[-1] else msgspec.structs.replace(said, watermarks=None)
                records.append(Record(p, pack(word, self._rows_of(matrix[piece], some))))
        return records

    def _rows_of(self, matrix: I64, bins: dict[int, bytes]) -> Rows:
        """The matrix with numbers in place of our own: places in the texts that it uses."""
        aggregates, areas = self._aggregates, self._areas
        used = [_placed(matrix, column, len(texts)) for column, texts in ((0, aggregates), (1, areas))]
        return Rows([aggregates[n] for n in used[0]], [areas[n] for n in used[1]], matrix, bins)

    def _close_passed(self) -> None:
        state, program = self._worker.state, self._worker.state.program
        closed: list[tuple[int, int]] = []
        newest_us = int(state.watermark_us.max(initial=NEVER_US))
        if all(window.end_us > newest_us for window in state.windows.windows.values()):
            return
        passed = {quantity: state.passed_us(quantity) for quantity in {key[0] for key in program.lane_keys}}
        for number, window in list(state.windows.windows.items()):
            if window.end_us <= passed[program.lane_keys[window.lane][0]]:
                state.windows.close(number)
                closed.append((window.lane, window.start_us))
        state.pool.close(closed)

    def _census(self) -> list[Record]:
        """Groups of devices by area (every level), kind, cadence and time of service, to every partials partition."""
        registry = self._worker.state.registry
        program = self._worker.state.program
        groups: dict[tuple[str, str, int, int, int, int], int] = {}
        home = dict(zip(self._areas, self._owner.tolist(), strict=True))
        for s, slot in enumerate(registry.slots):
            cadence = int(program.places[0].cadence_us[s]) if program.places else 1_000_000
            times = (cadence, slot.record.due_from_us, int(program.valid_from_us[s]), int(program.valid_to_us[s]))
            for area in registry.lineage(slot.area):
                key = (area, slot.record.kind, *times)
                groups[key] = groups.get(key, 0) + 1
        records = []
        for p in self._partitions:
            mine = sorted(key for key in groups if home[key[0]] == p)
            numbers = np.array([[*key[2:], groups[key]] for key in mine], np.int64).reshape(-1, 5)
            columns: dict[str, Any] = {"area": _texts([key[0] for key in mine]), "kind": _texts([key[1] for key in mine])}
            for at, name in enumerate(("cadence_us", "due_from_us", "valid_from_us", "valid_to_us", "devices")):
                columns[name] = numbers[:, at]
            records.append(Record(p, encode(self._meta("census"), columns)))
        return records

    def _catalogue(self) -> list[Record]:
        if self._worker.partition != 0:
            return []
        rows = [
            (entity, id_, None if record is None else msgspec.json.encode(record).decode())
            for entity in ENTITIES
            if entity != "device"
            for id_, record in self._worker.state.registry.records[entity].items()
        ]
        columns = {"entity": _texts([row[0] for row in rows]), "id": [row[1] for row in rows], "document": [row[2] for row in rows]}
        value = encode(self._meta("catalogue"), columns)
        return [Record(p, value) for p in self._partitions]


def _pieces(rows: I64, bins: dict[int, bytes]) -> list[I64]:
    """The rows in pieces of about MOST_BYTES: Kafka takes no record of any size."""
    if not rows.size:
        return []
    bytes_ = np.full(rows.size, 8 * len(COLUMNS), np.int64)
    for at, data in _here(rows, bins).items():
        bytes_[at] += len(data)
    piece = np.cumsum(bytes_) // MOST_BYTES
    return np.split(rows, np.flatnonzero(np.diff(piece)) + 1)


def _here(rows: I64, bins: dict[int, bytes]) -> dict[int, bytes]:
    """The histograms of these rows (ascending) by place among them."""
    at = np.searchsorted(rows, list(bins)).tolist() if bins else []
    return {place: data for place, (row, data) in zip(at, bins.items(), strict=True) if place < rows.size and rows[place] == row}


def _placed(matrix: I64, column: int, count: int) -> list[int]:
    """Replace the numbers in a column by their place among those that occur, which are returned, ascending."""
    there = np.zeros(count, np.bool_)
    there[matrix[:, column]] = True
    matrix[:, column] = (np.cumsum(there) - 1)[matrix[:, column]]
    used: list[int] = np.flatnonzero(there).tolist()
    return used


def _texts(texts: list[str]) -> Coded:
    distinct = sorted(set(texts))
    place = {text: n for n, text in enumerate(distinct)}
    return Coded(np.array([place[text] for text in texts], np.int32), distinct)
