"""Laws of what the devices of a chaos run say, held against the gateway's own decoders."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.reasons import Reason
from chaos import city
from chaos.script import JUMPS_S, QUARTER_US, SHARES, Sending, script
from ingest.checks import AHEAD_US
from ingest.format import WHOLE_MESSAGE, Columns
from ingest.formats import json as plain
from ingest.formats import senml
from runtime.errors import Rejected
from simulators.worlds import World

START_US = 1_763_800_000_000_000
ARRIVAL = {Reason.UNKNOWN_QUANTITY, Reason.OUT_OF_RANGE, Reason.WRONG_UNIT, Reason.TIME_IN_FUTURE, Reason.TIME_TOO_OLD}
"""Refused by what a record says, not by how it is written."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> World:
    return city.write(tmp_path_factory.mktemp("chaos"))


def played(there: World, seed: int, seconds: float = 60.0) -> list[Sending]:
    return script(seed, START_US, seconds, dict(there.catalogue.quantities))


def test_the_city_has_devices_of_every_kind_and_some_that_never_speak(there: World) -> None:
    speaks = {stands.id: stands.speaks for stands in city.devices()}
    assert set(speaks) == set(there.pack.devices)
    assert {device.kind for device in there.pack.devices.values()} == set(city.KINDS)
    area, kind = city.SILENT_AREA
    assert not any(speaks[device.id] for device in there.pack.devices.values() if (device.area, device.kind) == (area, kind))
    assert 50 <= len(speaks) <= 80


def test_no_indicator_rests_on_readings_without_a_time(there: World) -> None:
    for kpi in there.catalogue.kpis.values():
        assert not any(quantity in kpi.formula for quantity in city.KINDS[city.UNTIMED].quantities)


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_the_script_is_a_function_of_the_seed_and_in_order(there: World, seed: int) -> None:
    found = played(there, seed, 20.0)
    assert found == played(there, seed, 20.0)
    assert [sending.due_us for sending in found] == sorted(sending.due_us for sending in found)
    assert all(START_US <= sending.due_us <= START_US + 20_000_000 for sending in found)


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_readings_of_one_time_have_one_value(there: World, seed: int) -> None:
    values = defaultdict(set)
    for sending in played(there, seed):
        for said in sending.said:
            if said.has_time:
                values[sending.stands.id, said.quantity, said.measured_us].add(said.value)
    assert all(len(each) == 1 for each in values.values())


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_the_decoders_find_in_a_message_what_the_truth_says(there: World, seed: int) -> None:
    for sending in played(there, seed, 30.0):
        form = sending.topic.rpartition("/")[2]
        whole = [broken.reason for broken in sending.broken if broken.record == WHOLE_MESSAGE]
        if form not in ("json", "senml"):
            assert whole == [Reason.UNSUPPORTED_FORMAT]
            continue
        columns = Columns()
        decode = plain.decode if form == "json" else senml.decode
        if whole == [Reason.MALFORMED]:
            with pytest.raises(Rejected) as refusal:
                decode(sending.payload, columns)
            assert refusal.value.reason is Reason.MALFORMED
            continue
        decode(sending.payload, columns)
        assert not columns.refusals
        rows = list(zip(columns.index, columns.quantity, columns.at_us, columns.value, strict=True))
        if whole:
            assert sending.topic.split("/")[2] not in there.pack.devices
            continue
        refused = Counter(broken.record for broken in sending.broken)
        assert all(broken.reason in ARRIVAL for broken in sending.broken)
        assert Counter(row[0] for row in rows) == refused + Counter(said.record for said in sending.said)
        said_rows = {(said.record, said.quantity): said for said in sending.said}
        for index, quantity, at_us, value in rows:
            if (index, quantity) in said_rows:
                said = said_rows[index, quantity]
                assert value == said.value
                assert not said.has_time or at_us == said.measured_us


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_what_the_truth_calls_acceptable_is(there: World, seed: int) -> None:
    for sending in played(there, seed):
        for said in sending.said:
            known = there.catalogue.quantities[said.quantity]
            assert known.possible[0] <= said.value <= known.possible[1]
            assert abs(said.value / known.resolution - round(said.value / known.resolution)) < 1e-6
            if said.has_time:
                # Every outage of a run is shorter than what is left to the edges.
                assert said.measured_us - sending.due_us < AHEAD_US - 60_000_000
                assert sending.due_us - said.measured_us < (city.MAX_AGE_S - 900.0) * 1e6


def test_every_fault_is_there(there: World) -> None:
    found = played(there, 1, 300.0)
    faults = Counter(said.fault for sending in found for said in sending.said)
    reasons = {broken.reason for sending in found for broken in sending.broken}
    assert set(faults) >= {"duplicate", "late", "swapped", "implausible", "untimed", "kept", "clock_ahead", "clock_behind", ""}
    assert reasons == ARRIVAL | {Reason.MALFORMED, Reason.UNKNOWN_DEVICE, Reason.UNSUPPORTED_FORMAT}
    assert faults[""] > sum(faults.values()) / 2
    assert sum(SHARES.values()) < 0.5
    assert len(JUMPS_S) == 4


def test_readings_without_a_time_are_told_apart_by_their_values(there: World) -> None:
    untimed = Counter((sending.stands.id, said.value) for sending in played(there, 2, 200.0) for said in sending.said if not said.has_time)
    assert untimed
    assert set(untimed.values()) == {1}


def test_what_was_kept_lies_in_the_quarter_of_an_hour_before(there: World) -> None:
    kept = [(sending, said) for sending in played(there, 1, 300.0) for said in sending.said if said.fault == "kept"]
    assert kept
    for sending, said in kept:
        assert sending.due_us // QUARTER_US - said.measured_us // QUARTER_US == 1
        assert sending.stands.kind in city.TESTED


def test_a_duplicate_is_a_message_of_its_own_with_the_same_bytes(there: World) -> None:
    again = Counter((sending.topic, sending.payload) for sending in played(there, 5) if any(said.fault == "duplicate" for said in sending.said))
    assert again
    assert set(again.values()) == {2}
