"""Rows in PostgreSQL's binary COPY format, packed by columns: one NumPy record array, no Python object per row.

Promises  `encode_readings` gives exactly the bytes that `COPY reading FROM STDIN (FORMAT BINARY)` reads; NaN and infinities included.
Leaves    Sending them to storage/, an oracle row by row to tests/oracles/copy_rows.

Source: [pg-copy-binary] in docs/sources.md: a header of 19 bytes, per row an int16 field count and per field an int32 length and
big-endian data, -1 at the end; timestamptz counts µs from 2000-01-01.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z in µs since 1970."""

Columns = Mapping[str, npt.NDArray[Any]]

READING_FIELDS = (
    ("device", ">i4"),
    ("quantity", ">i2"),
    ("measured_at", ">i8"),
    ("received_at", ">i8"),
    ("value", ">f8"),
    ("quality", ">i4"),
)
"""Columns of table `reading` and their wire types; times come as µs since 1970."""

POSITION_FIELDS = (("latitude", ">f8"), ("longitude", ">f8"))
"""Columns that only readings with a position have."""

STAGE_FIELDS = (*READING_FIELDS, ("partition", ">i4"), ("input_offset", ">i8"), ("place", ">i4"), ("correcting", ">i4"))
"""Columns of the staging table for late readings."""

_TIMES = ("measured_at", "received_at")


def row_type(fields: tuple[tuple[str, str], ...]) -> np.dtype[Any]:
    """The packed record of one row: field count, then a length before each value."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in fields:
        layout += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(layout)


_READING_ROW = row_type(READING_FIELDS)
_STAGE_ROW = row_type(STAGE_FIELDS)
_PLACED_ROW = row_type((*READING_FIELDS, *POSITION_FIELDS))
_STAGE_PLACED_ROW = row_type((*STAGE_FIELDS, *POSITION_FIELDS))


def encode_readings(columns: Columns) -> memoryview:
    """n readings as one COPY stream, header and trailer included.

    device int[n], quantity int[n], measured_at and received_at int64[n] (µs since 1970 UTC), value float64[n], quality uint16[n].
    O(n), one copy. Raises OverflowError where an id does not fit its column.
    """
    return _encode(columns, READING_FIELDS, _READING_ROW)


def encode_placed(columns: Columns) -> memoryview:
    """As `encode_readings`, with latitude and longitude (float64[n], degrees) behind the quality."""
    return _encode(columns, (*READING_FIELDS, *POSITION_FIELDS), _PLACED_ROW)


def encode_staged_placed(columns: Columns) -> memoryview:
    """As `encode_staged`, with latitude and longitude (float64[n], degrees) at the end."""
    return _encode(columns, (*STAGE_FIELDS, *POSITION_FIELDS), _STAGE_PLACED_ROW)


def encode_staged(columns: Columns) -> memoryview:
    """As `encode_readings` for late readings, with partition, input_offset, place (order in the batch) and correcting (0 or 1)."""
    return _encode(columns, STAGE_FIELDS, _STAGE_ROW)


def _encode(columns: Columns, fields: tuple[tuple[str, str], ...], row: np.dtype[Any]) -> memoryview:
    count = len(columns[fields[0][0]])
    size = len(HEADER) + count * row.itemsize + len(TRAILER)
    out = bytearray(size)
    out[: len(HEADER)] = HEADER
    out[size - len(TRAILER) :] = TRAILER
    rows = np.frombuffer(out, row, count, len(HEADER))
    rows["fields"] = len(fields)
    for name, kind in fields:
        column = columns[name]
        if len(column) != count:
            raise ValueError(f"column {name}: wanted {count} values, got {len(column)}")
        target = np.dtype(kind)
        if target.kind == "i" and target.itemsize < 8 and count and not _fits(column, target):
            raise OverflowError(f"column {name}: wanted values that fit {target.name}, got {int(column.min())} to {int(column.max())}")
        rows[f"{name}_length"] = target.itemsize
        rows[name] = column - POSTGRES_EPOCH_US if name in _TIMES else column
    return memoryview(out)


def _fits(column: npt.NDArray[Any], target: np.dtype[Any]) -> bool:
    limits = np.iinfo(target)
    return bool(column.min() >= limits.min and column.max() <= limits.max)
