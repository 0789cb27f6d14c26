"""What the city is like now: one indicator, the map, the worst areas; from kpi_latest.

Promises  The live value where its window is open and has enough data; else the last final value, marked with the
          start of its window in the city's time; never a live value of a window that has closed.
Leaves    Which of two values wins in kpi_latest to storage/.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.records import LEVELS, Kpi
from dashboards.builder.fields import shown_unit
from dashboards.indicators import NO_BAND, Grade, label
from dashboards.sql.words import choice, column, literal, values
from dashboards.texts import Texts

_TIME = "'YYYY-MM-DD HH24:MI'"
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
    """Text beside a value: live, or final and of which window."""
    final = literal(texts("final") + " ")
    return (
        f"CASE WHEN shown.slot = 'open' THEN {literal(texts('live'))}"
        f" WHEN shown.slot = 'last' THEN {final} || to_char(shown.window_start AT TIME ZONE city.time_zone, {_TIME})"
        f" ELSE {literal(texts('not_enough_data'))} END"
    )


def indicator(kpi: Kpi, where: str, texts: Texts) -> str:
    """One KPI of one area: time, metric (band and mark), value. `where` picks the row of table area."""
    band = choice("shown.band", ((band.id, texts.of(band.names)) for band in kpi.bands))
    mark = f"concat_ws(' · ', {band}, {_mark(texts)})"
    if set(kpi.levels) != set(LEVELS):
        levels = ", ".join(literal(level) for level in kpi.levels)
        mark = f"CASE WHEN area.level IN ({levels}) THEN {mark} ELSE {literal(texts('not_at_this_level'))} END"
    condition = f"l.kpi = {literal(kpi.id)} AND l.version = {kpi.version} AND l.area = area.id"
    return f"""SELECT coalesce(shown.window_start, now()) AS "time",
  {mark} AS metric,
  shown.value AS value
FROM {tables.AREA.name} area
JOIN {tables.CITY.name} city ON city.id = area.city
LEFT JOIN LATERAL ({_shown(condition)}) shown ON true
WHERE {where}"""


def markers(kpis: Sequence[Kpi], texts: Texts) -> str:
    """Areas of the chosen level with the chosen indicator: lat, lon and what the tooltip says."""
    rows = [(kpi.id, kpi.version, label(kpi, texts), shown_unit(kpi.unit), kpi.decimals) for kpi in kpis]
    chosen = values("indicator", ("id", "version", "name", "unit", "decimals"), rows)
    condition = "l.kpi = indicator.id AND l.version = indicator.version AND l.area = area.id"
    return f"""SELECT area.latitude AS lat, area.longitude AS lon,
  area.name_{texts.language} AS {column(texts("area"))},
  indicator.name AS {column(texts("indicator"))},
  {_number("indicator")} AS {column(texts("value"))},
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
        (grade.kpi.id, grade.kpi.version, grade.band, grade.severity, label(grade.kpi, texts), shown_unit(grade.kpi.unit), grade.kpi.decimals)
        for grade in graded
    ]
    scale = values("indicator", ("id", "version", "band", "severity", "name", "unit", "decimals"), rows)
    since = "to_char(coalesce(other.window_end, $__timeFrom()::timestamptz) AT TIME ZONE worst.time_zone, " + _TIME + ")"
    chosen = f"l.area IN (SELECT id FROM {tables.AREA.name} WHERE city = ${{city:sqlstring}} AND level = ${{level:sqlstring}})"
    return f"""WITH shown AS ({_shown(chosen)}
), worst AS (
  SELECT shown.kpi, shown.version, shown.area, shown.band, area.name_{texts.language} AS area_name, city.time_zone,
    indicator.severity, indicator.name, {_number("indicator")} AS number, {_mark(texts)} AS mark
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


def _number(indicator_table: str) -> str:
    return f"concat_ws(' ', round(shown.value::numeric, {indicator_table}.decimals)::text, nullif({indicator_table}.unit, ''))"
