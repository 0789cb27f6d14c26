"""Laws of time over generated logs: watermarks, closing, silence, wrong clocks, outages, days of 23 and 25 hours."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.kpi_value import KpiValue
from catalog.records import Device
from catalog.windows import to_us, window_of
from runtime.clock import iso_s
from runtime.frames import decode
from stream.combiner.partition import CombinerPartition
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame

HOUR = 60 * MINUTE
DEVICES = {"d0": ("air", "c.1.n1"), "d1": ("air", "c.1.n2"), "d2": ("air", "c.2.n1"), "d3": ("noise", "c.1.n1")}
AREAS_OF_AIR = ("c", "c.1", "c.2", "c.1.n1", "c.1.n2", "c.2.n1")
KPIS = [kpi("mean", "mean(pm2_5)", "minute", "ug/m3"), kpi("held", "time_mean(pm2_5)", "minute", "ug/m3")]
LAW = settings(max_examples=12)
LATENESS_S, IDLE_S = 20, 30


class Run:
    """One input partition and its combiner, a look after every record."""

    def __init__(self, kpis: list[Any] = KPIS, due_us: int = T0, live: bool = False) -> None:
        found = [
            (entity, id_, msgspec.structs.replace(record, due_from_us=due_us) if isinstance(record, Device) else record)
            for entity, id_, record in documents(kpis, DEVICES)
        ]
        self.worker, self.live = WorkerPartition(0), live
        self.publisher = Publisher(self.worker)
        self.combiners: dict[int, CombinerPartition] = {}
        self.values: list[KpiValue] = []
        self.marks: list[dict[str, int | None]] = []
        self.put(catalogue_frame(found))

    def put(self, value: bytes) -> "Run":
        outputs = self.worker.apply(value, self.worker.offset + 1)
        meta = decode(outputs.checked).meta
        self.marks.append(meta["watermarks"])
        self.late: int = meta["late"]
        for record in self.publisher.take(everywhere=True):
            combiner = self.combiners.setdefault(record.partition, CombinerPartition(record.partition, 1))
            combiner.apply(record.value, combiner.offset + 1)
            self.values += combiner.take(0, live=self.live)
        return self

    def beats(self, from_us: int, to_us_: int, gateway: str = "gw-0") -> "Run":
        for at in range(from_us, to_us_, 2 * SECOND):
            self.put(heartbeat(at, gateway))
        return self

    def say(self, at_us: int, received_us: int | None = None, device: str = "d0", value: float = 20.0) -> "Run":
        quantity = "sound_level" if device == "d3" else "pm2_5"
        return self.put(readings_frame([(device, quantity, at_us, at_us if received_us is None else received_us, value)]))

    @property
    def finals(self) -> list[KpiValue]:
        return [value for value in self.values if value.revision]

    def mark(self, kind: str = "air") -> int | None:
        return self.marks[-1].get(kind)


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Readings out of order and of wrong clocks, heartbeats with gaps, of two gateways that stop and come back."""
    clock, found = T0, []
    for _ in range(draw(st.integers(5, 40))):
        clock += draw(st.sampled_from([0, 1, 2, 3, 5, 20, 70])) * SECOND
        if draw(st.booleans()):
            device = draw(st.sampled_from(sorted(DEVICES)))
            at = clock + draw(st.sampled_from([0, 0, 0, -5, -30, -120, 3, 200])) * SECOND
            quantity = "sound_level" if device == "d3" else "pm2_5"
            found.append(readings_frame([(device, quantity, at, clock, draw(st.sampled_from([20.0, 30.0])))]))
        else:
            last = {"last": True} if draw(st.integers(0, 9)) == 0 else {}
            gateway = draw(st.sampled_from(["gw-0", "gw-1"]))
            found.append(heartbeat(clock + draw(st.sampled_from([0, 0, -3, 2])) * SECOND, gateway, **last))
    return found


def played(frames: list[bytes], live: bool = False) -> Run:
    run = Run(live=live)
    for value in frames:
        run.put(value)
    return run


@LAW
@given(logs())
def test_rule_08_the_watermark_never_goes_back(frames: list[bytes]) -> None:
    last: dict[str, int] = {}
    for marks in played(frames).marks:
        for kind, at_us in marks.items():
            assert at_us is not None or kind not in last
            if at_us is not None:
                assert at_us >= last.get(kind, at_us)
                last[kind] = at_us


@LAW
@given(logs())
def test_rule_16_a_value_is_final_once_and_its_revisions_grow_by_one_under_one_author(frames: list[bytes]) -> None:
    revisions: dict[tuple[str, str, str], list[int]] = {}
    authors: dict[tuple[str, str], set[str]] = {}
    for value in played(frames, live=True).values:
        revisions.setdefault((value.kpi, value.area, value.window_start), []).append(value.revision)
        assert value.epoch is not None
        authors.setdefault((value.kpi, value.area), set()).add(value.epoch.partition("/")[0])
        assert value.status == ("final" if value.revision else "live")
    for each in revisions.values():
        assert each.count(1) <= 1
        assert set(each) <= {0, 1}
        assert each == sorted(each)  # nothing is live again after its final
    assert all(len(each) == 1 for each in authors.values())


@LAW
@given(logs())
def test_rule_16_no_window_is_skipped(frames: list[bytes]) -> None:
    run = played(frames)
    by_area: dict[tuple[str, str], list[str]] = {}
    for final in run.finals:
        by_area.setdefault((final.kpi, final.area), []).append(final.window_start)
    for starts in by_area.values():
        first = to_us(datetime.fromisoformat(starts[0]))
        assert starts == [iso_s(first + n * MINUTE) for n in range(len(starts))]
    mark = run.mark()
    if mark is not None:
        closed = {iso_s(start) for start in range(T0, mark - MINUTE + 1, MINUTE)}
        for area in AREAS_OF_AIR:
            assert closed <= set(by_area.get(("mean", area), []))
            assert all(start in closed or start < iso_s(T0) for start in by_area.get(("mean", area), []))


@LAW
@given(logs())
def test_rule_09_late_is_what_was_measured_below_the_watermark_before_it(frames: list[bytes]) -> None:
    run = Run()
    for value in frames:
        frame = decode(value)
        kind = "noise" if frame.rows and "d3" in frame.columns["device"].texts else "air"
        before = run.mark(kind)
        run.put(value)
        if frame.rows:
            assert run.late == int(before is not None and int(frame.columns["measured_at"][0]) < before)


@LAW
@given(ahead_s=st.integers(1, 10**7), beats=st.booleans())
def test_rule_08_a_clock_that_is_ahead_drags_nothing(ahead_s: int, beats: bool) -> None:
    run = Run().say(T0 + 10 * SECOND)
    before = run.mark()
    assert before == T0 + (10 - LATENESS_S) * SECOND
    run.say(T0 + ahead_s * SECOND, T0 + 10 * SECOND, "d1")
    assert run.mark() == before
    if beats:
        run.beats(T0 + 10 * SECOND, T0 + 20 * SECOND)
        assert run.mark() == before
    assert run.finals == []


@LAW
@given(behind_s=st.integers(1, 10**7))
def test_rule_08_a_clock_that_is_behind_holds_nothing(behind_s: int) -> None:
    run = Run().say(T0 + 10 * SECOND).say(T0 - behind_s * SECOND, T0 + 11 * SECOND, "d1")
    run.say(T0 + 100 * SECOND)
    assert run.mark() == T0 + (100 - LATENESS_S) * SECOND


@LAW
@given(gap_s=st.integers(6, 10**6))
def test_rule_08_an_outage_closes_nothing(gap_s: int) -> None:
    run = Run().say(T0 + 55 * SECOND).beats(T0 + 55 * SECOND, T0 + 59 * SECOND)
    before = run.mark()
    again = T0 + (59 + gap_s) * SECOND
    run.beats(again, again + (IDLE_S - 2) * SECOND)  # the backlog has this time to arrive
    assert run.mark() == before
    assert run.finals == []
    run.say(T0 + 58 * SECOND, again + (IDLE_S - 1) * SECOND, "d1", 40.0)
    run.beats(again + IDLE_S * SECOND, again + (2 * IDLE_S + 64 + LATENESS_S) * SECOND)
    (final,) = [final for final in run.finals if (final.kpi, final.area, final.window_start) == ("mean", "c", iso_s(T0))]
    assert final.devices == 2


@LAW
@given(minutes=st.integers(1, 6))
def test_rule_16_a_silent_area_gets_no_data_with_coverage_zero(minutes: int) -> None:
    end = T0 + minutes * MINUTE
    run = Run().beats(T0, end + (IDLE_S + LATENESS_S + 4) * SECOND)
    found = Counter((final.kpi, final.area, final.state, final.coverage, final.value, final.devices) for final in run.finals)
    assert found == {(name, area, "no_data", 0.0, None, 0): minutes for name in ("mean", "held") for area in AREAS_OF_AIR}


@LAW
@given(stops=st.integers(0, 20))
def test_rule_08_a_gateway_that_says_goodbye_holds_nothing(stops: int) -> None:
    run = Run().beats(T0, T0 + 4 * SECOND, "gw-1")
    run.put(heartbeat(T0 + 4 * SECOND, "gw-1", last=True))
    run.beats(T0 + 4 * SECOND, T0 + (40 + stops) * SECOND)
    newest = T0 + (40 + stops - (2 if stops % 2 == 0 else 1)) * SECOND
    assert run.mark() == newest - LATENESS_S * SECOND


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
@settings(max_examples=5)
@given(hour=st.integers(0, 24), minute=st.integers(0, 59))
def test_rule_16_a_local_day_has_its_hours(day: str, hours: int, hour: int, minute: int) -> None:
    noon = to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC))
    start, end = window_of(noon, "day", "Europe/Brussels")
    assert end - start == hours * HOUR
    run = Run([kpi("day", "mean(pm2_5)", "day", "ug/m3"), kpi("many", "count(pm2_5)", "day", "1")], due_us=start)
    at = start + min(hour, hours - 1) * HOUR + minute * MINUTE
    for each in sorted({start, at, end - SECOND, end}):
        run.say(each)
    run.say(end + 25 * HOUR)
    finals = {(final.kpi, final.area, final.window_start): final for final in run.finals}
    mine = finals["many", "c", iso_s(start)]
    assert mine.window_end == iso_s(end)
    assert mine.value is None or mine.value == len({start, at, end - SECOND})
    assert mine.devices == 1
    assert mine.coverage == len({start, at, end - SECOND}) * 10 / (3 * hours * 3600)
    starts = sorted({name[2] for name in finals})
    assert starts == [iso_s(start), iso_s(end)]
