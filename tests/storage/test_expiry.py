"""The alarm before records expire unread: exactly those that are too old and not read, told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from catalog.topics import KPIS, READINGS
from runtime import events
from storage.expiry import Expiry, Span, judge
from storage.metrics import WriterMetrics

PARTS = [(topic.name, number) for topic in (READINGS, KPIS) for number in range(3)]
Part = tuple[str, int]
logs = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)).map(sorted)


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, logs)), st.dictionaries(st.sampled_from(PARTS), st.integers(-1, 25)))
def test_rule_05_every_unread_record_that_is_too_old_counts_and_no_other(found: dict[Part, list[int]], at: dict[Part, int]) -> None:
    spans = {part: Span(begin, young) for part, (begin, young, _) in found.items()}
    slow: dict[str, int] = {}
    for part, (begin, young, end) in found.items():
        unread = [offset for offset in range(begin, end) if offset < young and offset >= at.get(part, 0)]
        if unread:
            slow[part[0]] = slow.get(part[0], 0) + len(unread)
    assert judge(spans, at) == slow


def test_rule_05_the_alarm_comes_once_names_the_topic_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(events, "failed", lambda event, **_: told.append(event))
    monkeypatch.setattr(events, "happened", lambda event, **_: told.append(event))
    registry = CollectorRegistry()
    expiry = Expiry("", "", WriterMetrics(registry))
    for found in ({}, {READINGS.name: 3}, {READINGS.name: 5}, {READINGS.name: 5, KPIS.name: 1}):
        expiry.saw(found)
    assert registry.get_sample_value("kompas_expiring_unread_records") == 6
    assert [sentence.split(" has not")[0] for sentence in expiry.alarms()] == [
        "kompas.readings.v1: 5 records that the worker",
        "kompas.kpis.v1: 1 records that the writer",
    ]
    expiry.saw({})
    assert told == ["expires_unread", "expires_unread", "expires_unread_no_more"]
    assert expiry.alarms() == []
