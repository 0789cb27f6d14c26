"""Which values of KPIs about people are withheld, and which counts a KPI may have."""

import math

import msgspec
import numpy as np
import pytest

from catalog import check
from catalog.errors import ConfigError
from catalog.load import load_catalogue
from formula.compile import compile_kpi
from formula.errors import FormulaError
from formula.outcome import STATES, outcome
from formula.plan import Plan
from formula.suppress import Among, above_of, withheld
from formula.tree import Aggregate, leaves
from tests.stream.partials import kpi, quantity

QUANTITIES = {
    each.id: each
    for each in (
        quantity("crimes", "offences", 1.0),
        quantity("residents", "persons", 1.0),
        quantity("wait", "d", 1.0),
        quantity("solved", "offences", 1.0),
    )
}
RATE = kpi("rate", "1000 * ratio(sum(crimes), last_sum(residents))", "offences/persons", "month", smallest_count=5, counts=("sum(crimes)",))
WAIT = kpi("wait", "mean(wait)", "d", "month", smallest_count=5, counts=("sum(crimes)",))
SHARE = kpi("share", "ratio(sum(solved), sum(crimes))", "1", "month", smallest_count=5, counts=("sum(solved)", "sum(crimes) - sum(solved)"))
CITY = Among(np.array([-1, 0, 0, 0]))
"""A city and its three districts."""


def plan(of: object = RATE) -> Plan:
    return compile_kpi(of, QUANTITIES)  # type: ignore[arg-type]


def states(crimes: list[float], among: Among | None, residents: float = 1e4, devices: list[int] | None = None) -> list[str]:
    given = {"sum(crimes)": np.array(crimes), "last_sum(residents)": np.full(len(crimes), residents)}
    there = np.array([1] * len(crimes) if devices is None else devices)
    found = outcome(plan(), given, there * 10, there * 10, there, among=among)
    assert (np.isfinite(found.value) == (found.state == 0)).all()
    return [STATES[state][:2] for state in found.state.tolist()]


@pytest.mark.parametrize(
    ("case", "crimes", "wanted"),
    [
        ("one to four offences have no number", [1, 4, 5, 90], ["su", "su", "ok", "ok"]),
        ("none is a number", [0, 5, 6, 7], ["ok", "ok", "ok", "ok"]),
    ],
)
def test_small_numbers_are_withheld_where_they_are(case: str, crimes: list[float], wanted: list[str]) -> None:
    assert states(crimes, None) == wanted, case


@pytest.mark.parametrize(
    ("case", "crimes", "wanted"),
    [
        ("one small district takes the smallest other along", [60, 3, 20, 37], ["ok", "su", "su", "ok"]),
        ("two that keep each other do not", [60, 3, 3, 54], ["ok", "su", "su", "ok"]),
        ("with zeros beside it the total goes", [4, 4, 0, 0], ["su", "su", "ok", "ok"]),
        ("nothing is small", [60, 20, 20, 20], ["ok", "ok", "ok", "ok"]),
    ],
)
def test_a_small_number_does_not_follow_from_the_total(case: str, crimes: list[float], wanted: list[str]) -> None:
    assert states(crimes, CITY) == wanted, case


def test_a_silent_area_is_known_to_have_nothing_and_gives_no_cover() -> None:
    assert states([23, 3, 20, math.nan], CITY, devices=[2, 1, 1, 0]) == ["ok", "su", "su", "no"]
    assert states([3, 3, math.nan, math.nan], CITY, devices=[1, 1, 0, 0]) == ["su", "su", "no", "no"]


def test_an_unknown_number_of_persons_is_a_small_one() -> None:
    value, devices = np.array([40.0, 41.0]), np.array([3, 3])
    assert withheld(plan(WAIT), {"sum(crimes)": np.array([math.nan, 12.0]), "mean(wait)": value}, value, devices, None).tolist() == [True, False]
    without = plan(msgspec.structs.replace(WAIT, counts=()))
    assert withheld(without, {"mean(wait)": value}, value, devices, None).all(), "a definition from before counts were said"


def test_while_the_window_is_open_there_is_no_number() -> None:
    assert states([60, 20, 20, 20], CITY._replace(is_open=True)) == ["su"] * 4
    assert states([60, 20, 20, math.nan], CITY._replace(is_open=True), devices=[1, 1, 1, 0]) == ["su"] * 3 + ["no"]


@pytest.mark.parametrize(
    ("case", "said", "state"),
    [("the same again", 20.0, "ok"), ("one more", 19.0, "su"), ("four fewer", 24.0, "su"), ("five more", 15.0, "ok"), ("never said", math.nan, "ok")],
)
def test_a_change_of_few_is_not_told(case: str, said: float, state: str) -> None:
    among = Among(np.array([-1]), np.array([1000 * said / 1e4]))
    assert states([20.0], among) == [state], case


def test_an_area_that_is_public_already_gives_no_cover() -> None:
    said = np.array([95.0, 9.0, 20.0, 66.0]) / 10
    # The first district fell from nine to four; the others stand as they were said, so only the total can hide it.
    assert states([90, 4, 20, 66], CITY._replace(said=said)) == ["su", "su", "ok", "ok"]


def test_all_counts_of_a_kpi_are_looked_at() -> None:
    given = {"sum(solved)": np.array([50.0, 50.0]), "sum(crimes)": np.array([53.0, 90.0])}
    found = outcome(plan(SHARE), given, np.array([1, 1]), np.array([1, 1]), np.array([1, 1]))
    assert [STATES[state] for state in found.state.tolist()] == ["suppressed", "ok"]


def test_without_a_smallest_count_nothing_is_withheld() -> None:
    free = plan(msgspec.structs.replace(RATE, smallest_count=0, counts=()))
    assert not withheld(free, {}, np.array([1.0, 2.0]), np.array([1, 1]), Among(np.array([-1, -1]), is_open=True)).any()


def test_the_area_above_is_the_nearest_that_the_kpi_has() -> None:
    parents = {"c": None, "c.d": "c", "c.d.n": "c.d", "other": None}
    assert above_of(["c", "c.d.n", "other"], parents).tolist() == [-1, 0, -1]
    assert above_of(["c", "c.d", "c.d.n"], parents).tolist() == [-1, 0, 1]


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        (("mean(crimes)",), "added or taken away"),
        (("sum(crimes) * 2",), "added or taken away"),
        (("sum(crime)",), "did you mean crimes"),
        (("last_sum(residents) - (",), "an expression"),
    ],
)
def test_what_counts_nobody_is_refused_with_its_place(counts: tuple[str, ...], wanted: str) -> None:
    with pytest.raises(FormulaError, match=r"kpi rate: counts\[0\]") as refused:
        plan(msgspec.structs.replace(RATE, counts=counts))
    assert wanted in str(refused.value)


@pytest.mark.parametrize("wrong", [{"counts": ()}, {"smallest_count": 0}, {"smallest_count": 1}])
def test_a_smallest_count_says_what_it_counts(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"kpis/rate\.toml: counts: wanted"):
        check.kpis({"rate": msgspec.structs.replace(RATE, **wrong)}, "kpis")


def test_every_kpi_of_the_catalogue_about_persons_says_whom_it_counts() -> None:
    catalogue = load_catalogue()
    for each in catalogue.kpis.values():
        found = compile_kpi(each, catalogue.quantities, catalogue.kpis)
        assert bool(found.counts) == (each.smallest_count > 1), each.id
        counted = {leaf.spec.quantity for count in found.counts for leaf in leaves(count) if isinstance(leaf, Aggregate)}
        assert all(catalogue.quantities[name].resolution == 1.0 for name in counted), each.id
