"""A tiny city for the stream's tests: catalogue frames, readings frames and heartbeats, built by hand."""

from typing import Any

import msgspec
import numpy as np

from catalog.records import Area, City, Device, KpiDocument, Measured, Quantity, Record, SensorKind
from runtime.frames import Coded, encode

SECOND = 1_000_000
MINUTE = 60 * SECOND
T0 = 1_790_000_040 * SECOND
"""A whole minute of September 2026."""

NAMES = {"en": "x", "fr": "x", "nl": "x"}


def kpi(id_: str, formula: str, window: str, unit: str) -> KpiDocument:
    return KpiDocument(
        id=id_, version=1, names=NAMES, descriptions=NAMES, unit=unit, formula=formula, window=window,  # type: ignore[arg-type]
        better="neither", owner="o", steward="s", source="s", check_sql="", hash=id_,
    )  # fmt: skip


def documents(kpis: list[KpiDocument], devices: dict[str, tuple[str, str]], *, reporting: str = "periodic") -> list[tuple[str, str, Record]]:
    """Devices: id -> (kind, neighbourhood). Two districts of two neighbourhoods; kinds `air` (pm2_5) and `noise` (sound_level)."""
    found: list[tuple[str, str, Record]] = [
        ("city", "c", City(id="c", names=NAMES, time_zone="Europe/Brussels", west=4.0, south=50.0, east=5.0, north=51.0)),
        ("quantity", "pm2_5", Quantity(id="pm2_5", names=NAMES, unit="ug/m3", possible=(-5.0, 2000.0), resolution=0.1)),
        ("quantity", "sound_level", Quantity(id="sound_level", names=NAMES, unit="dB", possible=(0.0, 160.0), resolution=0.1)),
        ("quantity", "total", Quantity(id="total", names=NAMES, unit="1", possible=(0.0, 1e9), resolution=1.0, counter=True)),
        (
            "kind",
            "air",
            SensorKind(
                id="air", names=NAMES, quantities={"pm2_5": Measured(plausible=(0.0, 500.0)), "total": Measured(plausible=(0.0, 1e9))},
                cadence_s=10, lateness_s=20, idle_s=30, reporting=reporting, max_hold_s=40,  # type: ignore[arg-type]
            ),
        ),
        (
            "kind",
            "noise",
            SensorKind(id="noise", names=NAMES, quantities={"sound_level": Measured(plausible=(20.0, 140.0))}, cadence_s=10, lateness_s=5, idle_s=30),
        ),
    ]  # fmt: skip
    places = [("c", "city", None), ("c.1", "district", "c"), ("c.2", "district", "c")]
    places += [(f"c.{d}.n{n}", "neighbourhood", f"c.{d}") for d in (1, 2) for n in (1, 2)]
    for id_, level, parent in places:
        area = Area(id=id_, city="c", level=level, parent=parent, names=NAMES, population=1, latitude=50.0, longitude=4.0)  # type: ignore[arg-type]
        found.append(("area", id_, area))
    found += [("kpi", record.id, record) for record in kpis]
    for id_, (kind, area_id) in devices.items():
        found.append(("device", id_, Device(id=id_, city="c", kind=kind, area=area_id, latitude=50.0, longitude=4.0)))
    return found


def catalogue_frame(found: list[tuple[str, str, Record]], seq: int = 1) -> bytes:
    return encode(
        {"schema": "readings/1", "kind": "catalogue", "seq": seq},
        {
            "entity": coded([entity for entity, _, _ in found]),
            "id": [id_ for _, id_, _ in found],
            "document": [msgspec.json.encode(record).decode() for _, _, record in found],
        },
    )


def coded(texts: list[str]) -> Coded:
    distinct = sorted(set(texts))
    return Coded(np.array([distinct.index(text) for text in texts], np.int32), distinct)


def readings_frame(rows: list[tuple[str, str, int, int, float]], quality: int = 2, **meta: Any) -> bytes:
    """Rows: device, quantity, measured_us, received_us, value."""
    return encode(
        {"schema": "readings/1", "kind": "readings", "gateway": "gw-0", "life": "l", "seq": 0, **meta},
        {
            "device": coded([row[0] for row in rows]),
            "quantity": coded([row[1] for row in rows]),
            "measured_at": np.array([row[2] for row in rows], np.int64),
            "received_at": np.array([row[3] for row in rows], np.int64),
            "value": np.array([row[4] for row in rows], np.float64),
            "quality": np.full(len(rows), quality, np.uint16),
        },
    )


def heartbeat(clock_us: int, gateway: str = "gw-0", **meta: Any) -> bytes:
    return encode(
        {"schema": "readings/1", "kind": "heartbeat", "gateway": gateway, "life": "l", "seq": 0, "clock_us": clock_us, "totals": {}, **meta},
        {"value": np.zeros(0)},
    )
