"""Exponential and logarithm: near the true value, exact where kernels rest on it, and at the ends of their range."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.elementary import DB, exp, log


def units_apart(got, wanted):
    return abs(got - wanted) / math.ulp(wanted)


@given(st.floats(-708, 709))
def test_the_exponential_is_within_two_units_of_the_c_librarys(x):
    assert units_apart(exp(x), math.exp(x)) <= 2


@given(st.floats(2.3e-308, 1.7e308))
def test_the_logarithm_is_within_two_units_of_the_c_librarys(x):
    assert units_apart(log(x), math.log(x)) <= 2


@given(st.floats(0.5, 2.0))
def test_the_logarithm_near_one_loses_nothing(x):
    assert units_apart(log(x), math.log(x)) <= 2


def test_zero_and_one_are_exact():
    assert exp(0.0) == exp(-0.0) == 1.0
    assert log(1.0) == 0.0


def test_the_ends_of_the_exponential():
    assert [exp(-708.1), exp(-1e300), exp(-np.inf)] == [0.0] * 3
    assert exp(709.1) == exp(np.inf) == np.inf
    assert math.isnan(exp(np.nan))
    assert 0.0 < exp(-708.0) < exp(-707.9)


@pytest.mark.parametrize("level", [-20.0, 0.0, 60.0, 93.9, 140.0])
def test_a_level_and_back(level):
    assert log(exp(level * DB)) / DB == pytest.approx(level, abs=1e-13)
