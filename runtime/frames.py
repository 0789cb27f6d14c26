"""Frames: one Kafka record is one Arrow IPC stream with one batch of many rows and its metadata.

Promises  encode and decode are inverse; decode copies no column (views into the record's bytes);
          a frame explains itself: dictionaries hold the ids, metadata holds `kompas.schema` and `kind`.
Leaves    What the metadata mean to the topic's schema (docs/developer/contracts.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
META = b"kompas"
_DICTIONARY = pa.dictionary(pa.int32(), pa.utf8())
_TIME = pa.timestamp("us", tz="UTC")
_INT64 = np.dtype(np.int64)
_INT32 = np.dtype(np.int32)
_DTYPES = {kind.id: np.dtype(kind.to_pandas_dtype()) for kind in (pa.int64(), pa.int32(), pa.float64(), pa.uint16(), pa.uint8())}
"""By the type's number."""
_OPTIONS, _READ_OPTIONS = pa.ipc.IpcWriteOptions(), pa.ipc.IpcReadOptions()  # given, so that pyarrow does not ask the environment for each frame


class DamagedFrame(Exception):
    """Bytes that are no frame of this layout."""


class NewerSchema(Exception):
    """A whole frame of a later release: nothing is wrong with it; whoever cannot read it stands still until the upgrade."""


class Texts(Sequence[str]):
    """The distinct texts of a column, as Arrow has them; Python's are made when one is asked for."""

    __slots__ = ("_items", "arrow")

    def __init__(self, arrow: pa.Array) -> None:
        self.arrow = arrow
        self._items: list[str] | None = None

    def _all(self) -> list[str]:
        if self._items is None:
            self._items = self.arrow.to_pylist()
        return self._items

    def __len__(self) -> int:
        return len(self.arrow)

    def __getitem__(self, at: Any) -> Any:
        return self._all()[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def utf8(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], int]:
        """Views and the number of texts: text k is bytes[ends[k]:ends[k + 1]] of (ends, bytes, n)."""
        _, ends, data = self.arrow.buffers()
        return np.frombuffer(ends or b"", np.int32)[self.arrow.offset :], np.frombuffer(data or b"", np.uint8), len(self.arrow)


class Coded(NamedTuple):
    """A dictionary-encoded text column: int32 codes into distinct texts."""

    codes: npt.NDArray[np.int32]
    texts: Sequence[str]


class Frame(NamedTuple):
    """A decoded frame: metadata (JSON object) and columns by name; numeric columns are read-only views."""

    meta: dict[str, Any]
    columns: dict[str, Any]
    rows: int
    source: Any = None
    """The record's bytes and their schema, for `replaced`."""


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


def require_known(schema: object, known: str) -> None:
    """Raise NewerSchema where `schema` is a later version of `known` (both `name/version`)."""
    name, _, version = known.partition("/")
    got, _, number = schema.partition("/") if isinstance(schema, str) else ("", "", "")
    if got == name and number.isdecimal() and int(number) > int(version):
        raise NewerSchema(f"frame: wanted {known}, the newest that this release reads, got {schema}")


def decode(value: bytes, known: str = "") -> Frame:
    """One IPC stream to Frame; raises DamagedFrame with the sentence why, and NewerSchema where it is later than `known`."""
    try:
        reader = pa.ipc.open_stream(value, options=_READ_OPTIONS)
        schema, batch = reader.schema, reader.read_next_batch()
        meta = msgspec.json.decode((schema.metadata or {})[META], type=dict[str, Any])
        if known:
            require_known(meta.get("schema"), known)
        _sound(batch)
        columns = {name: _from_arrow(array) for name, array in zip(schema.names, batch.columns, strict=True)}
    except (pa.ArrowException, StopIteration, KeyError, ValueError, OSError) as error:  # msgspec's errors are ValueErrors
        raise DamagedFrame(f"frame of {len(value)} bytes: wanted an Arrow IPC stream of one batch, got {error!r}") from error
    return Frame(meta, columns, batch.num_rows, (value, schema))


def reworded(frame: Frame, meta: Mapping[str, Any]) -> bytes:
    """What encode gives for a decoded frame with other metadata, mostly by copying."""
    head, body = _headed(frame, meta)
    return b"".join((head, memoryview(frame.source[0])[body:]))


def _headed(frame: Frame, meta: Mapping[str, Any]) -> tuple[bytes, int]:
    """The message of a decoded frame's schema with other metadata, and where what follows it begins in the frame's bytes."""
    value, schema = frame.source
    head = schema.with_metadata({META: msgspec.json.encode(meta)}).serialize().to_pybytes()
    return head, 8 + int.from_bytes(value[4:8], "little")  # the schema's message has no body


def replaced(frame: Frame, meta: Mapping[str, Any], name: str, column: Array) -> bytes:
    """What encode gives for a decoded frame with other metadata and another numeric column of the same type, mostly by copying."""
    old = frame.columns[name]
    if frame.source is None or frame.rows == 0 or old.dtype != column.dtype:
        return encode(meta, {**frame.columns, name: column})
    value, (head, body) = frame.source[0], _headed(frame, meta)
    at = old.__array_interface__["data"][0] - np.frombuffer(value, np.uint8).__array_interface__["data"][0] - body
    if not 0 <= at <= len(value) - body - column.nbytes:
        return encode(meta, {**frame.columns, name: column})
    rest = memoryview(value)[body:]
    return b"".join((head, rest[:at], np.ascontiguousarray(column).data, rest[at + column.nbytes :]))


def _to_arrow(name: str, column: Any) -> pa.Array:
    # Buffers and no pa.array: that looks whether it was given a pandas column, and loads pandas where it is there, a third of a second.
    if isinstance(column, Coded):
        codes = np.ascontiguousarray(column.codes, dtype=np.int32)
        texts = column.texts.arrow if isinstance(column.texts, Texts) else _texts(column.texts, pa.utf8())
        return pa.DictionaryArray.from_arrays(_buffered(codes, pa.int32()), texts)
    if isinstance(column, np.ndarray):
        is_time = column.dtype == np.int64 and name.endswith(("_at", "_start"))
        return _buffered(np.ascontiguousarray(column), _TIME if is_time else pa.from_numpy_dtype(column.dtype))
    first = next((item for item in column if item is not None), "")
    return _texts(column, pa.binary() if isinstance(first, bytes) else pa.utf8())


def _buffered(column: Array, kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(column)])


def _texts(items: Sequence[str | bytes | None], kind: pa.DataType) -> pa.Array:
    """Text or binary, None where missing."""
    encoded = [b"" if item is None else item if isinstance(item, bytes) else item.encode() for item in items]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(item) for item in encoded], out=offsets[1:])
    there = np.array([item is not None for item in items], np.bool_)
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(kind, len(encoded), [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))])


def _sound(batch: pa.RecordBatch) -> None:
    """Raise where offsets and codes do not lie within their buffers: reading through wrong ones would end the process."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            try:
                array.validate(full=True)
            except pa.ArrowInvalid as error:
                raise ValueError(f"column {name}: {error}") from None
        raise


def _from_arrow(array: pa.Array) -> Any:
    kind = array.type
    dtype = _DTYPES.get(kind.id)
    if dtype is not None and not array.null_count:
        return _numbers(array, dtype)
    if kind in (_DICTIONARY, _TIME) and array.null_count:
        raise ValueError(f"{array.null_count} missing in a column of {kind}")
    if kind == _DICTIONARY:
        return Coded(_numbers(array.indices, _INT32), Texts(array.dictionary))
    if kind == _TIME:
        return _numbers(array, _INT64)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return array.to_pylist()
    return array.to_numpy(zero_copy_only=True)


def _numbers(array: pa.Array, kind: "np.dtype[Any]") -> Array:
    return np.frombuffer(array.buffers()[1] or b"", kind, len(array), array.offset * kind.itemsize)
