"""Named read queries: what other rooms may ask the database, as functions with typed answers.

Promises  Read only; every statement is text that a reader can paste into psql, values travel as parameters.
Leaves    Boards' own SQL to dashboards/, writing to the rest of this room.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from catalog import tables
from catalog.errors import ConfigError
from storage import copied as copied  # noqa: PLC0414
from storage import quality as quality  # noqa: PLC0414 - the restater asks through here, too
from storage import restating as restating  # noqa: PLC0414
from storage import worth as worth  # noqa: PLC0414
from storage.connect import Connection, world
from storage.connect import answers as answers  # noqa: PLC0414 - the restater's guard asks through here
from storage.layout import connect

_FIELDS = "kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, reason, epoch, computed_at"

HISTORY = f"""
    SELECT {_FIELDS}, stored_at
    FROM {tables.KPI_VALUE.name}
    WHERE kpi = %(kpi)s AND (%(area)s::text IS NULL OR area = %(area)s)
      AND window_start >= %(from)s AND window_start < %(to)s
    ORDER BY window_start, area, version
"""
# What stood there at a time: stored by then, and not superseded yet.
HISTORY_AS_OF = f"""
    SELECT {_FIELDS}, stored_at
    FROM (
        SELECT {_FIELDS}, stored_at FROM {tables.KPI_VALUE.name}
        WHERE kpi = %(kpi)s AND window_start >= %(from)s AND window_start < %(to)s AND stored_at <= %(as_of)s
        UNION ALL
        SELECT {_FIELDS}, stored_at FROM {tables.KPI_REVISION.name}
        WHERE kpi = %(kpi)s AND window_start >= %(from)s AND window_start < %(to)s AND stored_at <= %(as_of)s AND superseded_at > %(as_of)s
    ) known
    WHERE %(area)s::text IS NULL OR area = %(area)s
    ORDER BY window_start, area, version
"""
LATEST = f"""
    SELECT slot, {_FIELDS}, stored_at
    FROM {tables.KPI_LATEST.name}
    WHERE (%(kpi)s::text IS NULL OR kpi = %(kpi)s) AND (%(area)s::text IS NULL OR area = %(area)s)
    ORDER BY kpi, version, area, slot
"""
# The value that a board shows: the open window's where it has enough, else the last settled one.
_SHOWN = f"""
    SELECT DISTINCT ON (l.kpi, l.area) l.*, k.better, k.bands, k.name_en, k.name_fr, k.name_nl
    FROM {tables.KPI_LATEST.name} l JOIN {tables.KPI.name} k ON k.id = l.kpi AND k.version = l.version AND k.retired_at IS NULL
    WHERE l.state = 'ok' AND l.band IS NOT NULL AND k.better <> 'neither'
    ORDER BY l.kpi, l.area, l.window_start DESC, l.slot
"""
# Of equal severity every KPI has its worst area shown before any has its second.
WORST = f"""
    SELECT kpi, area, name_en, level, value, unit, band, status, window_start, severity
    FROM (
        SELECT r.*, row_number() OVER (PARTITION BY kpi ORDER BY severity DESC, coverage DESC, area) AS turn
        FROM (
            SELECT s.kpi, s.area, a.name_en, a.level, s.value, s.unit, s.band, s.status, s.window_start, s.coverage,
                   CASE s.better WHEN 'lower' THEN b.place - 1 ELSE b.bands - b.place END::float8 / (b.bands - 1) AS severity
            FROM ({_SHOWN}) s
            JOIN {tables.AREA.name} a ON a.id = s.area
            CROSS JOIN LATERAL (
                SELECT place, jsonb_array_length(s.bands) AS bands
                FROM jsonb_array_elements(s.bands) WITH ORDINALITY AS e(band, place) WHERE e.band ->> 'id' = s.band
            ) b
            WHERE b.bands > 1 AND (%(level)s::text IS NULL OR a.level = %(level)s) AND (%(city)s::text IS NULL OR a.city = %(city)s)
        ) r
    ) t
    ORDER BY severity DESC, turn, kpi, area
    LIMIT %(limit)s
"""
TOTALS = f"SELECT name, sum(total)::bigint FROM {tables.STORED_TOTAL.name} GROUP BY name ORDER BY name"
REJECTED = f"""
    SELECT reason, sum(messages)::bigint, sum(readings)::bigint
    FROM {tables.REJECTED_COUNT.name} WHERE (%(city)s::text IS NULL OR city = %(city)s)
    GROUP BY reason ORDER BY 2 DESC, reason
"""
WATERMARKS = f"SELECT kind, min(watermark), max(watermark) FROM {tables.WATERMARK.name} GROUP BY kind ORDER BY kind"

READINGS = f"""
    SELECT device, quantity, measured_at, received_at, value, quality
    FROM {tables.READING_NAMED.name}
    WHERE city = %(city)s AND measured_at >= %(from)s AND measured_at < %(to)s
    ORDER BY measured_at, device, quantity
"""

SAID = f"""
    SELECT DISTINCT device
    FROM {tables.READING_NAMED.name}
    WHERE city = %(city)s AND measured_at = %(at)s AND starts_with(device, %(prefix)s)
"""

KPI_IDS = f"SELECT DISTINCT id FROM {tables.KPI.name} ORDER BY id"

TOTAL_NAMES = ("checked", "readings", "late", "late_duplicates", "late_conflicts", "kpi_values", "rejected_messages", "rejected_readings")
"""Rows of table stored_total. checked = readings + late_duplicates + late_conflicts; `late` are those that came late, stored or not."""


class WorstKpi(NamedTuple):
    """A KPI value as it is shown; severity 0 (best band) to 1 (worst band), comparable between KPIs."""

    kpi: str
    area: str
    area_name: str
    level: str
    value: float
    unit: str
    band: str
    status: str
    window_start: datetime
    severity: float


class Rejections(NamedTuple):
    """What was refused for one reason, ever."""

    reason: str
    messages: int
    readings: int


class KindWatermark(NamedTuple):
    """How far event time has come for one sensor kind, over the partitions."""

    kind: str
    lowest: datetime
    highest: datetime


def worst(connection: Connection, limit: int = 10, level: str | None = None, city: str | None = None) -> list[WorstKpi]:
    """KPIs and areas in the worst bands now, worst first."""
    return [WorstKpi._make(row) for row in _ask(connection, WORST, {"limit": limit, "level": level, "city": city})]


def totals(connection: Connection) -> dict[str, int]:
    """Exact counts of what was stored ever, by TOTAL_NAMES."""
    return dict.fromkeys(TOTAL_NAMES, 0) | dict(_ask(connection, TOTALS, {}))


def require_kpi(connection: Connection, kpi: str) -> None:
    """Raises ConfigError where no KPI of that id was ever registered."""
    known = [row[0] for row in _ask(connection, KPI_IDS, {})]
    if kpi not in known:
        raise ConfigError("kpi", f"one of {', '.join(known) or 'none yet'}", kpi)


def rejections(connection: Connection, city: str | None = None) -> list[Rejections]:
    """Refusals by reason, most messages first."""
    return [Rejections._make(row) for row in _ask(connection, REJECTED, {"city": city})]


def watermarks(connection: Connection) -> list[KindWatermark]:
    """By sensor kind."""
    return [KindWatermark._make(row) for row in _ask(connection, WATERMARKS, {})]


def latest(connection: Connection, kpi: str | None = None, area: str | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of kpi_latest: the live value (slot open) and the newest settled one (slot last)."""
    with world(), connection.cursor() as cursor:
        rows = cursor.execute(LATEST, {"kpi": kpi, "area": area}).fetchall()
        return _names(cursor), rows


def history(
    connection: Connection, kpi: str, area: str | None, span: tuple[datetime, datetime], as_of: datetime | None = None
) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    """Settled values of a KPI with window_start in [from, to), by time, as they stand or stood at `as_of`: names with up to 10,000 rows at a time.

    Streams from the server: memory does not grow with the answer. At least one block, also where there are no rows.
    """
    given = {"kpi": kpi, "area": area, "from": span[0], "to": span[1], "as_of": as_of}
    return _blocks(connection, HISTORY if as_of is None else HISTORY_AS_OF, given)


def readings(connection: Connection, city: str, span: tuple[datetime, datetime]) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    """Stored readings of a city with measured_at in [from, to), by time: column names with up to 10,000 rows at a time, as in `history`."""
    return _blocks(connection, READINGS, {"city": city, "from": span[0], "to": span[1]})


def said(connection: Connection, city: str, prefix: str, at: datetime) -> frozenset[str]:
    """Devices whose ids begin with `prefix` that have a stored reading measured exactly then."""
    return frozenset(row[0] for row in _ask(connection, SAID, {"city": city, "prefix": prefix, "at": at}))


def reader(conninfo: str, application: str) -> Connection:
    """A connection that can only read, whatever its role may do; raises Unavailable."""
    connection = connect(conninfo, application)
    connection.read_only = True
    return connection


def _ask(connection: Connection, statement: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    with world():
        rows = connection.execute(statement, given).fetchall()
        connection.rollback()
        return rows


def _blocks(connection: Connection, statement: str, given: dict[str, Any]) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    with world(), connection.cursor(name="kompas_blocks") as cursor:
        cursor.execute(statement, given)
        rows = cursor.fetchmany(10_000)
        names = _names(cursor)
        while True:
            yield names, rows
            rows = cursor.fetchmany(10_000)
            if not rows:
                return


def _names(cursor: "psycopg.Cursor[Any] | psycopg.ServerCursor[Any]") -> list[str]:
    return [column.name for column in cursor.description or ()]
