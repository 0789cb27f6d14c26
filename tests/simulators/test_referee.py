"""The referee against numbers that a person can work out."""

import re

import numpy as np
import pandas as pd
import pytest

from catalog.records import Kpi, WindowName
from simulators import referee
from simulators.referee import Ground, UnknownFormulaError, judge
from tests.simulators.cities import CATALOGUE, CITY

HOUR_US = 3_600_000_000
T0 = 1_740_787_200_000_000  # 2025-03-01T00:00Z
AREAS = {"a1": {"neighbourhood": "n1", "district": "d", "city": "here"}, "a2": {"neighbourhood": "n2", "district": "d", "city": "here"}}
GROUND = Ground(CITY, AREAS, {"a1": 1_800.0, "a2": 1_800.0})  # type: ignore[arg-type]


def kpi(formula: str, window: WindowName = "hour") -> Kpi:
    texts = {"en": "x", "fr": "x", "nl": "x"}
    return Kpi(
        id="x", version=1, names=texts, descriptions=texts, unit="u", formula=formula, window=window,
        better="lower", owner="o", steward="s", source="s", check_sql="s",
    )  # fmt: skip


def table(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """device, quantity, hours after T0, value."""
    return pd.DataFrame([(d, q, round(T0 + h * HOUR_US), float(v)) for d, q, h, v in rows], columns=["device", "quantity", "at_us", "value"])


ROWS = table(("a1", "p", 0.1, 1), ("a1", "p", 0.2, 3), ("a2", "p", 0.3, 10), ("a1", "q", 0.4, 4), ("a2", "q", 0.5, 0))


@pytest.mark.parametrize(
    ("formula", "city", "first"),
    [
        ("mean(p)", 6.0, 2.0),
        ("sum(p)", 14.0, 4.0),
        ("count(p)", 3.0, 2.0),
        ("min(p)", 1.0, 1.0),
        ("max(p)", 10.0, 3.0),
        ("last(p)", 6.5, 3.0),
        ("last_sum(p)", 13.0, 3.0),
        ("count_devices(p)", 2.0, 1.0),
        ("p50(p)", 3.0, 2.0),
        ("percentile(p, 25)", 2.0, 1.5),
        ("ratio(sum(p), sum(q))", 3.5, 1.0),
        ("percent(1 - ratio(sum(q), sum(p)))", 100 * (1 - 4 / 14), 0.0),
        ("clamp(mean(p), 0, 5)", 5.0, 2.0),
        ("highest(mean(p), mean(q)) - lowest(mean(p), mean(q))", 4.0, 2.0),
        ("abs(-mean(p)) * 2 / 4 + 1", 4.0, 2.0),
        ("increase(p)", 2.0, 2.0),
        ("increase(q)", 0.0, 0.0),
        ("rate_per(sum(p), last_sum(q), 1000)", 3_500.0, 1_000.0),
    ],
)
def test_device_first_then_devices(formula, city, first):
    found = judge(kpi(formula), ROWS, GROUND).set_index("area")["value"]
    assert found["here"] == pytest.approx(city)
    assert found["d"] == pytest.approx(city)
    assert found["n1"] == pytest.approx(first)


def test_energy_mean():
    rows = table(("a1", "s", 0.1, 60), ("a1", "s", 0.2, 60), ("a2", "s", 0.1, 63.0103))
    found = judge(kpi("leq(s)"), rows, GROUND).set_index("area")["value"]
    assert found["n1"] == pytest.approx(60)
    assert found["here"] == pytest.approx(10 * np.log10(1.5e6), abs=1e-4)


def test_a_division_by_zero_and_a_missing_input_are_missing():
    found = judge(kpi("ratio(sum(p), sum(q))"), ROWS, GROUND).set_index("area")["value"]
    assert np.isnan(found["n2"])
    found = judge(kpi("sum(p) + sum(q)"), ROWS[:3], GROUND).set_index("area")["value"]
    assert found.isna().all()


def test_a_value_holds_until_the_next_at_most_its_time_and_over_the_window():
    rows = table(("a1", "p", 0.0, 10), ("a1", "p", 0.25, 20), ("a1", "p", 0.75, 30))
    found = judge(kpi("time_mean(p)"), rows, GROUND).query("area == 'n1'").set_index("window_start_us")["value"]
    assert found[T0] == pytest.approx((10 * 0.25 + 20 * 0.5 + 30 * 0.25) / 1.0)
    assert found[T0 + HOUR_US] == pytest.approx(30)
    assert len(found) == 2


def test_days_are_local_and_night_lies_around_midnight():
    rows = table(("a1", "s", -1.5, 50), ("a1", "s", 5.0, 60), ("a1", "s", 10.0, 70), ("a1", "s", 22.5, 80))
    whole = judge(kpi("max(s)", "day"), rows, GROUND).query("area == 'n1'").set_index("window_start_us")["value"]
    assert whole.to_dict() == {T0 - 25 * HOUR_US: 50.0, T0 - HOUR_US: 80.0}
    night = judge(kpi("max(s, night)", "day"), rows, GROUND).query("area == 'n1'").set_index("window_start_us")["value"]
    assert night[T0 - HOUR_US] == 80.0
    night = judge(kpi("min(s, night)", "day"), rows, GROUND).query("area == 'n1'").set_index("window_start_us")["value"]
    assert night[T0 - HOUR_US] == 60.0


def test_windows_of_a_clock_change_have_their_own_length():
    first = pd.Timestamp("2025-03-29T12:00", tz="Europe/Brussels")
    at = pd.Series([(first + pd.Timedelta(hours=h)).value // 1_000 for h in range(48)])
    counts = referee.window_starts(at, "day", "Europe/Brussels").value_counts(sort=False).tolist()
    assert counts == [12, 23, 13]


BEYOND = re.compile(r"\b(eaqi|belaqi|lden|humidex|heat_index|wbgt|utci|degree_days|at|population)\(|, population\)")
"""What the referee leaves to vectors and to check_sql: composite indices, other KPIs' values, inhabitants."""


def rows_for(each: Kpi) -> pd.DataFrame:
    read = [quantity for quantity in CATALOGUE.quantities if re.search(rf"\b{quantity}\b", each.formula)]
    return table(*((device, quantity, hours, 3.0 + hours) for quantity in read for device in AREAS for hours in np.arange(0.0, 30.0, 0.2)))


@pytest.mark.parametrize("each", [kpi for kpi in CATALOGUE.kpis.values() if not BEYOND.search(kpi.formula)], ids=lambda kpi: kpi.id)
def test_what_the_catalogue_computes_by_arithmetic_is_judged(each: Kpi):
    found = judge(each, rows_for(each), GROUND)
    assert set(found["area"]) >= {"here"}
    assert np.isfinite(found["value"]).any()


@pytest.mark.parametrize("each", [kpi for kpi in CATALOGUE.kpis.values() if BEYOND.search(kpi.formula)], ids=lambda kpi: kpi.id)
def test_what_is_beyond_the_referee_is_said(each: Kpi):
    with pytest.raises(UnknownFormulaError, match=each.id):
        judge(each, rows_for(each), GROUND)


def test_a_counter_that_falls_began_again_and_an_increase_belongs_to_the_later_window():
    rows = table(("a1", "p", 0.5, 10), ("a1", "p", 1.5, 14), ("a1", "p", 1.6, 3))
    found = judge(kpi("increase(p)"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0] == 0.0
    assert found["here", T0 + HOUR_US] == 4.0 + 3.0


def test_a_share_of_time_counts_from_the_threshold_on():
    rows = table(("a1", "p", 0.0, 1), ("a1", "p", 0.25, 0), ("a1", "p", 0.5, 2), ("a1", "p", 0.75, 0), ("a1", "p", 1.0, 0))
    found = judge(kpi("time_share(p, 1)"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0] == pytest.approx(0.5)


def test_what_it_cannot_compute_it_does_not_guess():
    for formula in ("median(p)", "mean(p) ** 2", "sum(p) if 1 else 2"):
        with pytest.raises(UnknownFormulaError, match=r"cannot compute|operator"):
            judge(kpi(formula), ROWS, GROUND)
