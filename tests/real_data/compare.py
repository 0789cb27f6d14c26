"""Replay a file into a running pipeline, wait until its windows are closed, and hold KPI rows against pandas."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from catalog.quality import FLAG_MASK, Flag
from catalog.records import Quantity
from simulators.maps import Map
from simulators.replay import Order, Report, replay
from tests.pipeline import Pipeline

IDLE_S = 20.0
"""Longer than what lies between the gateway's first heartbeat and the first reading: a kind that has been silent for its idle time
has a watermark of now, and readings of another year are late."""
LONG_S = 60.0 * 60 * 24 * 365 * 60
"""max_age for readings of any year."""


def old(cadence_s: float, lateness_s: float, **more: float) -> dict[str, float]:
    """What a pack says of a kind whose readings are years old: accepted, kept, and closed a few seconds after the last one."""
    return {"cadence_s": cadence_s, "lateness_s": lateness_s, "idle_s": IDLE_S, "max_age_s": LONG_S, "retention_days": 36_500, **more}


def play(pipeline: Pipeline, path: Path, shape: Map, *, per_s: float = 2_000.0, **more: object) -> Report:
    """As fast as `per_s`, in the order of time; everything acknowledged."""
    report = replay(Order(path, shape, None, per_s=per_s, **more), pipeline.broker())  # type: ignore[arg-type]
    assert report.acknowledged == report.messages
    assert report.refused == 0
    return report


def await_finals(pipeline: Pipeline, last: Mapping[str, pd.Timestamp], city: str, within_s: float = 240.0) -> None:
    """Each KPI's window that starts at `last` has its final in every area of the city, and so have all before it: windows close in order."""
    for kpi, start in last.items():
        pipeline.until(lambda kpi=kpi, start=start: _closed(pipeline, kpi, city, start), within_s, f"{kpi} of {city} final at {start}")  # type: ignore[misc]


def _closed(pipeline: Pipeline, kpi: str, city: str, start: pd.Timestamp) -> bool:
    """In every area that the KPI has there: areas travel in different partitions and close one by one."""
    levels = pipeline.value("SELECT jsonb_array_length(document -> 'levels') FROM kpi WHERE id = %s", kpi)
    found = pipeline.rows(
        "SELECT area, max(window_start) FROM kpi_value WHERE kpi = %s AND area IN (%s, %s, %s) GROUP BY area", kpi, city, f"{city}.d", f"{city}.n"
    )
    return len(found) == levels and all(newest >= start.to_pydatetime() for _, newest in found)


def times(series: "pd.Series[float]") -> pd.DatetimeIndex:
    """The index of a series by time."""
    return pd.DatetimeIndex(series.index)


def finals(pipeline: Pipeline, kpi: str, area: str) -> pd.DataFrame:
    """value, state, coverage and devices by start of the window (UTC)."""
    found = pipeline.frame(
        "SELECT window_start, window_end, value, state, coverage, devices FROM kpi_value"
        " WHERE kpi = %s AND area = %s AND status = 'final' AND revision = 1 ORDER BY window_start",
        kpi,
        area,
    )
    return found.set_index(pd.DatetimeIndex(found["window_start"]).tz_convert("UTC")).drop(columns="window_start")


def refusals(pipeline: Pipeline) -> dict[str, int]:
    """Refused readings (or whole messages) by reason."""
    return {str(reason): int(n) for reason, n in pipeline.rows("SELECT reason, sum(greatest(readings, messages)) FROM rejected_count GROUP BY 1")}


def flagged(pipeline: Pipeline) -> dict[int, int]:
    """Stored readings by quality flag."""
    return {int(flag): int(n) for flag, n in pipeline.rows(f"SELECT quality & {FLAG_MASK}, count(*) FROM reading GROUP BY 1")}


def canonical(values: "pd.Series[float]", quantity: Quantity, unit: str | None) -> "pd.Series[float]":
    """To the canonical unit, rounded to the resolution, as plainly as can be."""
    if unit is not None and unit != quantity.unit:
        change = quantity.conversions[unit]
        values = values * change.scale + change.offset
    per_unit = round(1 / quantity.resolution) if quantity.resolution < 1 else 1 / quantity.resolution
    return (values * per_unit).round() / per_unit


def plausible(pipeline: Pipeline) -> None:
    """No reading is anything but good or suspect after arrival."""
    assert set(flagged(pipeline)) <= {int(Flag.GOOD), int(Flag.SUSPECT)}


def agree(found: pd.DataFrame, expected: "pd.Series[float]", coverage: "pd.Series[float]", min_coverage: float) -> None:
    """Every window with a reading has its final; enough data gives pandas' value, else none; the coverage is pandas', too."""
    expected, coverage = expected.dropna(), coverage[expected.notna()]
    missing = expected.index.difference(found.index)
    assert missing.empty, f"{len(missing)} windows without a final, the first {missing[:3].tolist()}"
    rows = found.loc[expected.index]
    np.testing.assert_allclose(rows["coverage"].astype(float), coverage, atol=1e-6)
    enough = coverage >= min_coverage - 1e-9
    assert (rows["state"][enough] == "ok").all()
    assert (rows["state"][~enough] == "not_enough_data").all()
    assert rows["value"][~enough].isna().all()
    np.testing.assert_allclose(rows["value"][enough].astype(float), expected[enough], rtol=1e-9, atol=1e-9)
    others = found.drop(index=expected.index)
    assert (others["state"] == "no_data").all()
    assert (others["devices"] == 0).all()
