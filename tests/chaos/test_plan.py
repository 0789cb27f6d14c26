"""Laws of the plan of faults."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.plan import EXTRA, FULL, LEAD_S, SAVED_S, SHORT, TAIL_S, Fault, least_s, plan, steps
from runtime.errors import ConfigError

LISTS = st.sampled_from([SHORT, FULL])
SEEDS = st.integers(0, 2**31)
LENGTHS = st.floats(0.0, 1_200.0)
SESSIONS = st.floats(1.0, 15.0)


@given(SEEDS, LENGTHS, SESSIONS, LISTS)
def test_every_fault_of_the_list_happens_in_order_and_in_time(
    seed: int, more_s: float, session_s: float, faults: tuple[tuple[str, str], ...]
) -> None:
    seconds = least_s(faults) + more_s  # type: ignore[arg-type]
    found = plan(seed, seconds, session_s, faults)  # type: ignore[arg-type]
    assert {(fault.kind, fault.victim) for fault in found} == set(faults)
    times = [fault.at_s for fault in found]
    assert times == sorted(times)
    assert times[0] >= LEAD_S
    assert times[-1] <= seconds - TAIL_S
    assert found == plan(seed, seconds, session_s, faults)  # type: ignore[arg-type]


@given(SEEDS, LENGTHS, LISTS)
def test_the_extra_worker_comes_before_it_goes_and_is_there_once(seed: int, more_s: float, faults: tuple[tuple[str, str], ...]) -> None:
    turns = [fault.kind for fault in plan(seed, least_s(faults) + more_s, 6.0, faults) if fault.victim == EXTRA]  # type: ignore[arg-type]
    assert turns == ["add", "remove"] * (len(turns) // 2)


@given(SEEDS, LENGTHS, SESSIONS)
def test_a_pause_is_longer_than_the_session_and_ends(seed: int, more_s: float, session_s: float) -> None:
    for fault in plan(seed, least_s(FULL) + more_s, session_s, FULL):
        done = steps(fault, Random(seed))
        if fault.kind == "pause":
            stop, go = done
            assert (stop.verb, go.verb, stop.victim, go.victim) == ("stop", "continue", fault.victim, fault.victim)
            assert go.at_s - stop.at_s > session_s


@given(SEEDS, LENGTHS)
def test_mosquitto_dies_after_it_has_saved_and_with_a_backlog(seed: int, more_s: float) -> None:
    found = plan(seed, least_s(FULL) + more_s, 6.0, FULL)
    for fault in (each for each in found if each.victim == "mosquitto"):
        hold, kill, back = steps(fault, Random(seed))
        assert fault.at_s >= SAVED_S
        assert (hold.victim, kill.victim, back.victim) == ("gateway", "mosquitto", "gateway")
        assert (hold.verb, back.verb) in {("stop", "continue"), ("away", "return")}
        assert hold.at_s < kill.at_s < back.at_s


@given(SEEDS)
def test_what_is_done_to_a_victim_is_undone(seed: int) -> None:
    undone = {"stop": "continue", "away": "return", "fill": "free"}
    for fault in plan(seed, 600.0, 6.0, FULL):
        done = steps(fault, Random(seed))
        for step in done:
            if step.verb in undone:
                assert any(later.verb == undone[step.verb] and later.victim == step.victim and later.at_s > step.at_s for later in done)


def test_other_seeds_give_other_plans() -> None:
    assert len({tuple(plan(seed, 300.0, 6.0, FULL)) for seed in range(20)}) == 20


def test_a_run_that_is_too_short_says_how_long_it_must_be() -> None:
    with pytest.raises(ConfigError, match=f"at least {least_s(SHORT):g} s"):
        plan(1, least_s(SHORT) - 1.0, 6.0, SHORT)


def test_a_kill_is_one_step() -> None:
    assert [step.verb for step in steps(Fault(3.0, "kill", "worker"), Random(1))] == ["kill"]
