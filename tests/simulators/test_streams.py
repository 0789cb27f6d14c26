"""Laws of a simulated city's streams: pure, additive, independent, plausible, at the asked rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ConfigError
from simulators.chance import normal, rng_for, uniform
from simulators.city import Pace, Streams, choose
from simulators.mood import local_us
from simulators.signals import SIGNALS, signal
from simulators.stretch import Stretch, stretch
from tests.simulators.cities import CATALOGUE, START_US, devices, play

SECOND_US = 1_000_000


def rows(city: Streams, part: Stretch) -> set[tuple[object, ...]]:
    """Readings by what they are, not by where they stand."""
    r = part.readings
    return {
        (city.devices[d].id, city.quantity_ids[q], at, stamped, true, value, fault)
        for d, q, at, stamped, true, value, fault in zip(
            *(column.tolist() for column in (r.device, r.quantity, r.measured_us, r.stamped_us, r.true, r.value, r.fault)), strict=True
        )
    }


@settings(max_examples=25, deadline=None)
@given(cut_s=st.integers(1, 59), offset_s=st.integers(0, 10**8), per_message=st.sampled_from([None, 1, 2, 3, 7, 10]))
def test_stretches_tile_time(cut_s, offset_s, per_message):
    city = play(devices(16), story="faulty", pace=Pace(None, per_message))
    begin = START_US + offset_s * SECOND_US
    whole = stretch(city, begin, begin + 60 * SECOND_US)
    first = stretch(city, begin, begin + cut_s * SECOND_US)
    second = stretch(city, begin + cut_s * SECOND_US, begin + 60 * SECOND_US)
    assert rows(city, first) | rows(city, second) == rows(city, whole)
    assert len(first.readings.value) + len(second.readings.value) == len(whole.readings.value)
    assert len(first.messages.device) + len(second.messages.device) == len(whole.messages.device)


def test_no_reading_twice_and_none_left_out():
    city = play(devices(32), pace=Pace(400.0, 10))
    r = stretch(city, START_US, START_US + 60 * SECOND_US).readings
    keys = set(zip(r.device.tolist(), r.quantity.tolist(), r.measured_us.tolist(), strict=True))
    assert len(keys) == len(r.value)
    for fleet in city.fleets:
        width = len(fleet.quantities)
        for place in range(len(fleet.keys)):
            mine = r.device == fleet.first + place
            ticks = np.unique((r.measured_us[mine] - fleet.phase_us[place]) // fleet.tick_us[place])
            assert (np.diff(ticks) == 1).all()
            assert abs(mine.sum() - len(ticks) * width) < 2 * width


def test_the_same_seed_is_the_same_city_and_another_is_not():
    span = (START_US, START_US + 120 * SECOND_US)
    city, again, other = play(devices(16), story="faulty"), play(devices(16), story="faulty"), play(devices(16), seed=2, story="faulty")
    assert rows(city, stretch(city, *span)) == rows(again, stretch(again, *span))
    assert rows(city, stretch(city, *span)).isdisjoint(rows(other, stretch(other, *span)))


@settings(max_examples=15, deadline=None)
@given(more=st.integers(1, 40))
def test_adding_a_device_changes_no_other(more):
    few, many = play(devices(12), story="faulty"), play(devices(12 + more), story="faulty")
    span = (START_US, START_US + 60 * SECOND_US)
    known = {device.id for device in few.devices}
    assert rows(few, stretch(few, *span)) == {row for row in rows(many, stretch(many, *span)) if row[0] in known}


@pytest.mark.parametrize(("rate", "per_message"), [(500.0, None), (5_000.0, 1), (20_000.0, 10), (777.0, 3)])
def test_the_rate_is_kept_every_second(rate, per_message):
    city = play(devices(160), pace=Pace(rate, per_message))
    counts = [len(stretch(city, START_US + i * SECOND_US, START_US + (i + 1) * SECOND_US).readings.value) for i in range(10)]
    assert np.mean(counts) == pytest.approx(rate, rel=0.02)
    assert max(counts) < 1.35 * rate


def test_messages_have_the_asked_size_and_one_device():
    part = stretch(play(devices(24), pace=Pace(2_400.0, 10)), START_US, START_US + SECOND_US)
    sizes = np.bincount(part.readings.message)
    assert set(sizes.tolist()) == {10}
    assert (part.messages.device[part.readings.message] == part.readings.device).all()
    assert (np.diff(part.messages.due_us) >= 0).all()


def test_undisturbed_values_are_plausible_and_rounded():
    city = play(devices(80))
    for day in range(0, 365, 30):
        begin = START_US + day * 86_400 * SECOND_US + day * 3_571 * SECOND_US
        r = stretch(city, begin, begin + 120 * SECOND_US).readings
        for place, name in enumerate(city.quantity_ids):
            mine = r.quantity == place
            for fleet in city.fleets:
                here = mine & (r.device >= fleet.first) & (r.device < fleet.first + len(fleet.keys))
                if here.any():
                    low, high = fleet.kind.quantities[name].plausible
                    assert low <= r.true[here].min() <= r.true[here].max() <= high
                    steps = r.true[here] / CATALOGUE.quantities[name].resolution
                    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert (r.value == r.true).all()


def test_an_on_change_device_speaks_when_it_changes_and_when_it_owes_a_report():
    city = play(devices(4, ("parking",)))
    r = stretch(city, START_US, START_US + 1_800 * SECOND_US).readings
    for device in range(4):
        for quantity in range(len(city.quantity_ids)):
            mine = (r.device == device) & (r.quantity == quantity)
            gaps_s = np.diff(r.measured_us[mine]) / 1e6
            assert gaps_s.max() <= CATALOGUE.kinds["parking"].cadence_s + 1e-9
            early = gaps_s < CATALOGUE.kinds["parking"].cadence_s / 6 * 0.99
            assert not early.any()


def test_every_signal_that_the_catalogue_names_is_there():
    for kind in CATALOGUE.kinds.values():
        for name, measured in kind.quantities.items():
            assert signal(measured.signal, f"{kind.id}: {name}") is SIGNALS[measured.signal]
    with pytest.raises(ConfigError, match="wanted battery or bay or"):
        signal("nonsense", "sensors/x.toml: y")


def test_rush_hour_is_louder_than_the_night():
    day, night = (play(devices(40, ("noise", "traffic_loop")), story=story) for story in ("rush_hour", "calm"))
    begin = 1_763_953_200_000_000 - 2 * 3_600 * SECOND_US  # 02:00 local, a Monday
    loud, quiet = (stretch(city, begin, begin + 60 * SECOND_US).readings for city in (day, night))
    for name in ("sound_level", "vehicle_count"):
        place = day.quantity_ids.index(name)
        assert loud.true[loud.quantity == place].mean() > quiet.true[quiet.quantity == place].mean() + 2


def test_local_time_follows_the_clock_change():
    change_us = 1_743_296_400_000_000  # 2025-03-30T01:00Z
    at = np.array([change_us - 1, change_us], np.int64)
    assert (local_us(at, "Europe/Brussels") - at).tolist() == [3_600 * SECOND_US, 7_200 * SECOND_US]


def test_chance_is_even_normal_and_its_own():
    keys = np.full(40_000, 7, np.uint64)
    draws, bell = uniform(keys, "a", np.arange(40_000)), normal(keys, "a", np.arange(40_000))
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(4_000, rel=0.06)
    assert (bell.mean(), bell.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    assert abs(np.corrcoef(draws, uniform(keys, "b", np.arange(40_000)))[0, 1]) < 0.02
    assert abs(np.corrcoef(draws, uniform(keys + np.uint64(1), "a", np.arange(40_000)))[0, 1]) < 0.02
    assert rng_for(1, "x").random() == rng_for(1, "x").random() != rng_for(1, "y").random()


def test_choosing_leaves_manual_devices_alone():
    pack = devices(5)
    pack[1] = type(pack[1])(**{**{f: getattr(pack[1], f) for f in pack[1].__struct_fields__}, "manual": True})
    assert [device.id for device in choose(pack, 2, "--devices")] == [pack[0].id, pack[2].id]
    assert len(choose(pack, None, "--devices")) == 4
    with pytest.raises(ConfigError, match="wanted 1 to 4 devices, got 5"):
        choose(pack, 5, "--devices")
