"""How it was: final and restated KPI values over the chosen time, from kpi_value.

Promises  Every query is bound by KPI, version, area and time, the table's key: it reads what it shows and no other chunk.
Leaves    Live values to sql/live.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.records import Kpi
from catalog.windows import FIXED_US
from dashboards.indicators import NO_BAND
from dashboards.sql.words import column, literal, values
from dashboards.texts import Texts


def _worst_value(kpi: Kpi) -> str:
    return "min" if kpi.better == "higher" else "max"


def series(kpi: Kpi, texts: Texts) -> str:
    """One KPI of the chosen area: time, metric (the area's name), value.

    Windows up to an hour are drawn at most one point per interval, the worst of it. Windows from a day up begin at local midnight,
    which no fixed interval keeps, and are few: they are drawn as they are.
    """
    grouped = kpi.window in FIXED_US
    time = "$__timeGroupAlias(v.window_start,$__interval)" if grouped else 'v.window_start AS "time"'
    value = f"{_worst_value(kpi)}(v.value)" if grouped else "v.value"
    return f"""SELECT {time}, area.name_{texts.language} AS metric, {value} AS value
FROM {tables.KPI_VALUE.name} v
JOIN {tables.AREA.name} area ON area.id = v.area
WHERE v.kpi = {literal(kpi.id)} AND v.version = {kpi.version} AND v.area = ${{area:sqlstring}} AND $__timeFilter(v.window_start)
{"GROUP BY 1, 2" if grouped else ""}
ORDER BY 1"""


def compared(kpis: Sequence[Kpi], texts: Texts) -> str:
    """The chosen indicator of every area of the chosen level: time, metric (the area's name), value; one point per interval."""
    rows = [(kpi.id, kpi.version, _worst_value(kpi)) for kpi in kpis]
    chosen = values("indicator", ("id", "version", "worst"), rows)
    return f"""SELECT $__timeGroupAlias(v.window_start,$__interval), area.name_{texts.language} AS metric,
  CASE WHEN indicator.worst = 'min' THEN min(v.value) ELSE max(v.value) END AS value
FROM {chosen}
JOIN {tables.AREA.name} area ON area.city = ${{city:sqlstring}} AND area.level = ${{level:sqlstring}}
JOIN {tables.KPI_VALUE.name} v ON v.kpi = indicator.id AND v.version = indicator.version AND v.area = area.id
WHERE indicator.id = ${{indicator:sqlstring}} AND $__timeFilter(v.window_start)
GROUP BY 1, 2, indicator.worst
ORDER BY 1, 2"""


def bands(kpi: Kpi, texts: Texts) -> str:
    """The windows of one KPI at which the band of the chosen area changed: time, and a column named like the KPI."""
    return f"""SELECT changes.window_start AS "time", changes.band AS {column(texts.of(kpi.names))}
FROM (
  SELECT v.window_start, coalesce(v.band, {literal(NO_BAND)}) AS band,
    lag(coalesce(v.band, {literal(NO_BAND)})) OVER (ORDER BY v.window_start) AS before
  FROM {tables.KPI_VALUE.name} v
  WHERE v.kpi = {literal(kpi.id)} AND v.version = {kpi.version} AND v.area = ${{area:sqlstring}} AND $__timeFilter(v.window_start)
) changes
WHERE changes.band IS DISTINCT FROM changes.before
ORDER BY 1"""
