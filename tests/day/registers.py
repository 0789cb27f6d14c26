"""The registers of the day's city: a row a month in every neighbourhood over two years, some months missing, some told twice.

Promises  In order of time over all areas; of two rows about a month the second says something else.
Leaves    What sensors say to play.
"""

from collections.abc import Iterator

import numpy as np

from catalog.records import Device, SensorKind
from catalog.windows import to_us
from simulators import payloads, wire
from simulators.chance import key_for, uniform
from simulators.payloads import Planned
from simulators.publisher import Message
from simulators.stretch import rounded
from simulators.worlds import World
from tests.day import pack
from tests.day.sent import Sent

_MISSING, _TWICE = 0.03, 0.05


def rows(there: World) -> Sent:
    """Every row of every register, month by month."""
    devices = [device for device in there.pack.devices.values() if pack.is_register(there.catalogue.kinds[device.kind])]
    messages, readings, contradicted = [], 0, 0
    for month in range(len(pack.MONTHS)):
        for device in devices:
            kind = there.catalogue.kinds[device.kind]
            for turn, body in enumerate(_said(there, kind, device, month)):
                topic = wire.topic(f"city/{device.city}/{device.id}/json")
                messages.append(Planned(to_us(pack.MONTHS[month]), Message(topic, body), len(messages)))
                readings += len(kind.quantities)
                contradicted += len(kind.quantities) * turn
    return Sent(tuple(messages), readings, 0, contradicted, 0, {})


def _said(there: World, kind: SensorKind, device: Device, month: int) -> Iterator[bytes]:
    """The month's row; sometimes none, sometimes two. The first and last month are always there."""
    key = np.array([key_for(1, device.id)], np.uint64)
    draw = float(uniform(key, "row", np.array([month]))[0])
    inner = 0 < month < len(pack.MONTHS) - 1
    if inner and draw < _MISSING:
        return
    at_ms = to_us(pack.MONTHS[month]) // 1_000
    for turn in (0, 1) if inner and draw < _MISSING + _TWICE else (0,):
        yield payloads.json_body([(at_ms, name, _value(there, kind, name, key, month * 2 + turn)) for name in kind.quantities])


def _value(there: World, kind: SensorKind, name: str, key: np.ndarray, counter: int) -> float:
    measured = kind.quantities[name]
    low, high = measured.plausible
    typical = measured.typical if measured.typical is not None else low + 0.35 * (high - low)
    spread = float(uniform(key, name, np.array([counter]))[0])
    wanted = np.clip(np.array([typical * (0.7 + 0.6 * spread)]), low, high)
    return float(rounded(wanted, there.catalogue.quantities[name])[0])
