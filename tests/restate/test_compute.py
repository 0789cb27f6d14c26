"""A window computed again from stored readings is what the live way published: live equals replay."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from catalog.windows import to_us, window_of
from formula.dated import Dated
from formula.outcome import STATES, Outcome, band_ids
from restate.places import Window
from tests.restate import making
from tests.stream.test_formula_live import KPIS, City1, catalogue, play, readings

ZONE = "Europe/Brussels"


def windows(known: Dated, finals: Mapping[tuple[str, str], list[KpiValue]]) -> list[tuple[Window, list[KpiValue]]]:
    """One window per KPI and start, with its finals in the order of its areas."""
    found = []
    for (id_, start), values in sorted(finals.items()):
        version = known.by_name[id_, 1]
        begin, end = window_of(to_us(datetime.fromisoformat(start)), version.kpi.window, ZONE)
        values.sort(key=lambda value: value.area)
        areas = np.array([known.areas.index(value.area) for value in values], np.int64)
        found.append((Window(version, "c", begin, end, areas), values))
    return found


def same(computed: Outcome, finals: list[KpiValue], *, exact: bool) -> None:
    for n, final in enumerate(finals):
        assert STATES[int(computed.state[n])] == final.state
        assert int(computed.devices[n]) == final.devices
        assert float(computed.coverage[n]) == final.coverage
        if final.value is None:
            assert np.isnan(computed.value[n])
        elif exact:
            assert float(computed.value[n]) == final.value, (final, computed.value[n])
        else:
            assert float(computed.value[n]) == pytest.approx(final.value, rel=1e-12)


@pytest.mark.parametrize("day", ["2026-06-10", "2025-10-25", "2026-03-28"])
def test_live_equals_replay(day: str) -> None:
    rng = np.random.default_rng(int(day.replace("-", "")))
    start = window_of(to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)), "day", ZONE)[0]
    found = catalogue(KPIS, (7, 19, 23), start)
    city, given = City1(found), readings(rng, start, 35 if day == "2025-10-25" else 4)
    play(city, rng, given)
    finals: dict[tuple[str, str], list[KpiValue]] = {}
    for final in city.finals:
        finals.setdefault((final.kpi, final.window_start), []).append(final)
    known, stored = making.dated(found), making.block(found, given)
    compared = set()
    for window, values in windows(known, finals):
        computed = making.compute(known, window, stored)
        same(computed, values, exact=all(spec.function != "leq" for spec in window.version.plan.aggregates))
        assert band_ids(window.version.kpi.bands, computed.value) == [value.band for value in values]
        compared.add(window.version.kpi.id)
    assert compared >= {each.id for each in KPIS if each.window == "day"}
