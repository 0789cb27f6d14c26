"""Units and resolutions: what conversion and rounding promise."""

import math
import random
from fractions import Fraction

import pytest

from catalog.load import load_catalogue
from catalog.records import Quantity

QUANTITIES = load_catalogue().quantities

CONVERSIONS = [
    # ppb at 20 °C and 101.325 kPa, ug/m3 to 1e-7: the open test vectors of the unit conversion
    ("no2", "ppb", 1.0, 1.9125037),
    ("o3", "ppb", 1.0, 1.995342624),
    ("so2", "ppb", 1.0, 2.663208845),
    ("co", "ppb", 1.0, 1.164413383),
    ("co", "ppm", 1.0, 1164.413383),
    ("no2", "mg/m3", 0.04, 40.0),
    ("pm2_5", "µg/m3", 11.5, 11.5),
    ("temperature", "K", 273.15, 0.0),
    ("temperature", "degF", 212.0, 100.0),
    ("temperature", "F", -40.0, -40.0),
    ("wind_speed", "km/h", 36.0, 10.0),
    ("wind_speed", "kn", 1.0, 0.5144444444),
    ("vehicle_speed", "m/s", 10.0, 36.0),
    ("vehicle_speed", "mph", 100.0, 160.9344),
    ("pressure", "Pa", 101_325.0, 1_013.25),
    ("pressure", "mbar", 1_000.0, 1_000.0),
    ("fill_level", "1", 0.5, 50.0),
    ("humidity", "%RH", 55.0, 55.0),
    ("rainfall", "in", 1.0, 25.4),
    ("sound_level", "dB(A)", 61.5, 61.5),
]


@pytest.mark.parametrize(("quantity", "unit", "value", "canonical"), CONVERSIONS)
def test_conversions(quantity: str, unit: str, value: float, canonical: float) -> None:
    how = QUANTITIES[quantity].conversions[unit]
    assert value * how.scale + how.offset == pytest.approx(canonical, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=lambda one: one.id)
def test_every_step_of_the_resolution_is_found_again(quantity: Quantity) -> None:
    """rint(value / resolution) of a value that was rounded to the resolution is the integer it was rounded to."""
    step, exact = quantity.resolution, Fraction(repr(quantity.resolution))
    low, high = (round(Fraction(edge) / exact) for edge in quantity.possible)
    chance = random.Random(quantity.id)
    for integer in [low, high, 0, 1, -1, *(chance.randint(low, high) for _ in range(2_000))]:
        assert round(integer * step / step) == integer
        assert round(float(integer * exact) / step) == integer


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=lambda one: one.id)
def test_possible_edges_lie_on_the_grid(quantity: Quantity) -> None:
    for edge in quantity.possible:
        steps = Fraction(edge) / Fraction(repr(quantity.resolution))
        assert math.isclose(steps, round(steps), abs_tol=1e-9)
