"""UTCI: beside the polynomial term by term and a second library; its range; its bands."""

import numpy as np
import pytest
from thermofeel import thermofeel

from kernels.errors import KernelInputError
from kernels.utci import BANDS, utci, utci_band
from kernels.utci_coefficients import COEFFICIENTS
from tests.oracles import heat as oracle

NAN, INF = np.nan, np.inf


def column(*values):
    return np.array(values, np.float64)


def weather(n, seed):
    chance = np.random.default_rng(seed)
    t_c, rh, wind = chance.uniform(-50, 50, n), chance.uniform(0, 100, n), chance.uniform(0.5, 17, n)
    return t_c, rh, wind, t_c + chance.uniform(-30, 70, n)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 500])
def test_the_polynomial_term_by_term(n):
    t_c, rh, wind, radiant = weather(n, n)
    wanted = [oracle.utci(*row) for row in zip(t_c.tolist(), rh.tolist(), wind.tolist(), radiant.tolist(), strict=True)]
    got = utci(t_c, rh, wind, radiant)
    np.testing.assert_array_equal(np.isnan(got), [each is None for each in wanted])
    # near the ends of the range the terms cancel: some are ten thousand times the sum
    np.testing.assert_allclose(got[~np.isnan(got)], [each for each in wanted if each is not None], rtol=0, atol=1e-8)


def test_a_second_library_says_the_same():
    t_c, rh, wind, radiant = weather(5000, 7)
    vapour_hpa = thermofeel.calculate_saturation_vapour_pressure(t_c + 273.15) * rh / 100
    theirs = thermofeel.calculate_utci(t_c + 273.15, wind, radiant + 273.15, ehPa=vapour_hpa) - 273.15
    got = utci(t_c, rh, wind, radiant)
    np.testing.assert_array_equal(np.isnan(got), vapour_hpa > 50)
    np.testing.assert_allclose(got[vapour_hpa <= 50], theirs[vapour_hpa <= 50], rtol=0, atol=1e-7)


def test_there_are_210_coefficients():
    assert COEFFICIENTS.shape == (210,)
    assert not COEFFICIENTS.flags.writeable


@pytest.mark.parametrize(
    ("t_c", "rh", "wind", "radiant", "wanted"), [(25, 50, 1, 25, 24.61212626), (35, 35, 2, 60, 40.68754506), (-5, 60, 8, -5, -29.09629391)]
)
def test_published_values(t_c, rh, wind, radiant, wanted):
    assert utci(column(t_c), column(rh), column(wind), column(radiant))[0] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("case", "row", "there"),
    [
        ("coldest", (-50, 50, 5, -50), True),
        ("colder", (-50.01, 50, 5, -50), False),
        ("hottest", (50, 10, 5, 50), True),
        ("hotter", (50.01, 10, 5, 50), False),
        ("calmest", (20, 50, 0.5, 20), True),
        ("calmer", (20, 50, 0.49, 20), False),
        ("windiest", (20, 50, 17, 20), True),
        ("windier", (20, 50, 17.01, 20), False),
        ("clear night", (20, 50, 5, -10), True),
        ("clearer", (20, 50, 5, -10.01), False),
        ("full sun", (20, 50, 5, 90), True),
        ("fuller", (20, 50, 5, 90.01), False),
        ("wettest", (20, 100, 5, 20), True),
        ("wetter", (20, 100.01, 5, 20), False),
        ("drier than dry", (20, -0.01, 5, 20), False),
        ("vapour of five kilopascal is passed", (35, 100, 5, 35), False),
        ("no air", (NAN, 50, 5, 20), False),
        ("no humidity", (20, NAN, 5, 20), False),
        ("no wind", (20, 50, NAN, 20), False),
        ("no radiation", (20, 50, 5, NAN), False),
        ("infinite", (20, 50, INF, 20), False),
    ],
)
def test_the_range_is_closed_and_outside_is_nothing(case, row, there):
    assert bool(np.isfinite(utci(*(column(each) for each in row))[0])) is there


def test_calm_is_raised_only_when_asked_for():
    air = column(20, 20, 20, 20), column(50, 50, 50, 50), column(0.3, 0.0, -0.1, NAN), column(20, 20, 20, 20)
    assert np.isnan(utci(*air)).all()
    raised = utci(*air, raise_calm=True)
    assert raised[0] == raised[1] == utci(column(20), column(50), column(0.5), column(20))[0]
    assert np.isnan(raised[2:]).all()


def test_nothing_in_gives_nothing_out():
    assert utci(column(), column(), column(), column()).size == 0


@pytest.mark.parametrize(
    ("utci_c", "name"),
    [
        (46.0, "very strong heat"),
        (46.1, "extreme heat"),
        (38.0, "strong heat"),
        (38.1, "very strong heat"),
        (32.0, "moderate heat"),
        (26.0, "none"),
        (26.1, "moderate heat"),
        (9.0, "slight cold"),
        (9.1, "none"),
        (0.0, "moderate cold"),
        (0.1, "slight cold"),
        (-13.0, "strong cold"),
        (-27.0, "very strong cold"),
        (-40.0, "very strong cold"),
        (-40.1, "extreme cold"),
    ],
)
def test_a_band_is_closed_above(utci_c, name):
    assert BANDS[int(utci_band(column(utci_c))[0]) - 1] == name


def test_no_number_no_band():
    np.testing.assert_array_equal(utci_band(column(NAN, INF, -INF)), column(NAN, NAN, NAN))


def test_a_wrong_argument_is_named():
    with pytest.raises(KernelInputError, match="wanted columns of one length"):
        utci(column(1), column(1), column(1), column(1, 2))
