"""What devices say is what the gateway's own formats read: the readings come back, to the last digit."""

import numpy as np
import pytest

from ingest.format import Columns, formats
from runtime.errors import Rejected
from simulators.city import Pace
from simulators.faults import Fault
from simulators.payloads import json_body, planned, senml_body, topics
from simulators.stretch import stretch
from tests.simulators.cities import CATALOGUE, START_US, devices, play


@pytest.mark.parametrize("pace", [Pace(), Pace(2_000.0, 1), Pace(4_000.0, 10)])
def test_the_gateways_formats_read_it_back(pace):
    city = play(devices(160), pace=pace, story="rush_hour")
    part = stretch(city, START_US, START_US + 8_000_000)
    spoken = set()
    for item in planned(city, topics(city), part):
        name = item.message.topic[2:].decode().rsplit("/", 1)
        columns = Columns()
        formats()[name[1]].decode(item.message.payload, columns)
        mine = part.readings.message == item.place
        expected = sorted(
            (city.quantity_ids[q], at, value)
            for q, at, value in zip(
                part.readings.quantity[mine].tolist(), part.readings.stamped_us[mine].tolist(), part.readings.value[mine].tolist(), strict=True
            )
        )
        got = sorted((row.quantity, row.measured_at_us, row.value) for row in columns.rows())
        assert got == expected
        assert not columns.refusals
        assert not columns.relative
        device = city.devices[int(part.messages.device[item.place])]
        assert name[0] == f"city/here/{device.id}"
        spoken.add(name[1])
    assert spoken == {"json", "senml"}


def test_values_survive_the_rounding_of_the_gateway():
    part = stretch(play(devices(80)), START_US, START_US + 60_000_000)
    city = play(devices(80))
    for place, name in enumerate(city.quantity_ids):
        step = CATALOGUE.quantities[name].resolution
        value = part.readings.value[part.readings.quantity == place]
        whole = np.rint(value / step)
        again = whole / round(1 / step) if step < 1 else whole * step
        assert (again == value).all()


def test_malformed_messages_are_refused_as_a_whole_and_missing_ones_not_sent():
    city = play(devices(200), story="faulty", pace=Pace(2_000.0))
    part = stretch(city, START_US, START_US + 5_000_000)
    sent = planned(city, topics(city), part)
    places = [item.place for item in sent]
    fault = part.messages.fault
    assert not np.isin(fault[places], [Fault.MISSING, Fault.SILENT]).any()
    assert set(places) == set(np.flatnonzero(fault != Fault.MISSING).tolist())
    again = [item for item in sent if fault[item.place] == Fault.DUPLICATED]
    assert len(again) == 2 * (fault == Fault.DUPLICATED).sum() > 0
    broken = [item for item in sent if fault[item.place] == Fault.MALFORMED]
    assert broken
    for item in broken:
        columns = Columns()
        with pytest.raises(Rejected):
            formats()[item.message.topic.decode().rsplit("/", 1)[1]].decode(item.message.payload, columns)


def test_shapes_as_people_would_write_them():
    assert json_body([(1_700_000_000_000, "pm2_5", 11.5)]) == b'{"time":1700000000000,"quantity":"pm2_5","value":11.5}'
    assert json_body([(1, "a", 1.0), (1, "b", 2.0)]) == b'{"time":1,"values":{"a":1.0,"b":2.0}}'
    assert json_body([(1, "a", 1.0), (2, "a", 2.0)]) == b'[{"time":1,"quantity":"a","value":1.0},{"time":2,"quantity":"a","value":2.0}]'
    assert (
        senml_body([(1_700_000_000_050, "a", 1.0), (1_700_000_000_550, "b", 2.0)])
        == b'[{"bt":1700000000.050,"n":"a","v":1.0},{"n":"b","t":0.5,"v":2.0}]'
    )
