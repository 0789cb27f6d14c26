"""Faults: their shares, what they do, and that transport and value faults are what they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.checks import AHEAD_US
from runtime.errors import ConfigError
from simulators import faults, scenario
from simulators.city import Pace
from simulators.faults import EPISODE_US, NOT_SENT, TRANSPORT, Fault
from simulators.scenario import Event, Faults, Outage, Scenario
from simulators.stretch import stretch
from tests.simulators.cities import CATALOGUE, START_US, devices, play

MINUTE_US = 60_000_000


def within(count: int, n: int, share: float) -> bool:
    """Inside five standard deviations of the binomial."""
    return abs(count - n * share) <= 5 * math.sqrt(n * share * (1 - share)) + 1


@settings(max_examples=30, deadline=None)
@given(shares=st.lists(st.floats(0, 0.15), min_size=6, max_size=6), key=st.integers(0, 2**64 - 1))
def test_transport_faults_have_their_shares(shares, key):
    wanted = Faults(**{fault.name.lower(): share for fault, share in zip(TRANSPORT, shares, strict=True)})
    codes = faults.of_messages(np.full(20_000, key, np.uint64), np.arange(20_000), wanted)
    for fault, share in zip(TRANSPORT, shares, strict=True):
        assert within(int((codes == fault).sum()), 20_000, share)
    assert set(np.unique(codes)) <= {*TRANSPORT, Fault.NONE}


def test_every_fault_of_the_faulty_scenario_comes_with_its_share():
    story = scenario.named("faulty")
    part = stretch(play(devices(400), story="faulty", pace=Pace(4_000.0)), START_US, START_US + MINUTE_US)
    n = len(part.messages.device)
    for fault in TRANSPORT:
        assert within(int((part.messages.fault == fault).sum()), n, getattr(story.faults, fault.name.lower()))
    for fault in (Fault.SPIKE, Fault.STUCK, Fault.DRIFTING):
        assert (part.readings.fault == fault).any()


def test_no_faults_where_none_are_asked_for():
    part = stretch(play(devices(80)), START_US, START_US + 10 * MINUTE_US)
    assert not part.messages.fault.any()
    assert not part.readings.fault.any()
    assert (part.readings.stamped_us == part.readings.measured_us).all()


def only(**shares: float) -> Scenario:
    return Scenario("only", "", Faults(**shares))


def test_late_comes_after_the_lateness_and_out_of_order_well_within():
    city = play(devices(160), story=only(late=0.5, out_of_order=0.5))
    m = stretch(city, START_US, START_US + 45 * MINUTE_US)
    newest = np.zeros(len(m.messages.device), np.int64)
    np.maximum.at(newest, m.readings.message, m.readings.measured_us)
    delay_s = (m.messages.due_us - newest) / 1e6
    for fleet in city.fleets:
        mine = (m.messages.device >= fleet.first) & (m.messages.device < fleet.first + len(fleet.keys))
        late, swapped = mine & (m.messages.fault == Fault.LATE), mine & (m.messages.fault == Fault.OUT_OF_ORDER)
        assert delay_s[late].min() > fleet.kind.lateness_s + 15
        assert delay_s[swapped].max() <= fleet.kind.lateness_s / 2


def test_a_wrong_clock_is_far_off_and_the_whole_message_agrees():
    part = stretch(play(devices(160), story=only(wrong_clock=1.0)), START_US, START_US + 5 * MINUTE_US)
    off = part.readings.stamped_us - part.readings.measured_us
    assert set(np.unique(off).tolist()) == set(faults.WRONG_CLOCKS_US)
    for number in range(len(part.messages.device)):
        assert len(np.unique(off[part.readings.message == number])) <= 1


def test_a_wrong_clock_is_refused_by_every_kind_and_never_merely_suspect():
    oldest_us = max(fleet.kind.max_age_s for fleet in play(devices(160)).fleets) * 1e6
    assert all(off > AHEAD_US or off < -oldest_us for off in faults.WRONG_CLOCKS_US)


def test_a_spike_is_possible_and_not_plausible():
    city = play(devices(160), story=only(spike=1.0))
    r = stretch(city, START_US, START_US + 3 * MINUTE_US).readings
    hit = r.fault == Fault.SPIKE
    assert hit.mean() > 0.8
    for fleet in city.fleets:
        for quantity in fleet.quantities:
            mine = hit & (r.quantity == city.quantity_ids.index(quantity.id)) & (r.device >= fleet.first) & (r.device < fleet.first + len(fleet.keys))
            low, high = fleet.kind.quantities[quantity.id].plausible
            assert ((r.value[mine] < low) | (r.value[mine] > high)).all()
            assert ((r.value[mine] >= quantity.possible[0]) & (r.value[mine] <= quantity.possible[1])).all()


def test_what_is_called_a_spike_is_never_plausible_whatever_else_is_wrong():
    city = play(devices(160), story=only(spike=0.5, drifting=0.5, stuck=0.4))
    r = stretch(city, START_US, START_US + 5 * MINUTE_US).readings
    hit = r.fault == Fault.SPIKE
    for fleet in city.fleets:
        for quantity in fleet.quantities:
            mine = (r.quantity == city.quantity_ids.index(quantity.id)) & (r.device >= fleet.first) & (r.device < fleet.first + len(fleet.keys))
            low, high = fleet.kind.quantities[quantity.id].plausible
            assert (hit[mine] == ((r.value[mine] < low) | (r.value[mine] > high))).all()


def test_stuck_repeats_its_first_value_and_drifting_runs_away():
    begin = START_US // EPISODE_US * EPISODE_US
    city = play(devices(8, ("noise",)), story=only(stuck=1.0))
    r = stretch(city, begin, begin + EPISODE_US).readings
    for device in range(8):
        assert len(np.unique(r.value[r.device == device])) == 1
    assert len(np.unique(r.true)) > 10
    r = stretch(play(devices(8, ("noise",)), story=only(drifting=1.0)), begin, begin + EPISODE_US).readings
    away = r.value - r.true
    assert away[r.measured_us < begin + 30_000_000].max() < 5
    assert away[r.measured_us > begin + EPISODE_US - 30_000_000].min() > 30
    assert r.value.max() <= CATALOGUE.kinds["noise"].quantities["sound_level"].plausible[1]


def test_an_outage_silences_its_share_for_its_time():
    story = Scenario("dark", "", outages=(Outage(after_s=60, for_s=120, share=0.5, every_s=600),))
    m = stretch(play(devices(400, ("noise",)), story=story), START_US, START_US + 20 * MINUTE_US)
    silent = m.messages.fault == Fault.SILENT
    since_s = (m.messages.due_us - START_US) / 1e6 % 600
    assert not silent[(since_s < 60) | (since_s >= 180)].any()
    inside = (since_s >= 60) & (since_s < 180)
    assert within(len(np.unique(m.messages.device[silent])), 400, 0.5)
    assert silent[inside].mean() == pytest.approx(len(np.unique(m.messages.device[silent])) / 400, abs=0.02)


def test_an_event_makes_traffic_and_ends():
    story = Scenario("party", "", events=(Event(after_s=600, for_s=600, factor=5.0),))
    city, usual = play(devices(40, ("bicycle_counter",)), story=story), play(devices(40, ("bicycle_counter",)), story=only())
    inside = (START_US + 10 * MINUTE_US, START_US + 20 * MINUTE_US)
    after = (START_US + 20 * MINUTE_US, START_US + 30 * MINUTE_US)
    assert stretch(city, *inside).readings.true.mean() > 3 * stretch(usual, *inside).readings.true.mean()
    assert (stretch(city, *after).readings.true == stretch(usual, *after).readings.true).all()


def test_malformed_bytes_are_no_json():
    import msgspec

    for variant in range(4):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            msgspec.json.decode(faults.malformed(b'{"time":1763826914009,"quantity":"pm2_5","value":56.0}', variant).decode("utf-8"))


def test_scenarios_are_found_and_whole():
    found = scenario.load()
    assert {"calm", "rush_hour", "faulty", "outage", "demo"} <= set(found)
    for name, story in found.items():
        assert story.name == name
        assert story.summary
        assert sum(getattr(story.faults, fault.name.lower()) for fault in TRANSPORT) < 1
    assert set(NOT_SENT) == {Fault.MISSING, Fault.SILENT}
    with pytest.raises(ConfigError, match="--scenario: wanted calm or"):
        scenario.named("sharknado")
