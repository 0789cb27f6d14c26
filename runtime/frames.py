"""Frames: one Kafka record is one Arrow IPC stream with one batch of many rows and its metadata.

Promises  encode and decode are inverse; decode copies no column (views into the record's bytes);
          a frame explains itself: dictionaries hold the ids, metadata holds `kompas.schema` and `kind`.
Leaves    What the metadata mean to the topic's schema (docs/developer/contracts.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
META = b"kompas"
_DICTIONARY = pa.dictionary(pa.int32(), pa.utf8())
_TIME = pa.timestamp("us", tz="UTC")
_OPTIONS = pa.ipc.IpcWriteOptions()  # given, so that pyarrow does not ask the environment for each frame


class DamagedFrame(Exception):
    """Bytes that are no frame of this layout."""


class Coded(NamedTuple):
    """A dictionary-encoded text column: int32 codes into distinct texts."""

    codes: npt.NDArray[np.int32]
    texts: Sequence[str]


class Frame(NamedTuple):
    """A decoded frame: metadata (JSON object) and columns by name; numeric columns are read-only views."""

    meta: dict[str, Any]
    columns: dict[str, Any]
    rows: int


def encode(meta: Mapping[str, Any], columns: Mapping[str, Array | Coded | Sequence[Any]]) -> bytes:
    """Columns of equal length to one IPC stream. Names ending in `_at` or `_start` are int64 µs and travel as timestamps.

    A NumPy array travels as it is, Coded as a dictionary, list[str | None] as text, list[bytes | None] as binary.
    """
    arrays, fields = [], []
    for name, column in columns.items():
        array = _to_arrow(name, column)
        arrays.append(array)
        fields.append(pa.field(name, array.type))
    schema = pa.schema(fields, metadata={META: msgspec.json.encode(dict(meta))})
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def decode(value: bytes) -> Frame:
    """One IPC stream to Frame; raises DamagedFrame with the sentence why."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(value)) as reader:
            batch = reader.read_next_batch()
            meta = msgspec.json.decode((reader.schema.metadata or {})[META])
        columns = {name: _from_arrow(batch.column(i)) for i, name in enumerate(batch.schema.names)}
    except (pa.ArrowException, StopIteration, KeyError, msgspec.DecodeError, ValueError, OSError) as error:
        raise DamagedFrame(f"frame of {len(value)} bytes: wanted an Arrow IPC stream of one batch, got {error!r}") from error
    return Frame(meta, columns, batch.num_rows)


def _to_arrow(name: str, column: Any) -> pa.Array:
    if isinstance(column, Coded):
        codes = pa.array(np.ascontiguousarray(column.codes, dtype=np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.texts, pa.utf8()))
    if isinstance(column, np.ndarray):
        column = np.ascontiguousarray(column)
        if column.dtype == np.int64 and name.endswith(("_at", "_start")):
            return pa.Array.from_buffers(_TIME, len(column), [None, pa.py_buffer(column)])
        return pa.array(column)
    first = next((item for item in column if item is not None), "")
    return pa.array(column, pa.binary() if isinstance(first, bytes) else pa.utf8())


def _from_arrow(array: pa.Array) -> Any:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return Coded(array.indices.to_numpy(zero_copy_only=True), array.dictionary.to_pylist())
    if pa.types.is_timestamp(kind):
        return np.frombuffer(array.buffers()[1] or b"", np.int64, len(array), array.offset * 8)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return array.to_pylist()
    return array.to_numpy(zero_copy_only=True)
