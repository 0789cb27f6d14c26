"""Run a scenario against a broker, open loop, and report what was sent and whether the load was kept.

Promises  The rate is the order's, whatever the system under load does; what falls behind is said. Late messages are sent in
          their time, so a run with them ends after its duration.
Leaves    What the platform made of it to checking.py, words on the screen to cli/simulate.py.
Measured: 5,000 messages/s of one reading take 0.24 of a CPU, 50,000 readings/s in messages of ten 0.32, 10,000 messages/s 0.34,
          signals, faults and acknowledgements included (2 busy cores, Mosquitto 2.0.11 beside it, 2026-11-22).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from runtime import clock
from runtime.errors import ConfigError
from simulators import city, payloads, scenario
from simulators.city import Pace, Play, Streams
from simulators.faults import Fault
from simulators.player import Player, Sent
from simulators.publisher import Broker, Publisher
from simulators.stretch import Stretch, stretch
from simulators.worlds import World

STRETCH_US = 200_000
_AHEAD_US = 400_000
_ACKNOWLEDGE_S = 30.0
KEPT_UP_MS = 250.0
"""A run whose 99th percentile of delay at the sender is above this did not keep its rate."""


class Order(NamedTuple):
    """What `./kompas simulate` was asked for."""

    devices: int | None = None
    rate: float | None = None
    scenario: str = "demo"
    seed: int = 1
    duration_s: float = 60.0
    per_message: int | None = None
    connections: int = 1


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent."""

    city: str
    scenario: str
    seed: int
    devices: int
    start_us: int
    end_us: int
    """When the last message was acknowledged."""
    messages: int
    """Handed to the broker, repetitions included."""
    readings: int
    """In these messages, repetitions not included."""
    acknowledged: int
    refused: dict[str, int]
    """Messages per MQTT reason code."""
    unheard: int
    """Acknowledged, though nobody had subscribed."""
    unacknowledged: int
    reconnects: int
    faults: dict[str, int]
    """Readings per fault."""
    behind_ms_p50: float
    behind_ms_p99: float
    kept_up: bool


class Run(NamedTuple):
    """A finished run: for the truth file and the check."""

    streams: Streams
    parts: Sequence[Stretch]
    sent: Sent
    report: Report


Progress = Callable[[float, int, int], None]
"""Called with seconds since the start, messages handed over, messages unacknowledged."""


def quiet(_since_s: float, _sent: int, _unacknowledged: int) -> None:
    """No progress shown."""


def simulate(order: Order, broker: Broker, there: World, show: Progress = quiet) -> Run:
    """Play it. Raises ConfigError for an order that cannot be played, Unavailable where the broker does not answer."""
    chosen = city.choose(list(there.pack.devices.values()), order.devices, "--devices")
    if order.duration_s <= 0 or (order.rate is not None and order.rate <= 0) or (order.per_message is not None and order.per_message < 1):
        raise ConfigError("--duration, --rate, --pack", "numbers above 0", (order.duration_s, order.rate, order.per_message))
    publishers = [Publisher(broker, f"kompas-simulate-{clock.now_us():x}-{i}") for i in range(max(order.connections, 1))]
    for publisher in publishers:
        publisher.connect()
    start_us = clock.now_us() // 1_000_000 * 1_000_000 + 1_000_000
    play = Play(order.seed, scenario.named(order.scenario), start_us, Pace(order.rate, order.per_message))
    streams = city.streams(there.pack.city, chosen, there.catalogue.kinds, there.catalogue.quantities, play)
    player = Player(publishers)
    try:
        parts = _play(streams, player, (start_us, start_us + round(order.duration_s * 1e6)), show)
        player.finish(_ACKNOWLEDGE_S)
        report = _report(order, streams, parts, player.records(), publishers)
    finally:
        player.close()
    return Run(streams, parts, player.records(), report)


def _play(streams: Streams, player: Player, span: tuple[int, int], show: Progress) -> list[Stretch]:
    fields, parts, first = payloads.topics(streams), [], 0
    made_us, end_us = span
    while made_us < end_us:
        until_us = min(made_us + STRETCH_US, end_us)
        part = stretch(streams, made_us, until_us)
        player.offer(payloads.planned(streams, fields, part), first)
        parts.append(part)
        first += len(part.messages.device)
        made_us = until_us
        player.play(made_us - _AHEAD_US)
        show((clock.now_us() - span[0]) / 1e6, player.sent, player.unacknowledged)
    while player.ahead:
        player.play(clock.now_us() + STRETCH_US)
        show((clock.now_us() - span[0]) / 1e6, player.sent, player.unacknowledged)
    return parts


def _report(order: Order, streams: Streams, parts: Sequence[Stretch], sent: Sent, publishers: Sequence[Publisher]) -> Report:
    faults = np.bincount(np.concatenate([part.readings.fault for part in parts]), minlength=len(Fault))
    behind_ms = sent.behind_us / 1e3 if len(sent.behind_us) else np.zeros(1)
    p99 = float(np.percentile(behind_ms, 99))
    unacknowledged = sum(publisher.waiting for publisher in publishers)
    refused: Mapping[str, int] = _total([publisher.refused for publisher in publishers])
    return Report(
        city=streams.city.id,
        scenario=order.scenario,
        seed=order.seed,
        devices=len(streams.devices),
        start_us=streams.mood.start_us,
        end_us=clock.now_us(),
        messages=len(sent.message),
        readings=int(faults.sum() - faults[Fault.MISSING] - faults[Fault.SILENT]),
        acknowledged=sum(publisher.acknowledged for publisher in publishers),
        refused=dict(refused),
        unheard=sum(publisher.unheard for publisher in publishers),
        unacknowledged=unacknowledged,
        reconnects=sum(publisher.reconnects for publisher in publishers),
        faults={fault.name.lower(): int(faults[fault]) for fault in Fault if faults[fault]},
        behind_ms_p50=round(float(np.percentile(behind_ms, 50)), 3),
        behind_ms_p99=round(p99, 3),
        kept_up=p99 <= KEPT_UP_MS and not unacknowledged,
    )


def _total(counts: Sequence[Mapping[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in counts:
        for reason, number in each.items():
            found[f"{reason:#x}"] = found.get(f"{reason:#x}", 0) + number
    return found
