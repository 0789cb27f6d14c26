"""One dashboard per sensor kind of the catalogue: its indicators live and over time, its devices and their last readings.

Promises  A new kind, or a new KPI over its quantities, is on a board with the next build, without another edit.
          Raw readings are read over an hour at most.
"""

from catalog.load import Catalogue
from catalog.quality import Flag
from catalog.records import Kpi, Quantity
from catalog.windows import FIXED_US
from dashboards import indicators
from dashboards.builder.board import Head, Placed, board, query_variable, tag_link
from dashboards.builder.fields import NEUTRAL, Json, Shade, coloured, grafana_unit, override
from dashboards.builder.panels import Text, stat, state_timeline, table, time_series
from dashboards.load import Board
from dashboards.sql import arrivals, choices, devices, history, live
from dashboards.texts import Texts

_CHOSEN_AREA = "area.id = ${area:sqlstring}"
_LONG_WINDOWS_SINCE = {"day": "30d", "month": "2y", "quarter": "2y", "year": "10y"}
"""Windows of a day and longer are shown over a month and more: a day of them is one point."""
_SPEAKS_WITHIN_S = 3_600.0
"""Kinds that speak less often have no readings to show: no board reads raw readings over more than an hour."""

_FLAG_COLOURS = {Flag.GOOD: "#2e9f5b", Flag.NOT_EVALUATED: "#8a9aa8", Flag.SUSPECT: "#d9a514", Flag.BAD: "#c4402f", Flag.MISSING: NEUTRAL}
_COLOURED_TEXT = {"type": "color-text"}


def build(catalogue: Catalogue, texts: Texts) -> dict[str, Json]:
    """A dashboard per kind, by the kind's id."""
    return {kind: _board(catalogue, kind, texts) for kind in catalogue.kinds}


def _board(catalogue: Catalogue, kind: str, texts: Texts) -> Json:
    record = catalogue.kinds[kind]
    kpis = indicators.kpis_of(catalogue, kind)
    quantities = [catalogue.quantities[quantity] for quantity in record.quantities]
    head = Head(f"kompas-{kind.replace('_', '-')}-{texts.language}", texts.of(record.names), texts("kind_board_about"), texts.language)
    rows = [
        _tiles(kpis, texts),
        [_history(kpi, texts) for kpi in kpis],
        _bands(kpis, texts),
    ]
    variables = [query_variable("city", texts("city"), choices.cities(texts)), query_variable("area", texts("area"), choices.areas(texts))]
    if record.cadence_s <= _SPEAKS_WITHIN_S:
        rows += [[Placed(_readings(quantities, texts), 24, 8)], [Placed(_devices(kind, quantities, texts), 24, 12)]]
        rows += [[Placed(panel, width, 9) for panel, width in zip(_arrivals(kind, quantities, texts), (14, 10), strict=True)]]
        variables.append(query_variable("device", texts("device"), choices.devices(kind)))
    return board(head, rows, variables, [tag_link(texts("boards"), ("kompas", texts.language))])


def _tiles(kpis: tuple[Kpi, ...], texts: Texts) -> list[Placed]:
    if not kpis:
        return []
    text = Text(texts("now"), f"{texts('live_about')}\n\n{indicators.about(kpis, texts)}")
    panel = stat(text, live.tiles(kpis, _CHOSEN_AREA, texts), indicators.tile_overrides(kpis, texts))
    return [Placed(panel, 24, 4 if len(kpis) <= 6 else 7)]


def _history(kpi: Kpi, texts: Texts) -> Placed:
    about = texts("point_highest" if kpi.better == "neither" else "point_worst")
    text = Text(indicators.label(kpi, texts), f"{texts.of(kpi.descriptions)}\n\n{about}")
    custom = {"drawStyle": "line", "lineInterpolation": "stepAfter", "lineWidth": 1, "showPoints": "auto", "spanNulls": False}
    field = {**indicators.field(kpi, texts), "custom": {**custom, "thresholdsStyle": {"mode": "area" if kpi.bands else "off"}}}
    panel = time_series(text, history.series(kpi, texts), field)
    if kpi.window in FIXED_US:
        panel["interval"] = f"{FIXED_US[kpi.window] // 1_000_000}s"
    else:
        panel["timeFrom"] = _LONG_WINDOWS_SINCE[kpi.window]
    return Placed(panel, 12, 8)


def _bands(kpis: tuple[Kpi, ...], texts: Texts) -> list[Placed]:
    banded = [kpi for kpi in kpis if kpi.bands and kpi.window in FIXED_US]
    if not banded:
        return []
    overrides = [coloured(texts.of(kpi.names), indicators.band_shades(kpi, texts)) for kpi in banded]
    panel = state_timeline(Text(texts("bands"), texts("bands_about")), [history.bands(kpi, texts) for kpi in banded], overrides)
    return [Placed(panel, 24, 3 + 2 * len(banded))]


def _readings(quantities: list[Quantity], texts: Texts) -> Json:
    panel = time_series(Text(texts("readings"), texts("readings_about")), devices.readings(quantities, texts), {})
    panel["timeFrom"] = "1h"
    return panel


def _devices(kind: str, quantities: list[Quantity], texts: Texts) -> Json:
    flags = [Shade(str(int(flag)), texts(f"quality_{int(flag)}"), _FLAG_COLOURS[flag]) for flag in Flag]
    overrides = [coloured(texts("quality"), flags, _COLOURED_TEXT)]
    overrides += [override(devices.heading(quantity, texts), {"unit": grafana_unit(texts.unit(quantity.unit))}) for quantity in quantities]
    panel = table(Text(texts("device_table"), texts("device_table_about")), devices.last_readings(kind, quantities, texts), overrides)
    panel["timeFrom"] = "1h"
    return panel


def _arrivals(kind: str, quantities: list[Quantity], texts: Texts) -> list[Json]:
    """What the arrival checks said in the last hour: by device, and by owner."""
    by_device = table(Text(texts("arrivals"), texts("arrivals_about")), arrivals.by_device(kind, quantities, texts), [])
    by_owner = table(Text(texts("arrivals_by_owner"), texts("arrivals_about")), arrivals.by_owner(kind, quantities, texts), [])
    for panel in (by_device, by_owner):
        panel["timeFrom"] = "1h"
    return [by_device, by_owner]


BOARD = Board(build)
