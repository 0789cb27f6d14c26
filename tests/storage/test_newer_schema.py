"""A record of a later release is not damaged: its partition stands before it, nothing of it is taken, and the upgrade goes on there."""

from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from catalog.topics import CHECKED, KPIS, REJECTED
from runtime import events
from runtime.frames import NewerSchema
from storage import batch as batches
from storage import checked as checked_records
from storage.batch import Batch
from storage.lane import Lane
from storage.metrics import WriterMetrics
from storage.positions import FRESH, Key, Position
from storage.settings import WriterSettings
from tests.storage.making import checked, kpi, rejected_headers

HERE, THERE = Key(CHECKED.name, 0), Key(CHECKED.name, 1)
VALUE = msgspec.json.encode(kpi())


class Record(NamedTuple):
    offset: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Consumer:
    """Hands out what it is given, whatever is paused: what was fetched already comes in any case."""

    def __init__(self, *polls: dict[Key, list[Record]]) -> None:
        self.polls, self.paused = list(polls), []

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Record]]:
        return {TopicPartition(*key): records for key, records in self.polls.pop(0).items()}

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused += partitions


def frames(*schemas: str) -> list[Record]:
    return [Record(n, checked(n, [], schema=schema)) for n, schema in enumerate(schemas)]


@pytest.fixture
def lane(tmp_path):
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    settings = WriterSettings(kafka="nowhere:1", db_user="nobody", db_password_file=str(tmp_path / "secret"))
    return Lane("readings", [HERE, THERE], settings, WriterMetrics(CollectorRegistry()))


@pytest.fixture
def told(monkeypatch):
    found = []
    monkeypatch.setattr(events, "failed", lambda event, **more: found.append((event, more)))
    return found


async def test_its_partition_stands_and_the_others_go_on(lane, told):
    consumer = Consumer({HERE: frames("checked/1", "checked/2", "checked/1"), THERE: frames("checked/1")}, {HERE: frames("checked/1"), THERE: []})
    batch = Batch({HERE: FRESH, THERE: FRESH})
    await lane._fill(consumer, batch, 0.0)
    await lane._fill(consumer, batch, 0.0)
    assert batch.after == {HERE: Position(1, 1), THERE: Position(1, 1)}
    assert consumer.paused == [TopicPartition(*HERE)]
    assert list(lane.stands) == [HERE]
    assert lane.stands[HERE].startswith("kompas.checked.v1/0 stands at offset 1: ")
    for version in ("checked/1", "checked/2"):
        assert version in lane.stands[HERE]
    assert [(event, more["offset"]) for event, more in told] == [("newer_schema", 1)]


async def test_the_alarm_is_told_once_over_sessions(lane, told):
    for _ in range(3):
        lane.stands = {}  # as a session begins
        await lane._fill(Consumer({HERE: frames("checked/1", "checked/2")}), Batch({HERE: FRESH}), 0.0)
    assert len(told) == 1
    assert list(lane.stands) == [HERE]


async def test_the_upgrade_goes_on_from_that_offset(lane, told, monkeypatch):
    batch = Batch({HERE: FRESH})
    await lane._fill(Consumer({HERE: frames("checked/1", "checked/2", "checked/1")}), batch, 0.0)
    monkeypatch.setattr(checked_records, "CHECKED", CHECKED._replace(schema="checked/2"))
    again = Batch(batch.positions)
    lane.stands = {}
    await lane._fill(Consumer({HERE: frames("checked/1", "checked/2", "checked/1")[1:]}), again, 0.0)
    assert again.after == {HERE: Position(3, 3)}
    assert lane.stands == {}


@pytest.mark.parametrize(("topic", "schema"), [(KPIS, "kpi_value/2"), (REJECTED, "rejected/2")])
def test_values_and_refusals_say_their_version_in_a_header(topic, schema, monkeypatch):
    key, headers = Key(topic.name, 3), [*rejected_headers()[1:], ("kompas.schema", schema.encode())]
    batch = Batch({key: FRESH})
    with pytest.raises(NewerSchema, match=rf"wanted {topic.schema}.*got {schema}"):
        batch.feed(key, 0, VALUE, headers)
    assert (batch.after, batch.records, batch.kpis, batch.refusals) == ({}, 0, [], [])
    for known in ([], [("kompas.schema", topic.schema.encode())], [("kompas.schema", b"\xff")]):
        Batch({key: FRESH}).feed(key, 0, VALUE, known)
    monkeypatch.setitem(batches._SCHEMAS, topic.name, schema)
    batch.feed(key, 0, VALUE, headers)
    assert batch.after == {key: Position(1, 1)}
