"""Laws of the combiner over generated logs: equal to the slow one, free of order, of repeats, of cuts and of restarts."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from catalog.kpi_value import KpiValue
from catalog.windows import to_us, window_of
from stream.combiner.closing import Closing
from stream.combiner.partition import CombinerPartition
from tests.oracles.combiner import Final, SlowCombiner
from tests.stream.logs import SOURCES, ZONES, Step, interleave, source_log
from tests.stream.partials import AREAS, CITIES, HOUR_US, KINDS, KPIS, QUANTITIES, SECOND_US, T0_US, watermarks_frame

RECORDS: dict[str, list[Any]] = {"city": CITIES, "area": AREAS, "quantity": QUANTITIES, "kind": KINDS}
WINDOW = {kpi.id: kpi.window for kpi in KPIS}
CALENDAR = tuple(kpi for kpi in KPIS if kpi.window in ("hour", "day"))
MINUTES = Step(T0_US, (0, 10 * SECOND_US, 45 * SECOND_US, 70 * SECOND_US, 200 * SECOND_US), 14)
AUTUMN = Step(to_us(datetime(2025, 10, 25, 3, tzinfo=UTC)), (HOUR_US, 5 * HOUR_US, 11 * HOUR_US), 14, CALENDAR)
SPRING = Step(to_us(datetime(2026, 3, 28, 3, tzinfo=UTC)), (HOUR_US, 5 * HOUR_US, 11 * HOUR_US), 14, CALENDAR)
# Why: a log made from a seed does not shrink to a simpler one.
LAW = settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SEEDS = st.integers(0, 2**32 - 1)


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def plain(value: KpiValue) -> Final:
    """What does not depend on where and when it was computed."""
    shown = (value.value, value.state, value.band, value.coverage, value.devices)
    return Final(value.kpi, value.area, us(value.window_start), us(value.window_end), *shown)


def run(frames: list[bytes], combiner: CombinerPartition | None = None) -> list[Final]:
    """Finals in the order in which they leave, a take after every record."""
    combiner = combiner or CombinerPartition(0, SOURCES)
    finals = []
    for frame in frames:
        combiner.apply(frame, combiner.offset + 1)
        finals += combiner.take(0, live=False)
    assert combiner.problems() == []
    assert all((final.revision, final.status) == (1, "final") for final in finals)
    return [plain(final) for final in finals]


def logs_of(seed: int, step: Step) -> list[list[bytes]]:
    return [source_log(np.random.default_rng([seed, source]), source, step) for source in range(SOURCES)]


@pytest.mark.parametrize("step", [MINUTES, AUTUMN, SPRING], ids=["minutes", "autumn clock change", "spring clock change"])
@LAW
@given(seed=SEEDS)
def test_finals_are_those_of_the_slow_combiner(step: Step, seed: int) -> None:
    frames = interleave(np.random.default_rng(seed), logs_of(seed, step))
    slow = SlowCombiner(SOURCES, list(step.kpis), RECORDS)
    assert run(frames) == [final for frame in frames for final in slow.apply(frame)]


@LAW
@given(seed=SEEDS)
def test_rule_15_finals_do_not_depend_on_the_order_of_input_partitions(seed: int) -> None:
    logs = logs_of(seed, MINUTES)
    one, other = (sorted(run(interleave(np.random.default_rng([seed, at]), logs)), key=lambda final: final[:3]) for at in (1, 2))
    assert one == other


@LAW
@given(seed=SEEDS)
def test_a_final_leaves_at_most_once_and_no_window_is_left_out(seed: int) -> None:
    finals = run(interleave(np.random.default_rng(seed), logs_of(seed, MINUTES)))
    by_area: dict[tuple[str, str], list[int]] = {}
    for final in finals:
        by_area.setdefault((final.kpi, final.area), []).append(final.start_us)
    for (kpi, area), starts in by_area.items():
        expected = [starts[0]]
        while len(expected) < len(starts):
            expected.append(window_of(expected[-1], WINDOW[kpi], ZONES[area])[1])
        assert starts == expected


@LAW
@given(seed=SEEDS, at_most=st.integers(1, 40))
def test_what_closes_in_pieces_is_what_closes_at_once(seed: int, at_most: int) -> None:
    frames, slow = interleave(np.random.default_rng(seed), logs_of(seed, MINUTES)), SlowCombiner(SOURCES, list(MINUTES.kpis), RECORDS)
    expected = [final for frame in frames for final in slow.apply(frame)]
    combiner, finals = CombinerPartition(0, SOURCES), []
    with patch.object(Closing, "at_most", at_most):
        finals = run(frames, combiner)
        later = 1_000_000
        while combiner.behind:
            here = run([watermarks_frame(0, later, slow.marks[0])], combiner)
            assert len(here) < at_most + len(AREAS)
            finals, later = finals + here, later + 1
    by_window = [sorted(each, key=lambda final: final[:3]) for each in (finals, expected)]
    assert by_window[0] == by_window[1]
    starts: dict[tuple[str, str], list[int]] = {}
    for final in finals:
        starts.setdefault((final.kpi, final.area), []).append(final.start_us)
    assert all(each == sorted(each) for each in starts.values())


@LAW
@given(seed=SEEDS, cut=st.floats(0, 1), at_most=st.sampled_from((Closing.at_most, 1, 7)))
def test_snapshot_and_replay_equal_a_straight_run(seed: int, cut: float, at_most: int) -> None:
    with patch.object(Closing, "at_most", at_most):
        _replay_equals(seed, cut)


def _replay_equals(seed: int, cut: float) -> None:
    frames = interleave(np.random.default_rng(seed), logs_of(seed, MINUTES))
    at = int(cut * len(frames))
    straight, before, after = (CombinerPartition(7, SOURCES) for _ in range(3))
    expected = run(frames, straight)
    finals = run(frames[:at], before)
    after.restore(before.snapshot())
    assert after.offset == before.offset
    assert after.snapshot() == before.snapshot()
    for offset in range(max(0, at - 3), at):
        after.apply(frames[offset], offset)
    assert finals + run(frames[at:], after) == expected
    assert after.snapshot() == straight.snapshot()


@LAW
@given(seed=SEEDS)
def test_frames_that_come_again_with_their_old_offsets_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logs = logs_of(seed, MINUTES)
    repeated = []
    for log in logs:
        at = int(rng.integers(2, len(log)))
        repeated.append(log[: at + 1] + log[2 : at + 1] + log[at + 1 :])
    one, other = (sorted(run(interleave(np.random.default_rng([seed, 5]), each)), key=lambda final: final[:3]) for each in (logs, repeated))
    assert one == other


@LAW
@given(seed=SEEDS)
def test_live_values_are_those_of_the_slow_combiner_and_repeat_nothing(seed: int) -> None:
    frames = interleave(np.random.default_rng(seed), logs_of(seed, MINUTES))
    combiner, slow = CombinerPartition(0, SOURCES), SlowCombiner(SOURCES, KPIS, RECORDS)
    kpis = {kpi.id: kpi for kpi in KPIS}
    last: dict[tuple[str, str, int], Final] = {}
    for frame in frames:
        combiner.apply(frame, combiner.offset + 1)
        slow.apply(frame)
        known: dict[str, int] = {}
        for marks in slow.marks:
            for kind, at_us in marks.items():
                if at_us is not None:
                    known[kind] = min(known.get(kind, at_us), at_us)
        for value in combiner.take(0, live=True):
            if value.status == "live":
                shown = plain(value)
                assert value.revision == 0
                assert shown == slow.value(kpis[shown.kpi], shown.area, (shown.start_us, shown.end_us), known)
                assert last.get(shown[:3]) != shown
                last[shown[:3]] = shown
    assert combiner.take(0, live=True) == []
