"""The devices of a city as streams: who measures what, when, and in messages of how many readings.

Promises  A device's stream is a pure function of (city seed, device id, its kind, its tick): adding a device changes no other.
Leaves    Values and faults of a stretch of time to stretch.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from catalog.records import City, Device, Quantity, SensorKind
from runtime.errors import ConfigError
from simulators import registers
from simulators.chance import I64, U64, key_for, rng_for
from simulators.faults import Bools
from simulators.moments import Scope, Signal
from simulators.mood import Mood, mood_of
from simulators.scenario import Scenario
from simulators.signals import signal

SENML_SHARE = 0.1
"""Of the devices; the others speak json."""
LOOKS_PER_REPORT = 6
"""How often an on-change device looks between two reports that it owes."""


class Pace(NamedTuple):
    """How often devices speak. Without a rate each kind keeps its own cadence."""

    readings_per_s: float | None = None
    """Of all devices together."""
    per_message: int | None = None
    """Readings in a message; null: all quantities of one moment."""


class Fleet(NamedTuple):
    """All devices of one kind; arrays have one entry per device."""

    kind: SensorKind
    quantities: tuple[Quantity, ...]
    signals: tuple[Signal, ...]
    scopes: tuple[Scope, ...]
    first: int
    """Place of the first device in City.devices; the others follow it."""
    keys: U64
    size: np.ndarray[tuple[int], np.dtype[np.float64]]
    tick_us: I64
    phase_us: I64
    senml: Bools
    per_message: int
    on_change: bool


class Streams(NamedTuple):
    """A city ready to be played."""

    city: City
    devices: tuple[Device, ...]
    """By kind, then as the pack has them."""
    quantity_ids: tuple[str, ...]
    fleets: tuple[Fleet, ...]
    mood: Mood


class Play(NamedTuple):
    """What makes one run different from another."""

    seed: int
    scenario: Scenario
    start_us: int
    pace: Pace = Pace()


def choose(devices: Sequence[Device], count: int | None, where: str) -> tuple[Device, ...]:
    """The first `count` devices (null: all) that are neither manual nor registers; raises ConfigError where there are fewer."""
    played = tuple(device for device in devices if not device.manual and not registers.is_register(device))
    if count is not None and not 1 <= count <= len(played):
        raise ConfigError(where, f"1 to {len(played)} devices", count)
    return played[:count]


def streams(city: City, devices: Sequence[Device], kinds: Mapping[str, SensorKind], quantities: Mapping[str, Quantity], play: Play) -> Streams:
    """The streams of these devices; raises ConfigError for a signal that there is not."""
    ordered = tuple(sorted(devices, key=lambda device: device.kind))
    names = sorted({name for device in ordered for name in kinds[device.kind].quantities})
    fleets, first = [], 0
    for kind_id in sorted({device.kind for device in ordered}):
        members = [device for device in ordered if device.kind == kind_id]
        fleets.append(_fleet(kinds[kind_id], members, quantities, play, (first, len(ordered))))
        first += len(members)
    mood = mood_of(city.time_zone, city.id, play.seed, play.scenario, play.start_us)
    return Streams(city, ordered, tuple(names), tuple(fleets), mood)


def _fleet(kind: SensorKind, members: Sequence[Device], quantities: Mapping[str, Quantity], play: Play, place: tuple[int, int]) -> Fleet:
    measured = sorted(kind.quantities)
    per_message = play.pace.per_message or len(measured)
    ticks = np.array([_tick_us(kind, device, play.pace, place[1]) for device in members], np.int64)
    characters = [rng_for(play.seed, device.id) for device in members]
    keys = np.array([key_for(play.seed, device.id) for device in members], np.uint64)
    draws = np.array([generator.random(2) for generator in characters])
    return Fleet(
        kind=kind,
        quantities=tuple(quantities[name] for name in measured),
        signals=tuple(signal(kind.quantities[name].signal, f"sensors/{kind.id}.toml: {name}") for name in measured),
        scopes=tuple(_scope(kind, name) for name in measured),
        first=place[0],
        keys=keys,
        size=np.exp(0.25 * np.array([generator.standard_normal() for generator in characters]).clip(-2, 2)),
        tick_us=ticks,
        # Spread over the time between two messages, so that devices of one kind do not speak in one breath.
        phase_us=(draws[:, 0] * ticks * max(per_message / len(measured), 1.0)).astype(np.int64) // 1_000 * 1_000,
        senml=draws[:, 1] < SENML_SHARE,
        per_message=per_message,
        on_change=kind.reporting == "on_change" and play.pace.readings_per_s is None,
    )


def _tick_us(kind: SensorKind, device: Device, pace: Pace, devices: int) -> int:
    """Time between two looks of a device, whole milliseconds: what travels is no finer."""
    if pace.readings_per_s is not None:
        tick_s = len(kind.quantities) * devices / pace.readings_per_s
    else:
        tick_s = device.cadence_s or kind.cadence_s
        if kind.reporting == "on_change":
            tick_s /= LOOKS_PER_REPORT
    if tick_s < 0.001:
        raise ConfigError("--rate", f"at most {1_000 * devices} readings/s from {devices} devices", pace.readings_per_s)
    return max(round(tick_s * 1_000), 1) * 1_000


def _scope(kind: SensorKind, name: str) -> Scope:
    measured = kind.quantities[name]
    low, high = measured.plausible
    return Scope(low, high, measured.typical if measured.typical is not None else low + 0.35 * (high - low))
