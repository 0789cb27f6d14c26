"""Laws of counters: what a meter counted, beside a walk along its dial, the worker's own loop and Prometheus' description."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.counters import counter_increase, counter_increase_of_integers, prometheus_increase
from kernels.feeding import feed
from kernels.lanes import Blocks, Lanes, new_cells
from kernels.ordered import Ground, new_held, new_tracks
from kernels.reduce import FUNCTIONS
from tests.oracles import energy as slow
from tests.oracles.missing import array, same

HOUR_US = 3_600_000_000
HOURS = 4
DIAL = st.lists(st.one_of(st.none(), st.integers(-2, 1000), st.floats(0, 1000).map(lambda v: round(v, 3))), max_size=30)
WHOLE = st.lists(st.integers(0, 1 << 40), max_size=30)


@given(DIAL, st.one_of(st.none(), st.sampled_from([1000, 999.5, 10])), st.sampled_from([0, 0.5, 20]))
def test_increase_is_a_walk_along_the_dial_rounded_once(readings: list, modulus: float | None, min_drop: float) -> None:
    found = counter_increase(array(readings), modulus, min_drop)
    same(found.total, slow.increase(readings, modulus, min_drop), 1e-15, 0.0)
    impossible = sum(r is not None and (r < 0 or (modulus is not None and r >= modulus)) for r in readings)
    assert found.valid + found.faults == sum(r is not None for r in readings)
    assert found.faults >= impossible


@given(WHOLE, st.integers(0, 30))
def test_increases_of_parts_that_share_a_reading_add_up(readings: list, cut: int) -> None:
    at = cut % max(1, len(readings))
    whole = counter_increase_of_integers(np.array(readings, np.int64))
    assert whole == sum(counter_increase_of_integers(np.array(part, np.int64)) for part in (readings[: at + 1], readings[at:]))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.integers(0, 999))
def test_a_meter_with_a_modulus_counts_what_passed(steps: list, first: int) -> None:
    """Steps below half of the dial are told exactly, wherever the dial turns over."""
    passed = [first, *itertools.accumulate((s % 500 for s in steps), initial=first)][1:]
    dial = np.array([p % 1000 for p in passed])
    found = counter_increase(dial, 1000)
    assert counter_increase_of_integers(dial, 1000) == passed[-1] - passed[0]
    assert found.total == passed[-1] - passed[0] if found.valid > 1 else math.isnan(found.total)
    assert found.rollovers == passed[-1] // 1000 - passed[0] // 1000
    assert found.resets == 0


@given(WHOLE, st.sampled_from([0, 1000, 1 << 32]))
def test_integers_and_floats_agree(readings: list, modulus: int) -> None:
    assume(len(readings) > 1)
    dial = [r % modulus for r in readings] if modulus else readings
    assert counter_increase(dial, modulus or None).total == counter_increase_of_integers(np.array(dial, np.int64), modulus)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, HOURS * 3600 - 1), st.integers(0, 1 << 50)), min_size=1, max_size=40, unique_by=lambda r: r[0]).map(sorted))
def test_the_worker_adds_up_the_same_increase(readings: list) -> None:
    """kernels.ordered over windows of an hour: the sum over its windows is the increase of all readings."""
    at_us, value = np.array([t for t, _ in readings], np.int64) * 1_000_000, np.array([v for _, v in readings], np.int64)
    ground = _ground()
    rows = (np.zeros(value.size, np.int32), np.zeros(value.size, np.int32), at_us, value)
    assert feed(rows, ground, 0, np.zeros(3, np.int64)) == value.size
    cell = ground.blocks.cell
    assert [int(n) >> 1 for n in cell[:, 0]] == np.bincount(at_us // HOUR_US, minlength=HOURS).tolist()
    told = sum((int(hi) << 64) + (int(lo) & ((1 << 64) - 1)) for lo, hi in cell[:, 1:3])
    assert told == counter_increase_of_integers(value)
    if value.size > 1:
        assert float(told) == pytest.approx(counter_increase(value.astype(np.float64)).total, rel=1e-15)


@given(st.lists(st.tuples(st.integers(0, 100), st.one_of(st.none(), st.integers(0, 50))), max_size=20, unique_by=lambda s: s[0]).map(sorted))
def test_prometheus_increase_is_as_described(samples: list) -> None:
    found = prometheus_increase(array([t for t, _ in samples]), array([v for _, v in samples]), 10, 90)
    wanted = slow.prometheus(samples, 10, 90)
    same(found.increase, wanted)
    same(found.per_s, None if wanted is None else wanted / 80)


@given(st.integers(1, 20), st.integers(1, 60), st.integers(2, 30))
def test_prometheus_and_the_exact_increase_agree_on_an_even_counter(step: int, spacing: int, n: int) -> None:
    t = np.arange(n + 1.0) * spacing
    value = 1000.0 + step * np.arange(n + 1.0)
    assert prometheus_increase(t, value, 0, n * spacing).increase == pytest.approx(counter_increase(value).total)


def _ground() -> Ground:
    """One device, one quantity, one track of increases over windows of an hour from 1970 on."""
    lanes: dict[str, Any] = {name: np.zeros((1, 8), np.int64) if name in {"row", "calendar_at"} else np.zeros(2, np.int64) for name in Lanes._fields}
    lanes["window"] = np.full(1, 2, np.int32)
    cell, real = new_cells(HOURS)
    blocks: dict[str, Any] = {
        "open": np.array([HOURS], np.int32),
        "of_lane": np.arange(HOURS, dtype=np.int32).reshape(1, -1),
        "start_us": np.arange(HOURS, dtype=np.int64) * HOUR_US,
        "base": np.arange(HOURS, dtype=np.int64),
        "hit": np.zeros((1, 8), np.int64),
        "cell": cell,
        "real": real,
    }
    tracks = new_tracks(np.zeros(1, np.int32), np.zeros(1, np.int32), np.full(1, FUNCTIONS.index("increase"), np.int32), np.zeros(1, np.int64), 1)
    return Ground(Lanes(**lanes), Blocks(**blocks), tracks, new_held(1, 1), np.full(1, HOUR_US))
