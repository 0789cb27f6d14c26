"""What standards define, against numbers that a person can look up and against the kernels, which share no line with it."""

from collections.abc import Callable

import numpy as np
import pytest

from kernels import air_index, degree_days, heat, noise, utci, utci_coefficients
from simulators import standards
from simulators.utci_terms import TERMS

N = 400


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("eaqi", (5.0, 0.0, 0.0, 0.0, 0.0), 1.0),
        ("eaqi", (5.1, 0.0, 0.0, 0.0, 0.0), 2.0),
        ("eaqi", (None, None, None, None, 300.0), 6.0),
        ("eaqi", (None, None, None, None, None), None),
        ("eaqi", (-0.1, None, 10.0, None, None), 1.0),
        ("belaqi", (None, 140.0, 1.0, 1.0), 9.0),
        ("belaqi", (None, None, 1.0, 1.0), None),
        ("belaqi", (1.0, 1.0, None, 1.0), None),
        ("belaqi", (1.0, 1.0, -0.1, 1.0), None),
        ("lden", (60.0, 55.0, 50.0), 60.0),
        ("lden", (60.0, None, 50.0), None),
        ("humidex", (30.0, 101.0), None),
        ("heat_index", (100.0, 50.0), None),
        ("utci", (20.0, 50.0, 0.4, 20.0), None),
        ("utci", (20.0, 50.0, 2.0, 91.0), None),
        ("degree_days", (20.0, 18.0), 0.0),
        ("degree_days", (5.5, 18.0), 12.5),
        ("cooling_degree_days", (25.0, 24.0), 1.0),
    ],
)
def test_examples(name: str, given: tuple[float | None, ...], wanted: float | None) -> None:
    assert standards.compute(name, given) == (None if wanted is None else pytest.approx(wanted))


def test_a_rounding_in_the_last_place_moves_nothing_over_an_edge() -> None:
    for edge in (15.0, 50.0, 90.0):
        assert standards.compute("eaqi", (np.nextafter(edge, 1e9), None, None, None, None)) == standards.compute(
            "eaqi", (edge, None, None, None, None)
        )
    assert standards.compute("utci", (20.0, 50.0, np.nextafter(0.5, 0.0), 20.0)) is not None


def test_the_terms_of_utci_are_those_of_the_kernel() -> None:
    assert sorted(TERMS) == list(TERMS)
    assert all(len(row) == 7 - sum(powers) for powers, row in TERMS.items())
    assert [each for row in TERMS.values() for each in row] == utci_coefficients.COEFFICIENTS.tolist()


def about(*ranges: tuple[float, float]) -> list[np.ndarray]:
    """N points of each range, a twentieth of them missing, on steps of a tenth."""
    chance = np.random.default_rng(17)
    columns = [np.round(chance.uniform(low, high, N), 1) for low, high in ranges]
    for column in columns:
        column[chance.random(N) < 0.05] = np.nan
    return columns


CONCENTRATIONS = ((-1.0, 160.0), (-1.0, 300.0), (-1.0, 170.0), (-1.0, 260.0), (-1.0, 300.0))


@pytest.mark.parametrize(
    ("name", "kernel", "columns"),
    [
        ("eaqi", air_index.eaqi_2024, about(*CONCENTRATIONS)),
        ("belaqi", air_index.belaqi_hourly, about(*CONCENTRATIONS[:4])),
        ("lden", noise.lden, about((30.0, 90.0), (30.0, 90.0), (30.0, 90.0))),
        ("heat_index", heat.heat_index, about((-30.0, 50.0), (-5.0, 105.0))),
        ("humidex", heat.humidex, about((-30.0, 50.0), (-5.0, 105.0))),
        ("wbgt", heat.wbgt_shade, about((-30.0, 50.0), (-5.0, 105.0))),
        ("utci", utci.utci, about((-55.0, 55.0), (0.0, 100.0), (0.0, 18.0), (-55.0, 90.0))),
        ("degree_days", degree_days.heating_degree_days, about((-10.0, 30.0), (15.0, 18.0))),
        ("cooling_degree_days", degree_days.cooling_degree_days, about((-10.0, 30.0), (15.0, 24.0))),
    ],
)
def test_it_says_what_the_kernel_says(name: str, kernel: Callable[..., np.ndarray], columns: list[np.ndarray]) -> None:
    rows = zip(*([None if np.isnan(each) else each for each in column.tolist()] for column in columns), strict=True)
    mine = [np.nan if value is None else value for value in (standards.compute(name, row) for row in rows)]
    assert mine == pytest.approx(kernel(*columns).tolist(), rel=1e-9, abs=1e-7, nan_ok=True)
    assert np.isfinite(mine).sum() > 50
