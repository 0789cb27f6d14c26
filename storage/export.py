"""Settled KPI values as CSV or Parquet, streamed block by block.

Promises  Every column of kpi_value with its type; times are UTC; a file appears whole or not at all.
Leaves    Choosing KPI, area and time to the command.
"""

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Format = Literal["csv", "parquet"]
Block = tuple[Sequence[str], Sequence[tuple[Any, ...]]]
"""Column names and rows."""

_TIME = pa.timestamp("us", tz="UTC")
_TYPES: dict[str, pa.DataType] = {
    "version": pa.int32(),
    "devices": pa.int32(),
    "revision": pa.int32(),
    "value": pa.float64(),
    "coverage": pa.float64(),
    "window_start": _TIME,
    "window_end": _TIME,
    "computed_at": _TIME,
    "stored_at": _TIME,
}


def write(blocks: Iterable[Block], form: Format, to: BinaryIO) -> int:
    """Write all blocks (at least one, which may be empty) to an open file; the number of rows."""
    return _write_csv(blocks, to) if form == "csv" else _write_parquet(blocks, to)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when everything is in it."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(blocks: Iterable[Block], to: BinaryIO) -> int:
    text = io.TextIOWrapper(to, encoding="utf-8", newline="", write_through=True)
    out = csv.writer(text, lineterminator="\n")
    rows_written = 0
    for names, rows in blocks:
        if rows_written == 0:
            out.writerow(names)
        out.writerows([_text(value) for value in row] for row in rows)
        rows_written += len(rows)
    text.detach()
    return rows_written


def _write_parquet(blocks: Iterable[Block], to: BinaryIO) -> int:
    rows_written = 0
    with contextlib.ExitStack() as open_:
        parquet: pq.ParquetWriter | None = None
        for names, rows in blocks:
            schema = pa.schema([(name, _TYPES.get(name, pa.utf8())) for name in names])
            if parquet is None:
                parquet = open_.enter_context(pq.ParquetWriter(to, schema, compression="zstd"))
            columns = list(zip(*rows, strict=True)) or [()] * len(names)
            parquet.write_table(pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema))
            rows_written += len(rows)
    return rows_written


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return repr(value) if isinstance(value, float) else str(value)
