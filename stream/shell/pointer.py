"""The pointer to a snapshot: what the metadata of a commit say about the chunks in kompas.state.v1.

Promises  split and join are inverse; join returns None for chunks that are missing, torn or not of this snapshot.
Leaves    Reading and writing chunks to stream.shell.chunks.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

CHUNK_BYTES = 512 * 1024


class Pointer(msgspec.Struct, frozen=True):
    """Where a snapshot lies: id of its chunks, offsets of the first and the last, how many, checksum, and the input offset it holds."""

    id: str
    first: int
    last: int
    chunks: int
    crc: int
    offset: int

    def encode(self) -> str:
        """As commit metadata (Kafka's limit is 4096 bytes)."""
        return msgspec.json.encode(self).decode()


class Committed(NamedTuple):
    """What the group has committed for one partition: the next offset to read, and the pointer if there is one."""

    next_offset: int
    pointer: Pointer | None


def decode(metadata: str) -> Pointer | None:
    """The pointer in a commit's metadata; None where there is none or it is of another form."""
    try:
        return msgspec.json.decode(metadata, type=Pointer)
    except msgspec.DecodeError:
        return None


def split(data: bytes) -> list[bytes]:
    """Chunks of at most CHUNK_BYTES; at least one."""
    return [data[at : at + CHUNK_BYTES] for at in range(0, max(1, len(data)), CHUNK_BYTES)]


def join(pointer: Pointer, chunks: Sequence[tuple[int, bytes, bytes]]) -> bytes | None:
    """The snapshot from (offset, key, value) records of its partition, or None."""
    mine = [value for offset, key, value in sorted(chunks) if key == pointer.id.encode() and pointer.first <= offset <= pointer.last]
    data = b"".join(mine)
    if len(mine) != pointer.chunks or zlib.crc32(data) != pointer.crc:
        return None
    return data
