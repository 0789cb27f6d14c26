"""Every indicator has bands and a target, or docs/analyst/targets.md says why it has none; what the law limits by its own time has that limit."""

import re

import pytest

from catalog.load import HOME, load_catalogue
from catalog.records import Kpi

KPIS = load_catalogue().kpis
PAGE = (HOME.parent / "docs" / "analyst" / "targets.md").read_text(encoding="utf-8")


def named(heading: str) -> list[str]:
    """The indicators in the table below a heading of the page."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"`(\w+)`", section)


def test_what_has_no_bands_has_a_reason() -> None:
    assert sorted(named("Without bands")) == [kpi.id for kpi in KPIS.values() if kpi.better != "neither" and not kpi.bands]


def test_what_has_no_target_has_a_reason() -> None:
    without = [kpi.id for kpi in KPIS.values() if kpi.better != "neither" and kpi.target is None]
    assert sorted([*named("Without bands"), *named("Without a target")]) == without


def test_what_is_better_neither_way_promises_nothing() -> None:
    assert [kpi.id for kpi in KPIS.values() if kpi.better == "neither" and kpi.target] == []


LIMITS = {
    "pm2_5_day": 25.0,
    "pm2_5_year": 10.0,
    "pm10_day": 45.0,
    "no2_hour": 200.0,
    "no2_day": 50.0,
    "no2_year": 20.0,
    "so2_hour": 350.0,
}
"""Directive (EU) 2024/2881, annex I, from 2030, where an indicator has the limit's own averaging time."""


@pytest.mark.parametrize("id_", LIMITS)
def test_a_limit_of_the_directive_is_the_target(id_: str) -> None:
    target = KPIS[id_].target
    assert target is not None
    assert (target.value, target.by, target.goal) == (LIMITS[id_], "2030-01-01", "clean-air")


PARKING = [kpi for kpi in KPIS.values() if kpi.id.startswith("parking_")]


@pytest.mark.parametrize("kpi", PARKING, ids=[kpi.id for kpi in PARKING])
def test_parking_answers_to_the_clause_on_transport(kpi: Kpi) -> None:
    assert (kpi.indicator_code, kpi.indicator_verified) == ("ISO 37120:2018 clause 19", False)


def test_names_are_unique_in_every_language() -> None:
    for language in ("en", "fr", "nl"):
        names = [kpi.names[language] for kpi in KPIS.values()]
        assert len(set(names)) == len(names), language


def test_the_who_has_one_word_in_dutch() -> None:
    texts = [text for kpi in KPIS.values() for text in (kpi.descriptions["nl"], *(band.names["nl"] for band in kpi.bands))]
    assert [text for text in texts if "richtwaarde" in text] == []
    assert any("WHO-advieswaarde" in text for text in texts)


PARTED = [kpi for kpi in KPIS.values() if re.search(r", (day|evening|night)\)", kpi.formula)]


@pytest.mark.parametrize("kpi", PARTED, ids=[kpi.id for kpi in PARTED])
def test_a_second_opinion_says_for_which_hours_it_holds(kpi: Kpi) -> None:
    """No table has the hours of city.toml, so SQL cannot know others than the default."""
    assert "-- Right for the default hours only" in kpi.check_sql
