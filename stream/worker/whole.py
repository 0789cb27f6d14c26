"""Whether a decoded frame of kompas.readings.v1 is whole: what the kernels and the registry rely on is there and of its type.

Promises  Raises DamagedFrame before anything of the state is touched; what passes can be taken in without another error.
Leaves    What the values mean to kernels.arrive, refusing to stream.worker.partition.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from catalog.records import City, Record
from runtime.frames import Coded, DamagedFrame, Frame, Texts
from stream.worker.registry import ENTITIES

_NUMBERS = {"measured_at": np.int64, "received_at": np.int64, "value": np.float64, "quality": np.uint16}
_POSITION = {"latitude": np.float64, "longitude": np.float64}
_TEXTS = ("device", "quantity")


def whole_readings(frame: Frame) -> None:
    """Check the columns of a readings frame: names, types, and that every code has its text."""
    columns = frame.columns
    missing = {*_TEXTS, *_NUMBERS} - columns.keys()
    if missing:
        raise DamagedFrame(f"readings frame: wanted columns {sorted({*_TEXTS, *_NUMBERS})}, got none of {sorted(missing)}")
    for name in _TEXTS:
        _check_coded(name, columns[name])
    for name, dtype in (_NUMBERS | _POSITION).items():
        column = columns.get(name)
        if column is not None and (not isinstance(column, np.ndarray) or column.dtype != dtype):
            got = column.dtype if isinstance(column, np.ndarray) else type(column).__name__
            raise DamagedFrame(f"readings frame, {name}: wanted {np.dtype(dtype)}, got {got}")


def whole_heartbeat(meta: dict[str, Any]) -> dict[str, Any]:
    """The heartbeat's words, where those that move watermarks are there."""
    gateway, clock_us = meta.get("gateway"), meta.get("clock_us")
    if not isinstance(gateway, str) or not gateway or not isinstance(clock_us, int) or isinstance(clock_us, bool) or abs(clock_us) >= 1 << 61:
        raise DamagedFrame(f"heartbeat: wanted gateway and clock_us (whole µs), got {gateway!r} and {clock_us!r}")
    return meta


def whole_catalogue(frame: Frame) -> list[tuple[str, str, Record | None]]:
    """(entity, id, record) of every row; rows of entities that a later release knows are left out."""
    entity, ids, documents = (frame.columns.get(name) for name in ("entity", "id", "document"))
    if not isinstance(ids, list) or not isinstance(documents, list):
        raise DamagedFrame("catalogue frame: wanted columns entity, id and document, got others")
    found = list(zip(_decoded(_check_coded("entity", entity)), ids, documents, strict=True))
    records: list[tuple[str, str, Record | None]] = []
    for name, id_, document in found:
        if not isinstance(id_, str):
            raise DamagedFrame(f"catalogue {name}: wanted an id, got {id_!r}")
        if name in ENTITIES:
            try:
                record = None if document is None else msgspec.json.decode(document, type=ENTITIES[name])
                if isinstance(record, City):
                    ZoneInfo(record.time_zone)
                records.append((name, id_, record))
            except (msgspec.DecodeError, ValueError, ZoneInfoNotFoundError) as error:
                raise DamagedFrame(f"catalogue {name} {id_}: wanted a document of this release, got {error}") from error
    return records


def _check_coded(name: str, column: object) -> Coded:
    if not isinstance(column, Coded):
        raise DamagedFrame(f"frame, {name}: wanted a dictionary of texts, got {type(column).__name__}")
    if column.texts.arrow.null_count if isinstance(column.texts, Texts) else None in column.texts:
        raise DamagedFrame(f"frame, {name}: wanted texts, got some that are missing")
    if isinstance(column.texts, Texts):  # decoded: Arrow has looked at every code
        return column
    if column.codes.size and int(column.codes.view(np.uint32).max()) >= len(column.texts):  # a negative one is a large one, too
        raise DamagedFrame(f"frame, {name}: wanted codes of {len(column.texts)} texts, got {int(column.codes.min())} to {int(column.codes.max())}")
    return column


def _decoded(column: Coded) -> Sequence[str]:
    return [column.texts[code] for code in column.codes.tolist()]
