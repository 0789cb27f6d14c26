"""Registers that correct themselves: the later value stands, as if the first had never come."""

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import KpiDocument, SensorKind
from runtime.frames import decode
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame
from tests.stream.test_worker_partition import gathered

KPIS = [
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("weighted", "mean(pm2_5, population)", "hour", "ug/m3"),
    kpi("ends", "max(pm2_5) - min(pm2_5)", "hour", "ug/m3"),
    kpi("last", "last(pm2_5)", "quarter_hour", "ug/m3"),
    kpi("middle", "p50(pm2_5)", "hour", "ug/m3"),
    kpi("night", "sum(pm2_5, night) + sum(pm2_5, day) + sum(pm2_5, evening)", "day", "ug/m3"),
    kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"),
    kpi("loud", "leq(sound_level)", "hour", "dB"),
]
DEVICES = {"d0": ("air", "c.1.n1"), "d1": ("air", "c.1.n1"), "d2": ("noise", "c.1.n1"), "d3": ("air", "c.2.n1")}
VALUES = (0.0, 20.0, 20.1, 37.5, 600.0)
"""The last is implausible."""

Row = tuple[str, str, int, int, float]


def fresh(kpis: list[KpiDocument] = KPIS, *, correcting: bool = True) -> WorkerPartition:
    found = documents(kpis, DEVICES)
    found = [
        (entity, id_, msgspec.structs.replace(record, correcting=correcting) if isinstance(record, SensorKind) else record)
        for entity, id_, record in found
    ]
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(found), 0)
    return worker


def published(worker: WorkerPartition) -> dict[tuple[str, str, int], dict[str, Any]]:
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    gathered(Publisher(worker).take(True), found)
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[list[Row]]:
    """Readings within the lateness of each other, many for the same device and time."""
    rows: list[Row] = []
    for _ in range(draw(st.integers(1, 40))):
        device = draw(st.sampled_from(sorted(DEVICES)))
        quantity = "sound_level" if DEVICES[device][0] == "noise" else "pm2_5"
        at = T0 + draw(st.sampled_from([0, 1, 2, 3])) * SECOND
        value = draw(st.sampled_from(VALUES))
        rows.append((device, quantity, at, at + SECOND, 20.0 + value / 10.0 if quantity == "sound_level" else value))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) if a < b]


def plain(rows: dict[tuple[str, str, int], dict[str, Any]]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Rows that say something; low and high of nobody mean nothing."""
    return {name: row for name, row in rows.items() if row["devices"]}


@settings(max_examples=25, deadline=None)
@given(histories(), st.integers(0, 5))
def test_corrected_windows_are_those_of_the_last_words_alone(history: list[list[Row]], cut: int) -> None:
    worker, clean = fresh(), fresh(correcting=False)
    standing: dict[tuple[str, str, int], Row] = {}
    corrected = refused = 0
    for offset, rows in enumerate(history, start=1):
        if offset == cut:
            worker = load(0, dump(worker))
        outputs = worker.apply(readings_frame(rows), offset)
        checked = decode(outputs.checked)
        corrected += checked.meta.get("corrected", 0)
        refused += len(outputs.refused) + checked.meta["conflicts"]
        assert checked.rows + checked.meta["duplicates"] == len(rows)
        for row in rows:
            standing[row[0], row[1], row[2]] = row
    clean.apply(readings_frame(list(standing.values())), 1)
    for number, part in ((len(history) + 1, worker), (2, clean)):
        for second in range(90):
            part.apply(heartbeat(T0 + second * SECOND), number + second)
    ours, theirs = plain(published(worker)), plain(published(clean))
    assert refused == 0
    assert ours.keys() == theirs.keys()
    for name, found in ours.items():
        real, wanted = found.pop("real"), theirs[name].pop("real")
        assert np.isclose(real, wanted, rtol=1e-12, atol=0.0)
        assert found == theirs[name], name


def test_a_correction_to_an_implausible_value_takes_the_area_down() -> None:
    worker = fresh([KPIS[0]])
    publisher = Publisher(worker)
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    worker.apply(readings_frame([("d3", "pm2_5", T0, T0, 20.0)]), 1)
    gathered(publisher.take(True), found)
    assert found["mean(pm2_5)@minute", "c", T0]["devices"] == 1
    worker.apply(readings_frame([("d3", "pm2_5", T0, T0, 600.0)]), 2)
    gathered(publisher.take(True), found)
    assert found["mean(pm2_5)@minute", "c", T0]["devices"] == 0


def test_what_closed_windows_held_is_not_kept() -> None:
    worker = fresh(KPIS[:1])
    for n in range(200):
        at = T0 + n * MINUTE
        worker.apply(readings_frame([("d0", "pm2_5", at, at, 20.0), ("d1", "pm2_5", at, at, 30.0), ("d3", "pm2_5", at, at, 40.0)]), 1 + n)
    assert worker.state.register.slot.size <= 9
    again = load(0, dump(worker))
    pairs: list[tuple[Any, Any]] = list(zip(again.state.register, worker.state.register, strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_nothing_is_kept_where_no_kind_corrects() -> None:
    worker = fresh(correcting=False)
    worker.apply(readings_frame([("d0", "pm2_5", T0, T0, 20.0), ("d0", "pm2_5", T0, T0, 21.0)]), 1)
    assert worker.state.register.slot.size == 0
