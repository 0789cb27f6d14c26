"""Every panel's SQL on a real TimescaleDB: it runs, returns rows, stays in its time range and reads no large chunk from end to end."""

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
from tests.dashboards import plans
from tests.dashboards.fill import Connection, fill
from tests.servers import System, start_system

pytestmark = pytest.mark.integration

CITY = "brussels"
CATALOGUE = load_catalogue()
BOARDS = build_all(CATALOGUE)
SPAN = {"h": "hours", "d": "days"}


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


@pytest.fixture(scope="module")
def filled(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with start_system(tmp_path_factory.mktemp("panels"), postgres=servers.postgres) as system:
        system.migrate()
        end = datetime.now(UTC)
        with psycopg.connect(system.conninfo("postgres")) as owner:
            fill(owner, CATALOGUE, CITY, end)
        with psycopg.connect(system.conninfo(), autocommit=True, options="-c timezone=UTC") as connection:
            rows = connection.execute("SELECT kind, min(id) FROM device_current WHERE city = %s GROUP BY kind", (CITY,)).fetchall()
            yield Filled(connection, end, plans.chunks(connection), dict(rows))


def _queries() -> list[Query]:
    """Every target; those that depend on the chosen indicator once per indicator, in English."""
    found = []
    for path, dashboard in BOARDS.items():
        for panel, target in targets(dashboard):
            chosen = list(CATALOGUE.kpis) if "${indicator" in target["rawSql"] and path.startswith("en/") else ["pm2_5_now"]
            for indicator in chosen:
                name = f"{path}:{panel['title']}:{target['refId']}:{indicator}"
                found.append(Query(name, panel, target, {"city": CITY, "area": CITY, "level": "district", "indicator": indicator}))
    return found


def _range(panel: Json, end: datetime, span: timedelta) -> Range:
    """The panel's time range: the board's, or its own; and the interval that Grafana would choose, roughly."""
    own = panel.get("timeFrom")
    if own is not None:
        span = timedelta(**{SPAN[own[-1]]: int(own[:-1])})
    interval_s = max(60, int(span.total_seconds()) // int(panel.get("maxDataPoints", 1_000)))
    return Range(end - span, end, interval_ms=interval_s * 1_000)


def _sql(filled: Filled, query: Query, within: Range) -> str:
    kind = re.search(r"en/|fr/|nl/", query.name)
    assert kind is not None
    device = filled.devices.get(query.name.split("/")[1].split(".json")[0], "")
    return expand(query.target["rawSql"], within, {**query.variables, "device": device})


@pytest.mark.parametrize("query", _queries(), ids=lambda query: query.name)
def test_a_panel_answers_from_its_own_time_without_reading_a_large_chunk_through(filled: Filled, query: Query) -> None:
    within = _range(query.panel, filled.end, timedelta(hours=24))
    sql = _sql(filled, query, within)
    cursor = filled.connection.execute(sql.encode())
    rows = cursor.fetchall()
    assert rows, sql
    assert cursor.description is not None
    _has_the_shape_it_says(query.target["format"], [column.name for column in cursor.description], rows)
    _stays_within(filled, sql, within)


@pytest.mark.parametrize("query", [each for each in _queries() if each.name.startswith("en/")], ids=lambda query: query.name)
def test_a_week_is_read_by_index_too(filled: Filled, query: Query) -> None:
    within = _range(query.panel, filled.end, timedelta(days=7))
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


@pytest.mark.parametrize(("path", "variable"), [(p, v["name"]) for p, b in BOARDS.items() for v in b["templating"]["list"] if v["type"] == "query"])
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
