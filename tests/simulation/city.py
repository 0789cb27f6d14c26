"""What gateways send in a few minutes of a small city, from a seed: doubled, late, contradicting, implausible, sent again."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import msgspec

from catalog.records import Area, City, Device, KpiDocument, Record, SensorKind
from catalog.topics import partition_of
from catalog.windows import window_of
from tests.stream.city import MINUTE, NAMES, SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame

INPUTS = 3
OPEN = window_of(T0, "quarter_hour", "UTC")[1]
START = OPEN - 2 * MINUTE
"""A quarter of an hour ends two minutes after the start."""
WHOLE_S, SILENCE_S = 150, 45
"""How long the gateways beat, and how long before the end the sensors may fall silent."""
LATENESS_S = {"air": 6, "noise": 2}
AHEAD_S = {"air": 44, "noise": 30}
"""Clocks that run ahead do so by 43 to 45 s."""
BEAT_S = 5
IDLE_S = 8
HOLD_S = 25
CADENCE_S = 10
KPIS: list[KpiDocument] = [
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"),
    kpi("grown", "increase(total)", "minute", "1"),
    kpi("busy", "p95(pm2_5)", "minute", "ug/m3"),
    kpi("loud", "leq(sound_level)", "minute", "dB"),
    kpi("mixed", "ratio(count(sound_level), count(pm2_5))", "minute", "1"),
    kpi("long", "mean(pm2_5)", "quarter_hour", "ug/m3"),
]
HOMES = ("c.1.n1", "c.1.n2", "c.2.n1", "c.2.n2", "k.1.n1")
DEVICES = {f"air-{n}": ("air", HOMES[n % 5]) for n in range(8)} | {f"noise-{n}": ("noise", HOMES[(2 * n) % 5]) for n in range(4)}
JOINS = "air-7"
"""This one is registered in mid-stream."""


class Sent(NamedTuple):
    """One frame: when it goes out (seconds of the city), to which partition."""

    at_s: float
    partition: int
    value: bytes


def input_of(device: str) -> int:
    """The input partition of a device; a smaller log than the real one."""
    return partition_of(device, INPUTS)


def catalogue() -> list[tuple[str, str, Record]]:
    found = []
    for entity, id_, given in documents(KPIS, DEVICES):
        record = given
        if isinstance(record, SensorKind):
            paces = {"lateness_s": LATENESS_S[id_], "ahead_s": AHEAD_S[id_], "idle_s": IDLE_S, "max_hold_s": HOLD_S, "cadence_s": CADENCE_S}
            record = msgspec.structs.replace(record, **paces)
        if isinstance(record, Device):
            due = START + 50 * SECOND if id_ == JOINS else START
            record = msgspec.structs.replace(record, due_from_us=due, city=record.area[0])
        found.append((entity, id_, record))
    found.append(("city", "k", City(id="k", names=NAMES, time_zone="Europe/Lisbon", west=4.0, south=50.0, east=5.0, north=51.0)))
    for id_, level, parent in (("k", "city", None), ("k.1", "district", "k"), ("k.1.n1", "neighbourhood", "k.1")):
        area = Area(id=id_, city="k", level=level, parent=parent, names=NAMES, population=1, latitude=50.0, longitude=4.0)  # type: ignore[arg-type]
        found.append(("area", id_, area))
    return found


def sent(seed: int) -> list[Sent]:
    """Everything that reaches the log, in the order in which it goes out."""
    rng = Random(seed)
    length_s = WHOLE_S - rng.choice([0, SILENCE_S])
    frames = [*_catalogue_frames(), *_heartbeats(rng, length_s)]
    for n, gateway in enumerate(("gw-0", "gw-1")):
        frames += _readings(rng, length_s, gateway, [device for at, device in enumerate(sorted(DEVICES)) if at % 2 == n])
    frames.sort(key=lambda frame: frame.at_s)
    return list(_again(rng, frames))


def _catalogue_frames() -> Iterator[Sent]:
    everything = catalogue()
    for p in range(INPUTS):
        mine = [each for each in everything if each[0] != "device" or (input_of(each[1]) == p and each[1] != JOINS)]
        yield Sent(-1.0, p, catalogue_frame(mine))
    yield Sent(50.0, input_of(JOINS), catalogue_frame([each for each in everything if each[1] == JOINS], seq=2))


def _heartbeats(rng: Random, length_s: int) -> Iterator[Sent]:
    """Two gateways' clocks, one of them slow by a little; an outage of both now and then."""
    outage_s = rng.choice([None, (rng.uniform(20, 80), rng.uniform(8, 30))])
    wrong_s = rng.choice([0.0, -1.5, 2.0])
    for n, gateway in enumerate(("gw-0", "gw-1")):
        for second in range(n, WHOLE_S, BEAT_S):
            if outage_s is not None and outage_s[0] <= second < sum(outage_s):
                continue
            for p in range(INPUTS):
                last = {"last": True} if n == 1 and second + BEAT_S >= length_s else {}
                yield Sent(second + rng.uniform(0, 0.5), p, heartbeat(START + round((second + n * wrong_s) * SECOND), gateway, **last))
            if n == 1 and second + BEAT_S >= length_s:
                return


def _readings(rng: Random, length_s: int, gateway: str, devices: list[str]) -> Iterator[Sent]:
    """A frame per partition every few seconds."""
    waiting: dict[int, list[tuple[str, str, int, int, float]]] = {p: [] for p in range(INPUTS)}
    ahead_s = {device: rng.choice([0, 0, 0, 0, 0, 45, -30]) for device in devices}
    meters = dict.fromkeys(devices, 0.0)
    for second in range(length_s):
        now = START + second * SECOND
        for n, device in enumerate(devices):
            if (second + 3 * n) % CADENCE_S == 0 and rng.random() < 0.9 and not (device == JOINS and second < 52):
                meters[device] = 0.0 if rng.random() < 0.05 else meters[device] + rng.randint(0, 9)
                waiting[input_of(device)] += _of(rng, device, now, ahead_s[device], meters[device])
        for p, rows in waiting.items():
            if rows and rng.random() < 0.3:
                rng.shuffle(rows)
                yield Sent(second + rng.uniform(0, 0.9), p, readings_frame(rows, gateway=gateway))
                waiting[p] = []


def _of(rng: Random, device: str, now: int, ahead_s: int, meter: float) -> list[tuple[str, str, int, int, float]]:
    """What one device says now: mostly one reading per quantity, at times an old one, the same twice, or two that contradict."""
    at = now - rng.randint(0, 2) * SECOND - (rng.randint(5, 70) * SECOND if rng.random() < 0.08 else 0)
    at += ahead_s * SECOND if 40 <= (now - START) // SECOND < 70 else 0
    value = rng.choice([20.0, 20.1, 33.3, 47.9, 80.4]) + rng.randint(0, 40) / 10
    quantity = "pm2_5" if device.startswith("air") else "sound_level"
    rows = [(device, quantity, at, now, 700.0 if rng.random() < 0.03 else value)]
    if quantity == "pm2_5":
        rows.append((device, "total", at, now, meter))
    if rng.random() < 0.1:
        rows.append(rows[0])
    if rng.random() < 0.08:
        rows.append((*rows[0][:4], value + 5.0))
    return rows


def _again(rng: Random, frames: list[Sent]) -> Iterator[Sent]:
    """A producer that was not told sends its last frames again, in order."""
    recent: list[Sent] = []
    for frame in frames:
        yield frame
        if frame.at_s >= 0 and frame.at_s != 50.0:
            recent = [*recent, frame][-4:]
            if rng.random() < 0.03:
                yield from (each._replace(at_s=frame.at_s) for each in recent[-rng.randint(1, 4) :])
