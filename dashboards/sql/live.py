"""What the city is like now: tiles of indicators, the map, the worst areas; from kpi_latest.

Promises  The live value where its window is open and has enough data; else the last final value, marked with the
          start of its window in the city's time; never a live value of a window that has closed.
Leaves    Which of two values wins in kpi_latest to storage/.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.records import Kpi
from dashboards.indicators import BESIDE, NO_BAND, Grade, label
from dashboards.sql.words import choice, column, literal, values
from dashboards.texts import Texts

_TIME = "'YYYY-MM-DD HH24:MI'"
_NUMBER = "concat_ws(' ', round(shown.value::numeric, indicator.decimals)::text, nullif(indicator.unit, ''))"
WORST_ROWS = 15


def _shown(condition: str) -> str:
    """The newest value that counts, one row per KPI, version and area."""
    return f"""
    SELECT DISTINCT ON (l.kpi, l.version, l.area) l.*
    FROM {tables.KPI_LATEST.name} l
    WHERE {condition} AND l.state = 'ok' AND NOT (l.slot = 'open' AND EXISTS (
      SELECT FROM {tables.KPI_LATEST.name} f
      WHERE f.kpi = l.kpi AND f.version = l.version AND f.area = l.area AND f.slot = 'last' AND f.window_start >= l.window_start))
    ORDER BY l.kpi, l.version, l.area, l.window_start DESC"""


def _mark(texts: Texts) -> str:
    """Text beside a value: live, or final or restated and of which window."""
    start = f"to_char(shown.window_start AT TIME ZONE city.time_zone, {_TIME})"
    return (
        f"CASE WHEN shown.slot = 'open' THEN {literal(texts('live'))}"
        f" WHEN shown.status = 'restated' THEN {literal(texts('restated') + ' ')} || {start}"
        f" WHEN shown.slot = 'last' THEN {literal(texts('final') + ' ')} || {start}"
        f" WHEN EXISTS (SELECT FROM {tables.KPI_LATEST.name} h WHERE h.kpi = indicator.id AND h.version = indicator.version"
        f" AND h.area = area.id AND h.state = 'suppressed') THEN {literal(texts('suppressed'))}"
        f" WHEN area.level = ANY (string_to_array(indicator.levels, ',')) THEN {literal(texts('not_enough_data'))}"
        f" ELSE {literal(texts('not_at_this_level'))} END"
    )


def tiles(kpis: Sequence[Kpi], where: str, texts: Texts) -> str:
    """KPIs of one area: time (now), metric (name, band and mark), value. `where` picks the row of table area."""
    rows = [(kpi.id, kpi.version, texts.of(kpi.names), ",".join(kpi.levels)) for kpi in kpis]
    chosen = values("indicator", ("id", "version", "name", "levels"), rows)
    band = choice("indicator.id || '/' || shown.band", ((f"{kpi.id}/{band.id}", texts.of(band.names)) for kpi in kpis for band in kpi.bands))
    condition = "l.kpi = indicator.id AND l.version = indicator.version AND l.area = area.id"
    return f"""SELECT now() AS "time",
  concat_ws({literal(BESIDE)}, indicator.name, {band}, {_mark(texts)}) AS metric,
  shown.value AS value
FROM {tables.AREA.name} area
JOIN {tables.CITY.name} city ON city.id = area.city
CROSS JOIN {chosen}
LEFT JOIN LATERAL ({_shown(condition)}) shown ON true
WHERE {where}
ORDER BY 2"""


def markers(kpis: Sequence[Kpi], texts: Texts) -> str:
    """Areas of the chosen level with the chosen indicator: lat, lon and what the tooltip says."""
    rows = [(kpi.id, kpi.version, label(kpi, texts), texts.unit(kpi.unit), kpi.decimals, ",".join(kpi.levels)) for kpi in kpis]
    chosen = values("indicator", ("id", "version", "name", "unit", "decimals", "levels"), rows)
    condition = "l.kpi = indicator.id AND l.version = indicator.version AND l.area = area.id"
    return f"""SELECT area.latitude AS lat, area.longitude AS lon,
  area.name_{texts.language} AS {column(texts("area"))},
  indicator.name AS {column(texts("indicator"))},
  {_NUMBER} AS {column(texts("value"))},
  coalesce(indicator.id || '/' || shown.band, {literal(NO_BAND)}) AS {column(texts("grade"))},
  {_mark(texts)} AS {column(texts("as_of"))},
  round(100 * shown.coverage) AS {column(texts("coverage"))},
  shown.devices AS {column(texts("devices"))}
FROM {tables.AREA.name} area
JOIN {tables.CITY.name} city ON city.id = area.city
JOIN {chosen} ON indicator.id = ${{indicator:sqlstring}}
LEFT JOIN LATERAL ({_shown(condition)}) shown ON true
WHERE area.city = ${{city:sqlstring}} AND area.level = ${{level:sqlstring}}
ORDER BY area.id"""


def worst(graded: Sequence[Grade], texts: Texts) -> str:
    """Areas in the worst bands over all indicators, and since when each band has held without a break."""
    rows = [
        (kpi.id, kpi.version, band, severity, label(kpi, texts), texts.unit(kpi.unit), kpi.decimals, ",".join(kpi.levels))
        for kpi, band, severity in graded
    ]
    scale = values("indicator", ("id", "version", "band", "severity", "name", "unit", "decimals", "levels"), rows)
    since = "to_char(coalesce(other.window_end, $__timeFrom()::timestamptz) AT TIME ZONE worst.time_zone, " + _TIME + ")"
    chosen = f"l.area IN (SELECT id FROM {tables.AREA.name} WHERE city = ${{city:sqlstring}} AND level = ${{level:sqlstring}})"
    return f"""WITH shown AS ({_shown(chosen)}
), worst AS (
  SELECT shown.kpi, shown.version, shown.area, shown.band, area.name_{texts.language} AS area_name, city.time_zone,
    indicator.severity, indicator.name, {_NUMBER} AS number, {_mark(texts)} AS mark
  FROM shown
  JOIN {scale}
    ON indicator.id = shown.kpi AND indicator.version = shown.version AND indicator.band = shown.band
  JOIN {tables.AREA.name} area ON area.id = shown.area
  JOIN {tables.CITY.name} city ON city.id = area.city
  ORDER BY indicator.severity DESC, shown.window_start DESC, shown.kpi, area_name
  LIMIT {WORST_ROWS}
)
SELECT worst.area_name AS {column(texts("area"))}, worst.name AS {column(texts("indicator"))}, worst.number AS {column(texts("value"))},
  worst.kpi || '/' || worst.band AS {column(texts("grade"))},
  CASE WHEN other.window_end IS NULL THEN '≤ ' ELSE '' END || {since} AS {column(texts("since"))},
  worst.mark AS {column(texts("as_of"))}
FROM worst
LEFT JOIN LATERAL (
  SELECT v.window_end FROM {tables.KPI_VALUE.name} v
  WHERE v.kpi = worst.kpi AND v.version = worst.version AND v.area = worst.area
    AND $__timeFilter(v.window_start) AND v.band IS DISTINCT FROM worst.band
  ORDER BY v.window_start DESC LIMIT 1
) other ON true
ORDER BY worst.severity DESC, other.window_end NULLS FIRST, worst.kpi, worst.area_name"""
