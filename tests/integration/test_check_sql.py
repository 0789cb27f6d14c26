"""Every KPI's second opinion over the generated day: what was published is what check_sql gives, with the coverage that stored readings give."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from catalog.load import load_catalogue
from catalog.quality import Cause, Flag
from catalog.windows import FIXED_US, to_us
from formula.compile import Plan, compile_kpi
from formula.tree import Aggregate
from simulators.faults import Fault
from storage.published import numbers
from tests.day import check, coverage, pack
from tests.day.check import Connection
from tests.day.record import Day

pytestmark = pytest.mark.integration

CATALOGUE = load_catalogue()
EXACT = frozenset({"sum", "count", "count_devices", "increase", "last_sum", "min", "max", "percentile"})
MEANS = frozenset({"mean", "last"})
EVERY_KPI = pytest.mark.parametrize("kpi", sorted(CATALOGUE.kpis))


class Held(NamedTuple):
    """A connection that sees the readings that settled values rest on, and these readings."""

    connection: Connection
    stored: coverage.Stored


@pytest.fixture(scope="module")
def held(day: Day) -> Iterator[Held]:
    with day.connect() as connection:
        check.only_in_time(connection)
        yield Held(connection, coverage.stored(connection))


def plan_of(kpi: str) -> Plan:
    return compile_kpi(CATALOGUE.kpis[kpi], CATALOGUE.quantities, CATALOGUE.kpis)


def allowed(plan: Plan) -> float:
    """Relative difference: none for counts, sums, extremes and percentiles, 1e-12 for means, 1e-9 for everything else."""
    function = plan.root.spec.function if isinstance(plan.root, Aggregate) else ""
    return 0.0 if function in EXACT else 1e-12 if function in MEANS else 1e-9


@EVERY_KPI
def test_what_was_published_is_what_check_sql_gives(kpi: str, held: Held) -> None:
    plan = plan_of(kpi)
    spans = check.closed_windows(held.connection, plan, CATALOGUE)
    opinion = check.second_opinion(held.connection, plan, spans)
    published = check.published(held.connection, plan.kpi, spans)
    assert not {key: value for key, value in opinion.items() if key not in published}, "check_sql has values for windows without a final"
    assert not {key: one for key, one in published.items() if one.value is not None and key not in opinion}, "finals without a second opinion"
    relative = allowed(plan)
    settled = {key: one.value for key, one in published.items() if one.value is not None}
    withheld = {key for key, one in published.items() if one.state == "suppressed"}
    assert not withheld or plan.kpi.smallest_count, "withheld without a smallest count"
    wrong = {
        key: (value, opinion[key])
        for key, value in settled.items()
        if value != opinion[key] and not (relative and math.isclose(value, opinion[key], rel_tol=relative, abs_tol=1e-12))
    }
    assert not wrong, f"{len(wrong)} of {len(settled)} differ: (published, check_sql)"
    # What has no number has too little behind it, not another opinion.
    assert all(published[key].coverage < plan.kpi.min_coverage for key in opinion if published[key].state not in ("ok", "suppressed"))
    areas = [area for area, _ in {*settled, *withheld}]
    levels = {level for (level,) in held.connection.execute("SELECT DISTINCT level FROM area WHERE id = ANY(%s)", (areas,))}
    assert levels == set(plan.kpi.levels), "the day feeds every KPI at every level"


@pytest.mark.parametrize("kpi", sorted(kpi.id for kpi in CATALOGUE.kpis.values() if kpi.smallest_count))
def test_what_is_withheld_is_about_a_few_and_what_is_shown_does_not_tell_it(kpi: str, held: Held) -> None:
    plan = plan_of(kpi)
    (count,), smallest = plan.counts, plan.kpi.smallest_count
    assert isinstance(count, Aggregate)
    spans = check.closed_windows(held.connection, plan, CATALOGUE)
    published = check.published(held.connection, plan.kpi, spans)
    counts = check.persons(held.connection, count.spec, spans)
    assert not [key for key, one in published.items() if one.state == "ok" and 0 < counts[key] < smallest]
    for start, _ in spans:
        states = {area: one.state for (area, begin), one in published.items() if begin == start}
        hidden = [area for area, state in states.items() if state == "suppressed"]
        told = {area: one.value for (area, begin), one in published.items() if begin == start and one.state == "ok"}
        assert numbers(held.connection, (kpi, plan.version), to_us(start), list(states)) == told, "what a restatement compares with"
        assert not hidden or any(0 < counts[area, start] < smallest for area in states if (area, start) in counts), "withheld without a reason"
        if states.get(pack.CITY) == "ok" and hidden:
            # An area with too little data has no number either.
            unknown = [area for area, state in states.items() if state not in ("ok", "no_data")]
            assert len(unknown) > 1
            assert sum(counts[area, start] for area in unknown) >= smallest


@EVERY_KPI
def test_coverage_and_devices_are_what_the_stored_readings_give(kpi: str, held: Held, day: Day) -> None:
    plan = plan_of(kpi)
    spans = check.closed_windows(held.connection, plan, CATALOGUE)
    published = check.published(held.connection, plan.kpi, spans)
    expected = coverage.expected(plan, day.catalogue, held.stored, spans)
    assert expected
    assert set(expected) <= set(published)
    # A final without a reading of its own rests on a value that holds over from before, or says that nothing came: `no_data` is published where
    # the window closed within a day of the log's newest clock, which a busy machine decides.
    silent = {key for key, row in published.items() if row.state == "no_data" and row.devices == 0 and row.coverage == 0.0}
    assert set(expected) == set(published) - silent or coverage.holds_over(plan)
    for key, one in expected.items():
        assert published[key].coverage == pytest.approx(one.coverage, abs=1e-6), key
        assert published[key].devices == one.devices or (coverage.holds_over(plan) and published[key].devices > one.devices), key


def test_below_its_minimum_a_kpi_has_a_state_and_no_number(day: Day) -> None:
    with day.connect() as connection:
        rows = connection.execute(
            "SELECT v.kpi, v.state, v.value IS NULL, v.band IS NULL, v.coverage >= (k.document ->> 'min_coverage')::float8, count(*)"
            " FROM kpi_value v JOIN kpi k ON k.id = v.kpi AND k.version = v.version GROUP BY 1, 2, 3, 4, 5"
        ).fetchall()
    banded = {kpi.id for kpi in CATALOGUE.kpis.values() if kpi.bands}
    for kpi, state, without_number, without_band, enough, _ in rows:
        if state == "ok":
            assert (without_number, without_band, enough) == (False, kpi not in banded, True), kpi
        else:
            assert state in ("not_enough_data", "no_data", "suppressed"), kpi
            assert (without_number, without_band) == (True, True), kpi
    short = {kpi for kpi, state, _, _, enough, _ in rows if state == "not_enough_data" and not enough}
    demanding = {kpi.id for kpi in CATALOGUE.kpis.values() if kpi.min_coverage >= 0.75 and kpi.window in FIXED_US}
    assert demanding <= short, "the day has short windows below the minimum of every KPI that asks for three quarters"


def test_the_day_has_what_a_day_has(day: Day) -> None:
    with day.connect() as connection:
        (devices,) = connection.execute("SELECT count(*) FROM device").fetchone() or (0,)
        spoke = connection.execute("SELECT kind, count(DISTINCT device) FROM reading_named GROUP BY kind").fetchall()
        causes = dict(connection.execute("SELECT quality, count(*) FROM reading GROUP BY quality").fetchall())
        refused = dict(connection.execute("SELECT reason, sum(messages)::int FROM rejected_count GROUP BY reason").fetchall())
        (stored,) = connection.execute("SELECT count(*) FROM reading").fetchone() or (0,)
    assert devices >= 200
    assert {kind for kind, _ in spoke} == set(day.catalogue.kinds)
    assert sum(number for _, number in spoke) < devices, "some never speak"
    assert causes[Flag.GOOD] > 100_000
    assert causes[Flag.GOOD | Cause.LATE] >= 100
    assert causes[Flag.SUSPECT | Cause.PLAUSIBLE_RANGE] >= 100
    assert refused == {"malformed": day.sent.malformed}, "a register's second word about a month corrects the first"
    assert stored == day.sent.readings - day.sent.contradicted, "every reading that was sent is stored once"
    assert min(day.sent.repeated, day.sent.contradicted) > 0
    assert min(day.sent.faults[fault] for fault in (Fault.LATE, Fault.DUPLICATED, Fault.OUT_OF_ORDER, Fault.SPIKE, Fault.STUCK)) > 0
