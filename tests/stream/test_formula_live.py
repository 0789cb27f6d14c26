"""What a formula says is what the worker and the combiner compute: aggregates of parts, weights, ordered ones, composites, earlier finals."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from catalog.records import Area, City, Device, KpiDocument, Quantity, Record, SensorKind
from catalog.windows import from_us, to_us, window_of
from formula.compile import compile_kpi
from stream.combiner.partition import CombinerPartition
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load
from tests.oracles.aggregates import Reading, aggregate, in_part
from tests.stream.city import MINUTE, SECOND, catalogue_frame, documents, kpi, readings_frame

HOUR = 60 * MINUTE
CADENCE = 30 * MINUTE
HOLD = 100 * MINUTE
DEVICES = {
    "a0": ("air", "c.1.n1"), "a1": ("air", "c.1.n1"), "a2": ("air", "c.1.n2"), "a3": ("air", "c.2.n1"),
    "n0": ("noise", "c.1.n1"), "n1": ("noise", "c.2.n2"),
}  # fmt: skip
PEOPLE = {"c.1.n1": 700, "c.1.n2": 12_345, "c.2.n1": 0, "c.2.n2": 31}
AREAS = ("c", "c.1", "c.2", *PEOPLE)
KPIS = [
    kpi("plain", "mean(pm2_5)", "day", "ug/m3"),
    kpi("by_count", "mean(pm2_5, count)", "day", "ug/m3"),
    kpi("by_people", "mean(pm2_5, population)", "day", "ug/m3"),
    kpi("by_people_night", "mean(pm2_5, population, night)", "day", "ug/m3"),
    kpi("by_count_evening", "mean(pm2_5, count, evening)", "day", "ug/m3"),
    kpi("den", "lden(leq(sound_level, day), leq(sound_level, evening), leq(sound_level, night))", "day", "dB"),
    kpi("held_day", "time_mean(pm2_5, day)", "day", "ug/m3"),
    kpi("high_night", "percent(time_share(pm2_5, 40, night))", "day", "%"),
    kpi("grown", "increase(total)", "day", "1"),
    kpi("grown_night", "increase(total, night)", "day", "1"),
    kpi("middle_night", "p50(pm2_5, night)", "day", "ug/m3"),
    kpi("spread_month", "max(pm2_5, day) - min(pm2_5, night)", "month", "ug/m3"),
    kpi("per_head", "rate_per(count(pm2_5), population(), 1000)", "day", "1/1000 inhabitants"),
    kpi("bad", "eaqi_classic(mean(pm2_5), max(pm2_5), mean(pm2_5, day), mean(pm2_5, night), min(pm2_5))", "day", "1"),
]


def catalogue(kpis: list[KpiDocument], hours: tuple[int, int, int], due_from_us: int) -> list[tuple[str, str, Record]]:
    found: list[tuple[str, str, Record]] = []
    for entity, id_, record in documents(kpis, DEVICES):
        changes: dict[str, Any] = {}
        if isinstance(record, City):
            changes = dict(zip(("day_from", "evening_from", "night_from"), hours, strict=True))
        elif isinstance(record, SensorKind):
            changes = {"cadence_s": CADENCE / SECOND, "lateness_s": 60.0, "max_hold_s": HOLD / SECOND, "max_age_s": 1e9}
        elif isinstance(record, Area):
            changes = {"population": PEOPLE.get(id_, sum(PEOPLE[n] for n in PEOPLE if n.startswith(id_)))}
        elif isinstance(record, Device):
            changes = {"due_from_us": due_from_us}
        elif isinstance(record, KpiDocument):
            changes = {"min_coverage": 0.0}
        found.append((entity, id_, msgspec.structs.replace(record, **changes)))
    return found


def readings(rng: np.random.Generator, start_us: int, days: int) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """About a reading per half hour, device and quantity, a fifth missing; the counter falls now and then."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for device, (kind, _) in DEVICES.items():
        for quantity in ("pm2_5", "total") if kind == "air" else ("sound_level",):
            counted = 0
            for at in range(start_us, start_us + days * 24 * HOUR, CADENCE):
                if rng.random() < 0.2:
                    continue
                counted = 0 if rng.random() < 0.05 else counted + int(rng.integers(0, 50))
                value = float(counted) if quantity == "total" else int(rng.integers(300, 700)) / 10
                found.setdefault((device, quantity), []).append((at + int(rng.integers(0, 20)) * MINUTE, value))
    return found


class City1:
    """One worker with every device, and the combiners that own the areas; restarted from snapshots on the way."""

    def __init__(self, found: list[tuple[str, str, Record]]) -> None:
        self.worker = WorkerPartition(0)
        self.publisher = Publisher(self.worker)
        self.combiners: dict[int, CombinerPartition] = {}
        self.finals: list[KpiValue] = []
        self.worker.apply(catalogue_frame(found), 0)

    def put(self, value: bytes) -> None:
        self.worker.apply(value, self.worker.offset + 1)

    def publish(self) -> None:
        for record in self.publisher.take(everywhere=True):
            combiner = self.combiners.setdefault(record.partition, CombinerPartition(record.partition, 1))
            combiner.apply(record.value, combiner.offset + 1)
            self.finals += combiner.take(0, live=False)
        assert [said for combiner in self.combiners.values() for said in combiner.problems()] == []

    def restart(self) -> None:
        self.worker = load(0, dump(self.worker))
        self.publisher = Publisher(self.worker)
        for combiner in self.combiners.values():
            combiner.restore(combiner.snapshot())


def play(city: City1, rng: np.random.Generator, given: Mapping[tuple[str, str], list[tuple[int, float]]]) -> None:
    """Four hours a frame, rows in any order inside."""
    rows = sorted((at, device, quantity, value) for (device, quantity), some in given.items() for at, value in some)
    first = rows[0][0]
    for step in range((rows[-1][0] - first) // (4 * HOUR) + 1):
        mine = [row for row in rows if step == (row[0] - first) // (4 * HOUR)]
        mine = [mine[n] for n in rng.permutation(len(mine)).tolist()]
        if mine:
            end = max(row[0] for row in mine)
            # Why: a frame in order of time keeps everything on time; its rows are shuffled inside the lateness only.
            mine.sort(key=lambda row: row[0] // MINUTE)
            city.put(readings_frame([(device, quantity, at, end, value) for at, device, quantity, value in mine]))
        city.publish()
        if rng.random() < 0.3:
            city.restart()


def due_of(part: str, window: tuple[int, int], due_from_us: int, where: City) -> int:
    """Millionths of a reading that one device owes."""
    quarters = sum(in_part(at, part, where) for at in range(max(window[0], due_from_us), window[1], 15 * MINUTE))
    return quarters * 15 * MINUTE * 10**6 // CADENCE


@pytest.mark.parametrize("hours", [(7, 19, 23), (6, 22, 2), (7, 19, 0), (8, 8, 20)], ids=str)
@pytest.mark.parametrize("day", ["2026-06-10", "2025-10-25", "2026-03-28"])
def test_finals_are_what_the_formula_says(hours: tuple[int, int, int], day: str) -> None:
    rng = np.random.default_rng([*hours, int(day.replace("-", ""))])
    start = window_of(to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)), "day", "Europe/Brussels")[0]
    kpis = [each for each in KPIS if each.window == "day" or hours == (7, 19, 23)]
    found = catalogue(kpis, hours, start)
    city, given = City1(found), readings(rng, start, 12 if (day, hours[0]) == ("2025-10-25", 7) else 4)
    play(city, rng, given)
    where = next(record for _, _, record in found if isinstance(record, City))
    quantities = {id_: record for _, id_, record in found if isinstance(record, Quantity)}
    finals = {(final.kpi, final.area, final.window_start): final for final in city.finals}
    compared = 0
    for (id_, area, text), final in finals.items():
        each = next(one for one in kpis if one.id == id_)
        window = window_of(to_us(datetime.fromisoformat(text)), each.window, where.time_zone)
        plan = compile_kpi(each, quantities)
        people = float(sum(PEOPLE[n] for n in PEOPLE if n == area or n.startswith(area + ".")))
        inputs = {"population()": np.array([people])}
        for spec in plan.aggregates:
            mine = [
                Reading(device, at, value, HOLD, PEOPLE[DEVICES[device][1]])
                for (device, quantity), some in given.items()
                if quantity == spec.quantity and (DEVICES[device][1] == area or DEVICES[device][1].startswith(area + "."))
                for at, value in some
            ]
            inputs[spec.id] = np.array([aggregate(spec, mine, window, where)])
        wanted = float(plan.evaluate(inputs)[0])
        assert (final.value is None) == math.isnan(wanted), final
        if final.value is not None:
            assert final.value == pytest.approx(wanted, rel=1e-9)
            compared += 1
        check_coverage(final, plan, (area, window, start), given, where)
    assert compared > 60


def check_coverage(
    final: KpiValue, plan: Any, span: tuple[str, tuple[int, int], int], given: Mapping[tuple[str, str], list[tuple[int, float]]], where: City
) -> None:
    """Of every quantity and part of the day: the sum over devices of min(good, due), over the sum of due."""
    area, window, due_from_us = span
    good = due = 0
    for quantity, part in sorted({(spec.quantity, spec.part) for spec in plan.aggregates}):
        kind = "noise" if quantity == "sound_level" else "air"
        each = due_of(part, window, due_from_us, where)
        owing = [device for device, (its, home) in DEVICES.items() if its == kind and (home == area or home.startswith(area + "."))]
        for device in owing:
            n = sum(window[0] <= at < window[1] and in_part(at, part, where) for at, _ in given[device, quantity])
            good += min(n * 10**6, each)
        due += each * len(owing)
    if due:
        assert final.coverage == pytest.approx(good / due, abs=1e-12)


def test_a_kpi_looks_back_at_anothers_finals_over_a_clock_change_and_a_restart() -> None:
    start = to_us(datetime(2025, 10, 20, 22, tzinfo=UTC))
    kpis = [kpi("base", "mean(pm2_5)", "day", "ug/m3"), kpi("change", "mean(pm2_5) - at(base, -7d)", "day", "ug/m3")]
    city = City1(catalogue(kpis, (7, 19, 23), start))
    rng = np.random.default_rng(5)
    given = {("a0", "pm2_5"): readings(rng, start, 16)["a0", "pm2_5"]}
    play(city, rng, given)
    said = {(final.kpi, from_us(to_us(datetime.fromisoformat(final.window_start)))): final for final in city.finals if final.area == "c.1.n1"}
    days = sorted(at for id_, at in said if id_ == "change")
    assert len(days) >= 14
    for n, at in enumerate(days):
        now, base = said["change", at], said["base", at]
        assert (now.state, now.devices, now.coverage) == ("ok" if n >= 7 else "not_enough_data", base.devices, base.coverage)
        if n >= 7:
            before = said["base", days[n - 7]]
            assert now.value == base.value - before.value  # type: ignore[operator]
    kept = [series for combiner in city.combiners.values() for series in combiner._state.finals.series.values()]
    assert kept
    assert max(len(series.starts) for series in kept) <= 8
