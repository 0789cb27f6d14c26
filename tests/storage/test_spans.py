"""Devices over time: one place at a time, nothing forgotten, nothing changed twice."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import Device
from runtime.clock import iso
from runtime.errors import ConfigError
from storage import spans
from tests.storage.making import NOON_US

HOUR_US = 3_600_000_000


def device(**changes):
    given_: dict[str, Any] = {
        "id": "brussels.air-0001",
        "city": "brussels",
        "kind": "air_quality",
        "area": "brussels.21004",
        "latitude": 50.8,
        "longitude": 4.3,
    }
    return Device(**(given_ | changes))


class Rows:
    """The rows of one device, as the database would hold them."""

    def __init__(self) -> None:
        self.spans: list[spans.Span] = []

    def apply(self, changes: list[spans.Change]) -> None:
        for change in changes:
            if change.old is not None:
                self.spans.remove(change.old)
            self.spans.append(change.new._replace(no=1))

    @property
    def newest(self) -> spans.Span | None:
        return max(self.spans, key=lambda span: span.valid_from_us or 0) if self.spans else None


STEPS = st.lists(
    st.one_of(
        st.none(),
        st.builds(device, area=st.sampled_from(["brussels.a", "brussels.b"]), cadence_s=st.sampled_from([None, 60.0]), manual=st.booleans()),
    ),
    max_size=12,
)


@given(STEPS)
def test_spans_never_overlap_and_the_newest_says_what_the_pack_says(steps):
    rows = Rows()
    for hour, wanted in enumerate(steps):
        now_us = NOON_US + hour * HOUR_US
        newest = rows.newest
        if wanted is not None:
            rows.apply(spans.changes(newest, wanted, now_us))
        elif newest is not None:
            rows.apply(spans.gone(newest, now_us))
        edges = sorted((span.valid_from_us or 0, span.valid_to_us if span.valid_to_us is not None else 1 << 62) for span in rows.spans)
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(edges))
        current = rows.newest
        if wanted is not None:
            assert current is not None
            assert (current.area, current.cadence_s, current.manual, current.valid_to_us) == (wanted.area, wanted.cadence_s, wanted.manual, None)
            assert spans.changes(current, wanted, now_us + 1) == []
        elif current is not None:
            assert current.valid_to_us is not None
            assert current.valid_to_us <= now_us


def test_a_new_device_is_due_from_when_it_became_known():
    (change,) = spans.changes(None, device(), NOON_US)
    assert spans.record(change.new) == device(due_from_us=NOON_US)


def test_a_device_that_stands_there_longer_is_due_since_then():
    (change,) = spans.changes(None, device(valid_from=iso(NOON_US - HOUR_US)), NOON_US)
    assert change.new.due_from_us == NOON_US - HOUR_US


def test_a_dated_move_closes_the_old_place_where_the_new_one_begins():
    (first,) = spans.changes(None, device(), NOON_US)
    moved = device(area="brussels.other", valid_from=iso(NOON_US + HOUR_US))
    close, begin = spans.changes(first.new, moved, NOON_US + 2 * HOUR_US)
    assert close.new.valid_to_us == begin.new.valid_from_us == NOON_US + HOUR_US


def test_an_end_before_its_beginning_is_refused():
    with pytest.raises(ConfigError, match=r"device brussels\.air-0001: valid_to: wanted a time after valid_from"):
        spans.changes(None, device(valid_from=iso(NOON_US), valid_to=iso(NOON_US)), NOON_US)
