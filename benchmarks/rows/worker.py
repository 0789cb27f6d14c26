"""What the worker does with every reading before its windows do, beside the libraries: numbers of names, and who waits for the watermark.

Promises  Readings come nearly in order of time, as a frame has them. What goes on from frame to frame is measured elsewhere.
Leaves    Timing to benchmarks.hot; the step as a whole to benchmarks.in_process.
"""

import numpy as np
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels.feeding import ordered_rows, split
from kernels.names import placed

NAMES, QUANTITIES, KINDS, SPAN_US = 1000, 64, 16, 1_000_000
_RNG = np.random.default_rng(11)
NUMBERS = _RNG.permutation(NAMES).astype(np.int32)
TRACKED = _RNG.random(QUANTITIES) < 0.2
KIND = _RNG.integers(0, KINDS, NAMES).astype(np.int32)
WATERMARK_US = _RNG.integers(400_000, 600_000, KINDS)


def _frame(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "i": np.arange(n),
        "code": rng.integers(0, NAMES, n).astype(np.int32),
        "quantity": rng.integers(0, QUANTITIES, n).astype(np.int32),
        "status": (rng.random(n) < 0.05).astype(np.uint8),
        "quality": rng.choice(np.array([1, 2, 3, 4], np.uint16), n, p=[0.1, 0.8, 0.05, 0.05]),
        "at_us": np.arange(n) * SPAN_US // n + rng.integers(0, SPAN_US // 50, n),
    }


def _numpy_split(c: Columns) -> Answer:
    before = c["at_us"] < WATERMARK_US[KIND[c["code"]]]
    return flat([np.flatnonzero(before), np.flatnonzero(~before)])


def _numpy_ordered(c: Columns) -> Answer:
    flag = c["quality"] & 15
    return flat([np.flatnonzero((c["status"] == 0) & (flag >= 1) & (flag <= 2) & TRACKED[c["quantity"]])])


_PASSED = pl.col("at_us") < pl.lit(pl.Series(WATERMARK_US[KIND])).gather(pl.col("code"))


def _polars_split(c: Columns) -> Answer:
    frame = pl.DataFrame(dict(c))
    return flat(frame.select(each.arg_true())["at_us"].to_numpy() for each in (_PASSED, ~_PASSED))


_FOLLOWED = pl.lit(pl.Series(TRACKED)).gather(pl.col("quantity"))
_TAKEN = (pl.col("status") == 0) & (pl.col("quality") & 15).is_between(1, 2) & _FOLLOWED
_SQL_PASSED = f"at_us < {WATERMARK_US[KIND].tolist()}[code + 1]"
_SQL_TAKEN = f"status = 0 AND (quality & 15) BETWEEN 1 AND 2 AND quantity IN ({', '.join(str(q) for q in np.flatnonzero(TRACKED))})"

ROWS: tuple[Row, ...] = (
    Row(
        "names.placed",
        only(_frame, "code"),
        lambda c: flat([placed(NUMBERS, c["code"])]),
        {
            "numpy": lambda c: flat([NUMBERS[c["code"]]]),
            "polars": by_polars(pl.lit(pl.Series(NUMBERS)).gather(pl.col("code"))),
            "duckdb": by_duckdb(f"SELECT {NUMBERS.tolist()}[code + 1] FROM t"),
        },
        relative=0.0,
    ),
    Row(
        "feeding.ordered_rows",
        only(_frame, "i", "quantity", "status", "quality"),
        lambda c: flat([ordered_rows(c["quantity"], TRACKED, c["status"], c["quality"])]),
        {
            "numpy": _numpy_ordered,
            "polars": by_polars(_TAKEN.arg_true()),
            "duckdb": by_duckdb(f"SELECT i FROM t WHERE {_SQL_TAKEN} ORDER BY i"),
        },
        relative=0.0,
    ),
    Row(
        "feeding.split",
        only(_frame, "i", "code", "at_us"),
        lambda c: flat(split(c["code"], c["at_us"], KIND, WATERMARK_US)),
        {
            "numpy": _numpy_split,
            "polars": _polars_split,
            "duckdb": by_duckdb(f"SELECT i FROM t ORDER BY NOT ({_SQL_PASSED}), i"),
        },
        relative=0.0,
    ),
)
