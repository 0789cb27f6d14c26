"""Every hot kernel beside NumPy, Polars and DuckDB on one thread each: the same columns, the same result, compared in the run.

Promises  Best of some rounds in CPU seconds for every side; all sides read columns that are there already. A kernel's share of the read
          bandwidth says how far it is from merely reading its columns.
Leaves    The kernels' columns and the libraries' forms to benchmarks/rows, the worker's own loop to benchmarks.window.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is first imported

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from benchmarks import rows
from benchmarks.rows import Answer, Columns, Row

ROUNDS, ENOUGH_S = 7, 0.6


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison."""

    ns_per_row: float
    equal: bool
    """Its answer is ours, within the row's tolerance."""


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel beside its rivals."""

    kernel: str
    rows: int
    ns_per_row: float
    rivals: dict[str, Side]
    best_rival: str
    """The fastest of them; empty where there is none."""
    ratio: float
    """Its time over ours: above 1 the kernel is faster; NaN without a rival."""
    share_of_read_bandwidth: float


def every_row() -> Iterator[Row]:
    """All rows of benchmarks/rows, by file and order."""
    for module in sorted(pkgutil.iter_modules(rows.__path__), key=lambda each: each.name):
        yield from importlib.import_module(f"benchmarks.rows.{module.name}").ROWS


def timed(row: Row, size: int, seed: int, memory_gb_per_s: float) -> Timed:
    """Make the columns, let every side answer, compare, and take the best time of each."""
    columns = row.make(size, seed)
    ours = row.ours(columns)
    ours_s = _best_s(row.ours, columns)
    rivals = {name: Side(_best_s(rival, columns) / size * 1e9, close(ours, rival(columns), row.relative)) for name, rival in row.rivals.items()}
    best = min(rivals, key=lambda name: rivals[name].ns_per_row, default="")
    ns = ours_s / size * 1e9
    reading_s = sum(column.nbytes for column in columns.values()) / (memory_gb_per_s * 1e9)
    return Timed(
        kernel=row.name,
        rows=size,
        ns_per_row=ns,
        rivals=rivals,
        best_rival=best,
        ratio=rivals[best].ns_per_row / ns if best else float("nan"),
        share_of_read_bandwidth=reading_s / ours_s,
    )


def close(ours: Answer, theirs: Answer, relative: float) -> bool:
    """Equal within the tolerance, missing where the other is missing."""
    if ours.shape != theirs.shape or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return False
    larger = np.maximum(np.abs(ours), np.abs(theirs))
    return bool(np.all((np.abs(ours - theirs) <= relative * larger) | np.isnan(ours) | (ours == theirs)))


def _best_s(side: Callable[[Columns], Answer], columns: Columns) -> float:
    """CPU seconds, the best of ROUNDS or of as many as fit into ENOUGH_S, at least two."""
    best_s, spent_s = float("inf"), 0.0
    for n in range(ROUNDS):
        began_s = time.process_time()
        side(columns)
        took_s = time.process_time() - began_s
        best_s, spent_s = min(best_s, took_s), spent_s + took_s
        if n and spent_s > ENOUGH_S:
            break
    return best_s
