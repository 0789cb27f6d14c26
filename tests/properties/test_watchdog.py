"""Laws of the watchdog: who moves, has nothing to do, waits for a server or was stopped is never ended; who stands is, in time."""

from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.guard import Outage
from runtime.watchdog import DOUBT, LANE, Progress, Verdict

PATIENCE_S = 60.0
STEP_S = 5.0
LOOKS = int(LANE * PATIENCE_S / STEP_S) + 40
LANES = ("a", "b", "c")


class World:
    """Lanes of which each moves every so many looks; work waits for some of them; the server is there but for some looks."""

    def __init__(self, every: Mapping[str, int], waits: Collection[str] = LANES, away: Collection[int] = ()) -> None:
        self.every, self.waits, self.away = every, waits, away
        self.progress, self.now_s, self.looks = Progress(PATIENCE_S), 1_000.0, 0

    def look(self, step_s: float = STEP_S) -> Verdict:
        self.now_s, self.looks = self.now_s + step_s, self.looks + 1
        counts = {lane: self.looks // every if every else 7 for lane, every in self.every.items()}
        return self.progress.look(self.now_s, counts, self.ask)

    def ask(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        return "the server" if self.looks in self.away else {lane: int(lane in self.waits) for lane in lanes}

    def until_wedged(self) -> float | None:
        """Seconds until it is called wedged, at most LOOKS looks."""
        begun_s = self.now_s
        return next((self.now_s - begun_s for _ in range(LOOKS) if self.look().state == "wedged"), None)


paces = st.integers(1, int(PATIENCE_S / STEP_S) - 1)


@given(st.fixed_dictionaries(dict.fromkeys(LANES, paces)))
def test_whoever_moves_within_its_patience_is_never_wedged(every: dict[str, int]) -> None:
    assert World(every).until_wedged() is None


@given(st.sets(st.sampled_from(LANES)))
def test_whoever_has_nothing_to_do_is_well_for_ever(lanes: set[str]) -> None:
    world = World(dict.fromkeys(lanes, 0), waits=())
    assert {world.look().state for _ in range(LOOKS)} == {"well"}


@given(st.sets(st.sampled_from(LANES), min_size=1))
def test_where_nothing_moves_it_is_said_and_then_ended(waits: set[str]) -> None:
    world = World(dict.fromkeys(LANES, 0), waits)
    states = [world.look().state for _ in range(LOOKS)]
    first_slow, first_wedged = states.index("slow"), states.index("wedged")
    assert first_slow * STEP_S == PATIENCE_S / DOUBT
    assert first_wedged * STEP_S == PATIENCE_S
    assert "well" not in states[first_slow:]


@given(st.sets(st.sampled_from(LANES), min_size=1, max_size=2), paces)
def test_one_lane_beside_others_has_more_time_and_not_for_ever(stand: set[str], pace: int) -> None:
    wedged_s = World({lane: 0 if lane in stand else pace for lane in LANES}).until_wedged()
    assert wedged_s is not None
    assert LANE * PATIENCE_S <= wedged_s <= LANE * PATIENCE_S + STEP_S


@given(st.integers(0, int(PATIENCE_S / STEP_S) - 1), st.integers(1, LOOKS))
def test_an_outage_of_any_length_ends_nobody_and_patience_begins_anew_after_it(start: int, length: int) -> None:
    world = World(dict.fromkeys(LANES, 0), away=range(start, start + length))
    states = [world.look().state for _ in range(start + length)]
    assert "wedged" not in states
    left_s = world.until_wedged()
    assert left_s is not None
    assert left_s <= PATIENCE_S
    assert left_s >= PATIENCE_S - STEP_S or "away" not in states  # one so short that nobody asked was none


@given(st.integers(1, int(PATIENCE_S / STEP_S)), st.integers(int(PATIENCE_S / DOUBT) + 1, 10**9))
def test_a_process_that_was_stopped_gets_its_whole_patience(looks: int, pause_s: int) -> None:
    world = World(dict.fromkeys(LANES, 0))
    states = [world.look().state for _ in range(looks)]
    assert "wedged" not in states
    assert world.look(pause_s).state == "well"
    assert world.until_wedged() == PATIENCE_S


@given(st.lists(st.tuples(st.sets(st.sampled_from(LANES)), st.sampled_from(["well", "away", "stands"])), min_size=1, max_size=LOOKS))
def test_lanes_may_come_and_go_and_the_verdict_names_only_those_that_are_there(turns: list[tuple[set[str], str]]) -> None:
    progress, now_s = Progress(PATIENCE_S), 0.0
    for there, answer in turns:

        def ask(lanes: Collection[str], there: set[str] = there, answer: str = answer) -> Any:
            assert set(lanes) <= there
            return "the server" if answer == "away" else dict.fromkeys(lanes, int(answer == "stands"))

        now_s += STEP_S
        verdict = progress.look(now_s, dict.fromkeys(there, 1), ask)
        assert not verdict.why or answer == "away" or any(lane in verdict.why for lane in there)
        assert verdict.state in {"well": ("well",), "away": ("well", "away"), "stands": ("well", "slow", "wedged")}[answer]


@given(st.lists(st.sampled_from([None, "A: wanted x, got 1", "A: wanted x, got 2", "B: wanted x, got 1"]), min_size=1))
def test_an_outage_is_news_where_it_begins_moves_to_another_server_and_ends_and_is_told_until_then(found: list[str | None]) -> None:
    outage, since_s, before = Outage(), 0, None
    for now_s, why in enumerate(found):
        server = why and why[0]
        assert outage.saw(now_s, why) == (server != before)
        since_s, before = now_s if server != before else since_s, server
        assert outage.problem(now_s + 3) == (why and f"{server}: awaited for {now_s + 3 - since_s} s{why[1:]}")


def test_the_sentence_names_lane_work_and_time() -> None:
    world = World({"a": 0, "b": 1})
    verdicts = [world.look() for _ in range(7)]
    assert verdicts[-1] == Verdict("slow", "no progress: a (1 waiting, for 30 s)", 30.0)
