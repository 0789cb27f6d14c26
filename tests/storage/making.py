"""What other rooms would send, made by hand as docs/developer/contracts.md describes it."""

import datetime as dt
from typing import Any

import msgspec
import numpy as np

from catalog.kpi_value import KpiValue
from runtime.frames import Coded, encode

NOON_US = int(dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC).timestamp()) * 1_000_000

Row = tuple[str, str, int, float, int]
"""device, quantity, measured_at_us, value, quality."""


def coded(texts: list[str]) -> Coded:
    """A dictionary column."""
    distinct = sorted(set(texts))
    return Coded(np.array([distinct.index(text) for text in texts], np.int32), distinct)


def checked(input_offset: int, rows: list[Row], watermarks: dict[str, int | None] | None = None, **meta: Any) -> bytes:
    """One record of kompas.checked.v1; received a second after it was measured."""
    head = {"schema": "checked/1", "kind": "readings", "input_offset": input_offset, "watermarks": watermarks or {}, **meta}
    measured_at = np.array([row[2] for row in rows], np.int64)
    columns: dict[str, Any] = {
        "device": coded([row[0] for row in rows]),
        "quantity": coded([row[1] for row in rows]),
        "measured_at": measured_at,
        "received_at": measured_at + 1_000_000,
        "value": np.array([row[3] for row in rows], np.float64),
        "quality": np.array([row[4] for row in rows], np.uint16),
    }
    return encode({**head, "duplicates": 0, "conflicts": 0, "late": 0}, columns)


def heartbeat(input_offset: int, watermarks: dict[str, int | None] | None = None) -> bytes:
    """A checked heartbeat: no rows."""
    return checked(input_offset, [], watermarks, kind="heartbeat", gateway="gw-0", life="0", seq=input_offset, clock_us=NOON_US, totals={})


def kpi(**changes: Any) -> KpiValue:
    """A final value; change what matters."""
    given: dict[str, Any] = {
        "kpi": "noise_now", "version": 1, "area": "brussels.21004", "window_start": "2026-03-04T12:00:00Z",
        "window_end": "2026-03-04T12:15:00Z", "value": 61.5, "state": "ok", "band": "loud", "unit": "dB", "coverage": 0.9, "devices": 4,
        "revision": 1, "status": "final", "reason": None, "epoch": "3/100", "computed_at": "2026-03-04T12:16:00.000001Z",
    }  # fmt: skip
    return KpiValue(**(given | changes))


def live(**changes: Any) -> KpiValue:
    """A live value of the same window."""
    return kpi(**({"revision": 0, "status": "live"} | changes))


def rejected_headers(reason: str = "malformed", index: int = 0, **changes: str) -> list[tuple[str, bytes]]:
    """Headers of one record of kompas.rejected.v1."""
    given = {
        "kompas.schema": "rejected/1", "origin": "mqtt:city/brussels/brussels.air-0001/json", "gateway": "gw-0", "life": "00ff",
        "received_at": str(NOON_US), "city": "brussels",
        "rejections": msgspec.json.encode([{"index": index, "reason": reason, "detail": "where: wanted a, got b"}]).decode(),
    }  # fmt: skip
    return [(name, text.encode()) for name, text in (given | changes).items()]
