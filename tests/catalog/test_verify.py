"""`./kompas catalog` and `./kompas devices`: what a person sees, and the exit code."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import ConfigError
from catalog.load import HOME, load_catalogue
from catalog.verify import verify_catalogue, verify_files
from cli import catalog as catalog_command
from cli import devices as devices_command
from formula.compile import compile_kpi
from tests.catalog.conftest import CITY, Pack

RUN = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the catalogue to break."""
    for name in ("quantities", "sensors", "kpis"):
        shutil.copytree(HOME / name, tmp_path / "catalog" / name)
    return tmp_path / "catalog"


def spoil(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_what_ships_is_good() -> None:
    assert verify_catalogue(None, compile_kpi) == []
    done = RUN.invoke(catalog_command.COMMAND, ["check"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("good")
    assert "brussels" in done.output


def test_every_fault_is_found_not_only_the_first(home: Path) -> None:
    spoil(home / "quantities" / "no2.toml", "resolution = 0.01", "resolution = -0.01")
    spoil(home / "sensors" / "noise.toml", ', nl = "Geluidsmeter"', "")
    spoil(home / "kpis" / "noise_night.toml", "leq(sound_level, night)", "leq(sound_level, nihgt)")
    spoil(home / "kpis" / "pm2_5_now.toml", 'unit         = "ug/m3"', 'unit         = "mg/m3"')
    faults = verify_catalogue(home, compile_kpi)
    assert any(fault == "catalog/quantities/no2.toml: resolution: wanted float > 0.0, got -0.01" for fault in faults)
    assert any(fault == "catalog/sensors/noise.toml: names.nl: wanted a text, got 'nothing'" for fault in faults)
    where = "catalog/kpis/noise_night.toml: kpi noise_night: formula, column 18"
    assert f"{where}: wanted a part of the day: day, evening, night, got 'nihgt'; did you mean night?" in faults
    assert any("pm2_5_now" in fault and "unit" in fault and "'mg/m3'" in fault for fault in faults)


def test_one_fault_is_said_once(home: Path) -> None:
    spoil(home / "kpis" / "noise_now.toml", 'window       = "minute"', 'window       = "second"')
    assert len(verify_catalogue(home, compile_kpi)) == 1


@pytest.mark.parametrize(
    ("name", "before", "after", "sentence"),
    [
        ("kpis/noise_now.toml", "leq(sound_level)", "mean(sound_levle)", "sound_levle"),
        ("sensors/noise.toml", "[20.0, 130.0]", "[20.0, 1300.0]", "a range inside the possible [0.0, 160.0], got [20.0, 1300.0]"),
        ("quantities/co.toml", 'unit       = "ug/m3"\n', "", "unit: wanted a value, got 'nothing'"),
    ],
)
def test_a_draft_outside_the_catalogue_is_checked(tmp_path: Path, name: str, before: str, after: str, sentence: str) -> None:
    draft = tmp_path / Path(name).name
    shutil.copy(HOME / name, draft)
    assert verify_files([draft], None, compile_kpi) == []
    spoil(draft, before, after)
    (fault,) = verify_files([draft], None, compile_kpi)
    assert sentence in fault
    done = RUN.invoke(catalog_command.COMMAND, ["check", str(draft)])
    assert done.exit_code == 1
    assert sentence in done.output


def test_a_file_that_is_nothing_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("x: 1\n", encoding="utf-8")
    first, second, third = verify_files([tmp_path / "a.toml", tmp_path / "b.yaml", tmp_path / "c.toml"], None, compile_kpi)
    assert "wanted a quantity, a sensor kind or a KPI" in first
    assert "wanted a .toml file of the catalogue, or city.toml, areas.geojson or devices.csv of a city pack" in second
    assert "c.toml: wanted a readable file" in third


def test_a_city_pack_is_checked_by_any_of_its_files(pack: Pack) -> None:
    good = pack()
    for name in ("city.toml", "areas.geojson", "devices.csv"):
        assert verify_files([good / "mini" / name], None, compile_kpi) == []
    bad = pack(city=CITY + "[kinds.siren]\nidle_s = 1.0\n")
    (fault,) = verify_files([bad / "mini" / "areas.geojson"], None, compile_kpi)
    assert fault.startswith("cities/mini/city.toml: kinds.siren: wanted one of ")


@pytest.mark.parametrize("language", ["en", "fr", "nl"])
def test_show_speaks_three_languages(language: str) -> None:
    kpis = load_catalogue().kpis
    for kpi in (kpis["noise_night"], kpis["parking_occupancy"], kpis["traffic_flow"]):
        done = RUN.invoke(catalog_command.COMMAND, ["show", kpi.id, "--lang", language])
        assert done.exit_code == 0, done.output
        assert kpi.names[language] in done.output
        assert kpi.descriptions[language] in done.output


def test_show_of_an_unknown_kpi_says_which_there_are() -> None:
    done = RUN.invoke(catalog_command.COMMAND, ["show", "silence"])
    assert isinstance(done.exception, ConfigError)
    assert "noise_night" in str(done.exception)


def test_list_has_every_kpi() -> None:
    done = RUN.invoke(catalog_command.COMMAND, ["list"])
    assert all(kpi in done.output for kpi in load_catalogue().kpis)


def test_docs_and_drawings_are_not_stale() -> None:
    for arguments in (["docs", "--check"], ["draw", "brussels", "--check"], ["draw", "zwolle", "--check"]):
        assert RUN.invoke(catalog_command.COMMAND, arguments).exit_code == 0, arguments


def test_devices_as_json_have_id_kind_area_and_topic() -> None:
    done = RUN.invoke(devices_command.COMMAND, ["list", "--json"])
    rows = {row["id"]: row for row in json.loads(done.output)}
    assert len(rows) >= 1_900
    first = rows["brussels.air-0001"]
    assert (first["kind"], first["topic"]) == ("air_quality", "city/brussels/brussels.air-0001/json")
    assert first["area"].startswith("brussels.21")
    assert {row["kind"] for row in rows.values() if row["manual"]} == {kind.id for kind in load_catalogue().kinds.values() if not kind.correcting}


def test_devices_of_other_cities_and_kinds(pack: Pack) -> None:
    done = RUN.invoke(devices_command.COMMAND, ["list", "--city", "mini", "--kind", "noise", "--city-folder", str(pack()), "--json"])
    assert [row["id"] for row in json.loads(done.output)] == ["mini.noise-1"]
    both = RUN.invoke(devices_command.COMMAND, ["list", "--city", "all", "--json"])
    assert {row["city"] for row in json.loads(both.output)} >= {"brussels", "zwolle"}
    shown = RUN.invoke(devices_command.COMMAND, ["list", "--manual"])
    assert "city/brussels/brussels.noise-manual/json" in shown.output
