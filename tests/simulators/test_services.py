"""Laws of the services' signals: quantities of one device agree, meters never fall, lights follow the dark."""

import numpy as np
import pandas as pd
import pytest

from simulators.moments import Character, Moment, Scope
from simulators.services import SIGNALS, energy_made, energy_used, lamp_power, load, water_flow, water_used
from simulators.stretch import stretch
from tests.simulators.cities import START_US, devices, play

DAY_US = 86_400_000_000


def day_of(kind: str, count: int = 12) -> pd.DataFrame:
    """A whole day of a kind: device, quantity, at, value."""
    city = play(devices(count, (kind,)))
    r = stretch(city, START_US, START_US + DAY_US).readings
    names = np.array(city.quantity_ids)[r.quantity]
    return pd.DataFrame({"device": r.device, "quantity": names, "at": r.measured_us, "value": r.true})


def together(kind: str) -> pd.DataFrame:
    """One row per device and moment, one column per quantity; on-change devices hold what they said last."""
    table = day_of(kind).pivot_table(index=["device", "at"], columns="quantity", values="value")
    return table.groupby("device").ffill().dropna()


def test_bicycles_and_free_docks_fill_a_station():
    table = together("bike_share_station")
    docks = table["bikes_available"] + table["docks_free"]
    # One of the two may say its change a moment before the other is looked at; in the same look they add up.
    assert (docks.groupby("device").transform("median") - docks).abs().max() == 0
    assert table["bikes_available"].min() >= 0
    assert table["bikes_available"].groupby("device").nunique().min() > 3


def test_no_more_departures_are_on_time_than_there_are():
    table = together("bus_stop")
    assert (table["departures_on_time"] <= table["departures"]).all()
    assert 0.6 < table["departures_on_time"].sum() / table["departures"].sum() < 0.99
    assert (table["waiting_time"] > 0).all()


@pytest.mark.parametrize(
    ("kind", "counter"), [("electricity_meter", "electricity_used"), ("electricity_meter", "electricity_generated"), ("water_meter", "water_used")]
)
def test_a_meter_never_falls(kind, counter):
    table = day_of(kind)
    mine = table[table["quantity"] == counter].sort_values("at")
    assert (mine.groupby("device")["value"].diff().dropna() >= 0).all()
    assert (mine.groupby("device")["value"].last() > mine.groupby("device")["value"].first()).all()


def moments(at_us: np.ndarray) -> Moment:
    flat = np.zeros(at_us.shape)
    hour = np.mod(at_us, DAY_US) / 3_600e6
    return Moment(at_us, hour, np.zeros(at_us.shape, np.int64), flat + 0.5, flat, flat + 1.0, flat)


def one(at_us: np.ndarray, size: float = 1.2) -> Character:
    return Character(np.full(at_us.shape, 77, np.uint64), np.full(at_us.shape, size))


@pytest.mark.parametrize(("total", "slope", "tolerance"), [(energy_used, load, 0.02), (water_used, water_flow, 0.02)])
def test_what_a_meter_adds_up_is_the_power_that_it_shows(total, slope, tolerance):
    at_us = START_US + np.arange(0, DAY_US, 60_000_000)
    scope = Scope(0.0, 1e9, 20.0)
    grown = total(moments(at_us), one(at_us), scope)
    mean = slope(moments(at_us), one(at_us), scope).mean()
    assert (grown[-1] - grown[0]) / 24.0 == pytest.approx(mean, rel=tolerance)


def test_a_roof_makes_next_to_nothing_at_night():
    at_us = START_US - START_US % DAY_US + np.arange(0, DAY_US, 60_000_000)
    made = np.diff(energy_made(moments(at_us), one(at_us), Scope(0.0, 1e9, 6.0)))
    assert made.min() >= -1e-9
    assert made[: 3 * 60].sum() < 0.03 * made.sum()


def test_lights_burn_in_the_dark():
    at_us = START_US - START_US % DAY_US + np.arange(0, DAY_US, 600_000_000)
    power = lamp_power(moments(at_us), one(at_us), Scope(0.0, 400.0, 60.0))
    hour = np.mod(at_us, DAY_US) / 3_600e6
    assert (power[(hour > 10) & (hour < 16)] == 1.0).all()
    lit = power[(hour > 21) | (hour < 5)]
    assert (lit > 30.0).all() or (lit == 0.0).all()


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_is_finite_and_of_the_moments_shape(name):
    at_us = START_US + np.arange(0, DAY_US, 900_000_000)
    value = SIGNALS[name](moments(at_us), one(at_us), Scope(0.0, 1_000.0, 100.0))
    assert value.shape == at_us.shape
    assert np.isfinite(value).all()
    assert np.array_equal(value, SIGNALS[name](moments(at_us), one(at_us), Scope(0.0, 1_000.0, 100.0)))
