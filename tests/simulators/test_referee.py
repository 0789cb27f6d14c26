"""The referee against numbers that a person can work out."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from catalog.records import Kpi, WindowName
from simulators.aggregates import UnknownFormulaError
from simulators.ground import Ground, window_starts
from simulators.referee import judge
from tests.simulators.cities import CITY

HOUR_US = 3_600_000_000
T0 = 1_740_787_200_000_000  # 2025-03-01T00:00Z
AREAS = {"a1": {"neighbourhood": "n1", "district": "d", "city": "here"}, "a2": {"neighbourhood": "n2", "district": "d", "city": "here"}}
PEOPLE = {"n1": 1_000, "n2": 3_000, "d": 4_000, "here": 4_000}
GROUND = Ground(CITY, AREAS, {"a1": 1_800.0, "a2": 1_800.0}, PEOPLE)  # type: ignore[arg-type]


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
        ("rate_per(sum(p), population(), 1000)", 3.5, 4.0),
        ("mean(p, count)", 14 / 3, 2.0),
        ("mean(p, population)", (1_000 * 2 + 3_000 * 10) / 4_000, 2.0),
        ("time_share(p, -1)", 1.0, 1.0),
        ("degree_days(mean(p), 18)", 12.0, 16.0),
        ("cooling_degree_days(mean(p), 4)", 2.0, 0.0),
        ("eaqi(mean(p), mean(p), mean(q), mean(q), max(p))", 2.0, 1.0),
        ("lden(mean(p) + 54, mean(p) + 49, mean(p) + 44)", 60.0, 56.0),
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
    counts = window_starts(at, "day", "Europe/Brussels").value_counts(sort=False).tolist()
    assert counts == [12, 23, 13]


def test_a_counter_that_falls_began_again_and_an_increase_belongs_to_the_later_window():
    rows = table(("a1", "p", 0.5, 10), ("a1", "p", 1.5, 14), ("a1", "p", 1.6, 3))
    found = judge(kpi("increase(p)"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0] == 0.0
    assert found["here", T0 + HOUR_US] == 4.0 + 3.0


def test_a_share_of_time_counts_from_the_threshold_on():
    rows = table(("a1", "p", 0.0, 1), ("a1", "p", 0.25, 0), ("a1", "p", 0.5, 2), ("a1", "p", 0.75, 0), ("a1", "p", 1.0, 0))
    found = judge(kpi("time_share(p, 1)"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0] == pytest.approx(0.5)


def test_parts_of_the_day_of_what_holds_and_of_what_grows():
    rows = table(("a1", "p", 5.0, 10), ("a1", "p", 5.9, 20), ("a1", "p", 6.2, 25), ("a1", "p", 7.5, 27))  # 6, 6:54, 7:12 and 8:30 in the city
    found = judge(kpi("time_mean(p, day)", "day"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0 - HOUR_US] == pytest.approx((20 * 0.2 + 25 * 0.5 + 27 * 0.5) / 1.2)
    found = judge(kpi("increase(p, day)", "day"), rows, GROUND).set_index(["area", "window_start_us"])["value"]
    assert found["here", T0 - HOUR_US] == 5.0 + 2.0
    silent = judge(kpi("increase(p, evening)", "day"), rows, GROUND)
    assert silent["value"].isna().all()
    assert (silent["devices"] == 0).all()


def test_what_holds_over_a_window_without_a_reading_meets_numbers_and_people():
    rows = table(("a1", "p", 0.75, 30))
    for formula, wanted in (("time_mean(p) * 2", 60.0), ("rate_per(time_mean(p), population(), 1000)", 30.0)):
        found = judge(kpi(formula), rows, GROUND).query("area == 'n1'")
        assert found["window_start_us"].tolist() == [T0, T0 + HOUR_US]
        assert found["value"].tolist() == [wanted, wanted]
        assert found["devices"].tolist() == [1, 1]


def test_a_composite_index_does_without_a_missing_input_where_its_standard_does():
    assert judge(kpi("eaqi(mean(p), mean(x), mean(x), mean(x), mean(x))"), ROWS, GROUND)["value"].notna().all()
    assert judge(kpi("belaqi(mean(p), mean(x), mean(q), mean(x))"), ROWS, GROUND)["value"].isna().all()
    assert judge(kpi("humidex(mean(p), mean(x))"), ROWS, GROUND)["value"].isna().all()


def test_another_kpi_is_looked_back_at_where_the_readings_reach_so_far():
    before = msgspec.structs.replace(kpi("sum(p)", "day"), id="before")
    back = kpi("sum(p) - at(before, -1d)", "day")
    noon = [round((pd.Timestamp(f"2025-03-{day}T12:00", tz="Europe/Brussels").value // 1_000 - T0) / HOUR_US, 6) for day in (29, 30, 31)]
    rows = table(*(("a1", "p", hours, value) for hours, value in zip(noon, (5, 8, 20), strict=True)))
    found = judge(back, rows, GROUND._replace(kpis={"before": before})).query("area == 'here'")["value"]
    assert found.tolist() == pytest.approx([np.nan, 3.0, 12.0], nan_ok=True)  # the day of 23 hours, and the one after it
    hourly = msgspec.structs.replace(kpi("sum(p)"), id="before")
    found = judge(kpi("sum(p) / at(before, -2h)"), table(("a1", "p", 0.5, 4), ("a1", "p", 2.5, 12)), GROUND._replace(kpis={"before": hourly}))
    assert found.query("area == 'n1'")["value"].tolist() == pytest.approx([np.nan, 3.0], nan_ok=True)


def test_nobody_lives_there():
    nobody = GROUND._replace(people=dict.fromkeys(PEOPLE, 0))
    for formula in ("rate_per(sum(p), population(), 1000)", "mean(p, population)"):
        found = judge(kpi(formula), ROWS, nobody)
        assert found["value"].isna().all()
        assert (found["devices"] > 0).all()


def test_devices_are_those_of_the_aggregate_that_has_most():
    rows = table(("a1", "p", 0.1, 1), ("a2", "q", 0.2, 1))
    assert judge(kpi("sum(p) + sum(q)"), rows, GROUND).set_index("area")["devices"].to_dict() == {"n1": 1, "n2": 1, "d": 1, "here": 1}


@pytest.mark.parametrize(
    "formula",
    ["median(p)", "mean(p) ** 2", "sum(p) if 1 else 2", "p101(p)", "time_share(p)", "mean(p, noon)", "sum(p, count)", "mean(p, 3)", "at(x, -1d)"],
)
def test_what_it_cannot_compute_it_does_not_guess(formula):
    with pytest.raises(UnknownFormulaError, match=r"cannot compute|operator|does not know"):
        judge(kpi(formula), ROWS, GROUND)
