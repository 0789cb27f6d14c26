"""Noise: energy means, Lden, percentile levels, events; silence, nothing, one sample, all equal."""

import math

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.noise import Energy, energy, lden, leq, leq_weighted, ln_percentile, noise_events, noise_exceedance
from tests.oracles import noise as oracle

NAN, INF = np.nan, np.inf


def column(*values):
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("case", "levels", "wanted"),
    [
        ("by hand", [60, 70], 10 * math.log10((1e6 + 1e7) / 2)),
        ("one", [61.3], 61.3),
        ("missing is skipped", [60, NAN, 70, INF], 10 * math.log10((1e6 + 1e7) / 2)),
        ("silence counts", [60, -INF], 60 - 10 * math.log10(2)),
        ("only silence", [-INF, -INF], -INF),
        ("nothing", [], NAN),
        ("nothing that is there", [NAN, INF], NAN),
        ("below zero", [-10, -10], -10.0),
        ("beyond what 10^(L/10) can hold", [4000, 4000], 4000.0),
        ("below it", [-4000, -4000], -4000.0),
        ("one loud second in an hour", [50] * 3599 + [90], oracle.leq([50, 90], [3599, 1])),
    ],
)
def test_leq(case, levels, wanted):
    assert leq(column(*levels)) == pytest.approx(wanted, abs=1e-11, nan_ok=True)


def test_equal_levels_give_exactly_themselves():
    for level in (60.0, 0.1, 33.3, -7.7):
        assert leq(np.full(1000, level)) == level


@pytest.mark.parametrize(
    ("case", "levels", "durations", "wanted"),
    [
        ("weights", [60, 70], [300, 900], 68.89301703),
        ("a missing level takes its time along", [60, NAN], [300, 900], 60.0),
        ("no time", [60, 70], [0, 0], NAN),
        ("a missing duration", [60, 70], [NAN, 1], 70.0),
        ("silence", [-INF], [5], -INF),
        ("nothing", [], [], NAN),
        ("beyond the float", [4000, 3990], [1, 1], 4000 + 10 * math.log10(0.55)),
    ],
)
def test_leq_weighted(case, levels, durations, wanted):
    assert leq_weighted(column(*levels), column(*durations)) == pytest.approx(wanted, abs=1e-8, nan_ok=True)


def test_energies_add():
    first, second = energy(column(60, 70), column(300, 900)), energy(column(80, NAN), column(10, 10))
    both = Energy(first.energy_s + second.energy_s, first.time_s + second.time_s)
    assert both.level_db() == pytest.approx(leq_weighted(column(60, 70, 80), column(300, 900, 10)), abs=1e-12)
    assert math.isnan(Energy(0.0, 0.0).level_db())
    assert Energy(0.0, 1.0).level_db() == -INF


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ((60, 60, 60), 66.395243),
        ((65, 60, 55), 65.0),
        ((72.3, 70.2, 66.9), 74.81958758),
        ((NAN, 60, 60), NAN),
        ((60, NAN, 60), NAN),
        ((60, 60, INF), NAN),
        ((-INF, -INF, -INF), -INF),
        ((-INF, -INF, 50), 50 + 10 - 10 * math.log10(3)),
    ],
)
def test_lden(parts, wanted):
    assert lden(*(column(each) for each in parts))[0] == pytest.approx(wanted, abs=1e-8, nan_ok=True)


def test_a_part_of_no_hours_is_not_asked_for():
    assert lden(column(60), column(NAN), column(50), (16, 0, 8))[0] == pytest.approx(60.0, abs=1e-12)


def test_lden_of_nothing():
    assert lden(column(), column(), column()).size == 0


@pytest.mark.parametrize(("n", "wanted"), [(10, 68.0), (50, 60.0), (90, 52.0), (0, 70.0), (100, 50.0)])
def test_the_level_exceeded_n_percent_of_the_time(n, wanted):
    assert ln_percentile(column(70, 50, NAN, 60), n) == pytest.approx(wanted)


def test_percentiles_of_nothing_one_and_silence():
    assert math.isnan(ln_percentile(column(), 50))
    assert math.isnan(ln_percentile(column(NAN, INF), 50))
    assert ln_percentile(column(61.3), 10) == 61.3
    assert ln_percentile(column(-INF, 50), 50) == -INF
    assert ln_percentile(column(-INF, 50), 0) == 50


@pytest.mark.parametrize(
    ("case", "levels", "wanted"),
    [
        ("runs strictly above", [54, 55, 55.1, 60, 60, 54, 61], (4, 2, 4 / 7)),
        ("a missing sample ends a run and counts in no share", [56, NAN, 56, 50], (2, 2, 2 / 3)),
        ("infinite is missing", [56, INF, 56], (2, 2, 1.0)),
        ("all above", [56] * 5, (5, 1, 1.0)),
        ("none above", [55] * 5, (0, 0, 0.0)),
        ("silence is below", [-INF, 56], (1, 1, 0.5)),
        ("nothing", [], (0, 0, NAN)),
        ("nothing there", [NAN], (0, 0, NAN)),
    ],
)
def test_noise_exceedance(case, levels, wanted):
    np.testing.assert_array_equal(tuple(noise_exceedance(column(*levels), 55.0)), wanted)


def test_events_one_by_one():
    found = noise_events(column(54, 55.1, 60, 58, 54, 61, NAN, 62), 55.0)
    assert found.start.tolist() == [1, 5, 7]
    assert found.length.tolist() == [3, 1, 1]
    assert found.peak_db.tolist() == [60, 61, 62]
    assert noise_events(column(), 55.0).start.size == 0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: leq(np.zeros((2, 2))), "levels_db: wanted one column"),
        (lambda: leq_weighted(column(1), column(1, 2)), "durations_s: wanted 1 values like levels_db, got 2"),
        (lambda: energy(column(1), column(-1)), "durations_s: wanted 0 s or more, finite, got -1.0"),
        (lambda: energy(column(1), column(INF)), "durations_s: wanted 0 s or more, finite, got inf"),
        (lambda: lden(column(1), column(1, 2), column(1)), "evening, night: wanted 1 values like day"),
        (lambda: lden(column(1), column(1), column(1), (0, 0, 0)), "hours: wanted"),
        (lambda: lden(column(1), column(1), column(1), (12, -4, 8)), "hours: wanted"),
        (lambda: ln_percentile(column(1), 101), "n_percent: wanted 0 to 100, got 101"),
    ],
)
def test_a_wrong_argument_is_named(call, told):
    with pytest.raises(KernelInputError, match=told):
        call()
