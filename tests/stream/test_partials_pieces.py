"""Many rows travel in several records: only the last says the watermarks, and together they are what one would be."""

from typing import Any

import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from stream.combiner.partition import CombinerPartition
from stream.rows import unpack
from stream.worker import partials
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from tests.stream.city import SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame

DEVICES = {f"d{n}": ("air", f"c.{1 + n % 2}.n{1 + n // 2 % 2}") for n in range(6)}
KPIS = [kpi("mean", "mean(pm2_5)", "minute", "ug/m3"), kpi("high", "p95(pm2_5)", "minute", "ug/m3")]


def finals(pieces: int | None, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[tuple[Any, ...]]]:
    """Records with rows, and finals, of a worker whose records hold so many bytes."""
    if pieces is not None:
        monkeypatch.setattr(partials, "MOST_BYTES", pieces)
    worker = WorkerPartition(0)
    publisher, combiner = Publisher(worker), None
    frames = [catalogue_frame(documents(KPIS, DEVICES))]
    rng = np.random.default_rng(1)
    for second in range(0, 200, 5):
        now = T0 + second * SECOND
        frames.append(readings_frame([(device, "pm2_5", now, now, float(rng.integers(10, 90))) for device in DEVICES]))
        frames.append(heartbeat(now))
    with_rows = 0
    found: list[KpiValue] = []
    for offset, value in enumerate(frames):
        worker.apply(value, offset)
        records = publisher.take(True)
        for at, record in enumerate(records):
            combiner = combiner or CombinerPartition(record.partition, 1)
            combiner.apply(record.value, combiner.offset + 1)
            if not record.bare and record.value[:4] == b"KPP2":
                with_rows += 1
                assert (unpack(record.value)[0].watermarks is None) == (at < len(records) - 1)
            found += combiner.take(0, live=False)
    return with_rows, [(v.kpi, v.area, v.window_start, v.value, v.coverage, v.devices) for v in found]


def test_pieces_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, wanted = finals(None, monkeypatch)
    cut, found = finals(200, monkeypatch)
    assert cut > 2 * whole
    assert found == wanted != []
    assert {name for name, *_ in found} == {"mean", "high"}
