"""Binary COPY of readings, one row at a time with struct: slow and obvious."""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_EPOCH_2000 = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def encode_rows(rows: Iterable[tuple[int, int, int, int, float, int]], positions: Sequence[Sequence[float]] = ()) -> bytes:
    """(device, quantity, measured_at_us, received_at_us, value, quality) rows as PostgreSQL's manual has them, with positions where given."""
    out = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
    for n, (device, quantity, measured_at_us, received_at_us, value, quality) in enumerate(rows):
        degrees = positions[n] if positions else ()
        out += struct.pack(">h", 6 + len(degrees))
        for data in (
            struct.pack(">i", device),
            struct.pack(">h", quantity),
            struct.pack(">q", measured_at_us - _EPOCH_2000),
            struct.pack(">q", received_at_us - _EPOCH_2000),
            struct.pack(">d", value),
            struct.pack(">i", quality),
            *(struct.pack(">d", each) for each in degrees),
        ):
            out += struct.pack(">i", len(data)) + data
    return out + struct.pack(">h", -1)
