"""Every panel's SQL on the generated day: it runs, returns rows, stays in its time range and reads no large chunk from end to end."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest

from catalog.load import load_catalogue
from dashboards.builder.fields import Json
from dashboards.load import build_all, targets
from dashboards.macros import Range, expand
from dashboards.sql.words import literal
from tests.dashboards import plans
from tests.dashboards.plans import Connection
from tests.day import pack, play
from tests.day.record import Day

pytestmark = pytest.mark.integration

CITY = pack.CITY
CATALOGUE = load_catalogue()
BOARDS = build_all(CATALOGUE)
SPAN = {"h": timedelta(hours=1), "d": timedelta(days=1), "y": timedelta(days=365)}
BY_ARRIVAL = ("rejected_count",)
"""Tables that count by the hour of arrival: the day arrived while the test ran, so their panels look at now."""


class Query(NamedTuple):
    """One target of one panel, with the choices of its board made."""

    name: str
    panel: Json
    target: Json
    variables: dict[str, str]


class Filled(NamedTuple):
    """A connection as Grafana's role, the end of the filled time, and what chunks there are."""

    connection: Connection
    end: datetime
    chunks: dict[str, plans.Chunk]
    devices: dict[str, str]
    owner: str


@pytest.fixture(scope="module")
def filled(day: Day) -> Iterator[Filled]:
    with day.connect() as connection:
        rows = connection.execute(
            "SELECT kind, min(device) FROM reading_named WHERE measured_at >= %s AND city = %s GROUP BY kind", (play.UNTIL - play.CHUNK, CITY)
        ).fetchall()
        # The board's time ends with what came last; history lies a day, a week, months and two years before it.
        yield Filled(connection, play.UNTIL, plans.chunks(connection), dict(rows), day.system.conninfo("postgres"))


def _queries() -> list[Query]:
    """Every target; those that depend on a chosen indicator once per indicator that they offer, in English; else for one."""
    found = []
    for path, dashboard in BOARDS.items():
        for panel, target in targets(dashboard):
            variable = re.search(r"\$\{((?:slow_)?indicator)", target["rawSql"])
            offered = [kpi for kpi in CATALOGUE.kpis if variable and literal(kpi) in target["rawSql"]] or [""]
            for indicator in offered if path.startswith("en/") else offered[:1]:
                name = f"{path}:{panel['title']}:{target['refId']}:{indicator}"
                found.append(Query(name, panel, target, {"city": CITY, "area": CITY, **_chosen(variable and variable[1], indicator)}))
    return found


def _chosen(variable: str | None, indicator: str) -> dict[str, str]:
    """The indicator and a level at which it is computed."""
    levels = CATALOGUE.kpis[indicator].levels if indicator else ("district",)
    level = "district" if "district" in levels else levels[0]
    return {"level": level, variable: indicator} if variable else {"level": level}


def _range(query: Query, end: datetime, span: timedelta) -> Range:
    """The panel's time range: the board's, or its own; and the interval that Grafana would choose, roughly."""
    own = query.panel.get("timeFrom")
    if own is not None:
        span = int(own[:-1]) * SPAN[own[-1]]
    if any(table in query.target["rawSql"] for table in BY_ARRIVAL):
        end = datetime.now(UTC)
    interval_s = max(60, int(span.total_seconds()) // int(query.panel.get("maxDataPoints", 1_000)))
    return Range(end - span, end, interval_ms=interval_s * 1_000)


def _sql(filled: Filled, query: Query, within: Range) -> str:
    kind = re.search(r"en/|fr/|nl/", query.name)
    assert kind is not None
    device = filled.devices.get(query.name.split("/")[1].split(".json")[0], "")
    return expand(query.target["rawSql"], within, {**query.variables, "device": device})


@pytest.mark.parametrize("query", _queries(), ids=lambda query: query.name)
def test_a_panel_answers_from_its_own_time_without_reading_a_large_chunk_through(filled: Filled, query: Query) -> None:
    within = _range(query, filled.end, timedelta(hours=24))
    sql = _sql(filled, query, within)
    cursor = filled.connection.execute(sql.encode())
    rows = cursor.fetchall()
    assert rows, sql
    assert cursor.description is not None
    _has_the_shape_it_says(query.target["format"], [column.name for column in cursor.description], rows)
    _stays_within(filled, sql, within)


@pytest.mark.parametrize("query", [each for each in _queries() if each.name.startswith("en/")], ids=lambda query: query.name)
def test_a_week_is_read_by_index_too(filled: Filled, query: Query) -> None:
    within = _range(query, filled.end, timedelta(days=7))
    _stays_within(filled, _sql(filled, query, within), within)


def _stays_within(filled: Filled, sql: str, within: Range) -> None:
    tree = plans.plan(filled.connection, sql)
    for name in plans.touched(tree, filled.chunks):
        chunk = filled.chunks[name]
        assert chunk.start <= within.end, f"{name} {chunk} after {within}\n{sql}"
        assert chunk.end > within.start, f"{name} {chunk} before {within}\n{sql}"
    assert not plans.read_sequentially(tree, filled.chunks), sql


def _has_the_shape_it_says(form: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    if form != "time_series":
        return
    assert columns == ["time", "metric", "value"]
    times = [row[0] for row in rows]
    assert times == sorted(times)
    assert any(row[2] is not None for row in rows)


CHOICES = [(path, each["name"]) for path, board in BOARDS.items() for each in board["templating"]["list"] if each["type"] == "query"]


@pytest.mark.parametrize(("path", "variable"), CHOICES)
def test_a_choice_offers_something(filled: Filled, path: str, variable: str) -> None:
    sql = next(each["query"] for each in BOARDS[path]["templating"]["list"] if each["name"] == variable)
    cursor = filled.connection.execute(expand(sql, Range(filled.end, filled.end), {"city": CITY}).encode())
    assert cursor.description is not None
    assert [column.name for column in cursor.description] == ["__value", "__text"]
    assert cursor.fetchone() is not None


def test_the_first_area_offered_is_the_city_itself(filled: Filled) -> None:
    sql = next(each["query"] for each in BOARDS["en/noise.json"]["templating"]["list"] if each["name"] == "area")
    first = filled.connection.execute(expand(sql, Range(filled.end, filled.end), {"city": CITY}).encode()).fetchone()
    assert first is not None
    assert first[0] == CITY


def test_the_fill_would_find_a_panel_that_reads_a_chunk_through(filled: Filled) -> None:
    tree = plans.plan(filled.connection, "SELECT count(*) FROM kpi_value WHERE devices = 7")
    assert plans.read_sequentially(tree, filled.chunks)
    tree = plans.plan(filled.connection, "SELECT count(*) FROM reading WHERE quality = 1")
    assert len(plans.touched(tree, filled.chunks)) >= 3
    assert plans.read_sequentially(tree, filled.chunks)


T0 = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
AREA = f"{CITY}.d1"
LATEST = """
INSERT INTO kpi_latest
  (slot, kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, computed_at)
VALUES (%s, 'pm2_5_now', 1, %s, %s, %s, %s, %s, %s, 'ug/m3', 0.9, 3, %s, %s, now())
"""
FINAL = """
INSERT INTO kpi_value (kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, computed_at)
VALUES ('pm2_5_now', 1, %s, %s, %s, 1, 'ok', %s, 'ug/m3', 0.9, 3, 1, 'final', now())
"""


class Stands(NamedTuple):
    """One row of kpi_latest: minutes after noon, state, value; the revision where it is settled."""

    minute: int
    state: str
    value: float | None
    revision: int = 1


@pytest.fixture
def bare(filled: Filled) -> Iterator[Connection]:
    """A transaction in which the area has no value of pm2_5_now; undone afterwards."""
    with psycopg.connect(filled.owner) as connection:
        connection.execute("DELETE FROM kpi_latest WHERE kpi = 'pm2_5_now'")
        connection.execute("DELETE FROM kpi_value WHERE kpi = 'pm2_5_now' AND area = %s", (AREA,))
        yield connection
        connection.rollback()


def _stand(connection: Connection, slot: str, row: Stands, band: str = CATALOGUE.kpis["pm2_5_now"].bands[0].id) -> None:
    start = T0 + timedelta(minutes=row.minute)
    band_or_none = band if row.state == "ok" else None
    revision, status = (0, "live") if slot == "open" else (row.revision, "final" if row.revision == 1 else "restated")
    values = (slot, AREA, start, start + timedelta(minutes=1), row.value, row.state, band_or_none, revision, status)
    connection.execute(LATEST, values)


@pytest.mark.parametrize(
    ("case", "live", "last", "value", "mark"),
    [
        ("an open window with enough data is live", Stands(1, "ok", 7.0), Stands(0, "ok", 5.0), 7.0, "{band} · live"),
        (
            "too little: the last final and its local time",
            Stands(1, "not_enough_data", None),
            Stands(0, "ok", 5.0),
            5.0,
            "{band} · final 2026-07-01 14:00",
        ),
        ("no open window yet: the last final", None, Stands(0, "ok", 5.0), 5.0, "{band} · final 2026-07-01 14:00"),
        ("a restated value says so", None, Stands(0, "ok", 5.0, 2), 5.0, "{band} · restated 2026-07-01 14:00"),
        ("the first window ever is live", Stands(1, "ok", 7.0), None, 7.0, "{band} · live"),
        ("a live value of a closed window yields to its final", Stands(0, "ok", 7.0), Stands(0, "ok", 5.0), 5.0, "{band} · final 2026-07-01 14:00"),
        ("it yields to a final without data, too", Stands(0, "ok", 7.0), Stands(0, "not_enough_data", None), None, "not enough data"),
        ("an older window's live value does not come back", Stands(-1, "ok", 7.0), Stands(0, "no_data", None), None, "not enough data"),
        ("nothing at all", None, None, None, "not enough data"),
    ],
)
def test_a_tile_shows_the_live_value_or_the_last_final_with_its_time(
    bare: Connection, case: str, live: Stands | None, last: Stands | None, value: float | None, mark: str
) -> None:
    for slot, row in (("open", live), ("last", last)):
        if row is not None:
            _stand(bare, slot, row)
    panel = next(panel for panel in BOARDS["en/air_quality.json"]["panels"] if panel["type"] == "stat")
    sql = expand(panel["targets"][0]["rawSql"], Range(T0, T0), {"area": AREA})
    kpi = CATALOGUE.kpis["pm2_5_now"]
    name, band = kpi.names["en"], kpi.bands[0].names["en"]
    shown = [(metric, number) for _, metric, number in bare.execute(sql.encode()) if metric.startswith(name + " · ")]
    assert shown == [(f"{name} · {mark.format(band=band)}", value)], case


def test_a_tile_says_where_an_indicator_is_not_computed(filled: Filled) -> None:
    panel = next(panel for panel in BOARDS["en/air_quality.json"]["panels"] if panel["type"] == "stat")
    row = filled.connection.execute("SELECT min(id) FROM area WHERE city = %s AND level = 'neighbourhood'", (CITY,)).fetchone()
    assert row is not None
    sql = expand(panel["targets"][0]["rawSql"], Range(T0, T0), {"area": row[0]})
    marks = {metric.split(" · ")[0]: metric.split(" · ")[-1] for _, metric, _ in filled.connection.execute(sql.encode())}
    for kpi in CATALOGUE.kpis.values():
        if kpi.names["en"] in marks:
            assert (marks[kpi.names["en"]] == "not computed for this level") == ("neighbourhood" not in kpi.levels)


@pytest.mark.parametrize(("bad_from_minute", "since"), [(-10, "2026-07-01 13:50"), (-600, "≤ 2026-07-01 13:00")])
def test_the_worst_areas_say_since_when_without_a_break(bare: Connection, bad_from_minute: int, since: str) -> None:
    for minute in range(-120, 1):
        start = T0 + timedelta(minutes=minute)
        band = "extremely_poor" if minute >= bad_from_minute else "good"
        bare.execute(FINAL, (AREA, start, start + timedelta(minutes=1), band))
    _stand(bare, "last", Stands(0, "ok", 300.0), "extremely_poor")
    panel = next(panel for panel in BOARDS["en/city.json"]["panels"] if panel["title"] == "Worst areas")
    bare.execute("DELETE FROM kpi_latest WHERE kpi <> 'pm2_5_now'")
    sql = expand(panel["targets"][0]["rawSql"], Range(T0 - timedelta(hours=1), T0), {"city": CITY, "level": "district"})
    cursor = bare.execute(sql.encode())
    assert cursor.description is not None
    (row,) = [dict(zip([column.name for column in cursor.description], each, strict=True)) for each in cursor]
    assert (row["Band"], row["Since"], row["Value"]) == ("pm2_5_now/extremely_poor", since, "300.0 µg/m³")
