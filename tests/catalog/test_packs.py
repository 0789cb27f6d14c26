"""Packs over the catalogue: times, targets and owners, own KPIs, and what two cities may not say differently."""

from pathlib import Path

import pytest

from catalog.cities import load_city
from catalog.errors import ConfigError
from catalog.load import HOME, load_catalogue
from catalog.packs import configured
from tests.catalog.conftest import CITY, DEVICES, Pack

OVERRIDES = """
[kinds.noise]
lateness_s = 1.5
ahead_s = 240.0
max_age_s = 3.2e9
cadence_s = 3600.0
[kpis.noise_night]
owner = "Stille"
target = { value = 40.0, by = 2031-01-01, goal = "quiet-nights" }
"""


def test_a_pack_changes_what_it_names_and_nothing_else(pack: Pack) -> None:
    catalogue = load_catalogue()
    changed = configured(catalogue, [load_city("mini", pack(city=CITY + OVERRIDES))])
    noise, before = changed.kinds["noise"], catalogue.kinds["noise"]
    assert (noise.lateness_s, noise.ahead_s, noise.max_age_s, noise.cadence_s) == (1.5, 240.0, 3.2e9, 3600.0)
    assert before.ahead_s == 60.0
    assert (noise.idle_s, noise.retention_days, noise.quantities) == (before.idle_s, before.retention_days, before.quantities)
    night = changed.kpis["noise_night"]
    assert (night.owner, night.steward) == ("Stille", catalogue.kpis["noise_night"].steward)
    assert night.target is not None
    assert night.target.value == 40.0
    assert {key: kpi for key, kpi in changed.kpis.items() if key != "noise_night"} == {
        key: kpi for key, kpi in catalogue.kpis.items() if key != "noise_night"
    }


def own_kpi(home: Path, name: str, kpi_id: str) -> None:
    text = (HOME / "kpis" / "noise_now.toml").read_text(encoding="utf-8").replace('"noise_now"', f'"{kpi_id}"')
    (home / name / "kpis").mkdir()
    (home / name / "kpis" / f"{kpi_id}.toml").write_text(text, encoding="utf-8")


def test_a_pack_adds_its_own_kpis(pack: Pack) -> None:
    home = pack()
    own_kpi(home, "mini", "noise_mini")
    assert "noise_mini" in configured(load_catalogue(), [load_city("mini", home)]).kpis


def test_a_pack_may_not_hide_a_kpi_of_the_catalogue(pack: Pack) -> None:
    home = pack()
    own_kpi(home, "mini", "noise_now")
    with pytest.raises(ConfigError, match=r"cities/mini/kpis/noise_now\.toml: wanted an id that no other KPI has, got 'noise_now'"):
        configured(load_catalogue(), [load_city("mini", home)])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("[kinds.siren]\nidle_s = 1.0\n", r"cities/mini/city\.toml: kinds\.siren: wanted one of air_quality, .*, got 'siren'"),
        ('[kpis.silence]\nowner = "x"\n', r"cities/mini/city\.toml: kpis\.silence: wanted one of .*noise_night.*, got 'silence'"),
    ],
)
def test_a_pack_may_only_change_what_is_there(pack: Pack, more: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        configured(load_catalogue(), [load_city("mini", pack(city=CITY + more))])


def test_a_device_of_an_unknown_kind_is_named(pack: Pack) -> None:
    city = load_city("mini", pack(devices=DEVICES.replace("noise,", "siren,")))
    with pytest.raises(ConfigError, match=r"cities/mini/devices\.csv: mini\.noise-1: kind: wanted one of air_quality, .*, got 'siren'"):
        configured(load_catalogue(), [city])


def other(pack: Pack, more: str, rename: bool) -> list[object]:
    """Two packs, the second a copy of the first under another name."""
    first = load_city("mini", pack(city=CITY + OVERRIDES))
    home = pack(city=CITY.replace('"mini"', '"midi"') + more, name="midi")
    folder = home / "midi"
    for file in ("areas.geojson", "devices.csv"):
        text = (folder / file).read_text(encoding="utf-8")
        code = text.replace("mini", "midi") if rename or file == "areas.geojson" else text.replace("mini.b", "midi.b")
        (folder / file).write_text(code, encoding="utf-8")
    return [first, load_city("midi", home)]


def test_two_packs_that_agree_run_together(pack: Pack) -> None:
    assert configured(load_catalogue(), other(pack, OVERRIDES, rename=True)).kinds["noise"].lateness_s == 1.5  # type: ignore[arg-type]


def test_two_packs_that_contradict_each_other_are_told_so(pack: Pack) -> None:
    packs = other(pack, "[kinds.noise]\nlateness_s = 2.0\n", rename=True)
    with pytest.raises(ConfigError, match=r"cities/midi/city\.toml: kinds\.noise\.lateness_s: wanted 1\.5 as cities/mini/city\.toml: kinds has it"):
        configured(load_catalogue(), packs)  # type: ignore[arg-type]


def test_ids_are_global(pack: Pack) -> None:
    packs = other(pack, "", rename=False)
    with pytest.raises(ConfigError, match=r"cities/midi: mini\.air-1: wanted an id that cities/mini does not have"):
        configured(load_catalogue(), packs)  # type: ignore[arg-type]
