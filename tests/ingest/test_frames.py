"""When frames close, and what is in them; with a clock moved by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.acks import AckWindow, Batch
from ingest.checks import Judged
from ingest.frames import LONG_S, LONGEST_S, SHORTEST_S, Frames, Pace, waiting_s


def rows(partitions: list[int], first: int = 0, placed: bool = False) -> Judged:
    """One row per entry; `measured_at` numbers them."""
    n = len(partitions)
    numbers = np.arange(first, first + n, dtype=np.int64)
    degrees = numbers.astype(np.float64) if placed else None
    ids = np.zeros(n, np.int32)
    return Judged(
        ids,
        ids,
        np.array(partitions, np.int32),
        ids,
        numbers,
        numbers,
        numbers.astype(np.float64),
        np.full(n, 2, np.uint16),
        degrees,
        degrees,
        n,
        0,
        0,
    )


def batch() -> Batch:
    return AckWindow().open([(1, 1)])


@pytest.mark.parametrize(
    ("readings_per_s", "wait_s"),
    [(0, SHORTEST_S), (500, SHORTEST_S), (2_250, (SHORTEST_S + LONG_S) / 2), (4_000, LONG_S), (22_000, 0.27), (40_000, LONGEST_S), (1e6, LONGEST_S)],
)
def test_waiting_grows_with_the_load(readings_per_s: float, wait_s: float) -> None:
    assert waiting_s(readings_per_s) == pytest.approx(wait_s)


def test_pace_is_that_of_the_last_full_second_or_of_the_one_that_runs_where_that_is_more() -> None:
    pace = Pace()
    pace.note(300, 10.1)
    pace.note(200, 10.9)
    assert pace.per_s == 500
    pace.note(7, 11.0)
    assert pace.per_s == 500
    pace.note(800, 11.2)
    assert pace.per_s == 807
    pace.note(0, 14.0)
    assert pace.per_s == 0


def test_rule_02_a_frame_closes_when_its_oldest_row_has_waited() -> None:
    frames = Frames(4, 100)
    frames.add(rows([1]), batch(), 5.0)
    frames.add(rows([2]), batch(), 5.003)
    assert frames.next_due_s() == pytest.approx(5.0 + SHORTEST_S)
    assert frames.due(5.0049) == []
    assert [frame.partition for frame in frames.due(5.0051)] == [1]
    frames.add(rows([2]), batch(), 5.007)
    assert [(frame.partition, frame.rows) for frame in frames.due(5.0081)] == [(2, 2)]
    assert frames.next_due_s() is None


def test_rule_02_under_load_frames_wait_longer() -> None:
    frames = Frames(1, 100_000)
    frames.add(rows([0] * 40_000), batch(), 1.0)
    assert len(frames.all()) == 1
    frames.add(rows([0]), batch(), 2.0)
    assert frames.due(2.0 + LONGEST_S - 0.001) == []
    assert len(frames.due(2.001 + LONGEST_S)) == 1


@given(st.lists(st.lists(st.integers(0, 3), max_size=30), max_size=12), st.integers(1, 7))
def test_every_row_leaves_once_in_order_and_its_batch_waits_for_each_frame(batches: list[list[int]], size: int) -> None:
    frames, closed, first, held = Frames(4, size), [], 0, []
    for now, partitions in enumerate(batches):
        held.append(batch())
        closed += frames.add(rows(partitions, first, placed=now % 2 == 1), held[-1], now * 0.001)
        first += len(partitions)
    closed += frames.all()
    wanted: dict[int, list[int]] = {partition: [] for partition in range(4)}
    for number, partition in enumerate(partition for partitions in batches for partition in partitions):
        wanted[partition].append(number)
    found: dict[int, list[int]] = {partition: [] for partition in range(4)}
    for frame in closed:
        assert 1 <= frame.rows <= size
        assert all(len(column) == frame.rows for column in frame.columns.values())
        found[frame.partition] += frame.columns["measured_at"].tolist()
        if "latitude" in frame.columns:
            has = ~np.isnan(frame.columns["latitude"])
            assert has.any()
            assert (frame.columns["latitude"][has] == frame.columns["measured_at"][has]).all()
    assert found == wanted
    waits = [each.waiting - 1 for each in held]
    assert waits == [sum(each in frame.batches for frame in closed) for each in held]
