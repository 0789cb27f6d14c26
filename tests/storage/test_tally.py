"""The ledger's numbers: any metadata is taken, frames count once, a ledger that begins in mid-log forgives what it cannot know."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.lives import Part
from storage.tally import Note, Tally

NOW_US = 1_795_000_000_000_000


def frame(input_offset: int, seq: int, kept: int, **more: Any) -> Note:
    said = {"kind": "readings", "gateway": "gw-0", "life": "a", "seq": seq, "rows": kept, "duplicates": 0, "conflicts": 0, "late": 0, **more}
    return Note(3, input_offset, input_offset, kept, said)


def beat(input_offset: int, seq: int, framed_here: int, clock_us: int = NOW_US, **more: Any) -> Note:
    totals = {"delivered": 1, "decoded": 1, "framed": framed_here, "framed_here": framed_here, "confirmed_here": seq}
    said = {"kind": "heartbeat", "gateway": "gw-0", "life": "a", "seq": seq, "clock_us": clock_us, "totals": totals, **more}
    return Note(3, input_offset, input_offset, 0, said)


def fed(*notes: Note) -> Tally:
    tally = Tally()
    for note in notes:
        tally.take(note)
    return tally


@given(st.permutations(range(12)), st.data())
def test_in_whatever_order_frames_come_each_counts_once_and_no_hole_stays(order, data):
    part, seen = Part(), set()
    for seq in order:
        for _ in range(data.draw(st.integers(1, 2))):
            part.frame(seq, 10)
        seen.add(seq)
        assert part.next_seq == max(seen) + 1
        assert {n for start, end in part.holes for n in range(start, end)} == set(range(max(seen))) - seen
        assert all(start < end for start, end in part.holes)
    assert part.holes == []
    assert part.before + part.since == 120


def test_a_heartbeat_speaks_of_the_frames_before_it_also_of_those_that_come_after_it():
    part = Part()
    part.frame(0, 10)
    assert part.beat(2, NOW_US, {"totals": {"framed_here": 30}})
    assert (part.told, part.before, part.since) == (30, 10, 0)
    part.frame(3, 5)
    part.frame(1, 20)
    assert (part.told, part.before, part.since, part.holes) == (30, 30, 5, [])
    assert not part.beat(2, NOW_US, {"totals": {"framed_here": 30}})


def test_a_heartbeat_behind_a_later_frame_is_not_held_against_it():
    part = Part()
    part.frame(0, 10)
    part.frame(2, 7)
    assert not part.beat(1, NOW_US, {"totals": {"framed_here": 10}})
    assert (part.told_seq, part.since, part.holes) == (-1, 17, [])


@pytest.mark.parametrize(("began", "joined", "earlier"), [(50, True, 400), (0, False, 0)])
def test_a_life_that_ran_before_the_ledger_is_counted_from_where_it_is_met(began, joined, earlier):
    tally = fed(frame(began, 41, 10), beat(began + 1, 42, 410), frame(began + 2, 43, 5), beat(began + 3, 44, 415, NOW_US + 1_000_000))
    part = tally.parts["gw-0", "a", 3]
    assert (part.joined, part.earlier, part.told - part.earlier - part.before) == (joined, earlier, 400 - earlier)
    assert part.holes == ([] if joined else [(0, 41)])


def test_a_life_that_begins_when_the_ledger_has_run_for_a_while_is_not_forgiven():
    tally = fed(beat(50, 9, 0), beat(51, 10, 0, NOW_US + 6_000_000), frame(52, 2, 10, life="b"))
    assert tally.parts["gw-0", "b", 3].holes == [(0, 2)]


def test_repeats_of_the_worker_and_damaged_records_are_told_apart():
    tally = fed(frame(0, 0, 10), Note(3, 1, 0, 0, None), Note(3, 2, 1, 0, {"kind": "damaged"}), frame(2, 1, 4, rows=7, duplicates=2, conflicts=1))
    counts = tally.counts[3]
    assert (counts.records, counts.log_records, counts.damaged) == (3, 4, 1)
    assert (counts.arrived, counts.checked, counts.duplicates, counts.conflicts) == (17, 14, 2, 1)


def test_records_of_an_older_worker_balance():
    said = {"kind": "readings", "duplicates": 2, "conflicts": 1}
    counts = fed(Note(3, 0, 0, 5, said)).counts[3]
    assert (counts.arrived, counts.unowned, counts.checked) == (8, 8, 5)


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
NAMES = ("gateway", "life", "seq", "rows", "duplicates", "conflicts", "late", "clock_us", "last", "totals")


KINDS = {"kind": st.sampled_from(["readings", "heartbeat", "damaged", "catalogue"])}


@given(st.lists(st.fixed_dictionaries(KINDS, optional=dict.fromkeys(NAMES, ANY))))
def test_no_metadata_stops_it(said):
    tally = fed(*(Note(0, n, n, 0, each) for n, each in enumerate(said)))
    assert sum(counts.records for counts in tally.counts.values()) == len(said)
    assert all(0 <= number < 1 << 62 for counts in tally.counts.values() for number in (counts.arrived, counts.duplicates) if len(said) == 1)
