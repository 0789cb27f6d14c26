"""What is published of a window that was computed again, with which revision and reason, and what rests on it."""

import json
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from catalog.records import Band
from catalog.windows import from_us, to_us, window_of
from formula.dated import Version
from formula.outcome import Outcome
from restate import restater
from restate.restater import changed, resting_on, same
from storage.queries import restating
from tests.restate import making
from tests.stream.city import kpi
from tests.stream.test_formula_live import catalogue

Due, Mark, Stored = restating.Due, restating.Mark, restating.Stored
HOUR = 3_600_000_000
ZONE = "Europe/Brussels"
START = to_us(datetime(2026, 3, 20, 23, tzinfo=UTC))
NOW_US = START + 40 * 24 * HOUR
BANDS = (Band(id="low", names={}, to=10.0), Band(id="high", names={}))
KPIS = [
    msgspec.structs.replace(kpi("mean", "mean(pm2_5)", "day", "ug/m3"), bands=BANDS),
    kpi("loud", "leq(sound_level)", "day", "dB"),
    kpi("week", "mean(pm2_5) - at(mean, -7d)", "day", "ug/m3"),
    kpi("hourly", "mean(pm2_5)", "hour", "ug/m3"),
    kpi("before", "mean(pm2_5) - at(hourly, -3h)", "hour", "ug/m3"),
    msgspec.structs.replace(kpi("city_only", "mean(pm2_5) / at(hourly, -1h)", "hour", "1"), levels=("city",)),
]
KNOWN = making.dated(catalogue(KPIS, (7, 19, 23), START))


def mark(id_: str, start_us: int, area: str = "c.1") -> restating.Mark:
    version = KNOWN.by_name[id_, 1]
    start, end = window_of(start_us, version.kpi.window, ZONE)
    assert start == start_us
    return Mark(id_, 1, area, start, end)


def outcome(value: float, state: int = 0, coverage: float = 0.9, devices: int = 3) -> Outcome:
    return Outcome(np.array([value]), np.array([state], np.int64), np.array([coverage]), np.array([devices], np.int64))


def said(version: Version, reason: str, computed: Outcome, stored: restating.Stored | None, start_us: int = START) -> list[dict[str, object]]:
    due = [Due(mark(version.kpi.id, start_us), reason)]
    return [json.loads(out.document) for out in changed(version, due, (computed, {} if stored is None else {"c.1": stored}), NOW_US)]


MEAN = KNOWN.by_name["mean", 1]
FINAL = Stored(1, 11.5, "ok", 0.9, 3)


@pytest.mark.parametrize(
    ("case", "computed"),
    [
        ("value", outcome(11.6)),
        ("state", outcome(float("nan"), state=1)),
        ("coverage", outcome(11.5, coverage=1.0)),
        ("devices", outcome(11.5, devices=4)),
    ],
)
def test_any_of_four_that_changes_gives_the_next_revision(case: str, computed: Outcome) -> None:
    (value,) = said(MEAN, "late", computed, FINAL)
    assert (value["revision"], value["status"], value["reason"], value["epoch"]) == (2, "restated", "late", None), case
    (third,) = said(MEAN, "correction", computed, FINAL._replace(revision=2))
    assert (third["revision"], third["reason"]) == (3, "correction")


def test_the_same_again_says_nothing() -> None:
    assert said(MEAN, "late", outcome(11.5), FINAL) == []
    nothing = Stored(1, None, "no_data", 0.0, 0)
    assert said(MEAN, "late", outcome(float("nan"), state=2, coverage=0.0, devices=0), nothing) == []


def test_the_value_is_whole() -> None:
    (value,) = said(MEAN, "late", outcome(9.75), FINAL)
    assert value == {
        "kpi": "mean", "version": 1, "area": "c.1", "window_start": "2026-03-20T23:00:00Z", "window_end": "2026-03-21T23:00:00Z",
        "value": 9.75, "state": "ok", "band": "low", "unit": "ug/m3", "coverage": 0.9, "devices": 3, "revision": 2, "status": "restated",
        "reason": "late", "epoch": None, "computed_at": "2026-04-29T23:00:00.000000Z",
    }  # fmt: skip


def test_a_window_that_was_never_published_counts_as_revision_one_of_no_data() -> None:
    (value,) = said(MEAN, "late", outcome(9.0), None)
    assert (value["revision"], value["status"], value["reason"]) == (2, "restated", "late")
    assert said(MEAN, "late", outcome(float("nan"), state=2, coverage=0.0, devices=0), None) == []


def test_before_a_version_was_live_its_first_value_is_a_final() -> None:
    later = MEAN._replace(from_us=START + 24 * HOUR)
    (value,) = said(later, "late", outcome(9.0), None)
    assert (value["revision"], value["status"], value["reason"]) == (1, "final", "backfill")
    (asked,) = said(later, "recomputed", outcome(9.0), None)
    assert (asked["revision"], asked["status"], asked["reason"]) == (1, "final", "recomputed")
    (again,) = said(later, "late", outcome(9.5), Stored(1, 9.0, "ok", 0.9, 3))
    assert (again["revision"], again["status"], again["reason"]) == (2, "restated", "late")


def test_only_sums_of_energies_may_differ_in_the_last_digit() -> None:
    loud = KNOWN.by_name["loud", 1]
    level = Stored(1, 61.25, "ok", 0.9, 3)
    near, far = 61.25 * (1 + 2**-52), 61.25 * (1 + 1e-11)
    assert said(loud, "late", outcome(near), level) == []
    assert len(said(loud, "late", outcome(far), level)) == 1
    assert len(said(MEAN, "late", outcome(near), level)) == 1
    assert same(level, level._replace(revision=9), exact=True)
    assert not same(level, level._replace(value=None), exact=False)


@pytest.mark.parametrize("day", range(14))
def test_rule_17_what_looks_back_over_days_is_found_over_the_clock_change(day: int) -> None:
    start = window_of(START + day * 24 * HOUR + 12 * HOUR, "day", ZONE)[0]
    (found,) = resting_on(KNOWN, mark("mean", start))
    base = KNOWN.by_name["week", 1].plan.bases[0]
    assert (found.kpi, found.area) == ("week", "c.1")
    assert base.back.start_of(found.start_us, "day", ZONE) == start
    assert window_of(found.start_us, "day", ZONE) == (found.start_us, found.end_us)
    assert (from_us(found.start_us) - from_us(start)).days in (6, 7)


def test_what_looks_back_over_hours_is_found_where_it_has_the_level() -> None:
    assert resting_on(KNOWN, mark("hourly", START)) == [Mark("before", 1, "c.1", START + 3 * HOUR, START + 4 * HOUR)]
    assert {found.kpi for found in resting_on(KNOWN, mark("hourly", START, "c"))} == {"before", "city_only"}
    assert resting_on(KNOWN, mark("loud", START)) == []


def test_marks_of_one_window_are_computed_together_the_oldest_first() -> None:
    known = restating.Known(0, KNOWN, {})
    marks = [mark("hourly", START + HOUR, "c"), mark("hourly", START, "c"), mark("hourly", START, "c.2"), mark("before", START, "c")]
    found = restater.groups(known, [Due(each, "late") for each in marks])
    assert [[(due.mark.kpi, due.mark.start_us, due.mark.area) for due in group] for group in found] == [
        [("before", START, "c")],
        [("hourly", START, "c"), ("hourly", START, "c.2")],
        [("hourly", START + HOUR, "c")],
    ]
