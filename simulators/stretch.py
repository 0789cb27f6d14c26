"""A stretch of a city's time: every message due in it, with its readings, values and faults, as columns.

Promises  Stretches that tile time give the same messages as one stretch over all of it; nothing depends on when it is asked.
Leaves    Bytes to payloads.py, sending to the runner, KPIs of it to truth.py.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from catalog.records import Quantity
from simulators import faults as faulty
from simulators.chance import F64, I64, uniform
from simulators.city import LOOKS_PER_REPORT, Fleet, Streams
from simulators.faults import Bools, Codes, Fault
from simulators.moments import Character
from simulators.mood import Mood, moment

T = TypeVar("T", bound=tuple[Any, ...])

EXTRA_LATE_US = 20_000_000
"""A late message comes at least this long after its kind's lateness."""


class Messages(NamedTuple):
    """n messages in the order of `due_us`."""

    device: I64
    """Place in Streams.devices."""
    number: I64
    """Of the device, counted from 1970."""
    due_us: I64
    """When it goes out; what is late or out of order has its delay in it."""
    again_us: I64
    """When it goes out a second time; 0: never."""
    fault: Codes
    senml: Bools


class Readings(NamedTuple):
    """n readings in the order of their messages."""

    message: I64
    """Place in Messages."""
    device: I64
    quantity: I64
    """Place in Streams.quantity_ids."""
    measured_us: I64
    """When it was measured."""
    stamped_us: I64
    """What the device says about that."""
    true: F64
    """Undisturbed, canonical unit, rounded to the resolution."""
    value: F64
    """As sent."""
    fault: Codes


class Drawn(NamedTuple):
    """n readings before anything goes wrong; device and column are places in the fleet."""

    device: I64
    column: I64
    at_us: I64
    number: I64
    true: F64


class Stretch(NamedTuple):
    """What is due in a stretch of time."""

    messages: Messages
    readings: Readings


def stretch(city: Streams, from_us: int, to_us: int) -> Stretch:
    """Messages whose newest reading is measured in [from_us, to_us), with all of their readings."""
    parts = [_of_fleet(city, fleet, from_us, to_us) for fleet in city.fleets]
    counts = np.cumsum([0, *(len(part.messages.device) for part in parts)])
    messages = _joined(Messages, [part.messages for part in parts])
    shifted = [part.readings._replace(message=part.readings.message + start) for part, start in zip(parts, counts[:-1], strict=True)]
    readings = _joined(Readings, shifted)
    order = np.argsort(messages.due_us, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    moved = place[readings.message]
    rows = np.argsort(moved, kind="stable")
    return Stretch(_taken(messages, order), _taken(readings._replace(message=moved), rows))


def _joined(kind: type[T], tables: Sequence[T]) -> T:
    """Tables below each other."""
    return kind(*(np.concatenate(columns) for columns in zip(*tables, strict=True)))


def _taken(table: T, rows: I64) -> T:
    """Some rows of a table, in that order."""
    return type(table)(*(column[rows] for column in table))


def _of_fleet(city: Streams, fleet: Fleet, from_us: int, to_us: int) -> Stretch:
    owner, number = _due(fleet, from_us, to_us)
    size, width = fleet.per_message, len(fleet.quantities)
    message = np.repeat(np.arange(len(owner)), size)
    count = (number[:, None] * size + np.arange(size)).ravel()
    device = np.repeat(owner, size)
    tick, column = count // width, count % width
    at_us = fleet.phase_us[device] + tick * fleet.tick_us[device]
    true = _values(fleet, city.mood, device, column, at_us)
    if fleet.on_change:
        before = _values(fleet, city.mood, device, column, at_us - fleet.tick_us[device])
        kept = (true != before) | (tick % LOOKS_PER_REPORT == 0)
        message, count, device, column, at_us, true = (array[kept] for array in (message, count, device, column, at_us, true))
        alive, message = np.unique(message, return_inverse=True)
        owner, number = owner[alive], number[alive]
    last_us = fleet.phase_us[owner] + ((number + 1) * size - 1) // width * fleet.tick_us[owner]
    messages = _messages(city, fleet, owner, number, last_us)
    value, fault = _disturbed(city, fleet, Drawn(device, column, at_us, count, true))
    wrong = messages.fault == Fault.WRONG_CLOCK
    error_us = np.where(wrong, faulty.clock_error_us(fleet.keys[owner], number), 0)
    carried = messages.fault[message]
    # A spike stays one however its message travels, as long as it arrives whole and with the right time.
    own = (carried == Fault.NONE) | ((fault == Fault.SPIKE) & np.isin(carried, (Fault.LATE, Fault.DUPLICATED, Fault.OUT_OF_ORDER)))
    places = np.array([city.quantity_ids.index(quantity.id) for quantity in fleet.quantities], np.int64)
    readings = Readings(
        message=message,
        device=device + fleet.first,
        quantity=places[column],
        measured_us=at_us,
        stamped_us=at_us + error_us[message],
        true=true,
        value=value,
        fault=np.where(own, fault, carried).astype(np.uint8),
    )
    return Stretch(messages, readings)


def _due(fleet: Fleet, from_us: int, to_us: int) -> tuple[I64, I64]:
    """Device and number of every message whose last reading is measured in [from_us, to_us)."""
    size, width = fleet.per_message, len(fleet.quantities)
    first_tick = -((fleet.phase_us - from_us) // fleet.tick_us)
    end_tick = -((fleet.phase_us - to_us) // fleet.tick_us)
    first = -((size - 1 - first_tick * width) // size)
    end = -((size - 1 - end_tick * width) // size)
    return _ranges(first, end)


def _ranges(first: I64, end: I64) -> tuple[I64, I64]:
    """Rows (i, k) for every k in [first[i], end[i])."""
    lengths = np.maximum(end - first, 0)
    owner = np.repeat(np.arange(len(first)), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(int(lengths.sum())) - starts[owner] + first[owner]


def _values(fleet: Fleet, mood: Mood, device: I64, column: I64, at_us: I64) -> F64:
    """The undisturbed values, inside the plausible range, rounded."""
    out = np.empty(at_us.shape)
    now = moment(mood, at_us)
    for place, (quantity, signal, scope) in enumerate(zip(fleet.quantities, fleet.signals, fleet.scopes, strict=True)):
        rows = np.flatnonzero(column == place)
        who = device[rows]
        keys = fleet.keys[who] + np.uint64(place)
        out[rows] = np.clip(signal(_taken(now, rows), Character(keys, fleet.size[who]), scope), scope.low, scope.high)
        out[rows] = rounded(out[rows], quantity)
    return out


def rounded(value: F64, quantity: Quantity) -> F64:
    """To the quantity's resolution, as the gateway rounds."""
    step = quantity.resolution
    return np.asarray(np.rint(value / step) / round(1 / step) if step < 1 else np.rint(value / step) * step)


def _messages(city: Streams, fleet: Fleet, owner: I64, number: I64, last_us: I64) -> Messages:
    scenario, keys = city.mood.scenario, fleet.keys[owner]
    fault = faulty.of_messages(keys, number, scenario.faults)
    fault[faulty.silenced(keys, last_us, city.mood.start_us, scenario.outages)] = Fault.SILENT
    lateness_us = round(fleet.kind.lateness_s * 1e6)
    interval_us = fleet.tick_us[owner] * fleet.per_message // len(fleet.quantities)
    spread = uniform(keys, "delay", number)
    late_us = lateness_us + EXTRA_LATE_US + (spread * EXTRA_LATE_US).astype(np.int64)
    swapped_us = np.minimum(interval_us * 3 // 2, lateness_us // 2)
    delay_us = np.select([fault == Fault.LATE, fault == Fault.OUT_OF_ORDER], [late_us, swapped_us], 0)
    repeat_us = last_us + np.minimum(1 + (spread * 2e6).astype(np.int64), lateness_us // 2)
    return Messages(
        device=owner + fleet.first,
        number=number,
        due_us=last_us + delay_us,
        again_us=np.where(fault == Fault.DUPLICATED, repeat_us, 0),
        fault=fault,
        senml=fleet.senml[owner],
    )


def _disturbed(city: Streams, fleet: Fleet, drawn: Drawn) -> tuple[F64, Codes]:
    """Values as sent, and the fault of the value."""
    shares, keys = city.mood.scenario.faults, fleet.keys[drawn.device]
    fault = faulty.episodes(keys, drawn.at_us, shares)
    value = drawn.true.copy()
    stuck = fault == Fault.STUCK
    if stuck.any():
        begun_us = drawn.at_us[stuck] // faulty.EPISODE_US * faulty.EPISODE_US
        value[stuck] = _values(fleet, city.mood, drawn.device[stuck], drawn.column[stuck], begun_us)
    spike = faulty.spikes(keys, drawn.number, shares)
    for place, quantity in enumerate(fleet.quantities):
        plausible, mine = fleet.kind.quantities[quantity.id].plausible, drawn.column == place
        away = mine & (fault == Fault.DRIFTING)
        run = faulty.drifted(value[away], drawn.at_us[away], plausible[1] - plausible[0])
        value[away] = rounded(np.clip(run, *plausible), quantity)
        hit = mine & spike
        value[hit] = rounded(faulty.spiked(value[hit], plausible, quantity.possible), quantity)
        # Where the plausible range is all that is possible there is no spike to make.
        fault[hit & ((value < plausible[0]) | (value > plausible[1]))] = Fault.SPIKE
    return value, fault
