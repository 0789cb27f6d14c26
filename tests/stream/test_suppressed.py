"""KPIs about persons through the combiner: no number while the window is open, and none at its end that tells about a few."""

import msgspec
import pytest

from catalog.kpi_value import KpiValue
from stream.combiner.partition import CombinerPartition
from tests.stream.partials import (
    MINUTE_US,
    SECOND_US,
    T0_US,
    Owed,
    Row,
    catalogue_frame,
    census_frame,
    documents,
    kpi,
    rows_frame,
)

SUM = "sum(vehicles)@minute"
VISITS = kpi(
    "visits", "sum(vehicles)", "1", "minute", min_coverage=0.5, levels=("city", "neighbourhood"), smallest_count=5, counts=("sum(vehicles)",)
)
FREE = msgspec.structs.replace(VISITS, id="free", smallest_count=0, counts=())
BACK = kpi("back", "sum(vehicles) - at(visits, -1h)", "1", "minute", min_coverage=0.0, levels=("neighbourhood",))
FULL = 6_000_000
END_US = T0_US + MINUTE_US


def of_minute(a: int, b: int, start_us: int = T0_US) -> list[Row]:
    """So many in the two neighbourhoods, and in the city that they make."""
    return [Row(SUM, area, start_us, n, 6 * n, FULL * n, total) for area, n, total in (("alpha", 2, a + b), ("alpha.a", 1, a), ("alpha.b", 1, b))]


def begun() -> CombinerPartition:
    combiner = CombinerPartition(3, 1)
    owed = [Owed(area, "loop", 1, due_from_us=T0_US) for area in ("alpha.a", "alpha.b")] + [Owed("alpha", "loop", 2, due_from_us=T0_US)]
    for offset, frame in enumerate([catalogue_frame(0, {}, documents((VISITS, FREE, BACK))), census_frame(0, 0, {}, owed)]):
        combiner.apply(frame, offset)
    return combiner


def said(values: list[KpiValue], of: str = "visits") -> dict[str, tuple[float | None, str]]:
    return {value.area: (value.value, value.state) for value in values if value.kpi == of}


@pytest.mark.parametrize(
    ("case", "a", "b", "wanted"),
    [
        ("a small one takes the other along", 3, 20, {"alpha": (23.0, "ok"), "alpha.a": (None, "suppressed"), "alpha.b": (None, "suppressed")}),
        ("together they are small", 2, 2, dict.fromkeys(("alpha", "alpha.a", "alpha.b"), (None, "suppressed"))),
        ("nothing is small", 7, 20, {"alpha": (27.0, "ok"), "alpha.a": (7.0, "ok"), "alpha.b": (20.0, "ok")}),
        ("none is no small number", 0, 20, {"alpha": (20.0, "ok"), "alpha.a": (0.0, "ok"), "alpha.b": (20.0, "ok")}),
    ],
)
def test_what_would_tell_about_a_few_is_closed_without_a_number(case: str, a: int, b: int, wanted: dict[str, tuple[float | None, str]]) -> None:
    combiner = begun()
    combiner.apply(rows_frame(0, 1, {"loop": END_US}, of_minute(a, b)), 2)
    finals = [value for value in combiner.take(T0_US, live=False) if value.status == "final"]
    assert said(finals) == wanted, case
    assert said(finals, "free") == {"alpha": (float(a + b), "ok"), "alpha.a": (float(a), "ok"), "alpha.b": (float(b), "ok")}
    assert all(value.coverage == 1.0 and value.band is None and value.devices > 0 for value in finals)


def test_while_the_window_is_open_it_says_how_much_came_and_no_number() -> None:
    combiner = begun()
    combiner.apply(rows_frame(0, 1, {"loop": T0_US + 30 * SECOND_US}, of_minute(40, 60)), 2)
    lives = combiner.take(T0_US, live=True)
    assert said(lives) == dict.fromkeys(("alpha", "alpha.a", "alpha.b"), (None, "suppressed"))
    assert said(lives, "free")["alpha"] == (100.0, "ok")
    combiner.apply(rows_frame(0, 2, {"loop": T0_US + 30 * SECOND_US}, of_minute(41, 60)), 3)
    assert said(combiner.take(T0_US, live=True)) == {}, "one more changes nothing that may be seen"
    assert {value.coverage for value in lives} == {1.0}


def test_a_withheld_value_is_missing_to_what_looks_back_at_it() -> None:
    combiner = begun()
    combiner.apply(rows_frame(0, 1, {"loop": END_US}, of_minute(3, 20)), 2)
    combiner.take(T0_US, live=False)
    later_us = T0_US + 60 * MINUTE_US
    combiner.apply(rows_frame(0, 2, {"loop": later_us + MINUTE_US}, of_minute(30, 20, later_us)), 3)
    finals = [value for value in combiner.take(T0_US, live=False) if value.kpi == "back" and value.value is not None]
    assert finals == []
