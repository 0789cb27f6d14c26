"""Keep the newest partials of all input partitions and merge them per area: integers, so that no order and no cut changes a result.

Promises  A cell holds the row of the highest input offset; merging adds in the order of the partitions' numbers; integer
          columns do not depend on it, `real` is the same to the bit on every run. Absent partials are zero devices and
          change nothing.
Leaves    What the columns mean to formula/finalise, whose rows are newest to stream/combiner.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

FIELDS = ("devices", "readings", "good_due", "sum_hi", "sum_lo", "real", "low", "high")
"""Order of a partial's eight numbers in a cell; `real` as the bits of a float64."""


class Merged(NamedTuple):
    """n areas, all input partitions together; columns as in kompas.partials.v1."""

    devices: I64
    readings: I64
    good_due: I64
    sum_hi: I64
    sum_lo: I64
    real: F64
    low: I64
    high: I64


class Store(NamedTuple):
    """Cells of p panes by areas a and input partitions i; a pane is one aggregate (key) and window."""

    starts: I64  # [w] window starts, ascending
    table: I64  # [k, w] pane of a key and start, -1 where there is none
    floor: I64  # [k, c] windows of a key that start before are not taken, by city
    city: I64  # [a] column of `floor`
    cells: I64  # [p, a, i, 8] in the order of FIELDS
    offsets: I64  # [p, a, i] input offset of the row, -1 where there is none
    touched: U8  # [p, a] 1 where a row came since the last look
    stale: U8  # [p, a] 1 where `merge_stale` has something to do
    hot: U8  # [p] 1 where any area of the pane is stale


class Tally(NamedTuple):
    """What became of a record's rows."""

    older: int
    below_floor: int
    first: int
    """Rows whose area had none of that input partition."""


@jit
def _place(store: Any, key: int, start: int) -> Any:
    low, high = 0, store.starts.size
    while low < high:
        middle = (low + high) >> 1
        if store.starts[middle] < start:
            low = middle + 1
        else:
            high = middle
    if low == store.starts.size or store.starts[low] != start:
        return -1
    return store.table[key, low]


@jit
def _put(rows: Any, keys: Any, areas: Any, store: Any, origin: Any, tally: Any, taken: Any) -> Any:
    source, offset = origin[0], origin[1]
    pane, known_key, known_start = -1, -1, 0
    for n in range(origin[2], rows.shape[0]):
        key, area, start = keys[rows[n, 0]], areas[rows[n, 1]], rows[n, 2]
        if start < store.floor[key, store.city[area]]:
            tally[1] += 1
            continue
        if key != known_key or start != known_start:
            pane, known_key, known_start = _place(store, key, start), key, start
        if pane < 0:
            return n
        before = store.offsets[pane, area, source]
        if before > offset:
            tally[0] += 1
            continue
        if before < 0:
            tally[2] += 1
        for field in range(8):
            store.cells[pane, area, source, field] = rows[n, 3 + field]
        store.offsets[pane, area, source] = offset
        store.touched[pane, area] = 1
        store.stale[pane, area] = 1
        store.hot[pane] = 1
        taken[n] = 1
    return rows.shape[0]


def put(rows: I64, places: tuple[I64, I64], store: Store, origin: I64, tally: I64, taken: U8) -> int:
    """Store the rows of one record that are not older than what is there, from row origin[2] on, in place.

    rows    int64[n, 3 + 8]: place of the key, place of the area, window start (µs), then FIELDS
    places  key and area slots by place
    origin  int64[3]: input partition, input offset, row to begin with
    tally   int64[3], added to: see Tally; taken uint8[n]: set to 1 where the row is stored
    ->      n when done, else the row whose pane is missing: make it and go on there

    O(n). Errors: none.
    """
    return int(_put(rows, *places, store, origin, tally, taken))


@jit
def _merge_area(cell: Any, real: Any, out: Any, out_real: Any, area: int) -> None:
    """Add up cell[i, 8] of one area over the input partitions into column `area`."""
    for field in range(8):
        out[field, area] = 0
    total = 0.0
    low_sum = np.uint64(0)
    seen = False
    for part in range(cell.shape[0]):
        if cell[part, 0] == 0 and cell[part, 1] == 0:
            continue
        out[0, area] += cell[part, 0]
        out[1, area] += cell[part, 1]
        out[2, area] += cell[part, 2]
        before = low_sum
        low_sum = low_sum + np.uint64(cell[part, 4])
        out[3, area] += cell[part, 3] + (1 if low_sum < before else 0)
        total += real[part, 5]
        if not seen or cell[part, 6] < out[6, area]:
            out[6, area] = cell[part, 6]
        if not seen or cell[part, 7] > out[7, area]:
            out[7, area] = cell[part, 7]
        seen = True
    out[4, area] = np.int64(low_sum)
    out_real[area] = total


@jit
def _merge(cells: Any, reals: Any, out: Any, out_real: Any) -> None:
    for area in range(cells.shape[0]):
        _merge_area(cells[area], reals[area], out, out_real, area)


@jit
def _merge_stale(cells: Any, reals: Any, stale: Any, hot: Any, out: Any, out_real: Any) -> None:
    for pane in range(hot.size):
        if hot[pane] != 0:
            hot[pane] = 0
            for area in range(stale.shape[1]):
                if stale[pane, area] != 0:
                    stale[pane, area] = 0
                    _merge_area(cells[pane, area], reals[pane, area], out[pane], out_real[pane], area)


def merge(cells: I64) -> Merged:
    """Add up the cells of n areas over p input partitions.

    cells  int64[n, p, 8]  partials in the order of FIELDS, C-contiguous; all zero where a partition has none
    ->     Merged of n     low and high over the partitions with devices, 0 where there is none

    O(n * p), one pass.
    """
    if cells.ndim != 3 or cells.shape[2] != len(FIELDS) or cells.dtype != np.int64:
        raise ValueError(f"cells: wanted int64[n, p, {len(FIELDS)}], got {cells.dtype}{cells.shape}")
    cells = np.ascontiguousarray(cells)
    out = np.zeros((len(FIELDS), cells.shape[0]), np.int64)
    real = np.zeros(cells.shape[0])
    _merge(cells, cells.view(np.float64), out, real)
    return merged_of(out, real)


def merge_stale(store: Store, out: I64, out_real: F64) -> None:
    """Merge the areas that are marked stale into out[p, 8, a] and out_real[p, a] and clear the marks. O(what is stale)."""
    _merge_stale(store.cells, store.cells.view(np.float64), store.stale, store.hot, out, out_real)


def merged_of(out: I64, real: F64) -> Merged:
    """The columns of int64[8, n] and float64[n] by name."""
    return Merged(out[0], out[1], out[2], out[3], out[4], real, out[6], out[7])


def merge_bins(parts: list[bytes]) -> tuple[I64, I64]:
    """Add histograms up: each int64 pairs (bin, count) as bytes; -> distinct bins ascending, and their counts."""
    pairs = np.frombuffer(b"".join(parts), np.int64).reshape(-1, 2)
    bins, where = np.unique(pairs[:, 0], return_inverse=True)
    counts = np.zeros(bins.size, np.int64)
    np.add.at(counts, where.ravel(), pairs[:, 1])
    return bins, counts
