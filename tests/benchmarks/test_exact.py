"""The arithmetic of the exactness bench: pauses, and what counts as reached."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exact import verdicts
from benchmarks.live import longest_gap
from benchmarks.recovery import Recovered
from benchmarks.scale import Scaled
from benchmarks.snapshots import Snapshots

MOMENTS = st.lists(st.integers(0, 1_000), max_size=30)


@given(MOMENTS, st.integers(0, 400), st.integers(500, 1_000))
def test_the_longest_gap_is_that_of_every_pair_of_neighbours(moments, begin, end):
    inside = sorted({begin, end, *(at for at in moments if begin < at < end)})
    wanted = max(b - a for a, b in pairwise(inside))
    assert longest_gap(np.array(sorted(moments), np.float64), float(begin), float(end)) == wanted


def _met(first_live_s=(2.0, 3.0, 9.0), lost=(0, 0), share=0.01):
    recovered = Recovered(20_000.0, list(first_live_s), [each + 1 for each in first_live_s], lost[0])
    found = verdicts(recovered, Scaled([], [], 20_000.0, 1, lost[1]), Snapshots(20_000.0, 300.0, 1, 1.0, 7.0, share))
    return [verdict.met for verdict in found]


@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        ({}, [True, True, True]),
        ({"first_live_s": (9.0, 2.0, 9.0)}, [False, True, True]),
        ({"first_live_s": (math.inf,)}, [False, True, True]),
        ({"lost": (1, 0)}, [True, False, True]),
        ({"lost": (0, 1)}, [True, False, True]),
        ({"share": 0.05}, [True, True, False]),
        ({"share": math.nan}, [True, True, False]),
    ],
)
def test_a_target_is_met_where_its_figure_says_so_and_not_otherwise(figures, wanted):
    assert _met(**figures) == wanted
