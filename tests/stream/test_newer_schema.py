"""A frame of a later release is not damaged: its partition stands still before it, says so, and goes on after the upgrade."""

from typing import Any

import pytest

from catalog.topics import CHECKED, PARTIALS, READINGS, REJECTED, Topic
from runtime.frames import DamagedFrame, NewerSchema, decode, require_known
from stream.shell import holders
from stream.shell.holders import CombinerHolder, WorkerHolder
from stream.shell.owner import Owner
from stream.worker import partition
from stream.worker.snapshot import dump
from tests.stream import partials
from tests.stream.city import SECOND, T0, catalogue_frame, documents, kpi, readings_frame

DEVICES = {"d0": ("air", "c.1.n1")}
ROW = ("d0", "pm2_5", T0, T0, 20.0)


class Out:
    """An outbox that keeps everything."""

    def __init__(self) -> None:
        self.put_: list[tuple[str, bytes]] = []

    def put(self, topic: str, value: bytes, *_: Any, **__: Any) -> None:
        self.put_.append((topic, value))


def holder(out: Out) -> WorkerHolder:
    made = WorkerHolder(0, out, None)  # type: ignore[arg-type]
    made.take(catalogue_frame(documents([kpi("mean", "mean(pm2_5)", "minute", "ug/m3")], DEVICES)), 0, None)
    made.take(readings_frame([ROW]), 1, None)
    return made


@pytest.mark.parametrize("schema", ["readings/1", "readings/0", None, 7, "checked/9", "readings/", "readings/x", "readings"])
def test_only_a_later_version_of_the_same_schema_is_newer(schema: object) -> None:
    require_known(schema, "readings/1")


def test_the_sentence_names_both_versions() -> None:
    with pytest.raises(NewerSchema, match=r"wanted readings/1.*got readings/12"):
        decode(readings_frame([ROW], schema="readings/12"), "readings/1")


def test_newer_is_seen_before_columns_that_cannot_be_read() -> None:
    value = partials.rows_frame(0, 1, {}, [])
    with pytest.raises(DamagedFrame):
        decode(value, "partials/2")


def test_a_partition_stands_before_a_newer_frame_and_says_so() -> None:
    out = Out()
    mine = holder(out)
    said, before = list(out.put_), dump(mine.worker)
    mine.take(readings_frame([ROW], schema="readings/2"), 2, None)
    assert out.put_ == said  # neither checked nor refused
    assert dump(mine.worker) == before
    assert mine.offset == 1
    assert mine.stands is not None
    assert f"{READINGS.name}/0 stands at offset 2" in mine.stands
    assert "readings/1" in mine.stands
    assert "readings/2" in mine.stands


def test_nothing_behind_a_newer_frame_is_taken_and_the_process_is_not_ready() -> None:
    owner = Owner("nowhere", "test", None)
    mine = holder(Out())
    owner.holders = {(READINGS.name, 0): mine}
    assert owner.standing() is None
    assert owner.expect((READINGS.name, 0), 2) is mine
    mine.take(readings_frame([ROW], schema="readings/2"), 2, None)
    assert owner.expect((READINGS.name, 0), 2) is None
    assert owner.expect((READINGS.name, 0), 3) is None  # no gap either: it waits
    assert owner.position((READINGS.name, 0)) == 2
    assert owner.standing() == mine.stands


def test_after_the_upgrade_it_goes_on_from_that_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Out()
    mine = holder(out)
    newer = readings_frame([("d0", "pm2_5", T0 + SECOND, T0 + SECOND, 21.0)], schema="readings/2")
    mine.take(newer, 2, None)
    snapshot, offset = mine.snapshot()
    assert offset == 1
    monkeypatch.setattr(partition, "READINGS", Topic(READINGS.name, 12, 0, 0, "readings/2"))
    upgraded = holders.WorkerHolder(0, out, snapshot)  # type: ignore[arg-type]
    upgraded.take(newer, 2, None)
    assert upgraded.stands is None
    checked = [decode(value).meta["input_offset"] for topic, value in out.put_ if topic == CHECKED.name]
    assert checked == [0, 1, 2]
    assert not [topic for topic, _ in out.put_ if topic == REJECTED.name]


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("form", ["rows", "frame"])
def test_a_combiner_stands_before_newer_partials(form: str, fresh: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = CombinerHolder(3, Out(), None)  # type: ignore[arg-type]
    at = 0
    if not fresh:
        mine.take(partials.watermarks_frame(0, 1, {"air": T0}), 0, None)
        at = 1
    with monkeypatch.context() as later:
        topic = Topic(PARTIALS.name, 12, 0, 0, "partials/3")
        later.setattr(partials, "PARTIALS", topic)
        later.setattr("stream.rows.PARTIALS", topic)
        value = partials.watermarks_frame(0, 2, {"air": T0}) if form == "rows" else partials.census_frame(0, 2, {}, [partials.Owed("c", "air", 1)])
    before = mine.combiner.snapshot()
    mine.take(value, at, None)
    assert mine.combiner.snapshot() == before
    assert mine.offset == at - 1
    assert mine.stands is not None
    assert "partials/2" in mine.stands
    assert "partials/3" in mine.stands
