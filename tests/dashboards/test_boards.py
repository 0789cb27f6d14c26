"""Laws of every board: what Grafana needs, what an operator is promised, and that three languages say the same."""

import re
from typing import Any

import pytest

from catalog.load import load_catalogue
from catalog.records import LANGUAGES, Band, Kpi
from dashboards import indicators
from dashboards.builder.board import COLUMNS
from dashboards.builder.fields import thresholds
from dashboards.builder.panels import BLANK_TILE
from dashboards.load import Board, build_all, load_boards, targets
from dashboards.texts import Texts, read_texts
from runtime.errors import ConfigError

CATALOGUE = load_catalogue()
BOARDS = build_all(CATALOGUE)
ALL = pytest.mark.parametrize("path", list(BOARDS))


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


def test_there_is_a_city_board_one_of_operations_and_one_per_sensor_kind_in_each_language() -> None:
    assert set(BOARDS) == {f"{language}/{name}.json" for language in LANGUAGES for name in ("city", "operations", *CATALOGUE.kinds)}


@ALL
def test_a_board_is_classic_json_with_a_fixed_uid_and_no_id(path: str) -> None:
    board = BOARDS[path]
    assert "id" not in board
    assert "version" not in board
    assert 39 <= board["schemaVersion"] <= 41
    language, name = path.removesuffix(".json").split("/")
    assert board["uid"] == f"kompas-{name.replace('_', '-')}-{language}"
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", board["uid"])


@ALL
def test_a_board_refreshes_every_second(path: str) -> None:
    assert BOARDS[path]["refresh"] == "1s"
    assert "1s" in BOARDS[path]["timepicker"]["refresh_intervals"]


@ALL
def test_panels_have_ids_of_their_own_and_do_not_overlap(path: str) -> None:
    panels = BOARDS[path]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < COLUMNS


@ALL
def test_every_target_is_plain_sql_on_the_one_data_source(path: str) -> None:
    for panel, target in targets(BOARDS[path]):
        assert panel["datasource"] == target["datasource"] == {"type": "grafana-postgresql-datasource", "uid": "kompas"}
        assert target["rawQuery"] is True
        assert target["format"] in ("table", "time_series")
        assert "--" not in target["rawSql"]
        assert "/*" not in target["rawSql"]
        assert "$__timeGroup" not in re.sub(r"\$__timeGroup\([^)]*\)(?!,)", "", target["rawSql"])


@ALL
def test_raw_readings_are_read_over_an_hour_at_most(path: str) -> None:
    reading = [(panel, target) for panel, target in targets(BOARDS[path]) if re.search(r"\b(FROM|JOIN) reading\b", target["rawSql"])]
    for panel, target in reading:
        assert panel["timeFrom"] == "1h"
        looks = len(re.findall(r"\b(?:FROM|JOIN) reading\b", target["rawSql"]))
        assert target["rawSql"].count("measured_at > $__timeTo()::timestamptz - interval '1 hour'") == looks


@ALL
def test_what_a_board_chooses_by_is_on_the_board(path: str) -> None:
    offered = {variable["name"] for variable in BOARDS[path]["templating"]["list"]}
    used = {name for text in _strings(BOARDS[path]) for name in re.findall(r"\$\{(\w+)", text)}
    assert used <= offered


def test_live_indicators_come_from_kpi_latest() -> None:
    for board in BOARDS.values():
        for panel, target in targets(board):
            if panel["type"] in ("stat", "geomap"):
                assert "kpi_latest" in target["rawSql"]


def test_every_kpi_of_the_city_is_on_the_city_board_once_and_on_the_boards_of_its_kinds() -> None:
    shown = "".join(target["rawSql"] for panel, target in targets(BOARDS["en/city.json"]) if panel["type"] == "stat")
    for kpi in CATALOGUE.kpis.values():
        assert shown.count(f"('{kpi.id}', {kpi.version}, ") == int("city" in kpi.levels)
        for kind in CATALOGUE.kinds:
            there = any(panel["type"] == "timeseries" and f"v.kpi = '{kpi.id}'" in t["rawSql"] for panel, t in targets(BOARDS[f"en/{kind}.json"]))
            assert there == (kpi in indicators.kpis_of(CATALOGUE, kind))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_settings_of_a_tile_fit_that_tile_alone(language: str) -> None:
    texts = Texts(language, read_texts())
    kpis = tuple(CATALOGUE.kpis.values())
    names = [texts.of(kpi.names) + indicators.BESIDE + texts("live") for kpi in kpis]
    for number, override in enumerate(indicators.tile_overrides(kpis, texts)):
        assert override["matcher"]["id"] == "byRegexp"
        pattern = override["matcher"]["options"]
        assert pattern.startswith("/^")
        assert [name for name in names if re.search(pattern[1:-1], name)] == [names[number]]


def test_the_map_asks_no_server_for_its_base_layer() -> None:
    found = [panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] == "geomap"]
    assert len(found) == len(LANGUAGES)
    for panel in found:
        assert panel["options"]["basemap"]["type"] == "xyz"
        assert panel["options"]["basemap"]["config"]["url"] == BLANK_TILE
    assert BLANK_TILE.startswith("data:image/svg+xml")
    assert not re.search(r"[{}]", BLANK_TILE)
    addresses = [text for board in BOARDS.values() for text in _strings(board) if "://" in text and text != BLANK_TILE]
    assert addresses == []


def test_the_languages_differ_in_words_only() -> None:
    for path in (path for path in BOARDS if path.startswith("en/")):
        shapes = [_shape(BOARDS[path.replace("en/", f"{language}/")]) for language in LANGUAGES]
        assert shapes[0] == shapes[1] == shapes[2]


def _shape(board: dict[str, Any]) -> list[tuple[str, dict[str, int], int]]:
    return [(panel["type"], panel["gridPos"], len(panel["targets"])) for panel in board["panels"]]


def _band(name: str, to: float | None, colour: str) -> Band:
    return Band(id=name, names=dict.fromkeys(LANGUAGES, name), to=to, colour=colour)


def test_an_edge_keeps_the_colour_of_the_lower_band() -> None:
    steps = thresholds([_band("low", 10.0, "#00ff00"), _band("mid", 20.0, "#ffff00"), _band("high", None, "#ff0000")])["steps"]
    for value, colour in ((9.9, "#00ff00"), (10.0, "#00ff00"), (10.0000001, "#ffff00"), (20.0, "#ffff00"), (20.1, "#ff0000")):
        shown = [step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]
        assert shown == colour


def test_the_worst_band_is_the_last_where_lower_is_better_and_the_first_where_higher_is() -> None:
    for kpi in CATALOGUE.kpis.values():
        graded = [(grade.band, grade.severity) for grade in indicators.grades((kpi,))]
        if not graded:
            continue
        worst = max(graded, key=lambda item: item[1])[0]
        assert worst == (kpi.bands[-1] if kpi.better == "lower" else kpi.bands[0]).id
        assert {severity for _, severity in graded} >= {0.0, 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[a]\nen = "x"\nfr = "y"\n', "[a]"),
        ('[a]\nen = "x"\nfr = "y"\nnl = "z"\nde = "w"\n', "nothing else"),
        ('[a]\nen = "x"\nfr = " "\nnl = "z"\n', "not empty"),
        ('a = "x"\n', "[a]"),
    ],
)
def test_a_text_without_a_language_stops_the_build_and_is_named(tmp_path: Any, text: str, said: str) -> None:
    path = tmp_path / "texts.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_texts(path)


def test_an_unknown_text_stops_the_build() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        Texts("en", read_texts())("nowhere")


def test_every_text_is_used() -> None:
    words = read_texts()
    used: set[str] = set()

    class Noting(Texts):
        def __call__(self, key: str) -> str:
            used.add(key)
            return super().__call__(key)

        def unit(self, unit: str) -> str:
            used.add(f"unit_{unit}")
            return super().unit(unit)

    for board in load_boards().values():
        board.build(CATALOGUE, Noting("en", words))
    assert set(words) - used == set()


def test_a_uid_used_twice_stops_the_build() -> None:
    twin = Board(lambda *_: {"other": {"uid": "kompas-city-en"}, "one": {"uid": "kompas-city-en"}})
    with pytest.raises(ConfigError, match="uid of its own"):
        build_all(CATALOGUE, {"twin": twin})


def test_a_kpi_over_another_kpi_stands_with_the_sensors_of_both() -> None:
    first = next(iter(CATALOGUE.kpis.values()))
    derived = _over(first)
    catalogue = CATALOGUE._replace(kpis={**CATALOGUE.kpis, "derived": derived})
    for kind in CATALOGUE.kinds:
        assert (derived in indicators.kpis_of(catalogue, kind)) == (first in indicators.kpis_of(CATALOGUE, kind))


def _over(kpi: Kpi) -> Kpi:
    import msgspec

    return msgspec.structs.replace(kpi, id="derived", formula=f"at({kpi.id}, 7)")
