"""Rule 20: every window that a late reading touches, or reaches by look-back, is marked, and no other."""

import math
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from catalog.records import KpiDocument
from catalog.windows import to_us, window_of
from formula.dated import NEVER_US, Dated, Documents, KpiRow, Stands, version_at
from restate.places import Window
from storage.dirty import Late, Mark, counted, marks, standing
from tests.oracles.dirty import touched
from tests.restate import making
from tests.stream.city import MINUTE, kpi
from tests.stream.test_formula_live import DEVICES, HOLD, catalogue, readings

HOUR = 60 * MINUTE
ZONE = "Europe/Brussels"
START = to_us(datetime(2026, 3, 27, 23, tzinfo=UTC))
"""A local midnight; the clocks change on the day after."""
KPIS = [
    kpi("mean", "mean(pm2_5)", "hour", "ug/m3"),
    kpi("day", "mean(pm2_5)", "day", "ug/m3"),
    kpi("held", "time_mean(pm2_5)", "hour", "ug/m3"),
    kpi("share", "percent(time_share(pm2_5, 40))", "quarter_hour", "%"),
    kpi("grown", "increase(total)", "hour", "1"),
    kpi("both", "increase(total) / count(pm2_5)", "day", "1"),
    kpi("loud", "leq(sound_level)", "minute", "dB"),
    kpi("change", "mean(pm2_5) - at(mean, -1h)", "hour", "ug/m3"),
    msgspec.structs.replace(kpi("district", "max(pm2_5)", "day", "ug/m3"), levels=("district",)),
]
FOUND = catalogue(KPIS, (7, 19, 23), START)
KNOWN = making.dated(FOUND)
NUMBERS, QUANTITIES = making.numbers(FOUND)


def late(rows: list[tuple[str, str, int, int | None]]) -> Late:
    """Rows: device, quantity, time, time of the next reading."""
    numbers = [(NUMBERS[device], QUANTITIES[quantity], at, at if after is None else after) for device, quantity, at, after in rows]
    return Late(*np.array(numbers, np.int64).reshape(-1, 4).T)


def expected(device: str, quantity: str, at_us: int, after_us: int | None) -> set[Mark]:
    found = set()
    kind, home = DEVICES[device]
    lineage = {home: "neighbourhood", home.rpartition(".")[0]: "district", "c": "city"}
    hold_us = HOLD
    for version in KNOWN.versions:
        specs = [spec for spec in version.plan.aggregates if spec.quantity == quantity]
        if specs:
            spans = touched(version.kpi, specs, at_us, hold_us, after_us, ZONE)
            found |= {Mark(*version.name, area, *span) for area, level in lineage.items() if level in version.kpi.levels for span in spans}
    assert kind
    return found


@pytest.mark.parametrize("seed", range(12))
def test_rule_20_marks_are_those_of_the_oracle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(int(rng.integers(1, 30))):
        device = str(rng.choice(list(DEVICES)))
        quantity = "sound_level" if DEVICES[device][0] == "noise" else str(rng.choice(["pm2_5", "total"]))
        at = START + int(rng.integers(0, 60 * HOUR))
        rows.append((device, quantity, at, at + int(rng.integers(1, 9 * HOUR)) if quantity == "total" and rng.random() < 0.7 else None))
    found = marks(KNOWN, late(rows))
    assert found == sorted(set().union(*(expected(*row) for row in rows)))


def test_rule_20_whatever_a_late_reading_changes_is_marked() -> None:
    """Against the computation itself: all windows of two days, with and without the reading."""
    rng = np.random.default_rng(7)
    given = readings(rng, START, 2)
    full = making.block(FOUND, given)
    changed_at_all = 0
    for device, quantity in (("a0", "pm2_5"), ("a2", "total"), ("n1", "sound_level"), ("a3", "total")):
        times = [at for at, _ in given[device, quantity]]
        at = times[int(rng.integers(5, len(times) - 20))]
        after = times[times.index(at) + 1]
        here = (full.device == NUMBERS[device]) & (full.quantity == QUANTITIES[quantity]) & (full.at_us == at)
        assert here.sum() == 1
        before = making.part(full, ~here)
        marked = set(marks(KNOWN, late([(device, quantity, at, after)])))
        for version in KNOWN.versions:
            if version.plan.bases or (version.kpi.window == "minute" and quantity != "sound_level"):
                continue
            start = window_of(max(at - 4 * HOUR, START), version.kpi.window, ZONE)[0]
            while start < at + 8 * HOUR:
                start, end = window_of(start, version.kpi.window, ZONE)
                areas = np.array([n for n, area in enumerate(KNOWN.areas) if KNOWN.documents.areas[area].level in version.kpi.levels], np.int64)
                window = Window(version, "c", start, end, areas)
                one, other = (making.compute(KNOWN, window, stored) for stored in (before, full))
                for n, area in enumerate(areas.tolist()):
                    same = all(a[n] == b[n] or (math.isnan(a[n]) and math.isnan(b[n])) for a, b in zip(one, other, strict=True))
                    if not same:
                        changed_at_all += 1
                        assert Mark(*version.name, KNOWN.areas[area], start, end) in marked
                start = end
    assert changed_at_all > 30


def test_nothing_late_nothing_marked() -> None:
    assert marks(KNOWN, late([])) == []


def test_a_reading_belongs_to_where_its_device_stood_then() -> None:
    moved = START + 10 * HOUR
    kinds, areas = sorted(KNOWN.documents.kinds), sorted(KNOWN.areas)
    air, number = kinds.index("air"), NUMBERS["a0"]
    spans = [(number, air, areas.index("c.1.n1"), -NEVER_US, moved), (number, air, areas.index("c.2.n2"), moved, START + 20 * HOUR)]
    columns = np.array([(n, kind, area, 10**7, low, high, START) for n, kind, area, low, high in spans], np.int64).T
    stands = Stands(columns[0], columns[1].astype(np.int32), columns[2].astype(np.int32), *columns[3:])
    known = making.dated(FOUND, stands)
    times = [moved - 1, moved, START + 20 * HOUR]
    assert standing(known, np.full(3, number), np.array(times)).tolist() == [0, 1, -1]
    places = [{mark.area for mark in marks(known, late([("a0", "pm2_5", at, None)])) if mark.kpi == "day"} for at in times]
    assert places == [{"c", "c.1", "c.1.n1"}, {"c", "c.2", "c.2.n2"}, set()]


def test_what_waits_for_the_next_reading_is_what_some_increase_rests_on() -> None:
    assert counted(KNOWN) == {QUANTITIES["total"]}


def versions(*lives: tuple[int, int, int | None]) -> Dated:
    """One KPI in versions: number, live_from, retired."""
    rows = []
    for number, live_from, retired in lives:
        record = msgspec.structs.replace(KPIS[0], version=number, live_from_us=live_from)
        assert isinstance(record, KpiDocument)
        rows.append(KpiRow(record, live_from, retired))
    known = KNOWN.documents
    return Dated(Documents(known.cities, known.areas, known.quantities, known.kinds), rows, KNOWN.stands, QUANTITIES)


@pytest.mark.parametrize(
    ("case", "hour", "version"),
    [
        ("before the first was live: history of the oldest", -5, 1),
        ("while the first was", 0, 1),
        ("its last window", 9, 1),
        ("the second's first", 10, 2),
        ("its last before it was retired", 19, 2),
        ("after it was retired: of none", 20, None),
    ],
)
def test_a_window_belongs_to_the_version_that_was_live(case: str, hour: int, version: int | None) -> None:
    known = versions((1, START, None), (2, START + 10 * HOUR, START + 20 * HOUR))
    at = START + hour * HOUR
    found = version_at(known.versions, at, at + HOUR)
    assert (found.kpi.version if found else None) == version, case
    marked = {mark.version for mark in marks(known, late([("a0", "pm2_5", at + MINUTE, None)]))}
    assert marked == ({version} if version else set()), case
