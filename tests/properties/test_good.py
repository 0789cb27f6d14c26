"""The list of good readings: as the arrival checks make it on the way, as it is made from their verdicts afterwards, and as plain words make it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrive import KEPT, NEVER_US, Rows, Tables, Verdicts, arrive, new_verdicts
from kernels.good import MEASURED, PLACE, QUANTITY, VALUE, pick
from kernels.seen import new_seen, with_room

DEVICES, QUANTITIES = 7, 3
KIND = np.zeros(DEVICES, np.int32)
MEASURES = np.array([[0, 1, 2, 3, 4, 5, 6], [-1, 0, -1, 1, -1, 2, -1], [-1] * 7], np.int32)
"""Row of a device among those that measure a quantity; the last quantity is measured by none."""
TABLES = Tables(
    KIND, np.arange(DEVICES, dtype=np.int32), np.ones(QUANTITIES), np.tile([-50.0, 50.0], (QUANTITIES, 1)), np.full((1, QUANTITIES), -9.0),
    np.full((1, QUANTITIES), 9.0), np.array([400]), np.array([20]), np.zeros(1, np.uint8), MEASURES,
)  # fmt: skip


def frame(seed: int, rows: int) -> Rows:
    """Readings of known and unknown devices and quantities; plausible, implausible and impossible; doubled, late and ahead of their receipt."""
    rng = np.random.default_rng(seed)
    at_us = 1_000_000 + np.arange(rows) * 3 - rng.choice([0, 0, 0, 50, 900], rows)
    return Rows(
        rng.integers(-1, DEVICES, rows).astype(np.int32), rng.integers(-1, QUANTITIES, rows).astype(np.int32), at_us,
        at_us + rng.choice([5, 5, -30], rows), rng.choice([1.0, 2.0, -8.0, 30.0, 99.0, np.nan], rows), np.full(rows, 2, np.uint16),
    )  # fmt: skip


def judged(rows: Rows) -> Verdicts:
    out, watermark_us = new_verdicts(rows.slot.size), np.full(1, NEVER_US)
    arrive(rows, TABLES, watermark_us, np.zeros(1, np.int64), with_room(new_seen(4, 16), KIND, watermark_us, rows.slot.size), out)
    return out


def in_words(rows: Rows, verdicts: Verdicts) -> list[tuple[int, int, int, int, int]]:
    """Slot, row, quantity, value and time of what was kept, is good or probably good, and has a row."""
    found = []
    for i, (s, q) in enumerate(zip(rows.slot.tolist(), rows.quantity.tolist(), strict=True)):
        if verdicts.status[i] == KEPT and int(verdicts.quality[i]) & 15 in (1, 2) and MEASURES[q, s] >= 0:
            found.append((s, int(MEASURES[q, s]), q, int(verdicts.integer[i]), int(rows.measured_us[i])))
    return found


def listed(verdicts: Verdicts) -> list[tuple[int, int, int, int, int]]:
    there = verdicts.good.reading[: int(verdicts.good.used[0])]
    return [(int(r[PLACE]) >> 32, int(r[PLACE]) & 0xFFFFFFFF, int(r[QUANTITY]), int(r[VALUE]), int(r[MEASURED])) for r in there]


@given(st.integers(0, 1 << 32), st.integers(0, 300))
@settings(max_examples=60)
def test_three_ways_to_the_good_readings_agree(seed: int, rows: int) -> None:
    there = frame(seed, rows)
    verdicts = judged(there)
    wanted = in_words(there, verdicts)
    assert listed(verdicts) == wanted
    pick(there, verdicts, MEASURES)
    assert listed(verdicts) == wanted


def test_the_list_is_not_empty_and_leaves_something_out() -> None:
    verdicts = judged(frame(1, 300))
    assert 0 < verdicts.good.used[0] < 300


@pytest.mark.parametrize("flag", [0, 1, 2, 3, 4, 9])
def test_flags_that_change_afterwards_change_the_list(flag: int) -> None:
    there = frame(2, 100)
    verdicts = judged(there)
    changed = verdicts._replace(quality=np.full(100, flag | 0x0010, np.uint16))
    pick(there, changed, MEASURES)
    assert listed(changed) == in_words(there, changed)
    assert bool(changed.good.used[0]) == (flag in (1, 2))


def test_judging_the_same_rows_again_starts_the_list_anew() -> None:
    there = frame(3, 200)
    verdicts = judged(there)
    before = listed(verdicts)
    watermark_us = np.full(1, NEVER_US)
    arrive(there, TABLES, watermark_us, np.zeros(1, np.int64), with_room(new_seen(4, 16), KIND, watermark_us, 200), verdicts)
    assert listed(verdicts) == before
