"""From readings to finals through twelve workers and twelve combiners, against arithmetic on the readings themselves."""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from catalog.records import City, Device
from catalog.topics import PARTITIONS, partition_of
from catalog.windows import window_of
from formula import spec as specs
from formula.parts import part_spans
from runtime.clock import iso_s
from stream.combiner.partition import CombinerPartition
from stream.worker.calendar import PARTS, part_edges
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, documents, heartbeat, kpi, readings_frame

HOMES = ("c.1.n1", "c.1.n2", "c.2.n1", "c.2.n2")
DEVICES = {f"air-{n}": ("air", HOMES[n % 3]) for n in range(7)} | {f"noise-{n}": ("noise", HOMES[2 * (n % 2)]) for n in range(3)}
KPIS = [
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("last", "last(pm2_5)", "minute", "ug/m3"),
    kpi("all", "last_sum(pm2_5)", "minute", "ug/m3"),
    kpi("many", "count(pm2_5)", "minute", "1"),
    kpi("who", "count_devices(pm2_5)", "minute", "1"),
    kpi("spread", "max(pm2_5) - min(pm2_5)", "minute", "ug/m3"),
    kpi("loud", "leq(sound_level)", "minute", "dB"),
    kpi("high", "p85(pm2_5)", "quarter_hour", "ug/m3"),
    kpi("day", "mean(pm2_5)", "day", "ug/m3"),
]
DUE_PER_MINUTE = 6
START = window_of(T0, "quarter_hour", "UTC")[1]
LENGTH = 17 * MINUTE


class Reading(NamedTuple):
    device: str
    at_us: int
    integer: int


def readings(rng: np.random.Generator) -> list[Reading]:
    """A reading each ten seconds and device, some missing; the third minute of one neighbourhood is silent."""
    return [
        Reading(device, START + at, int(rng.integers(250, 700)))
        for at in range(0, LENGTH, 10 * SECOND)
        for device, (_, home) in DEVICES.items()
        if rng.random() < 0.9 and not (home == "c.1.n2" and 2 * MINUTE <= at < 3 * MINUTE)
    ]


def run(rng: np.random.Generator, given: list[Reading]) -> list[KpiValue]:
    """Feed workers frame by frame, hand their partials to the combiners, gather the finals."""
    found = [
        (entity, id_, msgspec.structs.replace(record, due_from_us=START) if isinstance(record, Device) else record)
        for entity, id_, record in documents(KPIS, DEVICES)
    ]
    workers = [WorkerPartition(p) for p in range(PARTITIONS)]
    publishers = [Publisher(worker) for worker in workers]
    combiners = [CombinerPartition(p, PARTITIONS) for p in range(PARTITIONS)]
    finals: list[KpiValue] = []

    def put(p: int, value: bytes) -> None:
        workers[p].apply(value, workers[p].offset + 1)

    def publish(everywhere: bool) -> None:
        for p in rng.permutation(PARTITIONS).tolist():
            for record in publishers[p].take(everywhere):
                combiner = combiners[record.partition]
                combiner.apply(record.value, combiner.offset + 1)
                finals.extend(combiner.take(0, live=False))

    for p in range(PARTITIONS):
        mine = [each for each in found if each[0] != "device" or partition_of(each[1]) == p]
        put(p, catalogue_frame(mine))
    for second in range(0, LENGTH // SECOND + 200, 5):
        now = START + second * SECOND
        for p in range(PARTITIONS):
            rows = [each for each in given if now - 5 * SECOND <= each.at_us < now and partition_of(each.device) == p]
            if rows:
                quantity = {"air": "pm2_5", "noise": "sound_level"}
                put(p, readings_frame([(r.device, quantity[DEVICES[r.device][0]], r.at_us, now, r.integer / 10) for r in rows]))
            put(p, heartbeat(now))
        if rng.random() < 0.7:
            publish(bool(rng.random() < 0.5))
    publish(True)
    assert [problem for combiner in combiners for problem in combiner.problems()] == []
    return finals


def expected(name: str, rows: Iterable[Reading]) -> float:
    """The KPI over these readings, from its definition."""
    by_device: dict[str, list[int]] = {}
    for row in sorted(rows, key=lambda row: row.at_us):
        by_device.setdefault(row.device, []).append(row.integer)
    each = list(by_device.values())
    pooled = sorted(value for values in each for value in values)
    if name in ("mean", "day"):
        means = [round(Fraction(sum(values), len(values)) * 2**50) for values in each]
        return float(Fraction(sum(means), 2**50 * len(means)) / 10)
    if name == "last":
        return float(Fraction(sum(values[-1] for values in each), len(each)) / 10)
    if name == "all":
        return float(Fraction(sum(values[-1] for values in each), 10))
    if name == "spread":
        return pooled[-1] / 10 - pooled[0] / 10
    if name == "loud":
        energies = [sum(10 ** (value / 100) for value in values) / len(values) for values in each]
        return 10 * math.log10(sum(energies) / len(energies))
    if name == "high":
        place = Fraction(85, 100) * (len(pooled) - 1)
        low, high = pooled[math.floor(place)], pooled[math.ceil(place)]
        return float((low + (place - math.floor(place)) * (high - low)) / 10)
    return float({"many": len(pooled), "who": len(each)}[name])


@pytest.mark.parametrize("hours", [(7, 19, 23), (6, 18, 22), (6, 22, 2), (7, 19, 0), (8, 8, 20)])
def test_worker_and_combiner_cut_the_day_alike(hours: tuple[int, int, int]) -> None:
    day_from, evening_from, night_from = hours
    where = City(
        id="c", names={}, time_zone="Europe/Brussels", west=0, south=0, east=1, north=1,
        day_from=day_from, evening_from=evening_from, night_from=night_from,
    )  # fmt: skip
    edges, codes = part_edges("Europe/Brussels", *hours)
    for day in range(0, 400, 3):
        window = window_of(T0 + day * 1440 * MINUTE, "day", "Europe/Brussels")
        near = slice(int(np.searchsorted(edges, window[0])), int(np.searchsorted(edges, window[1])) + 1)
        for part in specs.PARTS:
            code = PARTS[part]
            spans = part_spans(*window, part, where)
            inside = [
                (int(low), int(high))
                for low, high, its in zip(edges[near][:-1], edges[near][1:], codes[near][:-1], strict=True)
                if its == code and window[0] <= low and high <= window[1]
            ]
            assert sum(high - low for low, high in spans) == sum(high - low for low, high in inside)
            assert all(any(low <= begin and end <= high for low, high in spans) for begin, end in inside)


@pytest.mark.parametrize("seed", [1, 2])
def test_finals_are_those_of_the_readings_at_every_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = readings(rng)
    finals = {(final.kpi, final.area, final.window_start): final for final in run(rng, given)}
    count = 0
    for each in KPIS:
        if each.window == "day":
            continue
        kind = "noise" if each.id == "loud" else "air"
        for area in ("c", "c.1", "c.2", *HOMES):
            devices = [device for device, (its, home) in DEVICES.items() if its == kind and (home == area or home.startswith(area + "."))]
            start, end = window_of(START, each.window, "UTC")
            while devices and end <= START + LENGTH:
                rows = [row for row in given if row.device in devices and start <= row.at_us < end]
                final = finals.pop((each.id, area, iso_s(start)))
                due = DUE_PER_MINUTE * (end - start) // MINUTE * len(devices)
                assert final.coverage == len(rows) / due
                assert final.devices == len({row.device for row in rows})
                if final.state == "ok":
                    tolerance = 1e-12 if each.id == "loud" else 0.0
                    assert final.value == pytest.approx(expected(each.id, rows), rel=tolerance, abs=0.0)
                else:
                    assert final.state == ("not_enough_data" if rows else "no_data")
                    assert final.coverage < each.min_coverage
                count += 1
                start, end = window_of(end, each.window, "UTC")
    assert count > 500
    left = {name for name in finals if name[2] < iso_s(START + 15 * MINUTE)}
    assert left == set()
