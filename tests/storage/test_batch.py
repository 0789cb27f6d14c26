"""A batch knows where it starts and ends; repeats are skipped, holes stop it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.topics import CHECKED, KPIS, REJECTED
from runtime.errors import Inconsistent
from storage.batch import Batch
from storage.positions import FRESH, Key, Position
from tests.storage.making import NOON_US, checked, heartbeat, kpi, rejected_headers

PARTITION = Key(CHECKED.name, 3)
ROW = ("brussels.noise-0001", "sound_level", NOON_US, 61.5, 1)


def test_records_in_order_move_both_offsets():
    batch = Batch({PARTITION: Position(7, 9)})
    batch.feed(PARTITION, 9, checked(7, [ROW, ROW], {"noise": 5, "weather": None}))
    batch.feed(PARTITION, 10, heartbeat(8, {"noise": 6}))
    assert batch.after == {PARTITION: Position(9, 11)}
    assert batch.rows == 2
    assert batch.watermarks == {(3, "noise"): 6}


def test_rule_18_a_hole_in_the_input_stops_it():
    batch = Batch({PARTITION: Position(7, 9)})
    with pytest.raises(Inconsistent, match=r"kompas\.checked\.v1/3 offset 9: wanted input offset 7, got 8"):
        batch.feed(PARTITION, 9, heartbeat(8))


def test_damage_in_our_own_topic_stops_it():
    with pytest.raises(Inconsistent, match="wanted a checked frame"):
        Batch({PARTITION: FRESH}).feed(PARTITION, 0, b"no frame")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(0, 8))
def test_however_often_the_worker_repeats_each_input_counts_once(steps_back, length):
    """The worker replays from a snapshot: input offsets go back, never forward past the next."""
    log: list[int] = list(range(length))
    for step in steps_back:
        log += range(max(0, (log[-1] if log else 0) - step), (log[-1] if log else -1) + 2)
    batch = Batch({PARTITION: FRESH})
    for offset, input_offset in enumerate(log):
        batch.feed(PARTITION, offset, checked(input_offset, [ROW]))
    assert [piece.record.input_offset for piece in batch.pieces] == list(range(max(log) + 1))
    assert batch.after[PARTITION] == Position(max(log) + 1, len(log))


def test_a_fresh_database_begins_where_the_log_begins():
    batch = Batch({PARTITION: FRESH})
    batch.feed(PARTITION, 40, heartbeat(90))
    assert batch.after[PARTITION] == Position(91, 41)


def test_the_next_batch_begins_where_this_one_ends():
    other = Key(KPIS.name, 0)
    batch = Batch({PARTITION: Position(7, 9), other: Position(4, 4)})
    batch.feed(PARTITION, 9, heartbeat(7))
    assert batch.positions == {PARTITION: Position(8, 10), other: Position(4, 4)}


def test_values_and_refusals_are_taken_once_by_their_own_offset():
    kpis, rejected = Key(KPIS.name, 0), Key(REJECTED.name, 0)
    batch = Batch({kpis: Position(4, 4), rejected: Position(0, 0)})
    import msgspec

    for offset in (3, 4, 4):
        batch.feed(kpis, offset, msgspec.json.encode(kpi()))
    batch.feed(kpis, 5, b"{}")
    batch.feed(rejected, 0, b"raw", rejected_headers())
    assert len(batch.kpis) == 1
    assert batch.damaged_values == 1
    assert batch.after == {kpis: Position(6, 6), rejected: Position(1, 1)}


def test_repeats_add_up_by_device_and_hour_and_a_repeated_record_adds_nothing():
    hour_us = NOON_US
    told = {"hour_us": hour_us, "duplicates": {"brussels.noise-0001": 2}, "conflicts": {"brussels.noise-0002": 1}}
    batch = Batch({PARTITION: Position(7, 9)})
    for offset, input_offset in ((9, 7), (10, 7), (11, 8)):
        batch.feed(PARTITION, offset, checked(input_offset, [ROW], repeats=told))
    batch.feed(PARTITION, 12, checked(9, [], repeats={**told, "hour_us": hour_us + 3_600_000_000}))
    batch.feed(PARTITION, 13, checked(10, [ROW]))
    assert batch.repeats == {
        ("brussels.noise-0001", hour_us): [4, 0],
        ("brussels.noise-0002", hour_us): [0, 2],
        ("brussels.noise-0001", hour_us + 3_600_000_000): [2, 0],
        ("brussels.noise-0002", hour_us + 3_600_000_000): [0, 1],
    }
