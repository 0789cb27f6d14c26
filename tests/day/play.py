"""What the devices of the day say: the demo's signals and faults over the whole day, an hour before and two after.

Promises  The same messages whenever it is asked, in the order in which they go out; devices speak together at the begin of
          their cadence, so that windows of a minute have enough of them, but for a few that do not.
Leaves    Sending to record.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from catalog.records import SensorKind
from catalog.windows import to_us
from simulators import city, payloads
from simulators.chance import uniform
from simulators.city import LOOKS_PER_REPORT, Pace, Play, Streams
from simulators.faults import Fault
from simulators.scenario import Faults, Outage, Scenario
from simulators.stretch import stretch
from simulators.worlds import World
from tests.day import pack, registers
from tests.day.sent import Sent

CHUNK = timedelta(hours=1)
"""What one message covers."""
AROUND = timedelta(hours=1)
"""Before the day: what held over midnight counts, and windows that are not whole are there."""
UNTIL = pack.END + timedelta(hours=2)
"""In its last hour every speaking device is heard: all watermarks pass the end of the day."""

_FAULTS = Faults(missing=0.01, late=0.02, duplicated=0.01, out_of_order=0.02, malformed=0.005, spike=0.003, stuck=0.01, drifting=0.01)
_OUTAGES = (Outage(after_s=3 * 3_600.0, for_s=3 * 3_600.0, share=0.1), Outage(after_s=15 * 3_600.0, for_s=2 * 3_600.0, share=0.4))
_SEED = 25
_APART_US = 50_000_000
"""Those that speak together do so within this time."""
_OWN_TIME = 0.06
"""Share of the devices that speak whenever they like."""


def script(there: World) -> Sent:
    """Everything that is said, in order."""
    story = Scenario(name="day", summary="A day with a little of everything that goes wrong.", faults=_FAULTS, outages=_OUTAGES)
    calm = Scenario(name="calm", summary="Nothing goes wrong.")
    early = pack.looking_back(there.catalogue)
    spans = [
        (*pack.WEEK_BEFORE, CHUNK, calm),
        (pack.START - AROUND, UNTIL - CHUNK, CHUNK, story),
        (UNTIL - CHUNK, UNTIL, CHUNK, calm),
    ]
    kinds = [kind for kind in there.catalogue.kinds.values() if not pack.is_register(kind)]
    parts = [_span(there, kind, span) for place, span in enumerate(spans) for kind in kinds if place > 0 or kind.id in early]
    parts.append(registers.rows(there))
    messages = tuple(sorted((planned for part in parts for planned in part.messages), key=lambda planned: planned.due_us))
    return Sent(
        messages,
        sum(part.readings for part in parts),
        sum(part.repeated for part in parts),
        sum(part.contradicted for part in parts),
        sum(part.malformed for part in parts),
        {fault: sum(part.faults.get(fault, 0) for part in parts) for fault in Fault},
    )


def _span(there: World, kind: SensorKind, span: tuple[datetime, datetime, timedelta, Scenario]) -> Sent:
    start, end, chunk, story = span
    begin_us, end_us = to_us(start), to_us(end)
    streams = _streams(there, kind, chunk, story)
    part = stretch(streams, begin_us, end_us)
    since_us = np.array([to_us(datetime.fromisoformat(device.valid_from or "1970-01-01T00:00:00Z")) for device in streams.devices])
    first_us = np.full(part.messages.device.size, end_us, np.int64)
    np.minimum.at(first_us, part.readings.message, part.readings.stamped_us)
    kept = first_us >= since_us[part.messages.device]
    messages = [planned for planned in payloads.planned(streams, payloads.topics(streams), part) if kept[planned.place]]
    sizes = np.bincount(part.readings.message, minlength=kept.size)
    said = kept & ~np.isin(part.messages.fault, (Fault.MISSING, Fault.SILENT, Fault.MALFORMED))
    faults = part.readings.fault[said[part.readings.message]]
    return Sent(
        tuple(messages),
        int(sizes[said].sum()),
        int(sizes[said & (part.messages.again_us > 0)].sum()),
        0,
        int((kept & (part.messages.fault == Fault.MALFORMED)).sum()),
        {Fault(code): int(number) for code, number in enumerate(np.bincount(faults)) if number},
    )


def _streams(there: World, kind: SensorKind, chunk: timedelta, story: Scenario) -> Streams:
    """One kind's speaking devices, at the grid of their cadence."""
    speaking = {stands.id for stands in pack.devices(there.catalogue) if stands.speaks}
    members: Sequence = [device for device in there.pack.devices.values() if device.kind == kind.id and device.id in speaking]
    looks = LOOKS_PER_REPORT if kind.reporting == "on_change" else 1
    ticks = round(chunk.total_seconds() / kind.cadence_s) * looks
    play = Play(_SEED, story, to_us(pack.START), Pace(None, ticks * len(kind.quantities)))
    streams = city.streams(there.pack.city, members, there.catalogue.kinds, there.catalogue.quantities, play)
    (fleet,) = streams.fleets
    draw = uniform(fleet.keys, "together", np.zeros(fleet.keys.size, np.int64))
    together = draw >= _OWN_TIME
    apart = (draw * _APART_US).astype(np.int64)
    alone = (draw / _OWN_TIME * (round(kind.cadence_s * 1e6) - _APART_US)).astype(np.int64) + _APART_US
    phase = np.where(together, apart, alone) // 1_000 * 1_000
    return streams._replace(fleets=(fleet._replace(phase_us=phase),))
