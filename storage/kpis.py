"""KPI values into kpi_latest, kpi_value and kpi_revision.

Promises  Idempotent: the same values again change nothing. A stored revision is never overwritten; what a newer one supersedes is kept.
Leaves    The order among values of one batch to storage.standing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from catalog import tables
from catalog.kpi_value import KpiValue
from storage.connect import Connection
from storage.standing import sort_out

_FIELDS = tables.KPI_LATEST.columns[1:-1]
_COLUMNS = ", ".join(_FIELDS)
_INCOMING = """json_to_recordset(%(values)s) AS i(
    kpi text, version integer, area text, window_start timestamptz, window_end timestamptz, value double precision, state text, band text,
    unit text, coverage double precision, devices integer, revision integer, status text, reason text, epoch text, computed_at timestamptz)"""
_SET = ", ".join(f"{field} = excluded.{field}" for field in _FIELDS if field not in ("kpi", "version", "area")) + ", stored_at = excluded.stored_at"
_KEY = "v.kpi = i.kpi AND v.version = i.version AND v.area = i.area"
# The range is for the planner: without it every chunk that ever was is looked into.
_WINDOW = f"{_KEY} AND v.window_start = i.window_start AND v.window_start BETWEEN %(from)s AND %(to)s"
_SAYS = "value, {0}.state, {0}.coverage, {0}.devices, {0}.window_end"

_EPOCH = "coalesce(split_part({0}.epoch, '/', 2)::bigint, -1)"

_LIVE = f"""
    INSERT INTO {tables.KPI_LATEST.name} AS l (slot, {_COLUMNS})
    SELECT 'open', {_COLUMNS} FROM {_INCOMING}
    WHERE NOT EXISTS (SELECT FROM {tables.KPI_LATEST.name} v WHERE {_KEY} AND v.slot = 'last' AND v.window_start >= i.window_start)
    ON CONFLICT (kpi, version, area, slot) DO UPDATE SET {_SET}
    WHERE (excluded.window_start, {_EPOCH.format("excluded")}) > (l.window_start, {_EPOCH.format("l")})
"""
_LAST = f"""
    INSERT INTO {tables.KPI_LATEST.name} AS l (slot, {_COLUMNS})
    SELECT DISTINCT ON (kpi, version, area) 'last', {_COLUMNS} FROM {_INCOMING}
    ORDER BY kpi, version, area, window_start DESC, revision DESC
    ON CONFLICT (kpi, version, area, slot) DO UPDATE SET {_SET}
    WHERE (excluded.window_start, excluded.revision) > (l.window_start, l.revision)
"""
_KEEP_OLD = f"""
    INSERT INTO {tables.KPI_REVISION.name} ({_COLUMNS}, stored_at)
    SELECT {", ".join(f"v.{field}" for field in _FIELDS)}, v.stored_at FROM {tables.KPI_VALUE.name} v JOIN {_INCOMING} ON {_WINDOW}
    WHERE i.revision > v.revision
    ON CONFLICT (kpi, version, area, window_start, revision) DO NOTHING
"""
_SETTLE = f"""
    INSERT INTO {tables.KPI_VALUE.name} AS v ({_COLUMNS})
    SELECT {_COLUMNS} FROM {_INCOMING}
    ON CONFLICT (kpi, version, area, window_start) DO UPDATE SET {_SET}
    WHERE excluded.revision > v.revision
"""
_DOUBLED = f"""
    SELECT i.kpi, i.version, i.area, i.window_start, i.revision, v.value, i.value FROM {tables.KPI_VALUE.name} v JOIN {_INCOMING} ON {_WINDOW}
    WHERE i.revision = v.revision AND (v.{_SAYS.format("v")}) IS DISTINCT FROM (i.{_SAYS.format("i")})
      AND v.reason IS DISTINCT FROM 'rebuilt' AND i.reason IS DISTINCT FROM 'rebuilt'
"""


class Doubled(NamedTuple):
    """Two different values that claim the same revision: the stored one stands, and somebody must look."""

    kpi: str
    version: int
    area: str
    window_start: str
    revision: int
    stored: float | None
    refused: float | None


def store(connection: Connection, values: Sequence[KpiValue]) -> list[Doubled]:
    """Lay a batch over the tables, in the caller's transaction; what contradicts a stored revision comes back."""
    if not values:
        return []
    standing = sort_out(values)
    doubled = [
        Doubled(first.kpi, first.version, first.area, first.window_start, first.revision, first.value, second.value)
        for first, second in standing.doubled
    ]
    for settled in standing.rounds:
        starts = [value.window_start for value in settled]
        given = {"values": _json(settled), "from": min(starts), "to": max(starts)}
        connection.execute(_KEEP_OLD, given)
        connection.execute(_SETTLE, given)
        doubled += [Doubled._make((*row[:3], str(row[3]), *row[4:])) for row in connection.execute(_DOUBLED, given)]
        connection.execute(_LAST, given)
    if standing.live:
        connection.execute(_LIVE, {"values": _json(standing.live)})
    return doubled


def _json(values: Sequence[KpiValue]) -> str:
    return msgspec.json.encode(values).decode()
