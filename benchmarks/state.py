"""Memory of a worker partition's state per device and per reading, from a partition that is filled with real frames.

Window state: the accumulator rows of the open windows. What was seen: per reading inside the lateness its time and value in its series'
ring, and per series a line that says which it is; beside it what an aggregate in order of time holds back.

Promises  Bytes are those of the worker's own arrays, after frames that it applied itself; slack (places made and not used) stands beside
          what is used. The sums for a million devices are these figures times a million.
Leaves    Speed to benchmarks.window. Catalogue and names per device are printed too, but belong to no target.
Source: issue 5, "Figures to reach"
"""

from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.result import Verdict
from catalog.records import Area, City, Device, KpiDocument, Measured, Quantity, SensorKind
from catalog.topics import READINGS
from runtime.frames import Coded, encode
from stream.worker.partition import WorkerPartition

START_US, MINUTE_US, FRAME = 1_790_000_040_000_000, 60_000_000, 4_000
LATENESS_MIN = 5
WINDOW_BYTES, SEEN_BYTES = 64.0, 16.0
_ROW = "a row is one cache line of integers; the energy of levels lies in it, and the mark of a change in its count"
_TWICE = "what is held back stands with its slot and quantity until its turn, beside the ring that finds repeats"
_NAMES = {"en": "x", "fr": "x", "nl": "x"}
_SAID = {"schema": READINGS.schema, "gateway": "gw-0", "life": "state", "seq": 0}


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The state of devices that report once a minute and may be five minutes late."""

    aggregate: str
    devices: int
    open_windows: int
    readings_inside_lateness: int
    window_bytes_per_device: float
    """Of one quantity and one open window: its accumulator row."""
    window_slack_bytes_per_device: float
    seen_bytes_per_reading: float
    """Key and value of a reading inside the lateness."""
    seen_slack_bytes_per_reading: float
    """Everything else that finding repeats takes: lines of series, places of rings and tables that are free."""
    ordering_bytes_per_reading: float
    """What an aggregate in order of time holds back until the watermark passes."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of the measurement."""

    held: list[Held]
    million_window_mb: float
    """1e6 devices at one reading a minute: rows of one quantity and the windows that are open, slack included."""
    million_seen_mb: float
    """The same devices: what was seen and is held back inside five minutes, slack included."""
    verdicts: list[Verdict]


def measure(devices: int = 100_000) -> Found:
    """Fill a partition with a mean, and one with a mean over time, and count its bytes."""
    held = [_filled("mean", devices), _filled("time_mean", devices)]
    plain, ordered = held
    window_mb = (plain.window_bytes_per_device + plain.window_slack_bytes_per_device) * plain.open_windows
    seen_mb = (ordered.seen_bytes_per_reading + ordered.seen_slack_bytes_per_reading + ordered.ordering_bytes_per_reading) * (
        ordered.readings_inside_lateness / devices
    )
    both = ordered.seen_bytes_per_reading + ordered.ordering_bytes_per_reading
    verdicts = [
        _verdict("window state per device, quantity and open window", WINDOW_BYTES, plain.window_bytes_per_device, _ROW),
        _verdict("repeats: key and value per reading inside the lateness", SEEN_BYTES, plain.seen_bytes_per_reading),
        _verdict("repeats and order together, where an aggregate goes by time", SEEN_BYTES, both, _TWICE),
    ]
    return Found(held=held, million_window_mb=window_mb, million_seen_mb=seen_mb, verdicts=verdicts)


def show(found: Found, console: Console) -> None:
    """Print everything, the verdicts last."""
    table: Table = report.plain_table(
        "state of a worker, bytes (slack beside)",
        "aggregate",
        "devices",
        "windows",
        "per device and window",
        "per reading seen",
        "held back per reading",
    )
    for each in found.held:
        seen = f"{each.seen_bytes_per_reading:.1f} (+ {each.seen_slack_bytes_per_reading:.1f})"
        window = f"{each.window_bytes_per_device:.1f} (+ {each.window_slack_bytes_per_device:.1f})"
        table.add_row(each.aggregate, f"{each.devices:,}", f"{each.open_windows}", window, seen, f"{each.ordering_bytes_per_reading:.1f}")
    console.print(table)
    console.print(f"1e6 devices at one reading a minute: windows {found.million_window_mb:,.0f} MB, seen {found.million_seen_mb:,.0f} MB")
    console.print(report.wanted(found.verdicts))


def _verdict(target: str, wanted: float, reached: float, why: str = "") -> Verdict:
    met = reached <= wanted
    return Verdict(target, f"at most {wanted:.0f} bytes", f"{reached:.1f} bytes", met, "" if met else why)


def _filled(aggregate: str, devices: int) -> Held:
    worker, minutes = WorkerPartition(0), LATENESS_MIN + 2
    texts = [f"c.d{n}" for n in range(devices)]
    for offset, frame in enumerate(_catalogue(aggregate, texts)):
        worker.apply(frame, offset)
    offset = worker.state.offset
    for minute in range(minutes):
        for first in range(0, devices, FRAME):
            offset += 1
            worker.apply(_frame(texts[first : first + FRAME], START_US + minute * MINUTE_US), offset)
    state, inside = worker.state, devices * (LATENESS_MIN + 1)
    rows = sum(window.rows for window in state.windows.windows.values())
    cells = state.windows.arrays.cell
    row_bytes = cells[:1].nbytes
    entry = state.seen.ring[:1].nbytes
    return Held(
        aggregate=aggregate,
        devices=devices,
        open_windows=len(state.windows.windows),
        readings_inside_lateness=inside,
        window_bytes_per_device=float(row_bytes),
        window_slack_bytes_per_device=cells.nbytes / max(rows, 1) - row_bytes,
        seen_bytes_per_reading=float(entry),
        seen_slack_bytes_per_reading=nbytes(state.seen) / inside - entry,
        ordering_bytes_per_reading=nbytes(state.pending) / inside,
    )


def nbytes(of: Any) -> int:
    """Bytes of all arrays in tuples of arrays, however deep."""
    if isinstance(of, np.ndarray):
        return int(of.nbytes)
    return sum(nbytes(each) for each in of) if isinstance(of, tuple) else 0


def _catalogue(aggregate: str, devices: list[str]) -> list[bytes]:
    places = [("c", "city", None), ("c.1", "district", "c"), ("c.1.n1", "neighbourhood", "c.1")]
    kpi = KpiDocument(
        id="k", version=1, names=_NAMES, descriptions=_NAMES, unit="ug/m3", formula=f"{aggregate}(q)", window="quarter_hour",
        better="neither", owner="o", steward="s", source="s", check_sql="", hash="k",
    )  # fmt: skip
    kind = SensorKind(
        id="made", names=_NAMES, quantities={"q": Measured(plausible=(0.0, 500.0))}, cadence_s=60, lateness_s=60.0 * LATENESS_MIN, idle_s=600,
        reporting="on_change", max_hold_s=600,
    )  # fmt: skip
    records: list[tuple[str, str, Any]] = [
        ("city", "c", City(id="c", names=_NAMES, time_zone="UTC", west=4.0, south=50.0, east=5.0, north=51.0)),
        ("quantity", "q", Quantity(id="q", names=_NAMES, unit="ug/m3", possible=(-5.0, 2000.0), resolution=0.1)),
        ("kind", "made", kind),
    ]
    for id_, level, parent in places:
        area = Area(id=id_, city="c", level=level, parent=parent, names=_NAMES, population=1, latitude=50.5, longitude=4.5)  # type: ignore[arg-type]
        records.append(("area", id_, area))
    records.append(("kpi", "k", kpi))
    records += [("device", id_, Device(id=id_, city="c", kind="made", area="c.1.n1", latitude=50.5, longitude=4.5)) for id_ in devices]
    return [_documents(records[first : first + 20_000], first) for first in range(0, len(records), 20_000)]


def _documents(records: list[tuple[str, str, Any]], seq: int) -> bytes:
    return encode(
        {"schema": READINGS.schema, "kind": "catalogue", "seq": seq + 1},
        {
            "entity": _coded([entity for entity, _, _ in records]),
            "id": [id_ for _, id_, _ in records],
            "document": [msgspec.json.encode(record).decode() for _, _, record in records],
        },
    )


def _frame(devices: list[str], at_us: int) -> bytes:
    n = len(devices)
    at = np.full(n, at_us, np.int64) + np.arange(n) % 1_000
    columns: dict[str, Any] = {
        "device": Coded(np.arange(n, dtype=np.int32), devices),
        "quantity": Coded(np.zeros(n, np.int32), ["q"]),
        "measured_at": at,
        "received_at": at + 1_000,
        "value": np.round(np.arange(n) % 500 / 10.0, 1),
        "quality": np.full(n, 2, np.uint16),
    }
    return encode({**_SAID, "kind": "readings"}, columns)


def _coded(texts: list[str]) -> Coded:
    distinct = sorted(set(texts))
    place = {text: n for n, text in enumerate(distinct)}
    return Coded(np.array([place[text] for text in texts], np.int32), distinct)
