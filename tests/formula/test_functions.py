"""The pure functions: every declaration holds, units are checked argument by argument, names that are nearly right are suggested."""

import math
import re

import numpy as np
import pytest

from catalog.load import load_catalogue
from catalog.records import Kpi
from formula import units
from formula.compile import compile_kpi
from formula.errors import FormulaError
from formula.functions import FUNCTIONS, kernel_of
from formula.signature import signature_of
from tests.stream.partials import kpi, quantity

QUANTITIES = {
    each.id: each
    for each in (
        quantity("pm2_5", "ug/m3", 0.1), quantity("pm10", "ug/m3", 0.1), quantity("no2", "ug/m3", 0.1), quantity("o3", "ug/m3", 0.1),
        quantity("so2", "ug/m3", 0.1), quantity("sound_level", "dB", 0.1), quantity("temperature", "degC", 0.1), quantity("humidity", "%", 1.0),
        quantity("wind_speed", "m/s", 0.1), quantity("travel_time", "s", 1.0), quantity("vehicle_speed", "km/h", 1.0),
        quantity("vehicle_count", "vehicles", 1.0), quantity("bicycle_count", "bicycles", 1.0), quantity("fill_level", "%", 1.0),
        quantity("thefts", "crimes", 1.0), quantity("residents", "inhabitants", 1.0), quantity("total", "1", 1.0),
    )
}  # fmt: skip


def unit_of(formula: str, window: str = "day") -> str:
    """The unit that the compiler says the formula has."""
    try:
        compile_kpi(kpi("k", formula, "never", window), QUANTITIES)
    except FormulaError as error:
        found = re.match(r"kpi k: unit: wanted (.*), which the formula gives", str(error))
        if found is None:
            raise
        return found[1].removesuffix("; percent(…) makes % of a share")
    raise AssertionError(formula)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_declaration_holds(name: str) -> None:
    function = FUNCTIONS[name]
    parameters = signature_of(name).parameters
    assert function.name == name
    assert function.does
    assert all(one.name and one.unit for one in parameters)
    unit = unit_of(function.example)
    plan = compile_kpi(kpi("k", function.example, unit, "day"), QUANTITIES)
    n = 4
    value = plan.evaluate({id_: np.full(n, 12.0) for id_ in plan.inputs})
    assert value.shape == (n,)
    assert value.dtype == np.float64
    assert np.isfinite(value).all()
    assert np.isnan(plan.evaluate({id_: np.full(n, np.nan) for id_ in plan.inputs})).all()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_treats_every_area_on_its_own(name: str) -> None:
    parameters = signature_of(name).parameters
    rng = np.random.default_rng(7)
    columns = [1000.0 if one.unit == "number" else rng.uniform(-3.0, 60.0, 50) for one in parameters]
    whole = kernel_of(name)(*columns)
    for at in (0, 17, 49):
        alone = kernel_of(name)(*(column if isinstance(column, float) else column[at : at + 1] for column in columns))
        assert alone.tolist() == pytest.approx([whole[at]], nan_ok=True, rel=0, abs=0)


def test_an_index_takes_the_worst_of_what_is_there() -> None:
    plan = compile_kpi(kpi("k", "eaqi(mean(pm2_5), mean(pm10), mean(no2), mean(o3), mean(so2))", "1", "hour"), QUANTITIES)
    inputs = {spec.id: np.array([math.nan, math.nan, 5.0]) for spec in plan.aggregates}
    inputs["mean(no2)"] = np.array([math.nan, 101.0, -1.0])
    assert plan.evaluate(inputs).tolist()[1:] == [5.0, 1.0]
    assert math.isnan(plan.evaluate(inputs)[0])


@pytest.mark.parametrize(
    ("formula", "unit"),
    [
        ("rate_per(sum(thefts), sum(residents), 1000)", "crimes/1000 inhabitants"),
        ("rate_per(sum(thefts), population(), 10000)", "crimes/10000 inhabitants"),
        ("rate_per(count(pm2_5), 12, 100)", "1/100 1"),
        ("degree_days(mean(temperature), 18) * 2", "K.d"),
        ("sum(thefts) / population()", "crimes/inhabitants"),
        ("lden(leq(sound_level, day), 50, leq(sound_level, night)) + 1", "dB"),
        ("ratio(12, sum(thefts))", "1/crimes"),
        ("highest(1, mean(no2), mean(o3), 3)", "ug/m3"),
        ("level_of_service(mean(vehicle_speed), 50)", "1"),
    ],
)
def test_units_go_through(formula: str, unit: str) -> None:
    assert unit_of(formula) == units.show(units.parse(unit))


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("humidex(mean(temperature), mean(temperature))", r"column 28: wanted % as humidity of humidex, got 'degC'"),
        ("humidex(mean(humidity), mean(temperature))", r"column 9: wanted degC as temperature of humidex, got '%'"),
        ("lden(leq(sound_level), leq(sound_level), mean(pm2_5))", r"column 42: wanted dB as night of lden, got 'ug/m3'"),
        ("eaqi(mean(pm2_5), mean(pm10))", r"wanted eaqi with 5 arguments, as eaqi\(pm2_5 ug/m3, pm10 ug/m3, .*\), got 2"),
        ("travel_time_index(mean(travel_time), mean(vehicle_speed))", r"wanted one unit, s, got 'km/h'"),
        ("rate_per(sum(thefts), sum(residents), sum(total))", r"column 39: wanted a number above zero as base of rate_per, got '1'"),
        ("rate_per(sum(thefts), sum(residents), -5)", r"wanted a number above zero as base of rate_per"),
        ("mean(pm2_5) + leq(sound_level)", r"wanted one unit, ug/m3, got 'dB'"),
        ("humidx(mean(temperature), mean(humidity))", r"column 1: wanted one of .*, got 'humidx'; did you mean humidex\?"),
        ("meen(pm2_5)", r"got 'meen'; did you mean mean\?"),
        ("mean(pm25)", r"got 'pm25'; did you mean pm2_5\?"),
        ("leq(sound_level, evning)", r"column 18: wanted a part of the day: day, evening, night, got 'evning'; did you mean evening\?"),
        ("mean(pm2_5, popluation)", r"or a weight: count, population, got 'popluation'; did you mean population\?"),
        ("sum(pm2_5, population)", r"wanted no weight but mean's: count, population, got 'sum weighted by population'"),
        ("population(3)", r"population\(\) without arguments"),
        ("population()", r"wanted at least one aggregate"),
        ("mean(xyzzy)", r"got 'xyzzy'$"),
    ],
)
def test_a_wrong_call_says_column_wanted_got_and_what_was_meant(formula: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        compile_kpi(kpi("k", formula, "1", "day"), QUANTITIES)


def test_a_percentile_that_a_histogram_cannot_hold_is_refused() -> None:
    wide = {"wide": quantity("wide", "1", 0.0001)}
    with pytest.raises(FormulaError, match="so that a histogram holds it"):
        compile_kpi(kpi("k", "p95(wide)", "1", "day"), wide)


def test_a_weighted_sum_that_could_pass_its_bits_is_refused() -> None:
    wide = {"wide": quantity("wide", "1", 0.0001)}
    with pytest.raises(FormulaError, match="so that weighted sums fit"):
        compile_kpi(kpi("k", "mean(wide, population)", "1", "day"), wide)
    assert compile_kpi(kpi("k", "mean(wide, count)", "1", "day"), wide).aggregates[0].weight == "count"


BASE = kpi("base", "mean(pm2_5)", "ug/m3", "day")


@pytest.mark.parametrize(
    ("formula", "window", "kpis", "said"),
    [
        ("mean(pm2_5) - at(base, -7d)", "day", (BASE,), ""),
        ("mean(pm2_5) - at( base ,- 5w )", "day", (BASE,), ""),
        ("mean(pm2_5) - at(base, -36d)", "day", (BASE,), "wanted at least one window and at most 35 days back, got '-36d'"),
        ("mean(pm2_5) - at(base, -0d)", "day", (BASE,), "wanted at least one window"),
        ("mean(pm2_5) - at(base, -24h)", "day", (BASE,), r"wanted whole days \(d\) or weeks \(w\) back for the window day, got '-24h'"),
        ("mean(pm2_5) - at(base, -7y)", "day", (BASE,), r"wanted minus a number of h \(hours\), d \(days\) or w \(weeks\), got '-7y'"),
        ("mean(pm2_5) - at(base, 7d)", "day", (BASE,), r"wanted an expression; another KPI's earlier value is at\(kpi, -7d\)"),
        ("mean(pm2_5) - at(base, -7)", "day", (BASE,), r"column 15: wanted at\(kpi, -7d\): a KPI, and minus a number"),
        ("mean(pm2_5) - at(bse, -7d)", "day", (BASE,), r"column 15: wanted a KPI of the catalogue, got 'bse'; did you mean base\?"),
        ("mean(pm2_5) - at(base, -7d)", "hour", (BASE,), "wanted a KPI of the same window, hour, got 'base per day'"),
        ("mean(pm2_5) - at(k, -7d)", "day", (), "wanted a KPI of the catalogue, got 'k'"),
        ("mean(pm2_5) - at(k, -7d)", "day", (kpi("k", "mean(pm2_5)", "ug/m3", "day"),), "that do not rest on each other in a ring, got 'k -> k'"),
        ("mean(pm2_5) - at(a, -1d)", "day", (kpi("a", "mean(no2) - at(k, -2d)", "ug/m3", "day"),), "in a ring, got 'k -> a -> k'"),
        ("mean(pm2_5) - at(m, -30d)", "month", (kpi("m", "mean(pm2_5)", "ug/m3", "month"),), "wanted a window of a day or shorter"),
        ("leq(sound_level) - at(base, -7d)", "day", (BASE,), "wanted one unit, dB, got 'ug/m3'"),
        ("mean(pm2_5) - at(c, -7d)", "day", (kpi("c", "mean(pm2_5)", "ug/m3", "day", levels=("city",)),), "got 'c without neighbourhood, district'"),
        ("at(base, -7d)", "day", (BASE,), "wanted at least one aggregate"),
    ],
)  # fmt: skip
def test_looking_back_is_checked_at_load(formula: str, window: str, kpis: tuple[Kpi, ...], said: str) -> None:
    known = {each.id: each for each in kpis}
    mine = kpi("k", formula, "ug/m3", window)
    if said:
        with pytest.raises(FormulaError, match=said):
            compile_kpi(mine, QUANTITIES, known)
    else:
        plan = compile_kpi(mine, QUANTITIES, known)
        (base,) = plan.bases
        assert base.id in plan.inputs
        assert base.id in plan.explain()[0]


def test_every_function_and_aggregate_of_the_catalogue_is_documented() -> None:
    """Formulas of the catalogue use nothing that the page for analysts does not explain."""
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "analyst" / "formula.md").read_text(encoding="utf-8")
    for each in load_catalogue().kpis.values():
        for name in re.findall(r"([a-z0-9_]+)\(", each.formula):
            assert re.fullmatch(r"p\d+", name) or f"`{name}(" in page, name
