"""What a reading is worth on arrival, against its words: a range and a time, both of its kind; whatever becomes of the reading."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.quality import Cause, Flag
from kernels.arrive import CONFLICT, DUPLICATE, IMPOSSIBLE, KEPT, LATE, NEVER_US, UNKNOWN, Rows, Tables, Verdicts, arrive, new_verdicts
from kernels.seen import new_seen, with_room

KINDS = 2
AHEAD_US = [60_000_000, 0]
KIND = np.arange(4, dtype=np.int32) % KINDS
HIGHEST = 100
POSSIBLE = -5.0, 1000.0
TABLES = Tables(
    KIND, np.arange(4, dtype=np.int32), np.ones(1), np.array([[POSSIBLE[0], POSSIBLE[1]]]), np.zeros((KINDS, 1)), np.full((KINDS, 1), float(HIGHEST)),
    np.full(KINDS, 5_000_000), np.array(AHEAD_US), np.zeros(KINDS, np.uint8), np.arange(4, dtype=np.int32)[None, :],
)  # fmt: skip
T0 = 1_790_000_000_000_000
GOOD = int(Flag.GOOD)
OUTSIDE, EARLY = int(Flag.SUSPECT | Cause.PLAUSIBLE_RANGE), int(Flag.SUSPECT | Cause.PLAUSIBLE_TIME)
BOTH = OUTSIDE | EARLY

Given = tuple[int, int, int, float]
"""Slot, receipt, how far ahead of it (µs), value."""


def judged(*given_rows: Given, came: int = 2) -> Verdicts:
    slot, received_us, ahead_us, value = (list(column) for column in zip(*given_rows, strict=True))
    received = np.array(received_us, np.int64)
    rows = Rows(
        np.array(slot, np.int32), np.zeros(len(slot), np.int32), received + np.array(ahead_us), received, np.array(value),
        np.full(len(slot), came, np.uint16),
    )  # fmt: skip
    out, watermark_us = new_verdicts(len(slot)), np.full(KINDS, NEVER_US)
    arrive(rows, TABLES, watermark_us, np.zeros(KINDS, np.int64), with_room(new_seen(4, 16), KIND, watermark_us, len(slot)), out)
    return out


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize(
    ("further_us", "value", "wanted"), [(0, 50.0, GOOD), (1, 50.0, EARLY), (0, 101.0, OUTSIDE), (1, 101.0, BOTH), (-(10**12), 50.0, GOOD)]
)
def test_as_far_ahead_as_its_kind_allows_is_good_and_a_microsecond_more_is_suspect(slot: int, further_us: int, value: float, wanted: int) -> None:
    found = judged((slot, T0, AHEAD_US[slot] + further_us, value))
    assert (found.status.tolist(), found.quality.tolist()) == ([KEPT], [wanted])


def test_what_is_late_says_that_its_clock_runs_ahead_too() -> None:
    # Another device, received an hour later, has moved the watermark past both.
    found = judged((0, T0 + 3_600_000_000, 0, 50.0), (2, T0, 60_000_001, 50.0), (2, T0, 60_000_000, 101.0))
    assert found.status.tolist() == [KEPT, LATE, LATE]
    assert found.quality.tolist() == [GOOD, EARLY | int(Cause.LATE), OUTSIDE | int(Cause.LATE)]


def test_a_clock_that_runs_ahead_is_suspect_whatever_it_repeats() -> None:
    found = judged((0, T0, 60_000_001, 50.0), (0, T0, 60_000_001, 50.0), (0, T0, 60_000_001, 51.0), (-1, T0, 10**9, 50.0))
    assert found.status.tolist() == [KEPT, DUPLICATE, CONFLICT, UNKNOWN]
    assert found.quality.tolist() == [EARLY, EARLY, EARLY, 2]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(T0, T0 + 200_000_000), st.sampled_from([-70_000_000, -1, 0, 1, 59_999_999, 60_000_000, 60_000_001]),
            st.sampled_from([-1.0, 0.0, 50.0, 100.0, 101.0]),
        ),
        min_size=1, max_size=60,
    ),
    st.sampled_from([2, 2 | int(Cause.GATEWAY_TIME)]),
)  # fmt: skip
def test_a_verdict_is_of_the_reading_alone_but_for_late(rows: list[Given], came: int) -> None:
    found = judged(*rows, came=came)
    for (slot, _, ahead_us, value), status, quality in zip(rows, found.status.tolist(), found.quality.tolist(), strict=True):
        causes = {Cause.PLAUSIBLE_RANGE: not 0 <= value <= HIGHEST, Cause.PLAUSIBLE_TIME: ahead_us > AHEAD_US[KIND[slot]], Cause.LATE: status == LATE}
        wanted = sum(int(cause) for cause, there in causes.items() if there) | came & 0xFFF0
        lowered = causes[Cause.PLAUSIBLE_RANGE] or causes[Cause.PLAUSIBLE_TIME]
        assert quality == wanted | int(Flag.SUSPECT if lowered else Flag.GOOD)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1000.6, -6.0, 1e300, -1e300, 2.0**63])
def test_what_is_not_finite_or_not_possible_is_refused_and_leaves_no_trace(value: float) -> None:
    found = judged((0, T0, 3_600_000_000, value), (0, T0 + 5, 0, 50.0), (0, T0 + 5, 0, value))
    assert (found.status.tolist(), found.quality.tolist()) == ([IMPOSSIBLE, KEPT, IMPOSSIBLE], [2, GOOD, 2])
    assert found.good.span.tolist() == [T0 + 5, T0 + 5]


@pytest.mark.parametrize("value", [-5.0, -1.0, 100.6, 1000.0, 1000.4])
def test_what_is_possible_and_not_plausible_is_kept_and_suspect(value: float) -> None:
    found = judged((0, T0, 0, value))
    assert (found.status.tolist(), found.quality.tolist(), found.integer.tolist()) == ([KEPT], [OUTSIDE], [round(value)])
