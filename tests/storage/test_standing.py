"""Which value stands, in every order: the SQL relies on what this leaves over."""

from hypothesis import given
from hypothesis import strategies as st

from storage.standing import epoch_offset, same, sort_out
from tests.storage.making import kpi, live

WINDOWS = ("2026-03-04T12:00:00Z", "2026-03-04T12:15:00Z")
LIVE = st.builds(live, window_start=st.sampled_from(WINDOWS), epoch=st.integers(0, 3).map(lambda n: f"3/{n * 7}"), area=st.sampled_from("ab"))
SETTLED = st.builds(
    kpi, window_start=st.sampled_from(WINDOWS), revision=st.integers(1, 3), value=st.sampled_from([1.0, 2.0]), area=st.sampled_from("ab")
)


@given(st.lists(LIVE))
def test_of_live_values_the_newest_window_and_epoch_is_left(values):
    left = {value.area: (value.window_start, epoch_offset(value)) for value in sort_out(values).live}
    wanted: dict[str, tuple[str, int]] = {}
    for value in values:
        wanted[value.area] = max(wanted.get(value.area, ("", -1)), (value.window_start, epoch_offset(value)))
    assert left == wanted


@given(st.lists(SETTLED))
def test_no_round_holds_a_row_twice_and_revisions_rise_over_the_rounds(values):
    rounds = sort_out(values).rounds
    seen: dict[tuple[str, str], int] = {}
    for settled in rounds:
        keys = [(value.area, value.window_start) for value in settled]
        assert len(keys) == len(set(keys))
        for key, value in zip(keys, settled, strict=True):
            assert value.revision > seen.get(key, 0)
            seen[key] = value.revision
    assert sum(map(len, rounds)) == len({(value.area, value.window_start, value.revision) for value in values})


@given(st.lists(SETTLED))
def test_the_first_of_a_revision_stands_and_every_other_word_is_told(values):
    first: dict[tuple[str, str, int], float | None] = {}
    contradictions = 0
    for value in values:
        contradictions += first.setdefault((value.area, value.window_start, value.revision), value.value) != value.value
    standing = sort_out(values)
    assert len(standing.doubled) == contradictions
    for settled in standing.rounds:
        assert all(first[value.area, value.window_start, value.revision] == value.value for value in settled)


def test_a_rebuilt_value_may_differ():
    assert sort_out([kpi(value=1.0), kpi(value=2.0, reason="rebuilt")]).doubled == []


def test_who_computed_when_does_not_make_another_value():
    assert same(kpi(), kpi(computed_at="2026-03-04T12:17:00.000000Z", epoch="3/101"))
    assert not same(kpi(), kpi(coverage=0.8))
