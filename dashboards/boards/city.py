"""The city board: every indicator of the city now, the map, the worst areas, areas compared, what was refused.

Promises  Live indicators come from kpi_latest and refresh every second.
"""

import sys

from catalog.load import Catalogue
from catalog.reasons import Reason
from catalog.records import Kpi
from catalog.windows import FIXED_US
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
    short, long = (tuple(kpi for kpi in kpis if (kpi.window in FIXED_US) == fixed) for fixed in (True, False))
    head = Head(f"kompas-city-{texts.language}", texts("city_board"), texts("city_board_about"), texts.language)
    rows = [
        _tiles(catalogue, texts),
        [Placed(_map(kpis, texts), 13, 14), Placed(_worst(kpis, texts), 11, 14)],
        [Placed(_compared(short, texts), 24, 9)],
        [Placed(_compared_long(long, texts), 24, 9)],
        [Placed(_rejected(texts), 12, 7), Placed(_progress(texts), 12, 7)],
    ]
    levels = [(level, texts(f"level_{level}")) for level in ("district", "neighbourhood")]
    variables = [
        query_variable("city", texts("city"), choices.cities(texts)),
        choice_variable("indicator", texts("indicator"), _choices(kpis, texts)),
        choice_variable("level", texts("level"), levels),
        choice_variable("slow_indicator", texts("slow_indicator"), _choices(long, texts)),
    ]
    return {"city": board(head, rows, variables, [tag_link(texts("boards"), ("kompas", texts.language))])}


def _tiles(catalogue: Catalogue, texts: Texts) -> list[Placed]:
    """A panel of tiles per sensor kind: one query for all of its indicators."""
    placed, homes = [], indicators.homes(catalogue)
    for kind in catalogue.kinds.values():
        kpis = [kpi for kpi in catalogue.kpis.values() if "city" in kpi.levels and homes.get(kpi.id) == kind.id]
        if kpis:
            text = Text(texts.of(kind.names), f"{texts('live_about')}\n\n{indicators.about(kpis, texts)}")
            panel = stat(text, live.tiles(kpis, _CITY_AREA, texts), indicators.tile_overrides(kpis, texts))
            placed.append(Placed(panel, 24 if len(kpis) > 4 else 12, 4 if len(kpis) <= 6 else 7))
    return sorted(placed, key=lambda item: -item.width)


def _choices(kpis: tuple[Kpi, ...], texts: Texts) -> list[tuple[str, str]]:
    """Indicators to choose from: those with bands and short windows first."""
    ordered = sorted(kpis, key=lambda kpi: (not kpi.bands, FIXED_US.get(kpi.window, sys.maxsize), kpi.id))
    return [(kpi.id, indicators.label(kpi, texts)) for kpi in ordered]


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
    return time_series(Text(texts("compared"), texts("point_compared")), history.compared(kpis, texts), {"decimals": 1}, max_data_points=300)


def _compared_long(kpis: tuple[Kpi, ...], texts: Texts) -> Json:
    """Windows of a day and longer: a choice of their own and two years, of which the board's range would show a point or none."""
    sql = history.compared(kpis, texts, "slow_indicator")
    panel = time_series(Text(texts("compared_long"), texts("point_compared")), sql, {"decimals": 1}, max_data_points=300)
    panel["timeFrom"] = "2y"
    return panel


def _rejected(texts: Texts) -> Json:
    reasons = [Shade(reason.value, texts(f"reason_{reason.value}"), NEUTRAL) for reason in Reason]
    return table(Text(texts("rejected"), texts("rejected_about")), flow.rejected(texts), [coloured(texts("reason"), reasons)])


def _progress(texts: Texts) -> Json:
    return table(Text(texts("progress"), texts("progress_about")), flow.progress(texts), [override(texts("behind"), {"unit": "s"})])


BOARD = Board(build)
