"""The catalogue's files: what is wrong is said with file, key, wanted and got; what ships is whole."""

import re
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import ConfigError
from catalog.load import HOME, load_catalogue
from catalog.records import LANGUAGES, LEVELS
from simulators.signals import SIGNALS

QUANTITY = """id = "level"
names = { en = "Level", fr = "Niveau", nl = "Niveau" }
unit = "m"
possible = [0.0, 10.0]
resolution = 0.01
[conversions]
"cm" = { scale = 0.01 }
"""
KIND = """id = "gauge"
names = { en = "Gauge", fr = "Jauge", nl = "Peilmeter" }
cadence_s = 60.0
lateness_s = 10.0
idle_s = 60.0
[quantities]
level = { plausible = [0.0, 5.0] }
"""
KPI = """id = "river"
version = 1
names = { en = "River", fr = "Rivière", nl = "Rivier" }
descriptions = { en = "River.", fr = "Rivière.", nl = "Rivier." }
unit = "m"
formula = "mean(level)"
window = "hour"
better = "lower"
owner = "Water"
steward = "Data"
source = "[project]"
check_sql = "SELECT 1"
target = { value = 2.0, by = 2030-01-01, goal = "dry-feet" }
[[bands]]
id = "low"
names = { en = "low", fr = "bas", nl = "laag" }
to = 2.0
[[bands]]
id = "high"
names = { en = "high", fr = "haut", nl = "hoog" }
"""


def write(folder: Path, quantity: str = QUANTITY, kind: str = KIND, kpi: str = KPI, name: str = "river") -> Path:
    home = folder / "mine"
    for place, stem, text in (("quantities", "level", quantity), ("sensors", "gauge", kind), ("kpis", name, kpi)):
        (home / place).mkdir(parents=True)
        (home / place / f"{stem}.toml").write_text(text, encoding="utf-8")
    return home


def test_a_small_catalogue_loads_with_dates_as_texts(tmp_path: Path) -> None:
    catalogue = load_catalogue(write(tmp_path))
    assert list(catalogue.quantities) == ["level"]
    assert catalogue.kinds_of("level") == ("gauge",)
    assert catalogue.kinds_of("other") == ()
    target = catalogue.kpis["river"].target
    assert target is not None
    assert target.by == "2030-01-01"


PLACES = {"quantity": "quantities", "kind": "sensors", "kpi": "kpis"}
CASES: list[tuple[str, str, tuple[str, str], str]] = [
    # the file that is changed, what in it is replaced by what, and the whole sentence
    ("quantity", "unit is missing", ('unit = "m"\n', ""), "level.toml: unit: wanted a value, got 'nothing'"),
    ("quantity", "text for a number", ("resolution = 0.01", 'resolution = "fine"'), "level.toml: resolution: wanted float, got 'fine'"),
    ("quantity", "resolution 0", ("resolution = 0.01", "resolution = 0.0"), "level.toml: resolution: wanted float > 0.0, got 0.0"),
    (
        "quantity",
        "resolution is no part",
        ("resolution = 0.01", "resolution = 0.03"),
        "level.toml: resolution: wanted a whole number, or one divided by a whole number, got 0.03",
    ),
    (
        "quantity",
        "range upside down",
        ("possible = [0.0, 10.0]", "possible = [10.0, 0.0]"),
        "level.toml: possible: wanted two finite numbers, the lower first, got [10.0, 0.0]",
    ),
    ("quantity", "range of one", ("possible = [0.0, 10.0]", "possible = [10.0]"), "level.toml: possible: wanted array of length 2, got [10.0]"),
    (
        "quantity",
        "unknown key",
        ('unit = "m"', 'unit = "m"\ncolour = "red"'),
        "level.toml: wanted only id, names, unit, possible, resolution, conversions, counter, source, got 'colour'",
    ),
    (
        "quantity",
        "scale 0",
        ("scale = 0.01", "scale = 0.0"),
        "level.toml: conversions.cm: wanted a finite scale that is not 0, and a finite offset, got 0.0",
    ),
    (
        "quantity",
        "canonical unit converts",
        ('"cm" =', '"m" ='),
        "level.toml: conversions: wanted no entry for the canonical unit, got 'm'",
    ),
    ("quantity", "id is not the name", ('id = "level"', 'id = "depth"'), "level.toml: id: wanted 'level', the file's name, got 'depth'"),
    ("kind", "no Dutch", (', nl = "Peilmeter"', ""), "gauge.toml: names.nl: wanted a text, got 'nothing'"),
    ("kind", "blank French", ('fr = "Jauge"', 'fr = " "'), "gauge.toml: names.fr: wanted a text, got ' '"),
    ("kind", "a fourth language", ('fr = "Jauge"', 'fr = "Jauge", de = "Pegel"'), "gauge.toml: names: wanted only en, fr, nl, got 'de'"),
    ("kind", "negative lateness", ("lateness_s = 10.0", "lateness_s = -1.0"), "gauge.toml: lateness_s: wanted float >= 0.0, got -1.0"),
    ("kind", "unknown quantity", ("level = {", "depth = {"), "gauge.toml: quantities.depth: wanted one of level, got 'depth'"),
    (
        "kind",
        "implausible beyond possible",
        ("[0.0, 5.0]", "[0.0, 50.0]"),
        "gauge.toml: quantities.level.plausible: wanted a range inside the possible [0.0, 10.0], got [0.0, 50.0]",
    ),
    (
        "kind",
        "typical is not plausible",
        ("[0.0, 5.0]", "[0.0, 5.0], typical = 6.0"),
        "gauge.toml: quantities.level.typical: wanted a value inside the plausible [0.0, 5.0], got 6.0",
    ),
    (
        "kind",
        "on change without hold",
        ("idle_s = 60.0", 'idle_s = 60.0\nreporting = "on_change"'),
        "gauge.toml: max_hold_s: wanted how long a value holds, because reporting is on_change, got 'nothing'",
    ),
    (
        "kpi",
        "unknown window",
        ('window = "hour"', 'window = "week"'),
        "river.toml: window: wanted one of day, hour, minute, month, quarter, quarter_hour, year, got 'week'",
    ),
    ("kpi", "coverage above 1", ('window = "hour"', 'window = "hour"\nmin_coverage = 1.5'), "river.toml: min_coverage: wanted float <= 1.0, got 1.5"),
    ("kpi", "empty owner", ('owner = "Water"', 'owner = " "'), "river.toml: owner: wanted a text, got ' '"),
    ("kpi", "no description in French", (', fr = "Rivière."', ""), "river.toml: descriptions.fr: wanted a text, got 'nothing'"),
    ("kpi", "band without Dutch", (', nl = "laag"', ""), "river.toml: bands[0].names.nl: wanted a text, got 'nothing'"),
    ("kpi", "unknown key in a band", ("to = 2.0", "till = 2.0"), "river.toml: bands[0]: wanted only id, names, to, colour, got 'till'"),
    ("kpi", "first band open", ("to = 2.0\n", ""), "river.toml: bands[0].to: wanted a number above -inf, got None"),
    ("kpi", "band twice", ('id = "high"', 'id = "low"'), "river.toml: bands: wanted each id once, got ['low', 'low']"),
    (
        "kpi",
        "last band closed",
        ('names = { en = "high"', 'to = 9.0\nnames = { en = "high"'),
        "river.toml: bands[1].to: wanted nothing: the last band is open, got 9.0",
    ),
    (
        "kpi",
        "level twice",
        ('window = "hour"', 'window = "hour"\nlevels = ["city", "city"]'),
        "river.toml: levels: wanted each level at most once, at least one, got ['city', 'city']",
    ),
    ("kpi", "target without goal", (', goal = "dry-feet"', ""), "river.toml: target.goal: wanted a value, got 'nothing'"),
]


@pytest.mark.parametrize(("file", "change", "sentence"), [(c[0], c[2], c[3]) for c in CASES], ids=[c[1] for c in CASES])
def test_an_error_says_file_key_wanted_and_got(tmp_path: Path, file: str, change: tuple[str, str], sentence: str) -> None:
    texts = {"quantity": QUANTITY, "kind": KIND, "kpi": KPI}
    assert change[0] in texts[file]
    changed: dict[str, Any] = {file: texts[file].replace(*change, 1)}
    with pytest.raises(ConfigError) as caught:
        load_catalogue(write(tmp_path, **changed))
    assert str(caught.value) == f"mine/{PLACES[file]}/{sentence}"


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^mine/quantities/level\.toml: wanted valid TOML, got .*line 3"):
        load_catalogue(write(tmp_path, quantity=QUANTITY.replace('unit = "m"', "unit = m m")))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wanted a folder"):
        load_catalogue(tmp_path / "nowhere")


def test_what_ships_is_whole_and_sorted() -> None:
    catalogue = load_catalogue()
    for records in (catalogue.quantities, catalogue.kinds, catalogue.kpis):
        assert list(records) == sorted(records)
    assert {"air_quality", "noise", "traffic_loop", "parking", "waste_bin", "weather"} <= set(catalogue.kinds)
    assert len(catalogue.kpis) >= 14
    assert {kpi.window for kpi in catalogue.kpis.values()} >= {"minute", "quarter_hour", "hour", "day"}
    with pytest.raises(TypeError):
        catalogue.kpis["mine"] = None  # type: ignore[index]


def test_every_kpi_says_everything_in_three_languages() -> None:
    for kpi in load_catalogue().kpis.values():
        for texts in (kpi.names, kpi.descriptions, *(band.names for band in kpi.bands)):
            assert set(texts) == set(LANGUAGES)
            assert all(text.strip() == text and text for text in texts.values())
        assert len(set(kpi.descriptions.values())) == len(LANGUAGES)
        assert set(kpi.levels) <= set(LEVELS)
        assert all(re.fullmatch(r"#[0-9a-f]{6}", band.colour) for band in kpi.bands)


def test_every_source_tag_stands_in_the_list_of_sources() -> None:
    listed = set(re.findall(r"^\| (\[[a-z0-9-]+\]) ", (HOME.parent / "docs" / "sources.md").read_text(encoding="utf-8"), re.MULTILINE))
    catalogue = load_catalogue()
    records = (catalogue.quantities, catalogue.kinds, catalogue.kpis)
    assert {one.source for of_one_type in records for one in of_one_type.values()} <= listed


def test_every_quantity_is_measured_and_feeds_a_kpi() -> None:
    catalogue = load_catalogue()
    read = " ".join(kpi.formula for kpi in catalogue.kpis.values())
    for quantity in catalogue.quantities:
        assert catalogue.kinds_of(quantity), quantity
        assert re.search(rf"\b{quantity}\b", read), quantity


def test_each_kind_shows_within_a_minute() -> None:
    """A reading published by hand must change something that one sees at once."""
    catalogue = load_catalogue()
    quick = " ".join(kpi.formula for kpi in catalogue.kpis.values() if kpi.window == "minute" and "neighbourhood" in kpi.levels)
    for kind in catalogue.kinds.values():
        assert any(re.search(rf"\b{quantity}\b", quick) for quantity in kind.quantities), kind.id
        assert kind.cadence_s <= 60.0, kind.id


def test_the_simulator_has_every_default_signal() -> None:
    for kind in load_catalogue().kinds.values():
        for quantity, measured in kind.quantities.items():
            assert measured.signal in SIGNALS, f"{kind.id} {quantity}"
            assert measured.typical is not None, f"{kind.id} {quantity}"
