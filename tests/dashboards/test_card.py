"""A KPI's card says everything that is promised about it, as `./kompas catalog show` prints it."""

import json

import pytest
from typer.testing import CliRunner

from catalog.cities import load_city
from catalog.errors import ConfigError
from catalog.load import load_catalogue
from catalog.records import LANGUAGES
from cli import catalog as catalog_command
from dashboards.card import card
from formula.compile import compile_kpi

CATALOGUE = load_catalogue()
PACKS = [load_city("brussels"), load_city("zwolle")]
RUN = CliRunner()


@pytest.mark.parametrize("kpi", list(CATALOGUE.kpis.values()), ids=lambda kpi: kpi.id)
def test_a_card_has_plan_inputs_areas_and_panels(kpi) -> None:
    found = card(kpi, CATALOGUE, PACKS, "en")
    plan = compile_kpi(kpi, CATALOGUE.quantities, CATALOGUE.kpis)
    assert found.plan == plan.explain()
    assert [one.quantity for one in found.inputs] == list(plan.quantities)
    assert sorted(aggregate for one in found.inputs for aggregate in one.aggregates) == [spec.id for spec in plan.aggregates]
    for one in found.inputs:
        assert one.kinds, "somebody measures it"
        assert (one.unit, one.resolution) == (CATALOGUE.quantities[one.quantity].unit, CATALOGUE.quantities[one.quantity].resolution)
    assert {shown.board for shown in found.shown} >= {f"kompas-{kind.replace('_', '-')}-en" for one in found.inputs for kind in one.kinds}
    assert all("${" not in shown.panel for shown in found.shown)
    assert set(found.cities) == {"brussels", "zwolle"}
    assert all(set(there.areas) == set(kpi.levels) for there in found.cities.values())


def test_areas_are_those_with_a_device_that_feeds_it() -> None:
    found = card(CATALOGUE.kpis["noise_now"], CATALOGUE, PACKS, "nl")
    for pack in PACKS:
        neighbourhoods = {device.area for device in pack.devices.values() if device.kind == "noise"}
        assert found.cities[pack.city.id].areas["neighbourhood"] == len(neighbourhoods)
        assert found.cities[pack.city.id].areas["city"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_show_gives_one_json_object(language: str) -> None:
    done = RUN.invoke(catalog_command.COMMAND, ["show", "noise_night", "--lang", language, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    kpi = CATALOGUE.kpis["noise_night"]
    assert (found["id"], found["name"], found["description"]) == (kpi.id, kpi.names[language], kpi.descriptions[language])
    assert found["check_sql"].strip() == kpi.check_sql.strip()
    assert found["target"]["value"] == 45.0
    assert [band["name"] for band in found["bands"]] == [band.names[language] for band in kpi.bands]


def test_show_prints_plan_panels_and_sql() -> None:
    done = RUN.invoke(catalog_command.COMMAND, ["show", "noise_night"])
    for text in ("needs leq(sound_level,night)", "kompas-noise-en", "45 dB by 2030-01-01", "FROM reading_named r", "brussels", "in dB, to 0.1"):
        assert text in done.output


def test_a_misspelt_name_gets_a_suggestion() -> None:
    done = RUN.invoke(catalog_command.COMMAND, ["show", "noise_nigth"])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).endswith("did you mean noise_night?")
