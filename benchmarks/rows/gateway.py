"""The gateway's arithmetic on arrival beside the libraries: unit and range, time window, equal keys inside one message.

Promises  Some rows are impossible, early, late or repeated; every side gives the same verdicts, and the same values.
Leaves    Timing to benchmarks.hot; a gateway's messages to the pipeline bench.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.rivals import by_duckdb, by_polars, flat, only
from benchmarks.rows import Answer, Columns, Row
from kernels import ingest
from kernels.ingest import CONFLICT, DUPLICATE, HIGH, IN_FUTURE, LOW, NOT_FINITE, OFFSET, OUT_OF_RANGE, PER_ONE, SCALE, TOO_OLD

U8 = npt.NDArray[np.uint8]
SECOND_US, AHEAD_US, PER_MESSAGE = 1_000_000, 60_000_000, 10
TABLE = np.array(
    [[1.0, 0.0, 0.1, 10.0, -40.0, 60.0], [5.0 / 9.0, -160.0 / 9.0, 0.1, 10.0, -40.0, 60.0], [1000.0, 0.0, 1.0, 1.0, 0.0, 2000.0]],
)
"""Celsius, Fahrenheit, and milligrams to micrograms; every resolution is a whole part of 1."""


def _arrived(n: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    received = np.arange(n) * 20_000 + 1_700_000_000 * SECOND_US
    odd = rng.random(n)
    late = np.where(odd < 0.02, 7_200, np.where(odd > 0.98, -120, 5)) * SECOND_US
    return {
        "i": np.arange(n),
        "slot": rng.integers(0, len(TABLE), n).astype(np.int32),
        "value": np.where(rng.random(n) < 0.02, np.nan, rng.normal(20.0, 30.0, n)),
        "at_us": received - late,
        "received_us": received,
        "age_us": np.full(n, 3_600 * SECOND_US),
        "message": (np.arange(n) // PER_MESSAGE).astype(np.int32),
        "quantity": rng.integers(0, 40, n).astype(np.int32),
        "second": np.arange(n) // PER_MESSAGE,
        "reading": rng.integers(0, 2, n).astype(np.float64),
    }


def _verdicts(n: int) -> U8:
    return np.zeros(n, np.uint8)


def _canonical(c: Columns) -> Answer:
    verdict = _verdicts(c["value"].size)
    return flat([ingest.canonical(c["slot"], c["value"], TABLE, verdict), verdict])


def _timely(c: Columns) -> Answer:
    verdict = _verdicts(c["at_us"].size)
    ingest.timely(c["at_us"], c["received_us"], c["age_us"], AHEAD_US, verdict)
    return flat([verdict])


def _repeated(c: Columns) -> Answer:
    verdict = _verdicts(c["second"].size)
    ingest.repeated(c["message"], c["quantity"], c["second"], c["reading"], verdict)
    return flat([verdict])


def _numpy_canonical(c: Columns) -> Answer:
    scale, offset, per_one, low, high = (TABLE[c["slot"], each] for each in (SCALE, OFFSET, PER_ONE, LOW, HIGH))
    found = np.rint((c["value"] * scale + offset) * per_one) / per_one
    verdict = np.where(np.isnan(c["value"]), NOT_FINITE, np.where((found < low) | (found > high), OUT_OF_RANGE, 0))
    return flat([found, verdict])


def _numpy_timely(c: Columns) -> Answer:
    early, late = c["at_us"] > c["received_us"] + AHEAD_US, c["at_us"] < c["received_us"] - c["age_us"]
    return flat([np.where(early, IN_FUTURE, np.where(late, TOO_OLD, 0))])


def _numpy_repeated(c: Columns) -> Answer:
    order = np.lexsort((c["second"], c["quantity"], c["message"]))
    sorted_by = [c[name][order] for name in ("message", "quantity", "second")]
    new = np.concatenate(([True], np.any([each[1:] != each[:-1] for each in sorted_by], axis=0)))
    first = order[np.maximum.accumulate(np.where(new, np.arange(new.size), 0))]
    found = np.empty(new.size)
    found[order] = np.where(new, 0, np.where(c["reading"][first] == c["reading"][order], DUPLICATE, CONFLICT))
    return found


def _of_table(column: int) -> pl.Expr:
    return pl.lit(pl.Series(TABLE[:, column])).gather(pl.col("slot"))


_FOUND = ((pl.col("value") * _of_table(SCALE) + _of_table(OFFSET)) * _of_table(PER_ONE)).round(mode="half_to_even") / _of_table(PER_ONE)
_OUTSIDE = ~_FOUND.is_between(_of_table(LOW), _of_table(HIGH))
_KEY = ("message", "quantity", "second")
_FIRST = pl.col("reading").first().over(_KEY)


def _sql_of_table(column: int) -> str:
    return f"[{', '.join(f'{number!r}::DOUBLE' for number in TABLE[:, column].tolist())}][slot + 1]"


_SQL_TIMELY = f"WHEN at_us > received_us + {AHEAD_US} THEN {IN_FUTURE} WHEN at_us < received_us - age_us THEN {TOO_OLD} ELSE 0"
_SQL_FOUND = f"round_even((value * {_sql_of_table(SCALE)} + {_sql_of_table(OFFSET)}) * {_sql_of_table(PER_ONE)}, 0) / {_sql_of_table(PER_ONE)}"
_OVER = "OVER (PARTITION BY message, quantity, second ORDER BY i)"

ROWS: tuple[Row, ...] = (
    Row(
        "ingest.canonical",
        only(_arrived, "slot", "value"),
        _canonical,
        {
            "numpy": _numpy_canonical,
            "polars": by_polars(
                _FOUND.alias("found"),
                pl.when(pl.col("value").is_nan()).then(NOT_FINITE).when(_OUTSIDE).then(OUT_OF_RANGE).otherwise(0).alias("verdict"),
            ),
            "duckdb": by_duckdb(
                f"SELECT found, CASE WHEN isnan(found) THEN {NOT_FINITE} WHEN found < {_sql_of_table(LOW)} OR found > {_sql_of_table(HIGH)}"
                f" THEN {OUT_OF_RANGE} ELSE 0 END FROM (SELECT slot, {_SQL_FOUND} AS found FROM t)"
            ),
        },
    ),
    Row(
        "ingest.timely",
        only(_arrived, "at_us", "received_us", "age_us"),
        _timely,
        {
            "numpy": _numpy_timely,
            "polars": by_polars(
                pl.when(pl.col("at_us") > pl.col("received_us") + AHEAD_US)
                .then(IN_FUTURE)
                .when(pl.col("at_us") < pl.col("received_us") - pl.col("age_us"))
                .then(TOO_OLD)
                .otherwise(0)
            ),
            "duckdb": by_duckdb(f"SELECT CASE {_SQL_TIMELY} END FROM t"),
        },
        relative=0.0,
    ),
    Row(
        "ingest.repeated",
        only(_arrived, "i", "message", "quantity", "second", "reading"),
        _repeated,
        {
            "numpy": _numpy_repeated,
            "polars": by_polars(
                pl.when(pl.struct(_KEY).is_first_distinct()).then(0).when(pl.col("reading") == _FIRST).then(DUPLICATE).otherwise(CONFLICT)
            ),
            "duckdb": by_duckdb(
                f"SELECT CASE WHEN row_number() {_OVER} = 1 THEN 0 WHEN reading = first_value(reading) {_OVER} THEN {DUPLICATE}"
                f" ELSE {CONFLICT} END FROM t ORDER BY i"
            ),
        },
        relative=0.0,
    ),
)
