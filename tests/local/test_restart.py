"""Laws of restarting: who stays down, who never does, how long one waits."""

from hypothesis import given
from hypothesis import strategies as st

from local import restart
from local.restart import LIMIT, LONGEST_WAIT_S, WINDOW_S, End

GAPS = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=30)


def play(ends: list[End]) -> list[restart.Decision]:
    remembered: tuple[End, ...] = ()
    decisions = []
    for end in ends:
        decision = restart.after(remembered, end)
        remembered = decision.ends
        decisions.append(decision)
    return decisions


def at_times(gaps: list[float], code: int, *, needed_up: bool) -> list[End]:
    at_s, ends = 100.0, []
    for gap_s in gaps:
        at_s += gap_s
        ends.append(End(at_s, code, needed_up))
    return ends


@given(GAPS, st.integers(-64, -1), st.booleans())
def test_an_end_by_signal_never_keeps_it_down(gaps: list[float], code: int, needed_up: bool) -> None:
    assert all(decision.wait_s is not None for decision in play(at_times(gaps, code, needed_up=needed_up)))


@given(GAPS, st.integers(0, 255))
def test_waiting_for_a_server_never_keeps_it_down(gaps: list[float], code: int) -> None:
    assert all(decision.wait_s is not None for decision in play(at_times(gaps, code, needed_up=False)))


@given(GAPS, st.integers(0, 255))
def test_it_stays_down_exactly_at_the_fifth_own_error_within_a_minute(gaps: list[float], code: int) -> None:
    ends = at_times(gaps, code, needed_up=True)
    for number, decision in enumerate(play(ends)):
        within = [end for end in ends[: number + 1] if end.at_s > ends[number].at_s - WINDOW_S]
        assert (decision.wait_s is None) == (len(within) >= LIMIT)
        if decision.wait_s is None:
            break


@given(GAPS)
def test_waiting_grows_up_to_its_limit_and_forgets_after_a_minute(gaps: list[float]) -> None:
    waits = [decision.wait_s for decision in play(at_times(gaps, -9, needed_up=True))]
    assert all(0 < wait_s <= LONGEST_WAIT_S for wait_s in waits if wait_s is not None)
    later = restart.after((End(0.0, 1, True), End(1.0, 1, True)), End(2.0 + WINDOW_S, 1, True))
    assert later.wait_s == restart.FIRST_WAIT_S
    assert len(later.ends) == 1


def test_memory_stays_small() -> None:
    decisions = play(at_times([1.0] * 1_000, -9, needed_up=True))
    assert len(decisions[-1].ends) <= WINDOW_S + 1
