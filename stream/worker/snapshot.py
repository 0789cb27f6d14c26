"""Snapshots of a partition's state: bytes that depend on the input prefix alone, and the way back.

Promises  load(dump(state)) goes on as state would have; everything open is published again after a load.
          A layout that is not LAYOUT is refused, so an older or newer release replays instead of misreading.
Leaves    Chunks, checksums and the pointer in the commit to stream.shell.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kernels.lanes import COUNT, ENERGY, FIELDS, OWN, both
from kernels.ordered import Held
from kernels.seen import entries, seen_of
from stream.worker.blocks import Window, spoke
from stream.worker.partition import WorkerPartition
from stream.worker.registry import Registry
from stream.worker.silence import Silence
from stream.worker.state import Register, State

I64 = npt.NDArray[np.int64]
LAYOUT = "worker/5"
_WIDTHS = ("<i2", "<i4", "<i8")
_MOST_TIMES = 256
"""LZ4 makes nothing smaller than a 255th: a size beyond is damage."""


class LayoutError(Exception):
    """A snapshot of another layout, torn, or cut by other definitions: replay instead."""


def dump(worker: WorkerPartition) -> bytes:
    """The state as compressed bytes."""
    state = worker.state
    order = sorted(state.windows.windows.values(), key=lambda w: (w.lane, w.start_us))
    document: dict[str, Any] = {
        "layout": LAYOUT,
        "partition": worker.partition,
        "offset": state.offset,
        "registry": state.registry.dump(),
        "lanes": _lanes(state),
        "watermark": _bytes(state.watermark_us),
        "quiet": _bytes(state.quiet_from_us),
        "silence": msgspec.msgpack.encode(state.silence),
        "seen": _packed(*entries(state.seen, state.program.device_kind, state.watermark_us)),
        "pool": _sorted(*state.pool.used()),
        "pending": [_bytes(array) for array in state.pending],
        "register": [_bytes(array) for array in state.register],
        "incomplete": state.incomplete,
        "rebuilt": state.rebuilt_before_us,
        "held": [_bytes(array) for array in state.held],
        "closed": _bytes(state.closed_to_us),
        "windows": [_window(state, window) for window in order],
    }
    raw = msgspec.msgpack.encode(document)
    return len(raw).to_bytes(8, "little") + bytes(pa.compress(raw, codec="lz4", asbytes=True))


def load(partition: int, data: bytes) -> WorkerPartition:
    """The inverse of dump; raises LayoutError."""
    document = _document(partition, data)
    if document.get("layout") != LAYOUT or document.get("partition") != partition:
        raise LayoutError(f"snapshot: wanted {LAYOUT} of partition {partition}, got {document.get('layout')} of {document.get('partition')}")
    worker = WorkerPartition(partition)
    state = worker.state
    state.registry = Registry.load(document["registry"])
    state.recompile()
    if document["lanes"] != _lanes(state):
        raise LayoutError(f"snapshot of partition {partition}: wanted lanes {_lanes(state)} as this release cuts them, got {document['lanes']}")
    state.offset = document["offset"]
    state.watermark_us = _array(document["watermark"], np.int64)
    state.quiet_from_us = _array(document["quiet"], np.int64)
    state.silence = msgspec.msgpack.decode(document["silence"], type=Silence)
    state.seen = seen_of(*_unpacked(document["seen"]))
    state.pool.put(*_columns(document["pool"]))
    slot, quantity, at_us, value = document["pending"]
    state.pending = (_array(slot, np.int32), _array(quantity, np.int32), _array(at_us, np.int64), _array(value, np.int64))
    dtypes = (np.int32, np.int32, np.int64, np.int64, np.uint8)
    state.register = Register(*(_array(part, dtype) for part, dtype in zip(document["register"], dtypes, strict=True)))
    state.incomplete, state.rebuilt_before_us = document["incomplete"], document["rebuilt"]
    shape = state.held.at_us.shape
    state.held = Held(*(_array(part, np.int64).reshape(shape) for part in document["held"]))
    state.closed_to_us = _array(document["closed"], np.int64).reshape(state.closed_to_us.shape)
    for part in document["windows"]:
        _put_window(state, part)
    state.windows.mark_all()
    worker.fed_up()
    return worker


def _document(partition: int, data: bytes) -> dict[str, Any]:
    try:
        size = int.from_bytes(data[:8], "little")
        if size > _MOST_TIMES * len(data):
            raise ValueError(f"{size} bytes")
        raw = pa.decompress(data[8:], size, codec="lz4", asbytes=True)
        return msgspec.msgpack.decode(raw, type=dict[str, Any])
    except (pa.ArrowException, OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        raise LayoutError(f"snapshot of partition {partition}: wanted {LAYOUT}, got {len(data)} bytes that are none: {error}") from error


def _lanes(state: State) -> list[Any]:
    """By number, what open windows, tracks and histograms are counted for: numbers mean nothing where these differ."""
    program = state.program
    return [[list(key), functions.tolist()] for key, functions in zip(program.lane_keys, program.functions, strict=True)]


def _bytes(array: npt.NDArray[Any]) -> bytes:
    return array.tobytes()


def _array(data: bytes, dtype: Any) -> npt.NDArray[Any]:
    return np.frombuffer(data, dtype).copy()


def _sorted(key: I64, at_us: I64, value: I64) -> list[bytes]:
    order = _order(key, at_us)
    return [_bytes(key[order]), _bytes(at_us[order]), _bytes(value[order])]


def _order(key: I64, at_us: I64) -> I64:
    """By time, then key: as one number where both fit into 63 bits, which sorts several times as fast."""
    if not key.size:
        return np.zeros(0, np.int64)
    first_us, width = int(at_us.min()), int(key.max()).bit_length()
    if (int(at_us.max()) - first_us).bit_length() + width > 63:
        return np.lexsort((key, at_us))
    order: I64 = np.argsort(((at_us - first_us) << width) | key)
    return order


def _packed(key: I64, many: I64, at_us: I64, value: I64) -> list[Any]:
    """Entries of kernels.seen: steps from time to time and values in as few bytes as hold them, for most of a snapshot is these."""
    first_us = int(at_us[0]) if at_us.size else 0
    return [_bytes(key), _bytes(many), first_us, _narrow(np.diff(at_us, prepend=first_us)), _narrow(value)]


def _unpacked(parts: list[Any]) -> tuple[I64, I64, I64, I64]:
    key, many, first_us, steps, value = parts
    return _array(key, np.int64), _array(many, np.int64), np.cumsum(_wide(steps)) + first_us, _wide(value)


def _narrow(integers: I64) -> list[Any]:
    """The type's name and the bytes, of the narrowest type that holds them all."""
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    narrowest = next(name for name in _WIDTHS if np.iinfo(name).min <= low and high <= np.iinfo(name).max)
    return [narrowest, _bytes(integers.astype(narrowest))]


def _wide(part: list[Any]) -> I64:
    name, data = part
    if name not in _WIDTHS:
        raise LayoutError(f"snapshot: wanted integers of {', '.join(_WIDTHS)}, got {name!r}")
    return np.frombuffer(data, name).astype(np.int64)


def _columns(parts: list[bytes]) -> tuple[I64, I64, I64]:
    """Keys, times and values of a table."""
    key, at_us, value = (_array(part, np.int64) for part in parts)
    return key, at_us, value


def _window(state: State, window: Window) -> list[Any]:
    cell = state.windows.arrays.cell[window.base : window.base + window.rows]
    used = np.flatnonzero(spoke(cell))
    kept, energy = both(cell[used])
    level, energy = bool(state.program.lanes.needs[window.lane] & ENERGY), energy[:, OWN].copy()
    kept[:, COUNT] >>= 1
    kept[:, OWN], energy = (0, energy) if level else (kept[:, OWN], np.zeros(used.size))
    return [window.lane, window.start_us, window.end_us, window.rows, _bytes(used), _bytes(kept), _bytes(energy)]


def _put_window(state: State, part: list[Any]) -> None:
    lane, start_us, end_us, rows, used, cell, energy = part
    window = state.windows.put(lane, start_us, end_us, rows)
    at = window.base + _array(used, np.int64)
    kept, real = both(_array(cell, np.int64).reshape(-1, FIELDS).copy())
    kept[:, COUNT] <<= 1
    if state.program.lanes.needs[lane] & ENERGY:
        real[:, OWN] = _array(energy, np.float64)
    state.windows.arrays.cell[at] = kept
