"""One record of `kompas.checked.v1` as the writer sees it: rows, input offset, watermarks. Pure.

Promises  The next input offset is exactly one higher than the last, or the writer stops; at or below it is a repeat and gives nothing.
Leaves    Small ids to storage.ids, batching to storage.batch.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.quality import Cause
from catalog.topics import CHECKED
from runtime.errors import Inconsistent
from runtime.frames import Coded, DamagedFrame, decode

POSITION = ("latitude", "longitude")
FRESH = (0, 0)
"""Offsets of a partition of which nothing is stored."""


class Checked(NamedTuple):
    """A checked record; columns are None where it has no rows."""

    input_offset: int
    kind: str
    watermarks: Mapping[str, int | None]
    device: Coded | None
    quantity: Coded | None
    numbers: Mapping[str, npt.NDArray[Any]]
    """measured_at, received_at (µs), value, quality; where any row has a position latitude and longitude, too (NaN: none); of equal length."""
    rows: int
    repeats: Mapping[str, Any]
    """hour_us, and `duplicates` and `conflicts` by device; empty where there were none."""
    said: Mapping[str, Any] = {}
    """All of its metadata, for the ledger."""


def read(value: bytes, where: str) -> Checked:
    """Decode one record; raises NewerSchema for one of a later release, else Inconsistent, for the worker alone writes this topic."""
    try:
        frame = decode(value, CHECKED.schema)
        columns = frame.columns
        numbers = {name: columns[name] for name in ("measured_at", "received_at", "value", "quality")} if frame.rows else {}
        if frame.rows and "latitude" in columns:
            numbers |= {name: columns[name] for name in POSITION}
        return Checked(
            int(frame.meta["input_offset"]),
            str(frame.meta["kind"]),
            frame.meta.get("watermarks") or {},
            columns["device"] if frame.rows else None,
            columns["quantity"] if frame.rows else None,
            numbers,
            frame.rows,
            frame.meta.get("repeats") or {},
            frame.meta,
        )
    except (DamagedFrame, KeyError, TypeError, ValueError) as error:
        raise Inconsistent(f"{where}: wanted a checked frame, got {error!r}") from error


def is_repeat(checked: Checked, next_input: int, where: str, *, fresh: bool) -> bool:
    """True where the input was stored already; raises Inconsistent where one is missing in between.

    On a fresh database (`fresh`) the log begins where it begins.
    """
    if checked.input_offset < next_input:
        return True
    if checked.input_offset > next_input and not fresh:
        raise Inconsistent(f"{where}: wanted input offset {next_input}, got {checked.input_offset}: records are missing")
    return False


def late(quality: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which rows the worker marked as late: bool[n]."""
    marked: npt.NDArray[np.bool_] = (quality & int(Cause.LATE)) != 0
    return marked
