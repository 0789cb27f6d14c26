"""Rules of the stream that no larger test is named after, each in a few lines."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.topics import CHECKED, DEVICES, PARTIALS, PARTITIONS, READINGS, STATE, TOPICS, partition_of
from runtime.frames import decode
from stream.shell import commits
from stream.shell.holders import WorkerHolder
from stream.shell.owner import EXIT_GAP, Owner
from stream.shell.pointer import Pointer
from stream.shell.pointer import decode as decode_pointer
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load
from tests.stream.city import SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame
from tests.stream.partials import frame_of

WHO = {"d0": ("air", "c.1.n1"), "d1": ("air", "c.2.n1")}
KPIS = [kpi("mean", "mean(pm2_5)", "minute", "ug/m3"), kpi("held", "time_mean(pm2_5)", "minute", "ug/m3")]
Rows = list[tuple[str, str, int, int, float]]


def begun() -> WorkerPartition:
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(documents(KPIS, WHO)), 0)
    return worker


def test_rule_01_a_device_keeps_its_partition_over_releases() -> None:
    assert PARTITIONS == 12
    assert [partition_of(id_) for id_ in ("brussels.air-0001", "brussels.air-0002", "ghent.noise-0001", "été")] == [4, 6, 7, 0]


def test_rule_05_nothing_but_devices_is_compacted_and_the_log_has_its_own_time() -> None:
    assert [topic.name for topic in TOPICS if topic.compacted] == [DEVICES.name]
    days = {topic.name: topic.retention_ms / 86_400_000 for topic in TOPICS}
    assert (days[READINGS.name], days[CHECKED.name], days["kompas.rejected.v1"], days[PARTIALS.name], days["kompas.kpis.v1"]) == (7, 7, 30, 1, 30)
    assert (STATE.retention_ms, STATE.retention_bytes, STATE.partitions) == (-1, 256 << 20, 24)
    assert {topic.config["message.timestamp.type"] for topic in TOPICS} == {"LogAppendTime"}
    assert not any(name.startswith("transaction") for topic in TOPICS for name in topic.config)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Readings near each other, some of them again, some of them with another value."""
    found = []
    for _ in range(draw(st.integers(1, 30))):
        at = T0 + draw(st.integers(0, 19)) * SECOND
        found.append((draw(st.sampled_from(sorted(WHO))), "pm2_5", at, T0 + 26 * SECOND, draw(st.sampled_from([20.0, 20.04, 30.0]))))
    return found


@settings(max_examples=20)
@given(given_rows=rows(), cut=st.integers(0, 30))
def test_rule_06_the_state_depends_on_the_records_and_on_nothing_else(given_rows: Rows, cut: int) -> None:
    """Published in between or not, restored or not: the same prefix gives the same bytes of state and outputs."""
    plain, busy = begun(), begun()
    publisher = Publisher(busy)
    for offset, row in enumerate(given_rows, start=1):
        value = readings_frame([row])
        assert plain.apply(value, offset) == busy.apply(value, offset)
        if offset % 3 == 0:
            publisher.take(everywhere=True)
        if offset == cut:
            busy = load(0, dump(busy))
            publisher = Publisher(busy)
    Publisher(plain).take(everywhere=True)
    publisher.take(everywhere=True)
    assert dump(plain) == dump(busy)


@settings(max_examples=20)
@given(given_rows=rows())
def test_rule_07_of_two_values_for_one_time_the_first_in_the_log_stands(given_rows: Rows) -> None:
    first: dict[tuple[str, int], int] = {}
    wanted = []
    for device, _, at, _, value in given_rows:
        number = round(value * 10)  # compared after rounding to the resolution
        known = first.get((device, at))
        wanted.append("kept" if known is None else "duplicate" if known == number else "conflict")
        first.setdefault((device, at), number)
    outputs = begun().apply(readings_frame(given_rows), 1)
    checked = decode(outputs.checked)
    assert (checked.rows, checked.meta["duplicates"], checked.meta["conflicts"]) == tuple(
        wanted.count(each) for each in ("kept", "duplicate", "conflict")
    )
    assert len(outputs.refused) == wanted.count("conflict")


@settings(max_examples=20)
@given(order=st.permutations([0, 10, 20, 30, 40, 50]))
def test_rule_10_a_time_mean_does_not_see_the_order_of_arrival(order: list[int]) -> None:
    found = []
    for each in (sorted(order), order):
        worker, held = begun(), {}
        publisher = Publisher(worker)
        for s in each:
            worker.apply(readings_frame([("d0", "pm2_5", T0 + s * SECOND, T0 + 10 * SECOND, 20.0 + s)]), worker.offset + 1)
        worker.apply(readings_frame([("d1", "pm2_5", T0 + 120 * SECOND, T0 + 120 * SECOND, 20.0)]), worker.offset + 1)
        for record in publisher.take(everywhere=True):
            frame = frame_of(record.value)
            for n in range(frame.rows if frame.meta["kind"] == "rows" else 0):
                name = frame.columns["aggregate"].texts[frame.columns["aggregate"].codes[n]]
                if name.startswith("time_mean") and int(frame.columns["window_start"][n]) == T0:
                    held[frame.columns["area"].texts[frame.columns["area"].codes[n]]] = [
                        int(frame.columns[c][n]) for c in ("sum_hi", "sum_lo", "devices")
                    ]
        found.append(held)
    assert found[0] == found[1] != {}


@settings(max_examples=20)
@given(kinds=st.lists(st.sampled_from(["readings", "heartbeat", "catalogue", "damaged"]), max_size=12))
def test_rule_11_every_input_record_gives_exactly_one_checked_record(kinds: list[str]) -> None:
    values = {"readings": readings_frame([("d0", "pm2_5", T0, T0, 20.0)]), "heartbeat": heartbeat(T0), "damaged": b"?"}
    values["catalogue"] = catalogue_frame(documents(KPIS, WHO))
    worker = begun()
    told = [decode(worker.apply(values[kind], offset).checked).meta for offset, kind in enumerate(kinds, start=1)]
    assert [(meta["kind"], meta["input_offset"]) for meta in told] == [(kind, offset) for offset, kind in enumerate(kinds, start=1)]
    assert all(set(meta["watermarks"]) == {"air"} for meta in told)


def test_rule_12_rows_are_absolute_and_come_with_their_offset_and_watermarks() -> None:
    worker = begun()
    publisher = Publisher(worker)
    told = []
    for offset, second in enumerate((5, 15, 25), start=1):
        worker.apply(readings_frame([("d0", "pm2_5", T0 + second * SECOND, T0 + second * SECOND, 20.0)]), offset)
        told += [frame_of(record.value) for record in publisher.take(everywhere=True)]
    frames = [frame for frame in told if frame.meta["kind"] == "rows"]
    assert [frame.meta["input_offset"] for frame in frames] == [1, 2, 3]
    assert [int(frame.columns["readings"][0]) for frame in frames] == [1, 2, 3]
    assert frames[-1].meta["watermarks"] == {"air": T0 + 5 * SECOND}
    assert not publisher.take(everywhere=False)
    again = load(0, dump(worker))
    (record,) = [each for each in Publisher(again).take(everywhere=False) if frame_of(each.value).meta["kind"] == "rows"]
    assert frame_of(record.value).rows >= frames[-1].rows  # all that is open comes again after a restore


class _Member:
    """A consumer whose group is at some generation."""

    def __init__(self, generation: int) -> None:
        self._thread = self._consumer = self._coordinator = self
        self.generation, self.kept = generation, {}

    async def call_thread(self, function: Any, client: Any) -> Any:
        return await function(client)

    async def commit(self, offsets: Any) -> None:
        self.kept |= offsets


async def test_rule_13_offset_and_pointer_are_one_commit_of_the_generation_restored_under() -> None:
    pointer = Pointer("id", 1, 2, 2, 3, 41)
    member = _Member(7)
    assert not await commits.commit(member, READINGS.name, 0, pointer, 6)
    assert member.kept == {}
    assert await commits.commit(member, READINGS.name, 0, pointer, 7)
    ((_, at),) = member.kept.items()
    assert (at.offset, decode_pointer(at.metadata)) == (42, pointer)


class _Ended(BaseException):
    pass


@pytest.mark.parametrize("ahead", [2, 3, 100])
def test_rule_14_a_gap_ends_the_process(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        assert code == EXIT_GAP
        raise _Ended

    monkeypatch.setattr(os, "_exit", leave)
    mine = Owner("nowhere", "test", None)
    holder = WorkerHolder(0, mine.outbox, None)
    holder.worker.apply(catalogue_frame(documents(KPIS, WHO)), 0)
    mine.holders = {(READINGS.name, 0): holder}
    assert mine.expect((READINGS.name, 0), 0) is None
    assert mine.expect((READINGS.name, 0), 1) is holder
    with pytest.raises(_Ended):
        mine.expect((READINGS.name, 0), ahead)


def test_rule_14_what_expired_unread_is_counted_and_passed() -> None:
    mine = Owner("nowhere", "test", None)
    holder = WorkerHolder(0, mine.outbox, None)
    mine._check_start((READINGS.name, 0), holder, 500)
    assert holder.offset == 499
