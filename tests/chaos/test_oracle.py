"""The batch oracle against numbers worked out by hand, and against the other slow forms."""

import math

import numpy as np
import pandas as pd
import pytest

from chaos import rules
from chaos.oracle import Oracle, Passed
from chaos.oracle_formula import Formula, Inputs, UnknownFormulaError
from chaos.oracle_sums import Call
from formula.spec import AggregateSpec
from tests.chaos.made import (
    CITY,
    DEVICES,
    GROUND,
    KINDS,
    KPIS,
    MINUTE,
    PASSED,
    QUANTITIES,
    SECOND,
    START,
    UNTIL,
    judged,
    kpi,
    oracle_of,
    sent_rows,
    stored_of,
)
from tests.oracles.aggregates import Reading, aggregate

SENT = sent_rows()


def one(**more: object) -> pd.DataFrame:
    """A single reading of box-0 that arrives as it should, but for what is given."""
    plain = {
        "device": "box-0",
        "quantity": "dust",
        "measured_us": START,
        "value": 12.3,
        "has_time": True,
        "sent_us": START,
        "acked_us": START + 1,
        "message": 0,
    }
    return pd.DataFrame([plain | more])


@pytest.mark.parametrize(
    ("case", "given", "fate", "reason"),
    [
        ("as it should be", {}, "stored", ""),
        ("five minutes ahead", {"measured_us": START + 300 * SECOND}, "stored", ""),
        ("ahead for longer, and received who knows when", {"measured_us": START + 301 * SECOND}, "open", ""),
        ("ahead, whenever it was received", {"measured_us": UNTIL + 301 * SECOND}, "refused", "time_in_future"),
        ("as old as its kind allows", {"measured_us": UNTIL - 900 * SECOND}, "stored", ""),
        ("too old where it was received late", {"measured_us": UNTIL - 901 * SECOND}, "open", ""),
        ("too old", {"measured_us": START - 901 * SECOND}, "refused", "time_too_old"),
        ("without a time", {"measured_us": 0, "has_time": False}, "stored", ""),
        ("never acknowledged", {"acked_us": 0}, "open", ""),
        ("impossible", {"value": 1e7}, "refused", "out_of_range"),
        ("no number", {"value": math.inf}, "refused", "not_finite"),
        ("of nobody", {"device": "ghost"}, "refused", "unknown_device"),
        ("of nothing that its kind measures", {"quantity": "free"}, "refused", "unknown_quantity"),
        ("in no unit of it", {"unit": "parsecs"}, "refused", "wrong_unit"),
        ("broken", {"fault": "malformed"}, "refused", "malformed"),
    ],
)
def test_arrival_knows_what_must_be_there(case: str, given: dict[str, object], fate: str, reason: str) -> None:
    found = judged(one(**given)).iloc[0]
    assert (found["fate"], found["reason"]) == (fate, reason), case


def test_what_was_never_sent_is_not_there() -> None:
    assert judged(one(sent_us=0)).empty


def test_values_are_rounded_half_to_even_steps_and_held_against_the_plausible_range() -> None:
    found = judged(pd.concat([one(value=value) for value in (0.25, 0.35, 500.04, 500.06, -0.04)]))
    assert found["integer"].tolist() == [2, 3, 5000, 5001, 0]
    assert found["value"].tolist() == [0.2, 0.3, 500.0, 500.1, 0.0]
    assert found["plausible"].tolist() == [True, True, True, False, True]


def test_a_unit_is_converted_before_it_is_rounded() -> None:
    from catalog.load import load_catalogue

    catalogue = load_catalogue()
    kind = catalogue.kinds["weather"]
    sent = one(quantity="temperature", value=300.0, unit="K")
    found = rules.judge(
        sent,
        {"box-0": type(DEVICES["box-0"])(id="box-0", city="town", kind="weather", area="town.a", latitude=0, longitude=0)},
        {"weather": kind},
        catalogue.quantities,
        UNTIL,
    )
    assert found["value"].tolist() == [26.85]


ORACLE = oracle_of(SENT, stored_of(SENT))


def readings(quantity: str, areas: tuple[str, ...]) -> list[Reading]:
    rows = SENT[(SENT["quantity"] == quantity) & SENT["device"].isin([device.id for device in DEVICES.values() if device.area in areas])]
    step = QUANTITIES[quantity].resolution
    holds = {kind.id: round((kind.max_hold_s or 3 * kind.cadence_s) * SECOND) for kind in KINDS.values()}
    return [Reading(row.device, row.measured_us, round(row.value / step) * step, holds[DEVICES[row.device].kind]) for row in rows.itertuples()]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("mean", AggregateSpec("mean", "dust")),
        ("high", AggregateSpec("percentile", "dust", argument=95.0)),
        ("grown", AggregateSpec("increase", "drawn")),
        ("held", AggregateSpec("time_mean", "free")),
        ("loud", AggregateSpec("leq", "level")),
    ],
)
@pytest.mark.parametrize("area", ["town", "town.a", "town.b"])
def test_values_are_those_of_the_other_slow_form(name: str, spec: AggregateSpec, area: str) -> None:
    found = ORACLE.judge(KPIS[name])
    areas = ("town.a", "town.b") if area == "town" else (area,)
    compared = 0
    for (where, start), final in found.finals.items():
        if where == area and final.state == "ok":
            assert final.value == pytest.approx(aggregate(spec, readings(spec.quantity, areas), (start, start + MINUTE), CITY), rel=1e-9)
            compared += 1
    assert compared >= 4 - (area == "town.b")


def test_every_window_up_to_the_lowest_watermark_is_owed_and_a_silent_one_says_so() -> None:
    found = ORACLE.judge(KPIS["mean"])
    assert found.owed == {(area, START + n * MINUTE) for area in ("town", "town.a", "town.b") for n in range(5)}
    silent = found.finals["town.b", START + 2 * MINUTE]
    assert (silent.value, silent.state, silent.coverage, silent.devices) == (None, "no_data", 0.0, 0)
    full = found.finals["town", START]
    assert (full.state, full.coverage, full.devices) == ("ok", 1.0, 3)
    both = ORACLE.judge(KPIS["share"])
    assert {start for _, start in both.owed} == {START + n * MINUTE for n in range(4)}, "the slower kind decides"


def test_coverage_counts_what_a_device_owes_and_no_more() -> None:
    few = SENT[~((SENT["device"] == "box-0") & (SENT["measured_us"] < START + 30 * SECOND))]
    doubled = few[(few["device"] == "box-1")].assign(measured_us=lambda rows: rows["measured_us"] + 1)
    finals = oracle_of(pd.concat([few, doubled]), stored_of(pd.concat([few, doubled]))).judge(KPIS["mean"]).finals
    assert finals["town.a", START].coverage == 9 / 12
    assert finals["town", START].coverage == 15 / 18


def test_below_its_coverage_a_window_has_no_number() -> None:
    few = SENT[~((SENT["device"] != "box-1") & (SENT["quantity"] == "dust"))]
    final = oracle_of(few, stored_of(few)).judge(KPIS["mean"]).finals["town", START]
    assert (final.value, final.state, final.devices) == (None, "not_enough_data", 1)


def test_nothing_is_owed_where_a_kind_has_no_watermark_yet() -> None:
    unknown = Passed({"box": None, "meter": START + 4 * MINUTE}, UNTIL, {})
    good = judged(SENT)
    assert not Oracle(GROUND, good, unknown).judge(KPIS["mean"]).owed
    assert Oracle(GROUND, good, unknown).judge(KPIS["held"]).owed


def test_a_window_before_the_devices_were_due_is_owed_where_somebody_spoke_in_it() -> None:
    early = pd.concat([SENT, one(measured_us=START - 30 * SECOND)])
    found = oracle_of(early, stored_of(early)).judge(
        KPIS["mean"], [("town.a", START - 2 * MINUTE), ("town.b", START - MINUTE), ("town", START + 5 * MINUTE)]
    )
    assert {key for key in found.owed if key[1] < START} == {("town", START - MINUTE), ("town.a", START - MINUTE)}
    assert found.finals["town.a", START - MINUTE].coverage == 1.0
    assert found.allowed == {("town", START + 5 * MINUTE)}


def test_an_implausible_reading_enters_nothing() -> None:
    wild = pd.concat([SENT, one(measured_us=START + 1, value=700.0)])
    assert oracle_of(wild, stored_of(wild)).judge(KPIS["high"]).finals == ORACLE.judge(KPIS["high"]).finals


@pytest.mark.parametrize(("further_us", "enters"), [(0, True), (1, False)])
def test_a_reading_further_ahead_of_its_receipt_than_its_kind_allows_enters_nothing(further_us: int, enters: bool) -> None:
    ahead = pd.concat([SENT, one(measured_us=START + 60 * SECOND + 5_000 + further_us, value=444.0)])
    stored = stored_of(ahead)
    assert stored.iloc[-1]["received_us"] == START + 5_000
    assert (oracle_of(ahead, stored).judge(KPIS["high"]).finals != ORACLE.judge(KPIS["high"]).finals) == enters


def test_that_a_reading_was_received_before_it_was_sent_is_not_believed() -> None:
    ahead = pd.concat([SENT, one(measured_us=START + 60 * SECOND - 7, value=444.0)])
    stored = stored_of(ahead)
    stored.loc[stored.index[-1], "received_us"] = START - 8
    assert oracle_of(ahead, stored).judge(KPIS["high"]).finals != ORACLE.judge(KPIS["high"]).finals


def test_another_kpi_is_looked_back_at() -> None:
    back = kpi("more", "mean(dust) - at(mean, -1h)")
    ground = GROUND._replace(kpis={**KPIS, "more": back})
    later = SENT[SENT["quantity"] == "dust"].assign(
        measured_us=lambda rows: rows["measured_us"] + 3_600 * SECOND, value=lambda rows: rows["value"] + 1.0
    )
    good = pd.concat([judged(SENT), later.assign(integer=rules.to_steps(later["value"], QUANTITIES["dust"]))])
    passed = PASSED._replace(watermarks=dict.fromkeys(KINDS, START + 3_605 * SECOND + 5 * MINUTE), now_us=START + 4_000 * SECOND)
    found = Oracle(ground, good, passed).judge(back).finals
    assert found["town", START + 3_600 * SECOND].value == pytest.approx(1.0)
    assert found["town", START].state == "not_enough_data"


@pytest.mark.parametrize(
    ("formula", "tolerance"), [("sum(dust)", 0.0), ("p95(dust)", 0.0), ("mean(dust)", 1e-12), ("leq(level)", 1e-9), ("sum(dust) / sum(free)", 1e-9)]
)
def test_what_may_differ_follows_from_the_formula(formula: str, tolerance: float) -> None:
    assert Formula(kpi("x", formula)).tolerance == tolerance


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("clamp(sum(dust) * 2, 0, 5)", 5.0),
        ("percent(1 - ratio(sum(dust), 4))", 25.0),
        ("ratio(sum(dust), sum(dust) - 3)", None),
        ("highest(sum(dust), -sum(free))", 3.0),
        ("lowest(sum(dust), sum(level))", None),
        ("eaqi(sum(dust), sum(level), sum(level), sum(level), sum(level))", 1.0),
        ("rate_per(sum(dust), population(), 1000)", 50.0),
        ("humidex(sum(dust), sum(dust) * 40)", None),
    ],
)
def test_formulas_are_read_as_they_are_written(formula: str, wanted: float | None) -> None:
    read = Formula(kpi("x", formula))
    given = {call: {"dust": 3.0, "free": 4.0}.get(call.quantity) for call in read.calls}
    assert read.value(Inputs(given, {}, 60.0)) == wanted


def test_what_it_cannot_compute_it_refuses() -> None:
    read = Formula(kpi("x", "phlogiston(sum(dust))"))
    with pytest.raises(UnknownFormulaError, match="phlogiston"):
        read.value(Inputs({Call("sum", "dust"): 1.0}, {}, 0.0))


def test_withheld_numbers_are_not_guessed() -> None:
    with pytest.raises(UnknownFormulaError, match="smallest count of 5"):
        ORACLE.judge(kpi("x", "sum(dust)", smallest_count=5))


def test_every_kpi_of_the_catalogue_can_be_read() -> None:
    from catalog.load import load_catalogue

    catalogue = load_catalogue()
    for record in catalogue.kpis.values():
        read = Formula(record)
        given = dict.fromkeys(read.calls, 3.0)
        value = read.value(Inputs(given, dict.fromkeys(read.earlier, 2.0), 10_000.0))
        assert value is None or np.isfinite(value), record.id
        assert read.quantities <= catalogue.quantities.keys()
