"""How it was: final and restated KPI values over the chosen time, from kpi_value.

Promises  Every query is bound by KPI, version, area and time, the table's key: it reads what it shows and no other chunk.
Leaves    Live values to sql/live.
"""

from collections.abc import Sequence

from catalog import tables
from catalog.records import Kpi
from dashboards.indicators import NO_BAND
from dashboards.sql.words import column, literal, values
from dashboards.texts import Texts


def _worst_value(kpi: Kpi) -> str:
    return "min" if kpi.better == "higher" else "max"


def series(kpi: Kpi, texts: Texts) -> str:
    """One KPI of the chosen area: time, metric (the area's name), value; at most one point per interval, the worst of it.

    A point stands at the start of the interval's first window, not of the interval: no interval keeps a local midnight.
    """
    return f"""SELECT min(v.window_start) AS "time", area.name_{texts.language} AS metric, {_worst_value(kpi)}(v.value) AS value
FROM {tables.KPI_VALUE.name} v
JOIN {tables.AREA.name} area ON area.id = v.area
WHERE v.kpi = {literal(kpi.id)} AND v.version = {kpi.version} AND v.area = ${{area:sqlstring}} AND $__timeFilter(v.window_start)
GROUP BY 2, $__timeGroup(v.window_start,$__interval)
ORDER BY 1"""


def compared(kpis: Sequence[Kpi], texts: Texts, variable: str = "indicator") -> str:
    """The indicator chosen by the variable in every area of the chosen level: time, metric (the area's name), value; points as in `series`."""
    rows = [(kpi.id, kpi.version, _worst_value(kpi)) for kpi in kpis]
    chosen = values("indicator", ("id", "version", "worst"), rows)
    return f"""SELECT min(v.window_start) AS "time", area.name_{texts.language} AS metric,
  CASE WHEN indicator.worst = 'min' THEN min(v.value) ELSE max(v.value) END AS value
FROM {chosen}
JOIN {tables.AREA.name} area ON area.city = ${{city:sqlstring}} AND area.level = ${{level:sqlstring}}
JOIN {tables.KPI_VALUE.name} v ON v.kpi = indicator.id AND v.version = indicator.version AND v.area = area.id
WHERE indicator.id = ${{{variable}:sqlstring}} AND $__timeFilter(v.window_start)
GROUP BY 2, indicator.worst, $__timeGroup(v.window_start,$__interval)
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
