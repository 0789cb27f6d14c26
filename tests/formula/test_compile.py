"""The formula language: what it takes, what it refuses and in which words, what it computes."""

import math

import numpy as np
import pytest

from catalog.records import Kpi
from formula.compile import compile_kpi
from formula.errors import FormulaError
from formula.functions import FUNCTIONS as PURE
from formula.spec import FUNCTIONS, AggregateSpec, key, parse_id, parse_key
from tests.stream.partials import kpi, quantity

QUANTITIES = {
    each.id: each
    for each in (
        quantity("pm2_5", "ug/m3", 0.1),
        quantity("no2", "ug/m3", 0.1),
        quantity("sound_level", "dB", 0.1),
        quantity("temperature", "degC", 0.1),
        quantity("fill_level", "%", 1.0),
        quantity("weighted", "dB(A)", 0.1),
        quantity("bicycles", "bicycles", 1.0),
        quantity("vehicles", "vehicles", 1.0),
        quantity("meter", "kWh", 1.0, counter=True),
    )
}


def compiled(formula: str, unit: str, window: str = "day") -> object:
    return compile_kpi(kpi("k", formula, unit, window), QUANTITIES)


@pytest.mark.parametrize(
    ("formula", "unit", "aggregates"),
    [
        ("mean(pm2_5)", "ug/m3", ["mean(pm2_5)"]),
        ("leq(sound_level, night)", "dB", ["leq(sound_level,night)"]),
        ("p95(pm2_5)", "ug/m3", ["p95(pm2_5)"]),
        ("percentile(pm2_5, 99.5, day)", "ug/m3", ["percentile(pm2_5,99.5,day)"]),
        ("percentile(pm2_5, 50)", "ug/m3", ["p50(pm2_5)"]),
        ("time_share(fill_level, 80)", "1", ["time_share(fill_level,80)"]),
        ("time_share(temperature, -2.5)", "1", ["time_share(temperature,-2.5)"]),
        ("ratio(sum(bicycles), sum(vehicles))", "bicycles/vehicles", ["sum(bicycles)", "sum(vehicles)"]),
        ("ratio(mean(pm2_5), mean(no2))", "1", ["mean(no2)", "mean(pm2_5)"]),
        ("percent(1 - ratio(count(no2), count(pm2_5)))", "%", ["count(no2)", "count(pm2_5)"]),
        ("clamp(mean(pm2_5) + mean(no2), 0, 100) / 2", "ug/m3", ["mean(no2)", "mean(pm2_5)"]),
        ("mean(pm2_5) - mean(pm2_5)", "ug/m3", ["mean(pm2_5)"]),
        ("-lowest(mean(temperature), 3)", "degC", ["mean(temperature)"]),
        ("increase(meter)", "kWh", ["increase(meter)"]),
        ("count_devices(pm2_5)", "1", ["count_devices(pm2_5)"]),
        ("leq(sound_level, day) - leq(sound_level, night)", "dB", ["leq(sound_level,day)", "leq(sound_level,night)"]),
        ("leq(sound_level) + (max(sound_level) - min(sound_level))", "dB", ["leq(sound_level)", "max(sound_level)", "min(sound_level)"]),
        ("highest(last(sound_level), p95(sound_level) + 3) * 1", "dB", ["last(sound_level)", "p95(sound_level)"]),
        ("clamp(mean(pm2_5), 10, 10)", "ug/m3", ["mean(pm2_5)"]),
        ("mean(pm2_5) / (2 - 1)", "ug/m3", ["mean(pm2_5)"]),
    ],
)
def test_a_formula_gives_its_aggregates_sorted_and_canonical(formula: str, unit: str, aggregates: list[str]) -> None:
    plan = compile_kpi(kpi("k", formula, unit, "day"), QUANTITIES)
    assert [spec.id for spec in plan.aggregates] == aggregates
    assert plan.quantities == tuple(sorted({spec.quantity for spec in plan.aggregates}))
    assert all(parse_id(spec.id) == spec and parse_key(key(spec, "day")) == (spec, "day") for spec in plan.aggregates)
    assert len(plan.explain()) == 1 + len(aggregates)


@pytest.mark.parametrize(
    ("formula", "unit", "window", "said"),
    [
        ("meen(pm2_5)", "ug/m3", "day", r"kpi k: formula, column 1: wanted one of mean, .*, got 'meen'"),
        ("mean(pm25)", "ug/m3", "day", r"wanted a quantity of the catalogue: .*pm2_5.*, got 'pm25'"),
        ("pm2_5", "ug/m3", "day", r"wanted an aggregate of it, as mean\(pm2_5\)"),
        ("2", "1", "day", "wanted at least one aggregate"),
        ("mean(mean(pm2_5))", "ug/m3", "day", r"column 6: wanted a quantity \(aggregates are not nested\)"),
        ("mean(ratio(1, 2))", "1", "day", "aggregates are not nested"),
        ("mean(pm2_5) + leq(sound_level)", "ug/m3", "day", "wanted one unit, ug/m3, got 'dB'"),
        ("leq(sound_level) * mean(pm2_5)", "dB", "day", "wanted units that multiply"),
        ("1 / mean(temperature)", "1", "day", "wanted units that multiply"),
        ("mean(pm2_5)", "mg/m3", "day", r"kpi k: unit: wanted ug/m3, which the formula gives, got 'mg/m3'"),
        ("ratio(mean(no2), mean(pm2_5))", "%", "day", r"percent\(…\)"),
        ("percent(mean(pm2_5))", "%", "day", "wanted 1 as share of percent, got 'ug/m3'"),
        ("leq(pm2_5)", "ug/m3", "day", "wanted leq of a level in dB"),
        (
            "sum(sound_level)",
            "dB",
            "day",
            r"wanted leq\(sound_level\): levels are averaged with leq, decibels do not add up, got 'sum\(sound_level\)'",
        ),
        ("mean(sound_level)", "dB", "day", r"column 1: wanted leq\(sound_level\): .*, got 'mean\(sound_level\)'"),
        ("mean(sound_level, count)", "dB", "day", r"wanted leq\(sound_level\): .*, got 'mean\(sound_level,count\)'"),
        ("mean(sound_level, population, night)", "dB", "day", r"got 'mean\(sound_level,population,night\)'"),
        ("time_mean(weighted)", "dB(A)", "hour", r"wanted leq\(weighted\): .*, got 'time_mean\(weighted\)'"),
        ("last_sum(sound_level)", "dB", "hour", "decibels do not add up"),
        (
            "leq(sound_level, day) + leq(sound_level, night)",
            "dB",
            "day",
            "wanted levels averaged with leq, or their difference: decibels do not add up",
        ),
        ("(leq(sound_level) + p95(sound_level)) / 2", "dB", "day", "decibels do not add up"),
        ("leq(sound_level) / 2 + max(sound_level) / 2", "dB", "day", "decibels do not add up"),
        ("leq(sound_level) - -max(sound_level)", "dB", "day", "decibels do not add up"),
        ("sum(temperature)", "degC", "day", r"wanted a quantity that adds up, not one in degC: take its mean, min or max, got 'sum\(temperature\)'"),
        ("last_sum(fill_level)", "%", "day", r"wanted a quantity that adds up, not one in %"),
        ("sum(temperature) / count(temperature)", "degC", "day", "wanted a quantity that adds up"),
        ("mean(pm2_5) / 0", "ug/m3", "day", "column 15: wanted something that is not always zero to divide by, got '0'"),
        ("ratio(mean(pm2_5), 2 - 2)", "ug/m3", "day", r"column 20: wanted something that is not always zero to divide by, got '\(2 - 2\)'"),
        ("rate_per(count(pm2_5), 0, 1000)", "1", "day", "wanted something that is not always zero"),
        ("clamp(mean(pm2_5), 10, 0)", "ug/m3", "day", r"wanted clamp\(value, low, high\) with low at most high, got 'low 10 and high 0'"),
        ("degree_days(mean(temperature), 18)", "K.d", "month", "wanted the window day for degree_days: .*, got 'month'"),
        ("cooling_degree_days(mean(temperature), 18)", "K.d", "hour", "wanted the window day for cooling_degree_days"),
        ("leq(sound_level, night)", "dB", "hour", "wanted a window of a day or longer for the part night, got 'hour'"),
        ("leq(sound_level, noon)", "dB", "day", "wanted a part of the day: day, evening, night, got 'noon'"),
        ("mean(meter)", "kWh", "day", "wanted for the counter meter one of"),
        ("increase(pm2_5)", "ug/m3", "day", "wanted increase of a quantity with counter = true"),
        ("p101(pm2_5)", "ug/m3", "day", "wanted a rank from 0 to 100"),
        ("percentile(pm2_5)", "ug/m3", "day", "wanted a rank from 0 to 100, got None"),
        ("time_share(fill_level)", "1", "day", "wanted a threshold in the quantity's unit"),
        ("mean(pm2_5, 3)", "ug/m3", "day", "wanted no number in mean"),
        ("mean()", "ug/m3", "day", "wanted mean of a quantity"),
        ("clamp(mean(pm2_5), 1)", "ug/m3", "day", r"wanted clamp with 3 arguments, as clamp\(value <a>, low <a>, high <a>\), got 2"),
        ("mean(pm2_5) ** 2", "1", "day", r"wanted numbers, \+ - \* /"),
        ("mean(quantity=pm2_5)", "1", "day", "wanted numbers"),
        ("__import__('os').system('true')", "1", "day", "wanted numbers"),
        ("(lambda: 1)()", "1", "day", "wanted numbers"),
        ("mean(pm2_5", "ug/m3", "day", "wanted an expression"),
        ("True * mean(pm2_5)", "ug/m3", "day", "wanted numbers"),
        ("+".join(["mean(pm2_5)"] * 200), "ug/m3", "day", "wanted at most 1000 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_with_place_wanted_and_got(formula: str, unit: str, window: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        compile_kpi(kpi("k", formula, unit, window), QUANTITIES)


@pytest.mark.parametrize(
    ("formula", "unit", "inputs", "wanted"),
    [
        ("percent(1 - ratio(count(no2), 4))", "%", {"count(no2)": [1.0, math.nan]}, [75.0, None]),
        ("ratio(mean(no2), mean(pm2_5))", "1", {"mean(no2)": [1.0, 1.0], "mean(pm2_5)": [4.0, 0.0]}, [0.25, None]),
        ("clamp(mean(pm2_5), 0, 10)", "ug/m3", {"mean(pm2_5)": [-1.0, 5.0, 11.0]}, [0.0, 5.0, 10.0]),
        ("highest(mean(pm2_5), mean(no2), 2)", "ug/m3", {"mean(pm2_5)": [1.0, 3.0], "mean(no2)": [1.5, math.nan]}, [2.0, None]),
        ("lowest(mean(pm2_5), 2) * -3", "ug/m3", {"mean(pm2_5)": [1.0, 3.0]}, [-3.0, -6.0]),
        ("abs(mean(temperature) - 5)", "degC", {"mean(temperature)": [3.0, 7.5]}, [2.0, 2.5]),
        ("share(mean(fill_level))", "1", {"mean(fill_level)": [50.0]}, [0.5]),
        ("mean(pm2_5) * 1e299 * 1e299", "ug/m3", {"mean(pm2_5)": [1.0, 0.0]}, [None, 0.0]),
    ],
)
def test_a_plan_computes_and_missing_goes_through(formula: str, unit: str, inputs: dict[str, list[float]], wanted: list[float | None]) -> None:
    plan = compile_kpi(kpi("k", formula, unit, "day"), QUANTITIES)
    got = plan.evaluate({name: np.array(values) for name, values in inputs.items()})
    assert [None if math.isnan(value) else value for value in got.tolist()] == wanted


def test_a_plan_names_the_input_that_is_not_there() -> None:
    plan = compile_kpi(kpi("k", "mean(pm2_5)", "ug/m3", "day"), QUANTITIES)
    with pytest.raises(FormulaError, match=r"none for mean\(pm2_5\)"):
        plan.evaluate({})


@pytest.mark.parametrize(
    "text",
    ["mean(pm2_5", "mean()", "meen(a)", "p050(a)", "mean(a,noon)", "percentile(a,95)", "time_share(a,1.50)", "time_share(a)"],
)
def test_an_id_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        parse_id(text)


def test_every_function_is_in_the_messages() -> None:
    with pytest.raises(FormulaError) as caught:
        compiled("nothing(pm2_5)", "1")
    assert set(FUNCTIONS) | set(PURE) <= set(caught.value.wanted.removeprefix("one of ").split(", "))


def test_specs_are_values() -> None:
    assert AggregateSpec("mean", "a") == AggregateSpec("mean", "a", "", None)
    assert isinstance(kpi("k", "mean(a)", "1", "day"), Kpi)
