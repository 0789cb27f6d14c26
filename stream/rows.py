"""Records of kompas.partials.v1 with rows, as they travel: a JSON header, one matrix of int64, and histograms. Schema partials/2.

A record is MAGIC, the header's length (uint32, little endian), the header, zero bytes up to a multiple of 8, then rows x columns int64
(little endian, row by row; float64 as their bits), then the histograms' bytes. It says the watermarks, too; with zero rows nothing else.
The catalogue and the census travel as Arrow frames (runtime.frames).

Promises  pack and unpack are inverse; unpack copies no number. Columns that a later release adds behind ours are passed over.
Leaves    What the numbers mean to docs/developer/contracts.md.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.topics import PARTIALS
from kernels.combine import FIELDS
from runtime.frames import DamagedFrame, require_known

I64 = npt.NDArray[np.int64]

MAGIC = b"KPP2"
COLUMNS = ("aggregate", "area", "window_start", *FIELDS)
"""The first two are places in the header's `aggregates` and `areas`."""
TAIL = "~"
"""Behind an aggregate of the order of time: with what the watermark has not passed yet. Live values read it, finals never; no id holds the sign."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of a worker says."""

    input_partition: int
    input_offset: int
    watermarks: dict[str, int | None] | None
    """None where another record of the same offset follows with more rows: nothing closes before."""
    clock_us: int | None = None
    rebuilt_before_us: int | None = None
    """Windows that start before may lack readings: the log of that input partition lost its beginning."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    kind: str
    input_partition: int
    input_offset: int
    watermarks: dict[str, int | None] | None
    clock_us: int | None = None
    rebuilt_before_us: int | None = None
    rows: int = 0
    columns: tuple[str, ...] = COLUMNS
    aggregates: Sequence[str] = ()
    areas: Sequence[str] = ()
    bins: Sequence[tuple[int, int]] = ()
    """Row and length in bytes of each histogram."""


class _Schema(msgspec.Struct, frozen=True):
    """What is read before anything else of a header."""

    schema: str


class Rows(NamedTuple):
    """n rows: texts by their place, int64[n, 11] in the order of COLUMNS, histograms (int64 pairs as bytes) by row."""

    aggregates: Sequence[str]
    areas: Sequence[str]
    matrix: I64
    bins: Mapping[int, bytes]


NOTHING = Rows((), (), np.zeros((0, len(COLUMNS)), np.int64), {})
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Header)
_schema = msgspec.json.Decoder(_Schema)


def pack(said: Said, rows: Rows = NOTHING) -> bytes:
    """One record's bytes; the matrix is C-contiguous."""
    header = _encoder.encode(
        _Header(
            schema=PARTIALS.schema,
            kind="rows" if rows.matrix.shape[0] else "watermarks",
            input_partition=said.input_partition,
            input_offset=said.input_offset,
            watermarks=said.watermarks,
            clock_us=said.clock_us,
            rebuilt_before_us=said.rebuilt_before_us,
            rows=rows.matrix.shape[0],
            aggregates=rows.aggregates,
            areas=rows.areas,
            bins=[(row, len(data)) for row, data in rows.bins.items()],
        )
    )
    padding = bytes(-(8 + len(header)) % 8)
    return b"".join((MAGIC, len(header).to_bytes(4, "little"), header, padding, rows.matrix.data, *rows.bins.values()))


def unpack(value: bytes) -> tuple[Said, Rows]:
    """The inverse of pack; raises DamagedFrame with the sentence why, NewerSchema for a record of a later release."""
    try:
        if value[:4] != MAGIC:
            raise ValueError(f"begins with {value[:4]!r}")
        begin = 8 + int.from_bytes(value[4:8], "little")
        require_known(_schema.decode(memoryview(value)[8:begin]).schema, PARTIALS.schema)
        header = _decoder.decode(memoryview(value)[8:begin])
        begin += -begin % 8
        width, n = len(header.columns), header.rows
        if header.columns[: len(COLUMNS)] != COLUMNS:
            raise ValueError(f"columns {header.columns}")
        matrix = np.frombuffer(value, "<i8", n * width, begin).reshape(n, width)
        bins = _bins(value, begin + 8 * n * width, header.bins)
        _check(matrix, header)
    except (ValueError, OverflowError, msgspec.DecodeError) as error:
        raise DamagedFrame(f"record of {len(value)} bytes: wanted rows of {PARTIALS.schema}, got {error}") from error
    said = Said(
        input_partition=header.input_partition,
        input_offset=header.input_offset,
        watermarks=header.watermarks,
        clock_us=header.clock_us,
        rebuilt_before_us=header.rebuilt_before_us,
    )
    return said, Rows(header.aggregates, header.areas, matrix, bins)


def _bins(value: bytes, at: int, lengths: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    if at + sum(length for _, length in lengths) != len(value):
        raise ValueError(f"{len(value)} bytes instead of {at + sum(length for _, length in lengths)}")
    found = {}
    for row, length in lengths:
        found[row] = value[at : at + length]
        at += length
    return found


def _check(matrix: I64, header: _Header) -> None:
    for column, texts in ((0, header.aggregates), (1, header.areas)):
        codes = matrix[:, column]
        if codes.size and (int(codes.min()) < 0 or int(codes.max()) >= len(texts)):
            raise ValueError(f"{COLUMNS[column]} {int(codes.min())} to {int(codes.max())} of {len(texts)}")
