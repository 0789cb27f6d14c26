"""Registers through the whole pipeline: history is played once, late nowhere, and its months, quarters and year are what the rows give."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.quality import Cause
from catalog.windows import from_us, to_us, window_of
from runtime import clock
from simulators import registers
from simulators.history import History
from simulators.publisher import Publisher
from simulators.registers import Month, Offices, months
from storage import queries
from tests.pipeline import Pipeline
from tests.servers import System, start_system

pytestmark = [pytest.mark.integration]

PACK, CATALOGUE = load_city("zwolle"), load_catalogue()
ZONE = ZoneInfo(PACK.city.time_zone)
OFFICES = Offices(PACK.city, list(PACK.devices.values()), PACK.areas, CATALOGUE.kinds, CATALOGUE.quantities, 1)
YEARS = 1
Key = tuple[str, int]
Found = Mapping[Key, float | None]


@pytest.fixture(scope="module")
def pipeline(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with start_system(tmp_path_factory.mktemp("registers"), postgres=servers.postgres) as system, Pipeline(system, cities="zwolle") as running:
        yield running


@pytest.fixture(scope="module")
def rows(pipeline: Pipeline) -> list[Month]:
    """Two years' months, played and stored; what was played."""
    now_us = clock.now_us()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulators.history.YEARS", YEARS)
        assert _history(pipeline).catch_up(now_us, threading.Event()) > 0
        assert _history(pipeline).catch_up(now_us, threading.Event()) == 0, "played twice"
    begin_us = to_us(datetime(from_us(now_us).astimezone(ZONE).year - YEARS, 1, 1, tzinfo=ZONE))
    return list(months(OFFICES, begin_us, now_us))


def _history(pipeline: Pipeline) -> History:
    return History([OFFICES], Publisher(pipeline.broker(), f"kompas-test-{time.monotonic_ns():x}"), _stored(pipeline))


def _stored(pipeline: Pipeline) -> Callable[[str, int], frozenset[str]]:
    def stored(city: str, at_us: int) -> frozenset[str]:
        with closing(queries.reader(pipeline.system.conninfo("kompas_reader"), "kompas test")) as connection:
            return queries.said(connection, city, registers.PREFIX, from_us(at_us))

    return stored


def test_every_row_is_stored_once_and_none_is_late(pipeline: Pipeline, rows: list[Month]) -> None:
    expected = {(row.device.id, name, row.at_us): value for row in rows for name, value in row.values.items()}
    stored = pipeline.rows("SELECT device, quantity, measured_at, value, quality FROM reading_named WHERE starts_with(device, 'register:')")
    assert {(device, quantity, to_us(at)): value for device, quantity, at, value, _ in stored} == pytest.approx(expected)
    assert len(stored) == len(expected)
    assert not [row for row in stored if row[4] & Cause.LATE]
    assert pipeline.value("SELECT coalesce(sum(messages), 0)::bigint FROM rejected_count") == 0


@pytest.mark.parametrize("kpi", ["youth_care_share", "waste_sorted_share", "digital_help_visits"])
def test_months_are_final_and_what_the_rows_give(pipeline: Pipeline, rows: list[Month], kpi: str) -> None:
    last_us = max(row.at_us for row in rows)
    expected = _by_hand(kpi, [row for row in rows if row.at_us < last_us])
    pipeline.until(lambda: _finals(pipeline, kpi).keys() >= expected.keys(), 60.0, f"finals of {kpi}")
    _compare(kpi, _finals(pipeline, kpi), expected, _counts(kpi, rows))


def test_a_quarter_and_a_year_close_with_the_next_ones_first_row(pipeline: Pipeline, rows: list[Month]) -> None:
    last = from_us(max(row.at_us for row in rows)).astimezone(ZONE)
    sums: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if "permits_decided" in row.values:
            start, end = window_of(row.at_us, "quarter", ZONE.key)
            if end <= to_us(last.astimezone(UTC)):
                for area in _up(row.device.area):
                    total = sums.setdefault((area, start), [0.0, 0.0])
                    total[0] += row.values["permits_in_time"]
                    total[1] += row.values["permits_decided"]
    expected = {key: 100.0 * (done / every) for key, (done, every) in sums.items() if every}
    assert len({start for _, start in expected}) >= 4
    pipeline.until(lambda: _finals(pipeline, "permits_in_time").keys() >= expected.keys(), 60.0, "finals of quarters")
    _compare("permits_in_time", _finals(pipeline, "permits_in_time"), expected, {key: every for key, (_, every) in sums.items()})


def test_a_year_is_final_and_says_where_it_cannot_be_computed(pipeline: Pipeline, rows: list[Month]) -> None:
    year = from_us(max(row.at_us for row in rows)).astimezone(ZONE).year - YEARS
    sums: dict[str, list[float]] = {}
    for row in rows:
        if "dwellings_planned" in row.values and from_us(row.at_us).astimezone(ZONE).year == year:
            for area in _up(row.device.area):
                total = sums.setdefault(area, [0.0, 0.0])
                total[0] += row.values["dwellings_completed"]
                total[1] += row.values["dwellings_planned"]
    found = {
        area: (value, state, coverage)
        for area, value, state, coverage in pipeline.rows(
            "SELECT area, value, state, coverage FROM kpi_value WHERE kpi = 'dwellings_against_plan' AND status = 'final' AND window_start = %s",
            datetime(year, 1, 1, tzinfo=ZONE),
        )
    }
    # Where nothing was planned there is nothing to compare with.
    wanted = {area: (100.0 * (done / plan), "ok", 1.0) if plan else (None, "not_enough_data", 1.0) for area, (done, plan) in sums.items()}
    assert found.keys() == wanted.keys()
    for area, (value, *rest) in wanted.items():
        assert found[area] == (pytest.approx(value, rel=1e-12) if value is not None else None, *rest), area


def test_the_newest_month_is_live(pipeline: Pipeline, rows: list[Month]) -> None:
    last_us = max(row.at_us for row in rows)
    shown = "SELECT value, state FROM kpi_latest WHERE kpi = 'waste_sorted_share' AND area = 'zwolle' AND slot = 'open' AND window_start = %s"
    wanted = _by_hand("waste_sorted_share", [row for row in rows if row.at_us == last_us])["zwolle", last_us]

    def live() -> bool:  # the first live values know some of the registers only
        return any(state == "ok" and value == pytest.approx(wanted) for value, state in pipeline.rows(shown, from_us(last_us)))

    pipeline.until(live, 60.0, "the live value of the newest month with all its registers")
    # Row by row it would tell of each register.
    about_people = [kpi.id for kpi in CATALOGUE.kpis.values() if kpi.smallest_count]
    told = pipeline.rows("SELECT state, count(value) FROM kpi_latest WHERE slot = 'open' AND devices > 0 AND kpi = ANY(%s) GROUP BY 1", about_people)
    assert {"suppressed": 0}.items() <= dict(told).items() <= {"suppressed": 0, "not_enough_data": 0}.items()


def _finals(pipeline: Pipeline, kpi: str) -> dict[tuple[str, int], float | None]:
    """By area and window; None where the number is withheld."""
    found = pipeline.rows(
        "SELECT area, window_start, value FROM kpi_value WHERE kpi = %s AND status = 'final' AND (value IS NOT NULL OR state = 'suppressed')", kpi
    )
    return {(area, to_us(start)): value for area, start, value in found}


def _compare(kpi: str, found: Found, expected: Mapping[Key, float], counts: Mapping[Key, float]) -> None:
    """What has a number has the right one; none is about a few, and no hidden count of a few is what the city leaves over."""
    assert found.keys() == expected.keys()
    shown = {key: value for key, value in found.items() if value is not None}
    assert shown == pytest.approx({key: expected[key] for key in shown}, rel=1e-12)
    smallest = CATALOGUE.kpis[kpi].smallest_count
    assert not [key for key in shown if 0 < counts[key] < smallest]
    assert len(found) - len(shown) < 0.2 * len(found)
    for start_us in {start for _, start in found}:
        districts = {area: counts[area, start_us] for area, start in found if start == start_us and PACK.areas[area].level == "district"}
        hidden = [count for area, count in districts.items() if found[area, start_us] is None]
        assert not hidden or any(0 < count < smallest for count in districts.values()), "withheld without a reason"
        if (PACK.city.id, start_us) in shown and hidden:
            assert len(hidden) > 1
            assert sum(hidden) >= smallest


def _counts(kpi: str, rows: list[Month]) -> dict[Key, float]:
    counted = {"youth_care_share": "youth_care_clients", "digital_help_visits": "digital_help_visits"}.get(kpi, "waste_sorted")
    found: dict[Key, float] = {}
    for row in rows:
        for area in _up(row.device.area) if counted in row.values else ():
            found[area, row.at_us] = found.get((area, row.at_us), 0.0) + row.values[counted]
    return found


def _by_hand(kpi: str, rows: list[Month]) -> dict[tuple[str, int], float]:
    above, below = {
        "youth_care_share": ("youth_care_clients", "residents_under_18"),
        "waste_sorted_share": ("waste_sorted", "waste_collected"),
        "digital_help_visits": ("digital_help_visits", ""),
    }[kpi]
    sums: dict[str, dict[tuple[str, int], float]] = {above: {}, below: {}}
    for row in rows:
        for name in {above, below} & row.values.keys():
            for area in _up(row.device.area):
                sums[name][area, row.at_us] = sums[name].get((area, row.at_us), 0.0) + row.values[name]
    return {key: 100.0 * (value / sums[below][key]) if below else value for key, value in sums[above].items()}


def _up(area: str) -> list[str]:
    parent = PACK.areas[area].parent
    return [area] if parent is None else [area, *_up(parent)]
