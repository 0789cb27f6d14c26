"""Day, evening and night tile a city's days, over clock changes too."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest

from catalog.records import City
from catalog.windows import to_us, window_of
from formula.parts import part_spans
from formula.spec import PARTS
from tests.oracles.aggregates import in_part
from tests.oracles.combiner import minutes_of
from tests.stream.partials import HOUR_US, city

BRUSSELS, NEW_YORK = city("b", "Europe/Brussels"), city("n", "America/New_York")


@pytest.mark.parametrize(
    ("where", "day", "hours"),
    [
        (BRUSSELS, "2025-06-15", {"day": 12, "evening": 4, "night": 8}),
        (BRUSSELS, "2025-10-26", {"day": 12, "evening": 4, "night": 9}),
        (BRUSSELS, "2026-03-29", {"day": 12, "evening": 4, "night": 7}),
        (NEW_YORK, "2025-11-02", {"day": 12, "evening": 4, "night": 9}),
    ],
)
def test_parts_tile_the_day(where: City, day: str, hours: dict[str, int]) -> None:
    noon = to_us(datetime.fromisoformat(day).replace(hour=16, tzinfo=UTC))
    window = window_of(noon, "day", where.time_zone)
    spans = {part: part_spans(*window, part, where) for part in PARTS}
    assert {part: sum(high - low for low, high in found) // HOUR_US for part, found in spans.items()} == hours
    edges = sorted(span for found in spans.values() for span in found)
    assert edges[0][0] == window[0]
    assert edges[-1][1] == window[1]
    assert all(one[1] == other[0] for one, other in pairwise(edges))
    for part, found in spans.items():
        minutes = minutes_of(window, part, where)
        assert sum(high - low for low, high in minutes) == sum(high - low for low, high in found)
        assert all(any(low <= minute[0] and minute[1] <= high for low, high in found) for minute in minutes)


def test_no_part_is_the_whole_window() -> None:
    assert part_spans(5, 9, "", BRUSSELS) == ((5, 9),)


@pytest.mark.parametrize("hours", [(7, 19, 23), (6, 22, 2), (7, 19, 0), (22, 6, 14), (8, 8, 20)])
@pytest.mark.parametrize("day", ["2025-06-15", "2025-10-26", "2026-03-29"])
def test_parts_may_go_on_over_midnight(hours: tuple[int, int, int], day: str) -> None:
    """Every quarter of an hour of a day lies in the one part that its local hour is of."""
    where = msgspec.structs.replace(BRUSSELS, day_from=hours[0], evening_from=hours[1], night_from=hours[2])
    window = window_of(to_us(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)), "day", where.time_zone)
    spans = {part: part_spans(*window, part, where) for part in PARTS}
    for at_us in range(*window, HOUR_US // 4):
        inside = [part for part, found in spans.items() if any(low <= at_us < high for low, high in found)]
        assert inside == [part for part in PARTS if in_part(at_us, part, where)]
        assert len(inside) == 1
