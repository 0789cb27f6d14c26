"""What was seen, against a dictionary that forgets nothing: any order, rings that grow, corrections, and a snapshot between any two frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrive import CONFLICT, CORRECTED, DUPLICATE, KEPT, LATE, NEVER_US, Rows, Tables, arrive, new_verdicts
from kernels.seen import Seen, entries, new_seen, seen_of, with_room

DEVICES, QUANTITIES, KINDS = 40, 2, 2
LATENESS_US = np.array([300, 3_000], np.int64)
DEVICE_KIND = (np.arange(DEVICES) % KINDS).astype(np.int32)


def _tables(correcting: bool) -> Tables:
    wide = np.full((KINDS, QUANTITIES), 2.0**40)
    slots, possible = np.arange(DEVICES, dtype=np.int32), np.tile([-(2.0**40), 2.0**40], (QUANTITIES, 1))
    return Tables(
        DEVICE_KIND,
        slots,
        np.ones(QUANTITIES),
        possible,
        -wide,
        wide,
        LATENESS_US,
        np.full(KINDS, 60_000_000),
        np.array([0, int(correcting)], np.uint8),
        np.tile(slots, (QUANTITIES, 1)),
    )


def _frame(rng: np.random.Generator, now_us: int, crowded: bool) -> Rows:
    """Readings around now, some of them behind, many of them twice; crowded: of two devices only."""
    n = int(rng.integers(1, 400))
    slot = rng.integers(0, 2 if crowded else DEVICES, n).astype(np.int32)
    back = np.where(rng.random(n) < 0.3, rng.integers(0, 4_000, n), rng.integers(0, 40, n))
    at_us = now_us + np.arange(n) - back
    return Rows(
        slot, rng.integers(0, QUANTITIES, n).astype(np.int32), at_us, at_us + rng.integers(-50, 50, n), rng.integers(0, 2, n).astype(np.float64),
        np.full(n, 2, np.uint16),
    )  # fmt: skip


class Slow:
    """Everything that was ever kept."""

    def __init__(self, correcting: bool) -> None:
        self.correcting, self.kept, self.watermark = correcting, dict[tuple[int, int, int], float](), [NEVER_US] * KINDS

    def take(self, rows: Rows) -> list[int]:
        return [self._one(*row) for row in zip(*(column.tolist() for column in rows[:5]), strict=True)]

    def _one(self, device: int, quantity: int, at: int, received: int, value: float) -> int:
        kind, name = int(DEVICE_KIND[device]), (device, quantity, at)
        if at < self.watermark[kind]:
            return LATE
        self.watermark[kind] = max(self.watermark[kind], min(at, received) - int(LATENESS_US[kind]))
        if name not in self.kept:
            self.kept[name] = value
            return KEPT
        if self.kept[name] == value:
            return DUPLICATE
        if self.correcting and kind == 1:
            self.kept[name] = value
            return CORRECTED
        return CONFLICT

    def above(self) -> dict[tuple[int, int, int], float]:
        return {name: value for name, value in self.kept.items() if name[2] >= self.watermark[int(DEVICE_KIND[name[0]])]}


def _held(seen: Seen, watermark_us: np.ndarray) -> dict[tuple[int, int, int], float]:
    keys, many, at_us, value = entries(seen, DEVICE_KIND, watermark_us)
    key = np.repeat(keys, many)
    assert np.array_equal(np.lexsort((at_us, key)), np.arange(key.size))
    found = {(int(k) >> 16, int(k) & 0xFFFF, int(t)): float(v) for k, t, v in zip(key, at_us, value, strict=True)}
    assert len(found) == key.size
    return found


@pytest.mark.parametrize("correcting", [False, True])
@given(st.integers(0, 1 << 32), st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2_000)), min_size=1, max_size=12))
@settings(max_examples=60)
def test_rule_07_what_was_seen_is_what_a_dictionary_holds(correcting, seed, frames):
    rng, slow, seen = np.random.default_rng(seed), Slow(correcting), new_seen(4, 16)
    tables, watermark_us, now_us = _tables(correcting), np.full(KINDS, NEVER_US), 1_000_000
    for crowded, snapshot, step in frames:
        rows = _frame(rng, now_us, crowded)
        out = new_verdicts(rows.slot.size)
        seen = with_room(seen, DEVICE_KIND, watermark_us, rows.slot.size)
        seen = arrive(rows, tables, watermark_us, np.zeros(KINDS, np.int64), seen, out)
        assert out.status.tolist() == slow.take(rows)
        assert watermark_us.tolist() == slow.watermark
        assert _held(seen, watermark_us) == slow.above()
        if snapshot:
            seen = seen_of(*entries(seen, DEVICE_KIND, watermark_us))
        now_us += step
