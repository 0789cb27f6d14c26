"""The worker's edges: logs without a beginning, heartbeats without their words, refusals that know their city, positions."""

from typing import Any

import msgspec
import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from runtime.clock import iso_s
from runtime.frames import decode, encode
from stream.combiner.partition import CombinerPartition
from stream.shell import metrics
from stream.shell.holders import CombinerHolder
from stream.worker.partials import Publisher
from stream.worker.partition import AHEAD_US, WorkerPartition
from stream.worker.snapshot import dump, load
from tests.stream import partials
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, coded, documents, heartbeat, kpi, readings_frame

DEVICES = {"d0": ("air", "c.1.n1"), "d1": ("air", "c.2.n1")}
KPI = kpi("mean", "mean(pm2_5)", "minute", "ug/m3")


def begun(first: int, kpis: Any = (KPI,)) -> WorkerPartition:
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(documents(list(kpis), DEVICES)), first)
    return worker


def finals_of(worker: WorkerPartition, frames: list[bytes], restart: int = -1) -> list[KpiValue]:
    """Every final of the city's areas, one input partition."""
    combiners: dict[int, CombinerPartition] = {}
    publisher, found = Publisher(worker), []
    for n, value in enumerate(frames):
        worker.apply(value, worker.offset + 1)
        if n == restart:
            worker = load(0, dump(worker))
            publisher = Publisher(worker)
        for record in publisher.take(everywhere=True):
            combiner = combiners.setdefault(record.partition, CombinerPartition(record.partition, 1))
            combiner.apply(record.value, combiner.offset + 1)
            found += combiner.take(0, live=False)
    return found


def frames() -> list[bytes]:
    return [
        readings_frame([(device, "pm2_5", at, at + SECOND, 20.0) for device in DEVICES])
        for at in range(T0 + 30 * SECOND, T0 + 12 * MINUTE, 10 * SECOND)
    ]


@pytest.mark.parametrize("restart", [-1, 3])
def test_windows_that_began_before_the_log_are_closed_as_rebuilt(restart: int) -> None:
    finals = [final for final in finals_of(begun(500), frames(), restart) if final.devices]
    reasons = {final.window_start: final.reason for final in finals}
    edge = T0 + 31 * SECOND + AHEAD_US
    starts = range(T0, T0 + 11 * MINUTE, MINUTE)
    assert reasons == {iso_s(start): "rebuilt" if start < edge else None for start in starts}
    assert {*reasons.values()} == {"rebuilt", None}


def test_a_log_with_its_beginning_rebuilds_nothing() -> None:
    assert {final.reason for final in finals_of(begun(0), frames())} == {None}


@pytest.mark.parametrize("meta", [{"gateway": None}, {"gateway": ""}, {"clock_us": None}, {"clock_us": "now"}, {"clock_us": True}, {"clock_us": 1.5}])
def test_a_heartbeat_without_its_words_is_damaged_and_moves_nothing(meta: dict[str, Any]) -> None:
    worker = begun(0)
    worker.apply(readings_frame([("d0", "pm2_5", T0, T0, 20.0)]), 1)
    before = dump(worker)
    value = heartbeat(**{"clock_us": T0 + 3600 * SECOND, **meta})
    outputs = worker.apply(value, 2)
    assert decode(outputs.checked).meta["kind"] == "damaged"
    (refused,) = outputs.refused
    assert refused.value == value
    rejections = msgspec.json.decode(dict(refused.headers)["rejections"])
    assert rejections[0]["reason"] == "damaged_frame"
    assert "wanted gateway and clock_us" in rejections[0]["detail"]
    worker.state.offset = 1
    assert dump(worker) == before


def test_a_conflict_says_which_city_it_is_of() -> None:
    worker = begun(0)
    rows = [("d0", "pm2_5", T0, T0, 20.0), ("d0", "pm2_5", T0, T0, 21.0), ("nobody", "pm2_5", T0, T0, 21.0)]
    cities = [dict(refused.headers).get("city") for refused in worker.apply(readings_frame(rows), 1).refused]
    assert cities == [b"c", None]


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "not_finite"), (np.inf, "not_finite"), (-np.inf, "not_finite"), (1e9, "out_of_range")])
def test_a_value_that_no_gateway_would_send_is_refused_and_the_others_stand(value: float, reason: str) -> None:
    worker, (late_us, value_us) = begun(0), (T0 + SECOND, T0 + 2 * SECOND)
    frame = readings_frame([("d0", "pm2_5", late_us, late_us, 20.0), ("d1", "pm2_5", value_us + 10**12, value_us, value)])
    outputs = worker.apply(frame, 1)
    (refused,) = outputs.refused
    headers = dict(refused.headers)
    assert [each["reason"] for each in msgspec.json.decode(headers["rejections"])] == [reason]
    assert headers["city"] == b"c"
    checked, alone = decode(outputs.checked), begun(0).apply(readings_frame([("d0", "pm2_5", late_us, late_us, 20.0)]), 1)
    assert checked.columns["measured_at"].tolist() == [late_us]
    assert (checked.meta["rows"], checked.meta["conflicts"]) == (2, 1)
    assert checked.meta["watermarks"] == decode(alone.checked).meta["watermarks"]


def placed_frame(rows: list[tuple[str, int, float, float, float]]) -> bytes:
    """Rows: device, measured_us, value, latitude, longitude."""
    return encode(
        {"schema": "readings/1", "kind": "readings", "gateway": "gw-0", "life": "l", "seq": 0},
        {
            "device": coded([row[0] for row in rows]),
            "quantity": coded(["pm2_5"] * len(rows)),
            "measured_at": np.array([row[1] for row in rows], np.int64),
            "received_at": np.array([row[1] for row in rows], np.int64),
            "value": np.array([row[2] for row in rows]),
            "quality": np.full(len(rows), 2, np.uint16),
            "latitude": np.array([row[3] for row in rows]),
            "longitude": np.array([row[4] for row in rows]),
        },
    )


def test_positions_travel_with_their_readings_into_the_checked_record() -> None:
    worker = begun(0)
    rows = [("d0", T0, 20.0, 50.5, 4.25), ("d1", T0, 20.0, np.nan, np.nan), ("d0", T0, 20.0, 1.0, 2.0), ("d0", T0 + SECOND, 21.0, 50.75, 4.5)]
    columns = decode(worker.apply(placed_frame(rows), 1).checked).columns
    assert columns["latitude"].tolist() == pytest.approx([50.5, np.nan, 50.75], nan_ok=True)
    assert columns["longitude"].tolist() == pytest.approx([4.25, np.nan, 4.5], nan_ok=True)


def test_a_kpi_that_nobody_feeds_costs_nothing() -> None:
    """No partial row, no window, no final, no state: the areas' levels of it are there all the same."""
    unfed = [kpi(f"unfed{n}", f"leq(sound_level) + {n}", window, "dB") for n, window in enumerate(("minute", "hour", "day"))]
    unfed += [kpi("unfed_percentile", "p95(sound_level)", "hour", "dB"), kpi("unfed_held", "time_share(sound_level, 55)", "hour", "1")]
    states: list[tuple[int, list[tuple[str, int]], int]] = []
    for kpis in ([KPI], [KPI, *unfed]):
        worker, combiners, finals = begun(0, kpis), dict[int, CombinerPartition](), 0
        publisher, rows = Publisher(worker), 0
        for value in frames():
            worker.apply(value, worker.offset + 1)
            for record in publisher.take(everywhere=True):
                combiner = combiners.setdefault(record.partition, CombinerPartition(record.partition, 1))
                combiner.apply(record.value, combiner.offset + 1)
                finals += len(combiner.take(0, live=True))
        rows = sum(combiner.counts["rows"] for combiner in combiners.values())
        kept = sorted((panes.keys[key], start) for c in combiners.values() for panes in [c._state.panes] for key, start in panes.pane)
        passed = sum(len(combiner._state.closing.passed) for combiner in combiners.values())
        states.append((rows, kept, finals + passed + len(worker.state.windows.windows)))
    assert states[0] == states[1]


class _Nowhere:
    """An outbox that forgets."""

    def put(self, *_: Any) -> None:
        return


def test_rows_after_the_close_are_counted_where_the_operator_sees_them() -> None:
    holder, before = CombinerHolder(3, _Nowhere(), None), metrics.AFTER_CLOSE._value.get()  # type: ignore[arg-type]
    row = partials.Row("mean(pm2_5)@minute", "alpha", partials.T0_US, 1, 6, 6_000_000)
    passed = {"air": partials.T0_US + 90 * SECOND}
    records = [
        partials.catalogue_frame(0, {}, partials.documents()),
        partials.census_frame(0, 0, {}, [partials.Owed("alpha", "air", 1, due_from_us=partials.T0_US)]),
        *(partials.watermarks_frame(source, 0, {}) for source in range(1, 12)),
        partials.rows_frame(0, 1, passed, [row]),
        partials.rows_frame(0, 2, passed, [row, row._replace(start_us=partials.T0_US + MINUTE)]),
    ]
    for offset, value in enumerate(records):
        holder.take(value, offset, None)
        holder.publish()
    assert metrics.AFTER_CLOSE._value.get() - before == 1
