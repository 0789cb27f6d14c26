"""The registers of the day's city: the rows of two years as the demo invents them, some months missing, some told twice.

Promises  In order of time over all areas; of two rows about a month the second says something else, and stands.
Leaves    What months look like to simulators/registers, what sensors say to play.
"""

from collections.abc import Iterator

import numpy as np

from catalog.records import Device
from catalog.windows import to_us
from simulators import payloads, wire
from simulators.chance import key_for, uniform
from simulators.payloads import Planned
from simulators.publisher import Message
from simulators.registers import Offices, month
from simulators.worlds import World
from tests.day import pack
from tests.day.sent import Sent

_MISSING, _TWICE = 0.03, 0.08
_SEED, _SECOND_THOUGHT = 1, 2


def rows(there: World) -> Sent:
    """Every row of every register, month by month."""
    devices = [device for device in there.pack.devices.values() if pack.is_register(there.catalogue.kinds[device.kind])]
    messages, readings, contradicted = [], 0, 0
    for number in range(len(pack.MONTHS)):
        for device in devices:
            width = len(there.catalogue.kinds[device.kind].quantities)
            for turn, body in enumerate(_said(there, device, number)):
                topic = wire.topic(f"city/{device.city}/{device.id}/json")
                messages.append(Planned(to_us(pack.MONTHS[number]), Message(topic, body), len(messages)))
                readings += width
                contradicted += width * turn
    return Sent(tuple(messages), readings, 0, contradicted, 0, {})


def _said(there: World, device: Device, number: int) -> Iterator[bytes]:
    """The month's row; sometimes none, sometimes two. The first and last month are always there."""
    draw = float(uniform(np.array([key_for(1, device.id)], np.uint64), "row", np.array([number]))[0])
    inner = 0 < number < len(pack.MONTHS) - 1
    if inner and draw < _MISSING:
        return
    at_us = to_us(pack.MONTHS[number])
    for seed in (_SECOND_THOUGHT, _SEED) if inner and draw < _MISSING + _TWICE else (_SEED,):
        offices = Offices(there.pack.city, [device], there.pack.areas, there.catalogue.kinds, there.catalogue.quantities, seed)
        yield payloads.json_body([(at_us // 1_000, name, value) for name, value in month(offices, device, at_us).values.items()])
