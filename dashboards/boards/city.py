"""The city board: every indicator of the city now, the map, the worst areas, areas compared, what was refused.

Promises  Live indicators come from kpi_latest and refresh every second.
"""

from catalog.load import Catalogue
from catalog.reasons import Reason
from catalog.records import Kpi
from dashboards import indicators
from dashboards.builder.board import Head, Placed, board, choice_variable, query_variable, tag_link
from dashboards.builder.fields import NEUTRAL, Json, Shade, coloured, override
from dashboards.builder.panels import Text, geomap, stat, table, time_series
from dashboards.load import Board
from dashboards.sql import choices, flow, history, live
from dashboards.texts import Texts

_COLOURED_CELL = {"mode": "basic", "type": "color-background"}
_CITY_AREA = "area.city = ${city:sqlstring} AND area.level = 'city'"


def build(catalogue: Catalogue, texts: Texts) -> dict[str, Json]:
    """The one dashboard `city`."""
    kpis = tuple(catalogue.kpis.values())
    head = Head(f"kompas-city-{texts.language}", texts("city_board"), texts("city_board_about"), texts.language)
    rows = [
        [_indicator(kpi, texts) for kpi in kpis if "city" in kpi.levels],
        [Placed(_map(kpis, texts), 13, 14), Placed(_worst(kpis, texts), 11, 14)],
        [Placed(_compared(kpis, texts), 24, 9)],
        [Placed(_rejected(texts), 12, 7), Placed(_progress(texts), 12, 7)],
    ]
    levels = [(level, texts(f"level_{level}")) for level in ("district", "neighbourhood")]
    variables = [
        query_variable("city", texts("city"), choices.cities(texts)),
        choice_variable("indicator", texts("indicator"), [(kpi.id, indicators.label(kpi, texts)) for kpi in kpis]),
        choice_variable("level", texts("level"), levels),
    ]
    return {"city": board(head, rows, variables, [tag_link(texts("boards"), ("kompas", texts.language))])}


def _indicator(kpi: Kpi, texts: Texts) -> Placed:
    text = Text(texts.of(kpi.names), f"{texts.of(kpi.descriptions)}\n\n{texts('live_about')}")
    return Placed(stat(text, live.indicator(kpi, _CITY_AREA, texts), indicators.field(kpi)), 6, 4)


def _map(kpis: tuple[Kpi, ...], texts: Texts) -> Json:
    overrides = [
        coloured(texts("grade"), indicators.grade_shades(kpis, texts)),
        override(texts("coverage"), {"unit": "percent"}),
    ]
    return geomap(Text(texts("map"), texts("map_about")), live.markers(kpis, texts), texts("grade"), overrides)


def _worst(kpis: tuple[Kpi, ...], texts: Texts) -> Json:
    overrides = [coloured(texts("grade"), indicators.grade_shades(kpis, texts), _COLOURED_CELL)]
    sql = live.worst(tuple(indicators.grades(kpis)), texts)
    return table(Text(texts("worst"), texts("worst_about")), sql, overrides)


def _compared(kpis: tuple[Kpi, ...], texts: Texts) -> Json:
    return time_series(Text(texts("compared"), texts("point_worst")), history.compared(kpis, texts), {"decimals": 1}, max_data_points=300)


def _rejected(texts: Texts) -> Json:
    reasons = [Shade(reason.value, texts(f"reason_{reason.value}"), NEUTRAL) for reason in Reason]
    return table(Text(texts("rejected"), texts("rejected_about")), flow.rejected(texts), [coloured(texts("reason"), reasons)])


def _progress(texts: Texts) -> Json:
    return table(Text(texts("progress"), texts("progress_about")), flow.progress(texts), [override(texts("behind"), {"unit": "s"})])


BOARD = Board(build)
