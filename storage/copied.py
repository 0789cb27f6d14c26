"""Rows of a query as arrays, by binary COPY: no Python object per row.

Promises  Blocks of a bounded size, in the order of the query. No column may be null. Each block counts in `moved`.
Leaves    Which rows to who asks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.connect import Connection

EPOCH_2000_US = 946_684_800_000_000
"""PostgreSQL counts its times from here."""
_READ_BYTES = 4 << 20
_HEADER_BYTES, _TRAILER_BYTES = 19, 2

Blocks = Iterator[npt.NDArray[Any]]


class _Moved:
    """How many pieces this process has read or written so far: for its watchdog, since one question may take minutes."""

    pieces = 0


def moved(pieces: int = 0) -> int:
    """Count pieces of work; all of them until now."""
    _Moved.pieces += pieces
    return _Moved.pieces


def layout(**fields: str) -> "np.dtype[Any]":
    """The bytes of a row: names of the columns with their types in NumPy's words, such as i4, i8 (also times, in µs) and f8."""
    parts: list[tuple[str, str]] = [("columns", ">i2")]
    for name, kind in fields.items():
        parts += [(f"length of {name}", ">i4"), (name, f">{kind}")]
    return np.dtype(parts)


def blocks(connection: Connection, statement: str, given: Any, row: "np.dtype[Any]") -> Blocks:
    """The rows of `COPY (…) TO STDOUT (FORMAT BINARY)` as structured arrays of a few megabytes; times count from 2000."""
    rest, first = bytearray(), True  # grows in place: a piece is one row, and joining bytes would copy all that waits at each
    with connection.cursor() as cursor, cursor.copy(statement, given) as stream:
        for piece in stream:
            rest += piece
            if first and len(rest) >= _HEADER_BYTES:
                del rest[:_HEADER_BYTES]
                first = False
            if not first and len(rest) >= _READ_BYTES:
                whole = len(rest) // row.itemsize * row.itemsize
                moved(1)
                yield np.frombuffer(bytes(rest[:whole]), row)
                del rest[:whole]
    if len(rest) > _TRAILER_BYTES:
        yield np.frombuffer(bytes(rest[:-_TRAILER_BYTES]), row)


def times_us(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """A column of times as µs since 1970."""
    return column.astype(np.int64) + EPOCH_2000_US
