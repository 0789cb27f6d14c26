"""A window computed again from stored readings is what the live way published: live equals replay."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from catalog.windows import to_us, window_of
from formula.dated import NEVER_US, Dated, Stands
from formula.outcome import STATES, Outcome, band_ids
from restate.compute import Computation
from restate.places import Window
from tests.oracles.aggregates import Reading, aggregate
from tests.restate import making
from tests.stream.city import kpi
from tests.stream.test_formula_live import DEVICES, HOLD, KPIS, PEOPLE, City1, catalogue, play, readings

ZONE = "Europe/Brussels"
HOUR, DAY = 3_600_000_000, 86_400_000_000
START = window_of(to_us(datetime(2026, 6, 10, 12, tzinfo=UTC)), "day", ZONE)[0]


def windows(known: Dated, finals: Mapping[tuple[str, str], list[KpiValue]]) -> list[tuple[Window, list[KpiValue]]]:
    """One window per KPI and start, with its finals in the order of its areas."""
    found = []
    for (id_, start), values in sorted(finals.items()):
        version = known.by_name[id_, 1]
        begin, end = window_of(to_us(datetime.fromisoformat(start)), version.kpi.window, ZONE)
        values.sort(key=lambda value: value.area)
        areas = np.array([known.areas.index(value.area) for value in values], np.int64)
        found.append((Window(version, "c", begin, end, areas), values))
    return found


def same(computed: Outcome, finals: list[KpiValue], *, exact: bool) -> None:
    for n, final in enumerate(finals):
        assert STATES[int(computed.state[n])] == final.state
        assert int(computed.devices[n]) == final.devices
        assert float(computed.coverage[n]) == final.coverage
        if final.value is None:
            assert np.isnan(computed.value[n])
        elif exact:
            assert float(computed.value[n]) == final.value, (final, computed.value[n])
        else:
            assert float(computed.value[n]) == pytest.approx(final.value, rel=1e-12)


@pytest.mark.parametrize("day", ["2026-06-10", "2025-10-25", "2026-03-28"])
def test_live_equals_replay(day: str) -> None:
    rng = np.random.default_rng(int(day.replace("-", "")))
    start = window_of(to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)), "day", ZONE)[0]
    found = catalogue(KPIS, (7, 19, 23), start)
    city, given = City1(found), readings(rng, start, 35 if day == "2025-10-25" else 4)
    play(city, rng, given)
    finals: dict[tuple[str, str], list[KpiValue]] = {}
    for final in city.finals:
        finals.setdefault((final.kpi, final.window_start), []).append(final)
    known, stored = making.dated(found), making.block(found, given)
    compared = set()
    for window, values in windows(known, finals):
        computed = making.compute(known, window, stored)
        same(computed, values, exact=all(spec.function != "leq" for spec in window.version.plan.aggregates))
        assert band_ids(window.version.kpi.bands, computed.value) == [value.band for value in values]
        compared.add(window.version.kpi.id)
    assert compared >= {each.id for each in KPIS if each.window == "day"}


@pytest.mark.parametrize("day", ["2026-06-10", "2026-03-29"])
def test_the_slow_oracle_agrees(day: str) -> None:
    rng = np.random.default_rng(int(day.replace("-", "")))
    start = window_of(to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)), "day", ZONE)[0]
    found = catalogue(KPIS, (7, 19, 23), start)
    given = readings(rng, start - 12 * HOUR, 2)
    known, stored = making.dated(found), making.block(found, given)
    where = known.documents.cities["c"]
    compared = 0
    for version in known.versions:
        window = Window(version, "c", *window_of(start, version.kpi.window, ZONE), np.arange(len(known.areas), dtype=np.int64))
        computed = making.compute(known, window, stored)
        for n, area in enumerate(known.areas):
            inputs = {"population()": np.array([float(known.documents.areas[area].population)])}
            for spec in version.plan.aggregates:
                mine = [
                    Reading(device, at, value, HOLD, PEOPLE[home])
                    for (device, quantity), some in given.items()
                    if quantity == spec.quantity and ((home := DEVICES[device][1]) == area or home.startswith(area + "."))
                    for at, value in some
                ]
                inputs[spec.id] = np.array([aggregate(spec, mine, (window.start_us, window.end_us), where)])
            wanted = float(version.plan.evaluate(inputs)[0])
            assert computed.value[n] == pytest.approx(wanted, rel=1e-9, nan_ok=True), (version.kpi.id, area)
            compared += not np.isnan(wanted)
    assert compared > 60


@pytest.fixture(scope="module")
def town() -> tuple[making.Found, making.Given, Dated]:
    found = catalogue(KPIS, (7, 19, 23), START)
    return found, readings(np.random.default_rng(11), START - DAY, 3), making.dated(found)


def every(known: Dated, id_: str, areas: list[int] | None = None) -> Window:
    version = known.by_name[id_, 1]
    chosen = np.array(range(len(known.areas)) if areas is None else areas, np.int64)
    return Window(version, "c", *window_of(START, version.kpi.window, ZONE), chosen)


@pytest.mark.parametrize("id_", [each.id for each in KPIS])
def test_an_area_alone_says_what_it_says_among_all(town: tuple[making.Found, making.Given, Dated], id_: str) -> None:
    found, given, known = town
    stored = making.block(found, given)
    together = making.compute(known, every(known, id_), stored)
    for n in range(len(known.areas)):
        alone = making.compute(known, every(known, id_, [n]), stored)
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_of_them[n : n + 1])


@pytest.mark.parametrize("id_", [each.id for each in KPIS if each.id != "den"])
def test_how_readings_are_cut_into_blocks_changes_nothing(town: tuple[making.Found, making.Given, Dated], id_: str) -> None:
    found, given, known = town
    stored = making.block(found, given)
    rng = np.random.default_rng(3)
    computation = Computation(known, every(known, id_))
    for block in making.wanted(stored, computation):
        cuts = [0, *sorted(rng.integers(0, block.device.size + 1, 7).tolist()), block.device.size]
        for low, high in pairwise(cuts):
            computation.feed(making.part(block, slice(low, high)))
    once = making.compute(known, every(known, id_), stored)
    for one, other in zip(computation.outcome({}), once, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("id_", [each.id for each in KPIS])
def test_without_readings_there_is_no_data(town: tuple[making.Found, making.Given, Dated], id_: str) -> None:
    found, _, known = town
    computed = making.compute(known, every(known, id_), making.block(found, {}))
    assert {STATES[state] for state in computed.state.tolist()} == {"no_data"}
    assert computed.devices.tolist() == [0] * len(known.areas)
    assert np.isnan(computed.value).all()
    assert computed.coverage.tolist() == [0.0] * len(known.areas)


def test_a_device_that_moves_counts_where_it_stood(town: tuple[making.Found, making.Given, Dated]) -> None:
    found, _, whole = town
    number, noon = making.numbers(found)[0]["a0"], START + 12 * HOUR
    air, areas = whole.kinds.index("air"), whole.areas
    cadence = 30 * 60 * 1_000_000
    spans = [
        (number, air, areas.index("c.1.n1"), cadence, -NEVER_US, noon, START),
        (number, air, areas.index("c.2.n2"), cadence, noon, NEVER_US, noon),
    ]
    columns = np.array(spans, np.int64).T
    known = making.dated(found, Stands(columns[0], columns[1].astype(np.int32), columns[2].astype(np.int32), *columns[3:]))
    given = {("a0", "pm2_5"): [(START + n * HOUR, 10.0 if n < 12 else 30.0) for n in range(24)]}
    computed = making.compute(known, every(known, "plain"), making.block(found, given))
    said = dict(zip(areas, zip(computed.value.tolist(), computed.devices.tolist(), computed.coverage.tolist(), strict=True), strict=True))
    assert said["c.1.n1"] == (10.0, 1, 0.5)
    assert said["c.2.n2"] == (30.0, 1, 0.5)
    assert said["c"] == (20.0, 2, 0.5)
    assert said["c.1.n2"][1] == 0


def test_an_earlier_value_that_is_missing_leaves_the_formula_missing() -> None:
    kpis = [kpi("base", "mean(pm2_5)", "hour", "ug/m3"), kpi("change", "mean(pm2_5) - at(base, -1h)", "hour", "ug/m3")]
    found = catalogue(kpis, (7, 19, 23), START)
    known, given = making.dated(found), {("a0", "pm2_5"): [(START + 60_000_000, 12.0)]}
    window, place = every(known, "change"), known.areas.index("c.1.n1")
    assert set(known.by_name["change", 1].waits) == {"air"}
    for base, wanted in ((5.0, 7.0), (float("nan"), None)):
        bases = {"at(base,-1h)": np.full(len(known.areas), base)}
        computed = making.compute(known, window, making.block(found, given), bases)
        assert STATES[int(computed.state[place])] == ("ok" if wanted else "not_enough_data")
        assert computed.value[place] == wanted or wanted is None
