"""Moments and histograms at their edges: empty, one, all equal, the largest integers, wrong shapes."""

import math

import numpy as np
import pytest

from kernels import histogram, moments
from kernels.errors import KernelInputError
from kernels.int128 import to_ints
from kernels.resolution import in_unit


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_empty_groups_are_missing_and_count_0() -> None:
    found = moments.summary(moments.new_cells(2), 0.1)
    assert found.readings.tolist() == [0, 0]
    for column in found[1:]:
        assert np.isnan(column).all()


def test_one_reading_has_no_spread_and_no_estimate_of_one() -> None:
    cells = moments.new_cells(1)
    moments.add(ints(0), ints(-7), cells)
    assert moments.summary(cells, 0.1).variance[0] == 0.0
    assert math.isnan(moments.summary(cells, 0.1, ddof=1).variance[0])
    assert moments.summary(cells, 0.1).mean[0] == -0.7


def test_all_equal_large_values_have_variance_0_to_the_bit() -> None:
    cells = moments.new_cells(1)
    moments.add(np.zeros(1000, np.int64), np.full(1000, moments.LARGEST), cells)
    assert moments.summary(cells, 1e-3).variance[0] == 0.0
    assert to_ints(cells[:, moments.SQUARE_HI], cells[:, moments.SQUARE_LO]) == [1000 * moments.LARGEST**2]


@pytest.mark.parametrize(
    ("group", "integer", "where"),
    [
        (ints(0, 1), ints(1), "integer"),
        (ints(2), ints(1), "group"),
        (ints(-1), ints(1), "group"),
        (ints(0), ints(moments.LARGEST + 1), "integer"),
        (ints(0), ints(np.iinfo(np.int64).min), "integer"),
    ],
)
def test_moments_refuse_what_the_loop_cannot_bear(group: np.ndarray, integer: np.ndarray, where: str) -> None:
    cells = moments.new_cells(2)
    with pytest.raises(KernelInputError, match=f"^{where}: wanted"):
        moments.add(group, integer, cells)
    assert not cells.any()
    with pytest.raises(KernelInputError, match=r"^more: wanted"):
        moments.merge(cells, moments.new_cells(3))
    with pytest.raises(KernelInputError, match=r"^cells: wanted"):
        moments.add(ints(0), ints(0), np.zeros((2, 3), np.int64))


def test_percentiles_of_nothing_one_and_all_equal() -> None:
    bins = histogram.new_histogram(3, -5, 5)
    histogram.add(ints(1, 2, 2, 2), ints(-5, 5, 5, 5), bins)
    for q in (0.0, 0.3, 1.0):
        got = histogram.percentile(bins, q, 0.5)
        assert math.isnan(got[0])
        assert got[1:].tolist() == [-2.5, 2.5]


def test_what_lies_outside_keeps_its_rank_and_is_never_moved_in() -> None:
    bins = histogram.new_histogram(1, 0, 10)
    histogram.add(np.zeros(5, np.int64), ints(-100, 3, 4, 5, 100), bins)
    assert bins.outside.tolist() == [[1, 1]]
    assert math.isnan(histogram.percentile(bins, 0.0)[0])
    assert math.isnan(histogram.percentile(bins, 0.1)[0])
    assert histogram.percentile(bins, 0.5)[0] == 4.0
    assert math.isnan(histogram.percentile(bins, 0.9)[0])
    assert math.isnan(histogram.percentile(bins, 1.0)[0])


def test_a_tenth_is_the_decimal() -> None:
    bins = histogram.new_histogram(1, 0, 10)
    histogram.add(ints(0), ints(7), bins)
    assert histogram.percentile(bins, 0.5, 0.1)[0] == 0.7
    assert [in_unit(ints(3), step)[0] for step in (0.1, 0.01, 0.05, 2.0)] == [0.3, 0.03, 0.15, 6.0]


def test_histograms_refuse_what_does_not_fit() -> None:
    bins = histogram.new_histogram(1, 0, 10)
    for group, integer, where in ((ints(1), ints(1), "group"), (ints(0), ints(1, 2), "integer")):
        with pytest.raises(KernelInputError, match=f"^{where}: wanted"):
            histogram.add(group, integer, bins)
    with pytest.raises(KernelInputError, match=r"^more: wanted"):
        histogram.merge(bins, histogram.new_histogram(1, 1, 11))
    with pytest.raises(KernelInputError, match=r"^high: wanted"):
        histogram.new_histogram(1, 3, 2)
    for q in (-0.1, 1.1, math.nan):
        with pytest.raises(KernelInputError, match=r"^q: wanted"):
            histogram.percentile(bins, q)
