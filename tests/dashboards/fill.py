"""Generated history for the panels' tests: several chunks of readings and KPI values, made by the database itself.

Chunks hold well over 10,000 rows, so that a query that reads one sequentially is found out; tables are analysed afterwards.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from catalog.load import Catalogue
from catalog.records import Kpi

Connection = psycopg.Connection[tuple[Any, ...]]

STEP = {"minute": "1 minute", "quarter_hour": "15 minutes", "hour": "1 hour", "day": "1 day"}

_VALUES = """
INSERT INTO kpi_value (kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, computed_at)
SELECT %(kpi)s, %(version)s, area.id, at, at + %(step)s::interval, v.value, 'ok', v.band, %(unit)s, 0.97, 7, 1, 'final', at + %(step)s::interval
FROM area
CROSS JOIN generate_series(%(start)s::timestamptz, %(end)s::timestamptz, %(step)s::interval) at
CROSS JOIN LATERAL (SELECT %(low)s + (%(high)s - %(low)s) * abs(sin(extract(epoch FROM at) / 9000 + length(area.id))) AS value) raw
CROSS JOIN LATERAL (SELECT raw.value, %(bands)s::text[] AS bands, %(edges)s::float8[] AS edges) given
CROSS JOIN LATERAL (
  SELECT given.value, given.bands[1 + (SELECT count(*) FROM unnest(given.edges) edge WHERE edge < given.value)] AS band
) v
WHERE area.id = ANY (%(areas)s) AND area.level = ANY (%(levels)s)
ON CONFLICT DO NOTHING
"""

_LATEST = """
INSERT INTO kpi_latest
  (slot, kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, computed_at)
SELECT 'last', kpi, version, area, window_start, window_end, value, state, band, unit, coverage, devices, revision, status, computed_at
FROM (SELECT DISTINCT ON (kpi, version, area) * FROM kpi_value ORDER BY kpi, version, area, window_start DESC) newest
UNION ALL
SELECT 'open', kpi, version, area, window_end, window_end + (window_end - window_start), value + 1, 'ok', band, unit, 0.5, devices, 0, 'live', now()
FROM (SELECT DISTINCT ON (kpi, version, area) * FROM kpi_value ORDER BY kpi, version, area, window_start DESC) newest
WHERE abs(hashtext(area)) % 2 = 0
"""

_READINGS = """
INSERT INTO reading (device, quantity, measured_at, received_at, value, quality)
SELECT device.no, quantity.no, at, at + interval '1 second', 10 + 5 * sin(extract(epoch FROM at) / 600), 1
FROM (SELECT no, kind, row_number() OVER (PARTITION BY kind ORDER BY id) AS place FROM device_current WHERE city = %(city)s) device
JOIN sensor_kind ON sensor_kind.id = device.kind
JOIN quantity ON sensor_kind.document -> 'quantities' ? quantity.id
CROSS JOIN generate_series(%(start)s::timestamptz, %(end)s::timestamptz, %(step)s::interval) at
WHERE device.place <= 12
"""

_REJECTED = """
INSERT INTO rejected_count (city, reason, hour, messages, readings)
SELECT %(city)s, reason, date_trunc('hour', %(end)s::timestamptz) - hours * interval '1 hour', 5, 7
FROM unnest(ARRAY['malformed', 'unknown_device', 'out_of_range']) reason CROSS JOIN generate_series(0, 50) hours
"""

_WATERMARKS = "INSERT INTO watermark (partition, kind, watermark) SELECT p, id, %(end)s FROM sensor_kind, generate_series(0, 11) p"


def fill(connection: Connection, catalogue: Catalogue, city: str, end: datetime) -> None:
    """Three weeks of KPI values and three days of readings up to `end`, in one city."""
    areas = _areas(connection, city)
    for kpi in catalogue.kpis.values():
        for start, until, chosen in _spans(kpi, end, areas):
            connection.execute(_VALUES, {**_scale(kpi), "start": start, "end": until, "step": STEP[kpi.window], "areas": chosen})
    connection.execute(_LATEST)
    for days, hours, step in ((3, 2, "5 minutes"), (0, 2, "1 minute")):
        start = end - timedelta(days=days, hours=hours if not days else 0)
        stop = end - timedelta(hours=2, minutes=1) if days else end
        connection.execute(_READINGS, {"city": city, "start": start, "end": stop, "step": step})
    connection.execute(_REJECTED, {"city": city, "end": end})
    connection.execute(_WATERMARKS, {"end": end})
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")


def _areas(connection: Connection, city: str) -> list[str]:
    """The city, its districts and a few neighbourhoods."""
    wide = connection.execute("SELECT id FROM area WHERE city = %s AND level <> 'neighbourhood' ORDER BY id", (city,)).fetchall()
    near = connection.execute("SELECT id FROM area WHERE city = %s AND level = 'neighbourhood' ORDER BY id LIMIT 4", (city,)).fetchall()
    return [row[0] for row in wide + near]


def _spans(kpi: Kpi, end: datetime, areas: list[str]) -> list[tuple[datetime, datetime, list[str]]]:
    """Dense over the last hours, thinner before: enough rows in every chunk without millions of them."""
    if kpi.window == "day":
        midnight = datetime(end.year, end.month, end.day, tzinfo=UTC) - timedelta(hours=1)
        return [(midnight - timedelta(days=40), midnight, areas)]
    whole = end.replace(minute=0, second=0, microsecond=0)
    if kpi.window == "minute":
        return [(whole - timedelta(hours=5), end - timedelta(minutes=2), areas), (whole - timedelta(days=19), whole - timedelta(days=18), areas[:5])]
    return [(whole - timedelta(days=2 if kpi.window == "quarter_hour" else 21), end - timedelta(minutes=75), areas)]


def _scale(kpi: Kpi) -> dict[str, Any]:
    edges = [band.to for band in kpi.bands if band.to is not None]
    low, high = (edges[0] - 5.0, edges[-1] + 5.0) if edges else (0.0, 100.0)
    return {
        "kpi": kpi.id,
        "version": kpi.version,
        "unit": kpi.unit,
        "bands": [band.id for band in kpi.bands],
        "edges": edges,
        "low": low,
        "high": high,
        "levels": list(kpi.levels),
    }
