"""The worker's steps against the slow oracle, and the laws that exactness rests on."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from catalog.quality import Cause, Flag
from catalog.records import SensorKind
from runtime.frames import decode, encode
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import LayoutError, dump, load
from tests.oracles.worker import Oracle, Row, held_sum, last_sum, mean_sum
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, coded, documents, heartbeat, kpi, readings_frame
from tests.stream.partials import frame_of

DEVICES = {
    "d0": ("air", "c.1.n1"),
    "d1": ("air", "c.1.n2"),
    "d2": ("air", "c.2.n1"),
    "d3": ("noise", "c.1.n1"),
    "d4": ("noise", "c.2.n2"),
}
KPIS = [
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("last", "last(pm2_5)", "minute", "ug/m3"),
    kpi("lowest", "min(pm2_5)", "quarter_hour", "ug/m3"),
    kpi("highest", "max(pm2_5)", "day", "ug/m3"),
    kpi("many", "count(pm2_5)", "hour", "1"),
    kpi("loud", "leq(sound_level)", "minute", "dB"),
    kpi("busy", "p95(pm2_5)", "quarter_hour", "ug/m3"),
    kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"),
]
AREAS = ("c.1.n1", "c.1.n2", "c.2.n1", "c.2.n2", "c.1", "c.2", "c")


@st.composite
def frames(draw: st.DrawFn) -> list[list[Row]]:
    """Readings out of order, doubled, in conflict, implausible, impossible, of clocks that run ahead and late, cut into frames anyhow."""
    rows = []
    for _ in range(draw(st.integers(1, 60))):
        device = draw(st.sampled_from(sorted(DEVICES)))
        quantity = "pm2_5" if DEVICES[device][0] == "air" else "sound_level"
        at = T0 + draw(st.integers(0, 60)) * 5 * SECOND
        value = draw(st.sampled_from([20.0, 20.1, 37.5, 80.0, 600.0]))
        received = at + draw(st.one_of(st.integers(-2, 30), st.integers(-2, 30), st.sampled_from([-60, -61]))) * SECOND
        rows.append(Row(device, quantity, at, received, value))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    return [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) if a < b]


def fresh() -> WorkerPartition:
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(documents(KPIS, DEVICES)), 0)
    return worker


def gathered(records: list[Any], into: dict[tuple[str, str, int], dict[str, Any]]) -> None:
    """Newest absolute row per aggregate, area and window, as a combiner keeps it."""
    for record in records:
        frame = frame_of(record.value)
        if frame.meta["kind"] != "rows":
            continue
        c = frame.columns
        for n in range(frame.rows):
            name, area = c["aggregate"].texts[c["aggregate"].codes[n]], c["area"].texts[c["area"].codes[n]]
            hi, lo = int(c["sum_hi"][n]), int(c["sum_lo"][n])
            row = {key: c[key][n] for key in ("devices", "readings", "good_due", "real", "low", "high")}
            row["sum"] = (hi << 64) + lo % 2**64
            row["bins"] = c["bins"][n] if "bins" in c else None
            into[name, area, int(c["window_start"][n])] = row


@settings(max_examples=40, deadline=None)
@given(frames())
def test_published_rows_equal_the_oracle(given_frames: list[list[Row]]) -> None:
    worker, oracle = fresh(), Oracle(DEVICES)
    publisher = Publisher(worker)
    published: dict[tuple[str, str, int], dict[str, Any]] = {}
    for offset, rows in enumerate(given_frames, start=1):
        outputs = worker.apply(readings_frame([tuple(row) for row in rows]), offset)  # type: ignore[misc]
        verdicts = [oracle.take(row) for row in rows]
        checked = decode(outputs.checked)
        assert checked.rows == sum(v in ("kept", "late") for v in verdicts)
        assert checked.meta["duplicates"] == verdicts.count("duplicate")
        assert checked.meta["conflicts"] == verdicts.count("conflict") + verdicts.count("impossible") == len(outputs.refused)
        assert checked.meta["late"] == verdicts.count("late")
        gathered(publisher.take(offset % 2 == 0), published)
    gathered(publisher.take(True), published)
    for area in AREAS:
        _compare(published, oracle, area)


def _compare(published: dict[tuple[str, str, int], dict[str, Any]], oracle: Oracle, area: str) -> None:
    for name, window in (("mean(pm2_5)", "minute"), ("last(pm2_5)", "minute"), ("min(pm2_5)", "quarter_hour"), ("max(pm2_5)", "day")):
        wanted = oracle.device_windows("pm2_5", window, area)
        found = {start: row for (n, a, start), row in published.items() if n == f"{name}@{window}" and a == area}
        assert found.keys() == wanted.keys()
        for start, devices in wanted.items():
            row = found[start]
            values = [value for readings in devices.values() for _, value in readings]
            assert (row["devices"], row["readings"]) == (len(devices), len(values))
            if name.startswith("mean"):
                assert row["sum"] == mean_sum(devices)
            elif name.startswith("last"):
                assert row["sum"] == last_sum(devices) * 2**50
            elif name.startswith("min"):
                assert row["low"] == min(values)
            else:
                assert row["high"] == max(values)
    for start, devices in oracle.device_windows("sound_level", "minute", area).items():
        energies = [sum(10 ** (v / 100) for _, v in readings) / len(readings) for readings in devices.values()]
        assert published["leq(sound_level)@minute", area, start]["real"] == pytest.approx(math.fsum(energies), rel=1e-12)
    for start, devices in oracle.device_windows("pm2_5", "quarter_hour", area).items():
        bins = np.frombuffer(published["p95(pm2_5)@quarter_hour", area, start]["bins"], np.int64).reshape(-1, 2)
        pooled = sorted(value for readings in devices.values() for _, value in readings)
        assert np.repeat(bins[:, 0], bins[:, 1]).tolist() == pooled


@settings(max_examples=40, deadline=None)
@given(frames(), st.integers(0, 8))
def test_restart_from_a_snapshot_changes_nothing(given_frames: list[list[Row]], cut: int) -> None:
    straight, broken = fresh(), fresh()
    publisher = Publisher(straight)
    a: dict[tuple[str, str, int], dict[str, Any]] = {}
    b: dict[tuple[str, str, int], dict[str, Any]] = {}
    gathered(publisher.take(True), a)
    for offset, rows in enumerate(given_frames, start=1):
        value = readings_frame([tuple(row) for row in rows])  # type: ignore[misc]
        if offset == cut:
            broken = load(0, dump(broken))
        assert straight.apply(value, offset) == broken.apply(value, offset)
        assert dump(straight) == dump(broken)
    gathered(publisher.take(True), a)
    gathered(Publisher(broken).take(True), b)
    assert {key: a[key] for key in b} == b


@settings(max_examples=10, deadline=None)
@given(frames())
def test_rows_of_a_time_mean_are_exact(given_frames: list[list[Row]]) -> None:
    """The value of a closed window is what the readings say that the watermark has passed."""
    worker, oracle = fresh(), Oracle(DEVICES)
    published: dict[tuple[str, str, int], dict[str, Any]] = {}
    publisher = Publisher(worker)
    offset = 0
    for offset, rows in enumerate(given_frames, start=1):
        worker.apply(readings_frame([tuple(row) for row in rows]), offset)  # type: ignore[misc]
        for row in rows:
            oracle.take(row)
    for second in range(1500):
        offset += 1
        worker.apply(heartbeat(T0 + second * SECOND), offset)
    gathered(publisher.take(True), published)
    passed = worker.state.watermarks()["air"]
    assert passed is not None
    assert passed > T0 + 310 * SECOND
    everything = {device: readings for (device, quantity), readings in oracle.good.items() if quantity == "pm2_5"}
    for minute in range(8):
        start = T0 + minute * MINUTE
        wanted = held_sum(everything, start, start + MINUTE, 40 * SECOND)
        found = published.get(("time_mean(pm2_5)@minute", "c", start))
        if not wanted:
            assert found is None or found["devices"] == 0
            continue
        assert found is not None
        assert found["devices"] == len(wanted)
        assert found["sum"] == sum(round(_scaled(total, time)) for total, time in wanted.values())


def _scaled(total: int, time: int) -> Any:
    from fractions import Fraction

    return Fraction(total * 2**50, time)


def test_a_counter_that_falls_has_begun_again() -> None:
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(documents([kpi("grown", "increase(total)", "minute", "1")], {"d0": ("air", "c.1.n1")})), 0)
    said = [(15, 130.0), (0, 100.0), (85, 25.0), (70, 5.0), (140, 30.0)]
    worker.apply(readings_frame([("d0", "total", T0 + s * SECOND, T0 + s * SECOND, value) for s, value in said]), 1)
    for second in range(400):
        worker.apply(heartbeat(T0 + second * SECOND), second + 2)
    published: dict[tuple[str, str, int], dict[str, Any]] = {}
    gathered(Publisher(worker).take(True), published)
    assert [published["increase(total)@minute", "c", T0 + n * MINUTE]["sum"] for n in range(3)] == [30, 5 + 20, 5]


def with_ahead(ahead_s: float | None) -> bytes:
    """The city's frame, its air kind with that much; None: as a release wrote it that did not know of it."""
    found = documents(KPIS[:1], DEVICES)
    frame = catalogue_frame([(e, id_, structs.replace(r, ahead_s=ahead_s or 60.0) if isinstance(r, SensorKind) else r) for e, id_, r in found])
    columns = decode(frame).columns
    documented = [text if ahead_s else text.replace(',"ahead_s":60.0', "") for text in columns["document"]]
    assert ahead_s or documented != columns["document"]
    return encode(decode(frame).meta, {**columns, "document": documented})


@pytest.mark.parametrize(("ahead_s", "allowed_s"), [(None, 60), (60.0, 60), (7.0, 7), (200.0, 200)])
def test_a_reading_whose_clock_runs_ahead_is_kept_suspect_and_enters_no_window(ahead_s: float | None, allowed_s: int) -> None:
    worker = WorkerPartition(0)
    worker.apply(with_ahead(ahead_s), 0)
    publisher = Publisher(worker)
    edge = T0 + allowed_s * SECOND
    outputs = worker.apply(readings_frame([("d0", "pm2_5", edge, T0, 20.0), ("d1", "pm2_5", edge + 1, T0, 90.0)]), 1)
    checked = decode(outputs.checked).columns
    assert checked["quality"].tolist() == [int(Flag.GOOD), int(Flag.SUSPECT | Cause.PLAUSIBLE_TIME)]
    published: dict[tuple[str, str, int], dict[str, Any]] = {}
    gathered(publisher.take(True), published)
    row = published["mean(pm2_5)@minute", "c", edge // MINUTE * MINUTE]
    assert (row["devices"], row["sum"]) == (1, 200 * 2**50)


def test_of_a_kind_that_is_gone_nothing_is_known_and_nothing_suspect() -> None:
    worker = fresh()
    gone = {"schema": "readings/1", "kind": "catalogue", "seq": 2}
    worker.apply(encode(gone, {"entity": coded(["kind"]), "id": ["air"], "document": [None]}), 1)
    checked = decode(worker.apply(readings_frame([("d0", "pm2_5", T0 + 250 * SECOND, T0, 900.0)]), 2).checked)
    assert checked.columns["quality"].tolist() == [int(Flag.GOOD)]


def test_an_outage_closes_nothing_and_silence_does() -> None:
    worker = fresh()
    worker.apply(readings_frame([("d0", "pm2_5", T0, T0, 20.0)]), 1)
    before = worker.state.watermarks()["air"]
    for offset, second in enumerate([0, 1, 2, 60, 61, 62], start=2):  # a gap of a minute: the count begins again
        worker.apply(heartbeat(T0 + second * SECOND), offset)
    assert worker.state.watermarks()["air"] == before
    for offset, second in enumerate(range(63, 95), start=8):
        worker.apply(heartbeat(T0 + second * SECOND), offset)
    assert worker.state.watermarks()["air"] == T0 + 94 * SECOND - 20 * SECOND


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "no frame", "cut short"])
def test_a_damaged_frame_is_refused_whole_and_the_partition_moves_on(damage: bytes | None) -> None:
    worker = fresh()
    value = damage if damage is not None else readings_frame([("d0", "pm2_5", T0, T0, 20.0)])[:-120]
    outputs = worker.apply(value, 1)
    assert [refused.value for refused in outputs.refused] == [value]
    assert decode(outputs.checked).meta["kind"] == "damaged"
    assert worker.offset == 1


def test_a_snapshot_of_another_layout_is_refused() -> None:
    with pytest.raises(LayoutError, match="partition 1"):
        load(1, dump(fresh()))


def test_every_gap_between_watermark_and_window_end_keeps_the_window_open() -> None:
    worker = fresh()
    publisher = Publisher(worker)
    worker.apply(readings_frame([("d0", "pm2_5", T0 + 10 * SECOND, T0 + 10 * SECOND, 20.0)]), 1)
    publisher.take(True)
    opened = len(worker.state.windows.windows)
    worker.apply(readings_frame([("d1", "pm2_5", T0 + 79 * SECOND, T0 + 79 * SECOND, 20.0)]), 2)  # watermark at 59 s
    publisher.take(True)
    assert len(worker.state.windows.windows) > opened
    worker.apply(readings_frame([("d2", "pm2_5", T0 + 80 * SECOND, T0 + 80 * SECOND, 20.0)]), 3)  # watermark at 60 s
    publisher.take(True)
    starts = {window.start_us for window in worker.state.windows.windows.values() if window.end_us - window.start_us == MINUTE}
    assert starts == {T0 + MINUTE}
