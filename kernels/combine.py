"""Merge the partials of all input partitions of an area: integers, so that no order and no cut changes a result.

Promises  `merge` adds in the order of the partitions' numbers; integer columns do not depend on it, `real` is the same
          to the bit on every run. Absent partials are zero devices and change nothing.
Leaves    What the columns mean to formula/finalise, whose rows are newest to stream/combiner.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

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


@jit
def _merge(cells: I64, reals: F64, out: I64, out_real: F64) -> None:
    for area in range(cells.shape[0]):
        low_sum = np.uint64(0)
        seen = False
        for part in range(cells.shape[1]):
            cell = cells[area, part]
            if cell[0] == 0 and cell[1] == 0:
                continue
            out[0, area] += cell[0]
            out[1, area] += cell[1]
            out[2, area] += cell[2]
            before = low_sum
            low_sum = low_sum + np.uint64(cell[4])
            out[3, area] += cell[3] + (1 if low_sum < before else 0)
            out_real[area] += reals[area, part, 5]
            if not seen or cell[6] < out[6, area]:
                out[6, area] = cell[6]
            if not seen or cell[7] > out[7, area]:
                out[7, area] = cell[7]
            seen = True
        out[4, area] = np.int64(low_sum)


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
    return Merged(out[0], out[1], out[2], out[3], out[4], real, out[6], out[7])


def merge_bins(parts: list[bytes]) -> tuple[I64, I64]:
    """Add histograms up: each int64 pairs (bin, count) as bytes; -> distinct bins ascending, and their counts."""
    pairs = np.frombuffer(b"".join(parts), np.int64).reshape(-1, 2)
    bins, where = np.unique(pairs[:, 0], return_inverse=True)
    counts = np.zeros(bins.size, np.int64)
    np.add.at(counts, where.ravel(), pairs[:, 1])
    return bins, counts
