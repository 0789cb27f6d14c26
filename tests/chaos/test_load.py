"""The truth that the load writes, and what it takes for an acknowledgement."""

from pathlib import Path

import pandas as pd

from catalog.reasons import Reason
from chaos import city, load
from chaos.script import Broken, Said, Sending
from simulators import wire
from simulators.publisher import Broker, Message
from simulators.wire import Packet

STANDS = city.devices()[0]
NOWHERE = Broker("127.0.0.1", 1, "nobody", "")


def test_the_truth_has_a_row_per_reading_and_one_per_refusal(tmp_path: Path) -> None:
    good = Sending(
        10, STANDS, f"city/{city.CITY}/{STANDS.id}/json", b"", (Said(0, "pm2_5", 5, 1.5, True, "late"), Said(0, "pm10", 5, 2.5, True, "late")), ()
    )
    bad = Sending(20, STANDS, f"city/{city.CITY}/{city.CITY}.ghost/json", b"", (), (Broken(-1, Reason.UNKNOWN_DEVICE),))
    load.write(tmp_path, [good, bad], [11, 21], [12, 0])
    readings = pd.read_parquet(tmp_path / load.READINGS)
    broken = pd.read_parquet(tmp_path / load.BROKEN)
    assert readings.to_dict("list") == {
        "device": [STANDS.id] * 2,
        "kind": [STANDS.kind] * 2,
        "quantity": ["pm2_5", "pm10"],
        "measured_us": [5, 5],
        "value": [1.5, 2.5],
        "has_time": [True, True],
        "fault": ["late", "late"],
        "sent_us": [11, 11],
        "acked_us": [12, 12],
        "message": [0, 0],
        "index": [0, 0],
    }
    assert broken.to_dict("records") == [
        {"message": 1, "index": -1, "device": f"{city.CITY}.ghost", "reason": "unknown_device", "sent_us": 21, "acked_us": 0}
    ]


def test_only_what_the_broker_took_is_acknowledged() -> None:
    tracked = load.Tracked(NOWHERE, "test")
    taken, refused, repeated = (Message(b"", bytes([number])) for number in range(3))
    tracked._sent.update({1: taken, 2: refused, 3: repeated})
    for packet in (Packet(wire.PUBACK, 1, 0), Packet(wire.PUBACK, 2, wire.REFUSED_FROM), Packet(wire.PUBACK, 3, wire.NO_SUBSCRIBER)):
        tracked._settle(packet)
    assert set(tracked.acked_us) == {id(taken), id(repeated)}
    first_us = tracked.acked_us[id(taken)]
    tracked._settle(Packet(wire.PUBACK, 1, 0))
    assert tracked.acked_us[id(taken)] == first_us
