"""A stretch as bytes: what each device says, in `json` or `senml`, whole messages of several readings.

Promises  The gateway's own formats read back exactly what went in (tests hold it); values in their shortest exact decimals.
Leaves    Which device speaks which to city.py.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from simulators import faults as faulty
from simulators import wire
from simulators.city import Streams
from simulators.faults import Fault
from simulators.publisher import Message
from simulators.stretch import Stretch


class Planned(NamedTuple):
    """One sending of one message."""

    due_us: int
    message: Message
    place: int
    """Of the message in its stretch."""


class Topics(NamedTuple):
    """Topic fields of all devices, made once; by place in Streams.devices."""

    json: Sequence[bytes]
    senml: Sequence[bytes]


def topics(city: Streams) -> Topics:
    """city/<city>/<device>/<format>, as a PUBLISH carries it."""
    names = [f"city/{device.city}/{device.id}" for device in city.devices]
    return Topics(
        [wire.topic(f"{name}/json") for name in names],
        [wire.topic(f"{name}/senml") for name in names],
    )


def planned(city: Streams, fields: Topics, part: Stretch) -> list[Planned]:
    """Everything that goes out, repetitions too, without the missing, in the order of due_us."""
    out: list[Planned] = []
    messages = part.messages
    bodies = _bodies(city.quantity_ids, part)
    columns = (messages.device, messages.due_us, messages.again_us, messages.fault, messages.number)
    rows = zip(bodies, messages.senml.tolist(), *(column.tolist() for column in columns), strict=True)
    for place, (body, senml, device, due_us, again_us, fault, number) in enumerate(rows):
        if fault in faulty.NOT_SENT:
            continue
        payload = faulty.malformed(body, number) if fault == Fault.MALFORMED else body
        message = Message((fields.senml if senml else fields.json)[device], payload)
        out.append(Planned(due_us, message, place))
        if again_us:
            out.append(Planned(again_us, message, place))
    out.sort(key=lambda item: item.due_us)
    return out


def json_body(rows: Sequence[tuple[int, str, float]]) -> bytes:
    """(time in ms, quantity, value) rows of one message; several quantities of one time share an object."""
    objects = []
    for time_ms, group in groupby(rows, key=lambda row: row[0]):
        values = [(name, value) for _, name, value in group]
        if len(values) == 1:
            objects.append(f'{{"time":{time_ms},"quantity":"{values[0][0]}","value":{values[0][1]!r}}}')
        else:
            inner = ",".join([f'"{name}":{value!r}' for name, value in values])
            objects.append(f'{{"time":{time_ms},"values":{{{inner}}}}}')
    return (objects[0] if len(objects) == 1 else f"[{','.join(objects)}]").encode()


def senml_body(rows: Sequence[tuple[int, str, float]]) -> bytes:
    """The same rows as RFC 8428: the first record carries the base time, the others their distance to it."""
    base_ms = rows[0][0]
    records = [f'{{"bt":{base_ms // 1_000}.{base_ms % 1_000:03d},"n":"{rows[0][1]}","v":{rows[0][2]!r}}}']
    for time_ms, name, value in rows[1:]:
        when = "" if time_ms == base_ms else f'"t":{(time_ms - base_ms) / 1e3!r},'
        records.append(f'{{"n":"{name}",{when}"v":{value!r}}}')
    return f"[{','.join(records)}]".encode()


def _bodies(quantity_ids: Sequence[str], part: Stretch) -> list[bytes]:
    """Payload per message, from columns that are in the order of messages."""
    readings = part.readings
    names = [quantity_ids[place] for place in readings.quantity.tolist()]
    rows = list(zip((readings.stamped_us // 1_000).tolist(), names, readings.value.tolist(), strict=True))
    edges = np.searchsorted(readings.message, np.arange(len(part.messages.device) + 1)).tolist()
    senml = part.messages.senml.tolist()
    return [(senml_body if senml[i] else json_body)(rows[edges[i] : edges[i + 1]]) for i in range(len(edges) - 1)]
