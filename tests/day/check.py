"""The second opinion on the day: each KPI's check_sql, run as it stands over every window at once.

Promises  The text of check_sql is not touched but for its three parameters, which become columns of the windows it runs over; what it
          reads as `reading_named` are the stored readings that were not late: settled values await the restatement of late ones.
Leaves    Comparing to the tests.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg

from catalog.load import Catalogue
from catalog.quality import Cause
from catalog.records import Kpi
from catalog.windows import from_us, to_us, window_of
from formula.compile import Plan
from formula.spec import AggregateSpec
from formula.tree import POPULATION
from tests.day import pack

Connection = psycopg.Connection[tuple[Any, ...]]
Key = tuple[str, datetime]
"""Area and start of the window."""

_IN_TIME = f"""
    CREATE TEMP TABLE reading_named AS SELECT * FROM public.reading_named WHERE (quality & {int(Cause.LATE)}) = 0;
    CREATE INDEX ON pg_temp.reading_named (quantity, measured_at);
    ANALYZE pg_temp.reading_named
"""


_KEYS = ("area", "given_start")


class Published(NamedTuple):
    """A final."""

    value: float | None
    state: str
    coverage: float
    devices: int


def only_in_time(connection: Connection) -> None:
    """From now on this connection's `reading_named` leaves out late readings."""
    connection.execute(_IN_TIME.encode())


def closed_windows(connection: Connection, plan: Plan, catalogue: Catalogue) -> list[tuple[datetime, datetime]]:
    """Every window of the KPI from the first reading on that all watermarks of its kinds have passed, in order."""
    kinds = sorted({kind for quantity in plan.quantities for kind in catalogue.kinds_of(quantity)})
    (begin,) = _row(connection, "SELECT min(measured_at) FROM reading_named WHERE quantity = ANY(%s)", list(plan.quantities))
    (end,) = _row(connection, "SELECT min(watermark) FROM watermark WHERE kind = ANY(%s)", kinds)
    found, at_us = [], to_us(begin)
    while True:
        start_us, stop_us = window_of(at_us, plan.kpi.window, pack.ZONE.key)
        if stop_us > to_us(end):
            return found
        found.append((from_us(start_us), from_us(stop_us)))
        at_us = stop_us


def _row(connection: Connection, sql: str, given: list[str]) -> tuple[Any, ...]:
    row = connection.execute(sql.encode(), (given,)).fetchone()
    assert row is not None
    assert row[0] is not None, f"{sql} of {given}: nothing"
    return row


def second_opinion(connection: Connection, plan: Plan, spans: list[tuple[datetime, datetime]]) -> dict[Key, float]:
    """What check_sql says, through the plan where it gives the formula's aggregates; windows without a value are absent."""
    if not spans:
        return {}
    text = plan.kpi.check_sql.strip().rstrip(";")
    for name in ("window_start", "window_end", "level"):
        text = text.replace(f"%({name})s", f"given.{name}")
    sql = f"""
        SELECT given.window_start AS given_start, opinion.*
        FROM (SELECT * FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS w (window_start, window_end), unnest(%s::text[]) AS l (level)) given
        CROSS JOIN LATERAL ({text}) opinion
    """
    cursor = connection.execute(sql.encode(), ([start for start, _ in spans], [end for _, end in spans], list(plan.kpi.levels)))
    names = [column.name for column in cursor.description or ()]
    rows = cursor.fetchall()
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    values = _values(connection, plan, columns)
    return {(area, start): value for area, start, value in zip(columns["area"], columns["given_start"], values, strict=True) if not np.isnan(value)}


def _values(connection: Connection, plan: Plan, columns: Mapping[str, list[Any]]) -> list[float]:
    given = {name: np.array([np.nan if value is None else float(value) for value in column]) for name, column in columns.items() if name not in _KEYS}
    if set(given) == {"value"}:
        return list(given["value"].tolist())
    wanted = {spec.id for spec in plan.aggregates}
    assert set(given) == wanted, f"{plan.kpi.id}: check_sql gives {sorted(given)}, wanted value or {sorted(wanted)}"
    if not columns["area"]:
        return []
    people = dict(connection.execute("SELECT id, population FROM area").fetchall())
    given[POPULATION] = np.array([float(people[area]) for area in columns["area"]])
    return list(plan.evaluate(given).tolist())


def persons(connection: Connection, spec: AggregateSpec, spans: list[tuple[datetime, datetime]]) -> dict[Key, float]:
    """A total of stored readings (`sum` or `last_sum` of a quantity) in every area and window that has some."""
    one = {"sum": "sum(value)", "last_sum": "(array_agg(value ORDER BY measured_at DESC))[1]"}[spec.function]
    sql = f"""
        SELECT a.id, given.window_start, sum(d.value)
        FROM (SELECT * FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS w (window_start, window_end)) given
        CROSS JOIN LATERAL (
            SELECT device, area, {one} AS value FROM reading_named
            WHERE quantity = %s AND good(quality) AND measured_at >= given.window_start AND measured_at < given.window_end GROUP BY device, area
        ) d
        JOIN area n ON n.id = d.area LEFT JOIN area p ON p.id = n.parent JOIN area a ON a.id IN (n.id, n.parent, p.parent)
        GROUP BY 1, 2
    """
    rows = connection.execute(sql.encode(), ([start for start, _ in spans], [end for _, end in spans], spec.quantity)).fetchall()
    return {(area, start): value for area, start, value in rows}


def published(connection: Connection, kpi: Kpi, spans: list[tuple[datetime, datetime]]) -> dict[Key, Published]:
    """The finals of these windows."""
    if not spans:
        return {}
    rows = connection.execute(
        "SELECT area, window_start, value, state, coverage, devices FROM kpi_value"
        " WHERE kpi = %s AND version = %s AND status = 'final' AND revision = 1 AND window_start >= %s AND window_end <= %s",
        (kpi.id, kpi.version, spans[0][0], spans[-1][1]),
    ).fetchall()
    return {(area, start): Published(*rest) for area, start, *rest in rows}
