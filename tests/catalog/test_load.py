"""The catalogue's files: what is wrong is said with file, key, wanted and got; what ships is whole."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.errors import ConfigError
from catalog.load import HOME, load_catalogue
from catalog.records import LANGUAGES, LEVELS, SensorKind
from formula.compile import compile_kpi
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
    ("kind", "ahead into the past", ("idle_s = 60.0", "idle_s = 60.0\nahead_s = -1.0"), "gauge.toml: ahead_s: wanted float >= 0.0, got -1.0"),
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
    (
        "kpi",
        "misspelt key",
        ('window = "hour"', 'window = "hour"\nmin_covrage = 0.5'),
        "river.toml: wanted only id, version, names, descriptions, unit, formula, window, levels, min_coverage, better, bands, target, owner,"
        " steward, source, indicator_code, indicator_verified, access, smallest_count, counts, decimals, check_sql,"
        " got 'min_covrage'; did you mean min_coverage?",
    ),
    (
        "kpi",
        "misspelt window",
        ('window = "hour"', 'window = "hours"'),
        "river.toml: window: wanted one of day, hour, minute, month, quarter, quarter_hour, year, got 'hours'; did you mean hour?",
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


def test_a_kind_says_how_far_ahead_its_clocks_may_run_or_a_minute_holds(tmp_path: Path) -> None:
    own = load_catalogue(write(tmp_path / "own", kind=KIND.replace("idle_s = 60.0", "idle_s = 60.0\nahead_s = 0.5"))).kinds["gauge"]
    plain = load_catalogue(write(tmp_path / "plain")).kinds["gauge"]
    assert (own.ahead_s, plain.ahead_s) == (0.5, 60.0)
    # What an earlier release wrote into the log does not have it.
    earlier = {name: value for name, value in msgspec.to_builtins(own).items() if name != "ahead_s"}
    assert msgspec.json.decode(msgspec.json.encode(earlier), type=SensorKind) == plain


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
    read = " ".join(" ".join((kpi.formula, *kpi.counts)) for kpi in catalogue.kpis.values())
    for quantity in catalogue.quantities:
        assert catalogue.kinds_of(quantity), quantity
        assert re.search(rf"\b{quantity}\b", read), quantity


def test_each_kind_shows_while_one_looks() -> None:
    """A reading published by hand changes an open window; what the demo's streets say every minute shows within a minute."""
    catalogue = load_catalogue()
    for kind in catalogue.kinds.values():
        reading = [kpi for kpi in catalogue.kpis.values() if any(re.search(rf"\b{quantity}\b", kpi.formula) for quantity in kind.quantities)]
        windows = {kpi.window for kpi in reading}
        if kind.correcting:
            assert windows <= {"month", "quarter", "year"}, kind.id
            assert "city" in {level for kpi in reading for level in kpi.levels}, kind.id
        elif kind.cadence_s <= 60.0:
            assert any(kpi.window == "minute" and "neighbourhood" in kpi.levels for kpi in reading), kind.id
        else:
            assert kind.cadence_s <= 900.0, kind.id
            assert windows & {"quarter_hour", "hour", "day"}, kind.id


DOMAINS = {
    "air quality": "air_|pm|no2_|nox_|o3_|so2_|co_|dust_",
    "noise": "noise_",
    "traffic": "traffic_(flow|day|speed|occupancy)|travel_time_",
    "public transport": "transit_",
    "cycling and walking": "bicycle|pedestrian_|shared_",
    "parking": "parking_",
    "waste": "waste_|litter_",
    "energy": "buildings_",
    "water": "water_",
    "climate and heat": "temperature_|humid|heat|wbgt_|utci_|rainfall_|wind_|pressure_",
    "public lighting and the sensor fleet": "street_|radio_|battery_|.*_alive",
    "safety": "violent_|burglary_|traffic_casualties|emergency_",
    "youth care and spending": "youth_",
    "spatial planning and housing": "dwelling|new_dwellings|permits_",
    "digital inclusion": "households_online|digital_",
    "open data": "open_data_",
}


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_at_least_two_indicators(domain: str) -> None:
    found = [kpi for kpi in load_catalogue().kpis if re.match(DOMAINS[domain], kpi)]
    assert len(found) >= 2, found


def test_there_are_at_least_fifty_indicators_and_small_numbers_are_guarded() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.kpis) >= 50
    people = {"youth_care_clients", "youth_care_waiting", "violent_crimes", "burglaries", "traffic_casualties"}
    for kpi in catalogue.kpis.values():
        if any(quantity in kpi.formula for quantity in people):
            assert kpi.smallest_count >= (10 if kpi.id.startswith("youth") else 5), kpi.id


def test_money_is_never_added_to_people() -> None:
    catalogue = load_catalogue()
    wrong = msgspec.structs.replace(catalogue.kpis["youth_care_share"], formula="sum(youth_care_spent) + last_sum(youth_care_clients)")
    with pytest.raises(ConfigError, match="wanted one unit"):
        compile_kpi(wrong, catalogue.quantities)


def test_registers_have_no_age_and_no_end() -> None:
    for kind in load_catalogue().kinds.values():
        if kind.correcting:
            assert kind.retention_days is None, kind.id
            assert kind.max_age_s > 50 * 365 * 86_400, kind.id
            assert kind.lateness_s == 0, kind.id
            assert kind.idle_s > 2 * kind.cadence_s, kind.id


def test_the_simulator_has_every_default_signal() -> None:
    for kind in load_catalogue().kinds.values():
        for quantity, measured in kind.quantities.items():
            assert measured.signal in SIGNALS, f"{kind.id} {quantity}"
            assert measured.typical is not None, f"{kind.id} {quantity}"
