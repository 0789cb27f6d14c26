"""The alarm: what stands for half a minute is told once, what passes is not."""

import pytest
from prometheus_client import CollectorRegistry

from runtime import events
from storage.ledger import BROKER, Found, Line
from storage.ledger_watch import LedgerWatch
from storage.metrics import WriterMetrics

WRONG = Found([Line("worker", "partition 3", "rows", 10, 8)], [], [])
OTHER = Found([Line("worker", "partition 3", "rows", 10, 7)], [], [])
RIGHT = Found([], ["something is on its way"], [])


@pytest.fixture
def told(monkeypatch):
    found = []
    monkeypatch.setattr(events, "failed", lambda event, **more: found.append((event, more)))
    monkeypatch.setattr(events, "happened", lambda event, **more: found.append((event, more)))
    return found


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def watch(registry):
    return LedgerWatch("", WriterMetrics(registry), dict)


def test_a_difference_that_passes_is_no_alarm(watch, told, registry):
    assert watch.page() is None
    for now_s, found in ((0.0, WRONG), (20.0, WRONG), (30.0, RIGHT), (40.0, WRONG), (60.0, WRONG)):
        watch.saw(found, 0, now_s)
    assert told == []
    assert watch.page() == {"balance": 0, "alarms": [], "dropped_by_broker": 0}
    assert registry.get_sample_value("kompas_ledger_balance") == 0


def test_a_difference_that_stands_is_told_once_and_again_when_it_is_another_or_gone(watch, told, registry):
    for now_s, found in ((0.0, WRONG), (31.0, WRONG), (41.0, WRONG), (51.0, OTHER)):
        watch.saw(found, 0, now_s)
    assert registry.get_sample_value("kompas_ledger_balance") == 3
    assert watch.page()["alarms"] == ["worker: partition 3: rows: expected 10, got 7: 3 missing"]
    watch.saw(RIGHT, 0, 61.0)
    assert [event for event, _ in told] == ["ledger_unbalanced", "ledger_unbalanced", "ledger_balanced"]
    assert told[0][1]["lines"] == ["worker: partition 3: rows: expected 10, got 8: 2 missing"]
    assert registry.get_sample_value("kompas_ledger_balance") == 0


def test_what_the_broker_dropped_is_told_at_once_and_is_not_in_the_balance(watch, told, registry):
    found = Found([Line(BROKER, "MQTT broker", "dropped_by_broker", 5, 0)], [], [])
    watch.saw(found, 5, 0.0)
    watch.saw(found, 5, 100.0)
    assert told == [("dropped_by_broker", {"messages": 5, "more": 5})]
    assert watch.page() == {"balance": 0, "alarms": [], "dropped_by_broker": 5}
    assert registry.get_sample_value("kompas_broker_dropped_messages") == 5
