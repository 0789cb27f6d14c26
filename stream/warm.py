"""Run every kernel of the worker and the combiner once on a made-up city, so that the compile cache is full.

Promises  The same array types as live data: frames are encoded and decoded on the way.
"""

from typing import Any

import msgspec
import numpy as np

from catalog.records import Area, City, Device, KpiDocument, Measured, Quantity, Record, SensorKind
from catalog.topics import PARTITIONS, partition_of
from formula.compile import compile_kpi
from formula.functions import FUNCTIONS, kernel_of
from formula.signature import signature_of
from kernels.seen import grown, with_room
from runtime.frames import Coded, encode
from stream.combiner.partition import CombinerPartition
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load

_NAMES = {"en": "warm", "fr": "warm", "nl": "warm"}
_START_US = 1_700_000_040_000_000
_QUANTITIES = {"level": "dB", "dust": "ug/m3"}
_FORMULAS = {
    "mean": ("mean(dust)", "minute"),
    "night": ("leq(level, night)", "day"),
    "pooled": ("p95(level)", "hour"),
    "held": ("time_mean(dust)", "minute"),
    "extremes": ("max(level) - min(level)", "quarter_hour"),
}


def _kpi(id_: str, formula: str, window: str) -> KpiDocument:
    unit = next(unit for quantity, unit in _QUANTITIES.items() if quantity in formula)
    fields: dict[str, Any] = {"names": _NAMES, "descriptions": _NAMES, "unit": unit, "better": "neither", "check_sql": ""}
    return KpiDocument(id=id_, version=1, formula=formula, window=window, owner="-", steward="-", source="-", **fields)  # type: ignore[arg-type]


def _catalogue() -> list[tuple[str, Record]]:
    kind = {"quantities": {id_: Measured(plausible=(0.0, 120.0)) for id_ in _QUANTITIES}, "cadence_s": 10.0, "lateness_s": 1.0, "idle_s": 2.0}
    place: dict[str, Any] = {"city": "warm", "latitude": 50.0, "longitude": 4.0}
    return [
        ("city", City(id="warm", names=_NAMES, time_zone="Europe/Brussels", west=4.0, south=50.0, east=5.0, north=51.0)),
        *(("quantity", Quantity(id=id_, names=_NAMES, unit=unit, possible=(0.0, 200.0), resolution=0.1)) for id_, unit in _QUANTITIES.items()),
        ("kind", SensorKind(id="ear", names=_NAMES, **kind)),  # type: ignore[arg-type]
        ("area", Area(id="warm", level="city", parent=None, names=_NAMES, population=1, **place)),
        *(("kpi", _kpi(id_, formula, window)) for id_, (formula, window) in _FORMULAS.items()),
        ("device", Device(id="warm.one", kind="ear", area="warm", **place)),
    ]


def _frames() -> list[bytes]:
    documents = _catalogue()
    entities = sorted({entity for entity, _ in documents})
    catalogue: dict[str, Any] = {
        "entity": Coded(np.array([entities.index(entity) for entity, _ in documents], np.int32), entities),
        "id": [getattr(record, "id", "") for _, record in documents],
        "document": [msgspec.json.encode(record).decode() for _, record in documents],
    }
    times = np.repeat(_START_US + np.arange(3, dtype=np.int64) * 30_000_000, len(_QUANTITIES))
    readings: dict[str, Any] = {
        "device": Coded(np.zeros(times.size, np.int32), ["warm.one"]),
        "quantity": Coded(np.tile(np.arange(len(_QUANTITIES), dtype=np.int32), 3), list(_QUANTITIES)),
        "measured_at": times,
        "received_at": times + 1_000,
        "value": np.repeat([50.0, 60.0, 130.0], len(_QUANTITIES)),
        "quality": np.full(times.size, 2, np.uint16),
    }
    beats = [{"kind": "heartbeat", "gateway": "warm", "clock_us": _START_US + second * 1_000_000} for second in range(60, 200, 4)]
    frames = [encode({"kind": "catalogue"}, catalogue), encode({"kind": "readings"}, readings)]
    return frames + [encode(beat, {"value": np.zeros(0)}) for beat in beats]


def _require_taken() -> None:
    """Raise FormulaError where a formula above is refused: a worker passes over it, and its loops would be compiled while readings wait."""
    records = _catalogue()
    quantities = {record.id: record for _, record in records if isinstance(record, Quantity)}
    kpis = {record.id: record for _, record in records if isinstance(record, KpiDocument)}
    for kpi in kpis.values():
        compile_kpi(kpi, quantities, kpis)


def warm() -> None:
    """Compile, or load from the cache, everything that the worker runs."""
    _require_taken()
    worker = WorkerPartition(0)
    combiner = CombinerPartition(partition_of("warm"), PARTITIONS)
    publisher, offset = Publisher(worker), 0
    for number, value in enumerate(_frames()):
        worker.apply(value, number)
        for record in publisher.take(everywhere=True):
            if record.partition == combiner.partition:
                combiner.apply(record.value, offset)
                offset += 1
        combiner.take(_START_US, live=True)
    for name, function in FUNCTIONS.items():
        numbers = [one.unit == "number" for one in signature_of(name).parameters]
        if not function.kernel.startswith(("formula.", "numpy:")):
            kernel_of(name)(*(1_000.0 if number else np.array([20.0]) for number in numbers))
    load(0, dump(worker))
    combiner.restore(combiner.snapshot())
    state = worker.state
    with_room(state.seen, state.program.device_kind, state.watermark_us, state.seen.late.key.size)  # as when the table is full
    grown(state.seen)


if __name__ == "__main__":
    warm()
