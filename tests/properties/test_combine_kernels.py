"""Laws of merging and finalising: the sum of parts is the whole, exactly, however devices are spread."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formula.finalise import finalise
from formula.spec import parse_id
from kernels.combine import FIELDS, merge, merge_bins
from kernels.int128 import add, split, to_ints
from tests.stream.partials import quantity

WIDE = st.integers(-(1 << 126), (1 << 126) - 1)
SUMS = st.integers(-(1 << 120), 1 << 120)
PM = quantity("pm2_5", "ug/m3", 0.1)


def columns(numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [split(number) for number in numbers]
    return np.array([hi for hi, _ in pairs], np.int64), np.array([lo for _, lo in pairs], np.int64)


@settings(deadline=None)
@given(st.lists(WIDE, min_size=1, max_size=5))
def test_int128_split_and_to_ints_are_inverse(numbers: list[int]) -> None:
    assert to_ints(*columns(numbers)) == numbers


@settings(deadline=None)
@given(st.lists(st.tuples(WIDE, WIDE), min_size=1, max_size=5))
def test_int128_add_is_addition(pairs: list[tuple[int, int]]) -> None:
    left, right = columns([x for x, _ in pairs]), columns([y for _, y in pairs])
    assert to_ints(*add(*left, *right)) == [x + y for x, y in pairs]


CELL = st.tuples(st.integers(0, 3), SUMS, st.integers(-1000, 1000), st.integers(-1000, 1000), st.floats(0, 1e9))


def cells_of(rows: list[list[tuple[int, int, int, int, float]]]) -> np.ndarray:
    cells = np.zeros((len(rows), len(rows[0]), len(FIELDS)), np.int64)
    for area, row in enumerate(rows):
        for part, (devices, total, low, high, real) in enumerate(row):
            if devices:
                hi, lo = split(total)
                bits = int(np.float64(real).view(np.int64))
                cells[area, part] = [devices, 2 * devices, devices * 10**6, hi, lo, bits, low, high]
    return cells


@settings(deadline=None)
@given(st.integers(1, 4).flatmap(lambda parts: st.lists(st.lists(CELL, min_size=parts, max_size=parts), min_size=1, max_size=4)))
def test_merge_adds_up_integers_and_takes_extremes(rows: list[list[tuple[int, int, int, int, float]]]) -> None:
    merged = merge(cells_of(rows))
    some = [[cell for cell in row if cell[0]] for row in rows]
    assert merged.devices.tolist() == [sum(cell[0] for cell in row) for row in some]
    assert merged.readings.tolist() == [2 * sum(cell[0] for cell in row) for row in some]
    assert merged.good_due.tolist() == [10**6 * sum(cell[0] for cell in row) for row in some]
    assert to_ints(merged.sum_hi, merged.sum_lo) == [sum(cell[1] for cell in row) for row in some]
    assert merged.low.tolist() == [min((cell[2] for cell in row), default=0) for row in some]
    assert merged.high.tolist() == [max((cell[3] for cell in row), default=0) for row in some]
    for got, row in zip(merged.real.tolist(), some, strict=True):
        total = 0.0
        for cell in row:
            total += cell[4]
        assert got == total


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), SUMS), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_how_devices_are_spread_over_partitions_changes_no_value(devices: list[tuple[int, int]], chance: object) -> None:
    spread = [(chance.randrange(4), *device) for device in devices]  # type: ignore[attr-defined]
    rows = []
    for places in (spread, [(0, *device) for device in devices]):
        row = [(0, 0, 0, 0, 0.0)] * 4
        for part, n, total in places:
            row[part] = (row[part][0] + n, row[part][1] + total, 0, 0, 0.0)
        rows.append(row)
    one, other = finalise(parse_id("mean(pm2_5)"), PM, merge(cells_of(rows))).tolist()
    exact = Fraction(sum(total for _, total in devices)) / (2**50 * sum(n for n, _ in devices)) / 10
    assert one == other == float(exact)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-50, 50), max_size=8), min_size=1, max_size=4), st.sampled_from([0.0, 5.0, 50.0, 85.0, 95.0, 99.5, 100.0]))
def test_a_percentile_of_merged_histograms_is_that_of_all_readings(parts: list[list[int]], rank: float) -> None:
    packed = [np.stack(np.unique(part, return_counts=True), axis=1).astype(np.int64).tobytes() if part else b"" for part in parts]
    pooled = sorted(value for part in parts for value in part)
    merged = merge(cells_of([[(len(pooled) and 1, 0, 0, 0, 0.0)]]))
    spec = parse_id(f"p{rank:g}(speed)") if rank.is_integer() else parse_id(f"percentile(speed,{rank})")
    (got,) = finalise(spec, quantity("speed", "km/h", 1.0), merged, [merge_bins(packed)]).tolist()
    if not pooled:
        assert math.isnan(got)
        return
    place = (len(pooled) - 1) * Fraction(str(rank)) / 100
    low, high = pooled[math.floor(place)], pooled[math.ceil(place)]
    assert got == float(low + (place - math.floor(place)) * (high - low))
    assert got == pytest.approx(float(np.percentile(pooled, rank)), abs=1e-9)


def test_merge_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match="wanted int64"):
        merge(np.zeros((2, 3, 7), np.int64))
