"""The combiner's rules, one by one, on two or three records each."""

from datetime import UTC, datetime

import pytest

from catalog.kpi_value import KpiValue
from catalog.windows import to_us
from runtime.clock import iso_s
from runtime.errors import Inconsistent
from stream.combiner.closing import Closing
from stream.combiner.partition import CombinerPartition, SnapshotUnusable
from tests.stream.partials import (
    BANDS,
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    T0_US,
    Marks,
    Owed,
    Row,
    catalogue_frame,
    census_frame,
    documents,
    kpi,
    names,
    rows_frame,
    text_of,
    watermarks_frame,
)

PM = "mean(pm2_5)@minute"
PM_KPI = kpi("pm", "mean(pm2_5)", "ug/m3", "minute", bands=BANDS, min_coverage=0.5, levels=("city", "neighbourhood"))
FULL = 6_000_000
"""Readings due of one device in a minute at a cadence of 10 s, in millionths."""


class Log:
    """A combiner of two input partitions and the offset of its next record."""

    def __init__(self, first: int = 0) -> None:
        self.combiner = CombinerPartition(3, 2)
        self.next = first

    def put(self, *frames: bytes) -> "Log":
        for frame in frames:
            self.combiner.apply(frame, self.next)
            self.next += 1
        return self

    def finals(self) -> list[KpiValue]:
        return self.combiner.take(T0_US, live=False)

    def lives(self) -> list[KpiValue]:
        return [value for value in self.combiner.take(T0_US, live=True) if value.status == "live"]


def begun(kpis: tuple[object, ...] = (PM_KPI,), owed: tuple[Owed, ...] = (), first: int = 0, **more: int) -> Log:
    """Catalogue, and a census of one device for area alpha in input partition 0."""
    owed = owed or (Owed("alpha", "air", 1, due_from_us=T0_US),)
    return Log(first).put(catalogue_frame(0, {}, documents(kpis, **more)), census_frame(0, 0, {}, owed), watermarks_frame(1, 0, {}))  # type: ignore[arg-type]


def pm(start_us: int = T0_US, value: int = 100, devices: int = 1, good_due: int = FULL, area: str = "alpha") -> Row:
    return Row(PM, area, start_us, devices, 6 * devices, good_due, value * devices << 50)


def at(us: int) -> Marks:
    return {"air": us}


def test_a_window_closes_when_every_partition_with_the_kind_has_passed_its_end() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + 59 * SECOND_US), [pm()]), watermarks_frame(1, 1, at(T0_US + MINUTE_US)))
    assert log.finals() == []
    (final,) = log.put(watermarks_frame(0, 2, at(T0_US + MINUTE_US))).finals()
    assert final == KpiValue(
        kpi="pm",
        version=1,
        area="alpha",
        window_start=iso_s(T0_US),
        window_end=iso_s(T0_US + MINUTE_US),
        value=10.0,
        state="ok",
        band="good",
        unit="ug/m3",
        coverage=1.0,
        devices=1,
        revision=1,
        status="final",
        reason=None,
        epoch="3/5",
        computed_at="2025-10-09T09:00:00.000000Z",
    )
    assert log.put(watermarks_frame(0, 3, at(T0_US + MINUTE_US))).finals() == []


def test_nothing_closes_before_every_input_partition_was_heard() -> None:
    log = Log().put(catalogue_frame(0, {}, documents((PM_KPI,))), census_frame(0, 0, {}, [Owed("alpha", "air", 1, due_from_us=T0_US)]))
    log.put(rows_frame(0, 1, at(T0_US + HOUR_US), [pm()]))
    assert log.finals() == []
    assert len(log.put(watermarks_frame(1, 0, {})).finals()) == 60


def test_a_kind_without_a_watermark_holds_its_windows() -> None:
    log = begun().put(watermarks_frame(1, 1, {"air": None}), rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    assert log.finals() == []
    assert len(log.put(watermarks_frame(1, 2, {"loop": T0_US})).finals()) == 1


def test_catalogue_and_census_frames_close_nothing_because_their_rows_follow() -> None:
    log = begun().put(census_frame(0, 1, at(T0_US + MINUTE_US), [Owed("alpha", "air", 1, due_from_us=T0_US)]))
    assert log.finals() == []
    (final,) = log.put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()])).finals()
    assert final.devices == 1


@pytest.mark.parametrize(
    ("case", "row", "wanted"),
    [
        ("on the upper edge of a band", pm(value=100), (10.0, "ok", "good", 1.0, 1)),
        ("just above it", pm(value=101), (10.1, "ok", "fair", 1.0, 1)),
        ("in the last band", pm(value=9999), (999.9, "ok", "poor", 1.0, 1)),
        ("at the least coverage", pm(good_due=FULL // 2), (10.0, "ok", "good", 0.5, 1)),
        ("below it", pm(good_due=FULL // 2 - 1), (None, "not_enough_data", None, (FULL // 2 - 1) / FULL, 1)),
        ("nothing good came", pm(devices=0, value=0, good_due=0), (None, "no_data", None, 0.0, 0)),
    ],
)
def test_state_band_and_coverage(case: str, row: Row, wanted: tuple[object, ...]) -> None:
    (final,) = begun().put(rows_frame(0, 1, at(T0_US + MINUTE_US), [row])).finals()
    assert (final.value, final.state, final.band, final.coverage, final.devices) == wanted


def test_partials_of_several_partitions_are_one_value() -> None:
    log = begun().put(census_frame(1, 1, {}, [Owed("alpha", "air", 2, due_from_us=T0_US)]), watermarks_frame(1, 1, {"air": None}))
    log.put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm(value=100)]))
    log.put(rows_frame(1, 2, at(T0_US + MINUTE_US), [pm(value=400, devices=2, good_due=FULL)]))
    (final,) = log.finals()
    assert (final.value, final.devices, final.coverage) == (30.0, 3, 2 / 3)


def test_rule_15_the_row_of_the_highest_input_offset_counts() -> None:
    log = begun().put(rows_frame(0, 9, at(T0_US), [pm(value=200)]), rows_frame(0, 8, at(T0_US + DAY_US), [pm(value=500)]))
    assert log.finals() == []
    assert log.combiner.counts["regressed"] == 1
    (final,) = log.put(watermarks_frame(0, 10, at(T0_US + MINUTE_US))).finals()
    assert final.value == 20.0


def test_rows_of_closed_windows_are_counted_and_change_nothing() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    assert len(log.finals()) == 1
    log.put(rows_frame(0, 2, at(T0_US + MINUTE_US), [pm(value=900)]), watermarks_frame(0, 3, at(T0_US + 90 * SECOND_US)))
    assert log.finals() == []
    assert log.combiner.counts["after_close"] == 1


def test_history_that_comes_in_one_record_closes_every_window_with_data_and_some_with_the_next() -> None:
    old = T0_US - 400 * DAY_US
    rows = [pm(old + minute * MINUTE_US, value=minute) for minute in range(0, 3600, 3)]
    log = begun().put(rows_frame(0, 1, at(old + 3600 * MINUTE_US), rows))
    finals, waits = log.finals(), log.combiner.behind
    assert waits
    assert len(finals) == Closing.at_most
    finals += log.put(watermarks_frame(0, 2, at(old + 3600 * MINUTE_US))).finals()
    assert not log.combiner.behind
    assert [final.value for final in finals if final.devices] == [minute / 10 for minute in range(0, 3600, 3)]
    empty = [to_us(datetime.fromisoformat(final.window_end)) for final in finals if not final.devices]
    assert min(empty) >= old + 3600 * MINUTE_US - DAY_US
    starts = [final.window_start for final in finals]
    assert starts == sorted(starts)
    assert len(set(starts)) == len(starts)


def test_history_that_is_played_in_publishes_no_empty_windows_of_old() -> None:
    old = T0_US - 400 * DAY_US
    log = begun().put(watermarks_frame(1, 1, {}, clock_us=T0_US))
    for hour in range(0, 50, 5):
        log.put(rows_frame(0, 1 + hour, at(old + hour * HOUR_US + MINUTE_US), [pm(old + hour * HOUR_US)]))
    assert [final.devices for final in log.finals()] == [1] * 10


def test_an_outage_of_years_publishes_the_last_day_of_empty_windows_only() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    assert len(log.finals()) == 1
    finals = log.put(watermarks_frame(0, 2, at(T0_US + 4000 * DAY_US))).finals()
    assert len(finals) == 1441
    assert {final.state for final in finals} == {"no_data"}
    assert finals[0].window_end == iso_s(T0_US + 3999 * DAY_US)


def test_an_area_gets_windows_from_when_its_first_device_is_due() -> None:
    owed = (Owed("alpha", "air", 1, due_from_us=T0_US), Owed("alpha.a", "air", 1, due_from_us=T0_US + 90 * SECOND_US))
    finals = begun(owed=owed).put(watermarks_frame(0, 1, at(T0_US + 3 * MINUTE_US))).finals()
    assert [(final.area, final.window_start) for final in finals] == [
        ("alpha", iso_s(T0_US)),
        ("alpha", iso_s(T0_US + MINUTE_US)),
        ("alpha.a", iso_s(T0_US + MINUTE_US)),
        ("alpha", iso_s(T0_US + 2 * MINUTE_US)),
        ("alpha.a", iso_s(T0_US + 2 * MINUTE_US)),
    ]


def test_an_area_that_once_had_a_device_gets_its_windows_after_the_device_is_gone() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    log.put(census_frame(0, 2, at(T0_US), [Owed("omega", "air", 1, due_from_us=T0_US + HOUR_US)]))
    assert [final.state for final in log.finals()] == ["ok"]
    finals = log.put(watermarks_frame(0, 3, at(T0_US + 2 * MINUTE_US))).finals()
    assert [final.state for final in finals if final.area == "alpha"] == ["no_data"]


def test_a_kpi_counts_from_its_live_from_and_an_earlier_version_until_then() -> None:
    log = begun(live_from_us=T0_US + MINUTE_US + 1)
    second = kpi("pm", "max(pm2_5)", "ug/m3", "minute", version=2, min_coverage=0.0)
    log.put(catalogue_frame(1, {}, [("kpi", "pm", text_of(second, live_from_us=T0_US + 4 * MINUTE_US))]))
    finals = log.put(watermarks_frame(0, 1, at(T0_US + 6 * MINUTE_US))).finals()
    assert [(final.version, final.window_start) for final in finals] == [
        (version, iso_s(T0_US + minute * MINUTE_US)) for version, minute in ((1, 2), (1, 3), (2, 4), (2, 5))
    ]


def test_a_kpi_that_is_gone_gives_nothing_and_holds_nothing() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US), [pm()]), catalogue_frame(2, {}, [("kpi", "pm", None)]))
    assert log.put(watermarks_frame(0, 3, at(T0_US + 5 * DAY_US))).finals() == []
    assert log.lives() == []


def test_a_kpi_that_does_not_compile_is_said_and_the_others_go_on() -> None:
    broken = kpi("broken", "mean(nothing)", "1", "minute")
    log = begun((broken, PM_KPI)).put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    assert [final.kpi for final in log.finals()] == ["pm"]
    assert any("broken v1 is not computed" in problem for problem in log.combiner.problems())


def test_memory_holds_open_windows_only() -> None:
    log = begun()
    for minute in range(50):
        start = T0_US + minute * MINUTE_US
        log.put(rows_frame(0, 1 + minute, at(start), [pm(start)]))
    assert len(log.finals()) == 49
    assert len(log.combiner.snapshot()) < 2 * len(begun().combiner.snapshot())


def test_live_values_go_out_when_they_change_and_only_then() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + 9 * SECOND_US), [pm(good_due=2_000_000)]))
    (live,) = log.lives()
    assert (live.value, live.coverage, live.revision, live.status, live.epoch) == (10.0, 1.0, 0, "live", "3/3")
    assert log.lives() == []
    assert log.put(watermarks_frame(0, 2, at(T0_US + 29 * SECOND_US))).lives() == []
    (live,) = log.put(watermarks_frame(0, 3, at(T0_US + 30 * SECOND_US))).lives()
    assert live.coverage == 2 / 3
    assert log.put(rows_frame(0, 4, at(T0_US + 31 * SECOND_US), [pm(good_due=2_000_000)])).lives() == []
    (live,) = log.put(rows_frame(0, 5, at(T0_US + 31 * SECOND_US), [pm(good_due=3_000_000, value=150)])).lives()
    assert (live.value, live.coverage) == (15.0, 1.0)


def test_open_values_come_again_after_a_restore_with_the_same_content() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + 9 * SECOND_US), [pm()]))
    before = log.lives()
    log.combiner.restore(log.combiner.snapshot())
    assert log.lives() == before != []


def test_a_day_is_local_and_knows_its_hours() -> None:
    midnight = to_us(datetime(2025, 10, 25, 22, tzinfo=UTC))
    night = kpi("night", "leq(sound_level, night)", "dB", "day", min_coverage=0.0)
    log = begun((night,), (Owed("alpha", "noise", 1, HOUR_US, due_from_us=midnight),))
    row = Row("leq(sound_level,night)@day", "alpha", midnight, 1, 8, 8_000_000, real=1e5)
    (final,) = log.put(rows_frame(0, 1, {"noise": midnight + 25 * HOUR_US}, [row])).finals()
    assert (final.window_start, final.window_end) == ("2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")
    assert (final.value, final.coverage) == (50.0, 8 / 9)


def test_a_log_without_its_beginning_marks_its_first_windows_as_rebuilt() -> None:
    log = begun(first=500).put(rows_frame(0, 1, at(T0_US + 90 * SECOND_US), [pm()]))
    log.put(rows_frame(0, 2, at(T0_US + 3 * MINUTE_US), [pm(T0_US + 2 * MINUTE_US)]))
    reasons = {final.window_start: final.reason for final in log.finals()}
    assert reasons == {iso_s(T0_US): "rebuilt", iso_s(T0_US + MINUTE_US): "rebuilt", iso_s(T0_US + 2 * MINUTE_US): None}


def test_offsets_go_up_by_one() -> None:
    log = begun()
    before = log.combiner.snapshot()
    log.combiner.apply(b"whatever", 1)
    assert log.combiner.snapshot() == before
    with pytest.raises(Inconsistent, match="wanted offset 3, got 4"):
        log.combiner.apply(watermarks_frame(0, 1, {}), 4)


@pytest.mark.parametrize("value", [b"", b"no frame", watermarks_frame(7, 1, {}), catalogue_frame(0, {}, documents(()))[:-40]])
def test_a_damaged_record_is_said_and_passed_over(value: bytes) -> None:
    log = begun().put(value)
    assert (log.combiner.offset, log.combiner.counts["damaged"]) == (3, 1)
    assert "wanted a record of partials/2" in log.combiner.problems()[0]


def test_a_snapshot_needs_its_finals_taken_and_its_bytes_whole() -> None:
    log = begun().put(rows_frame(0, 1, at(T0_US + MINUTE_US), [pm()]))
    with pytest.raises(Inconsistent, match="1 finals that wait"):
        log.combiner.snapshot()
    log.finals()
    data = log.combiner.snapshot()
    for wrong in (b"", data[:-1], data[:10] + b"x" + data[11:]):
        with pytest.raises(SnapshotUnusable):
            CombinerPartition(3, 2).restore(wrong)
    with pytest.raises(SnapshotUnusable, match="wanted partition 4 of 2 inputs, got 3 of 2"):
        CombinerPartition(4, 2).restore(data)


def test_texts_of_a_kpi_may_change_without_a_new_version() -> None:
    renamed = kpi("pm", "mean(pm2_5)", "ug/m3", "minute", names=names("renamed"), min_coverage=0.5)
    log = begun().put(rows_frame(0, 1, at(T0_US + 30 * SECOND_US), [pm()]), catalogue_frame(2, {}, [("kpi", "pm", text_of(renamed, live_from_us=0))]))
    (final,) = log.put(watermarks_frame(0, 3, at(T0_US + MINUTE_US))).finals()
    assert (final.value, final.band) == (10.0, None)
