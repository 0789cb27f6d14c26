"""Day, evening and night tile a city's days, over clock changes too."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from catalog.records import City
from catalog.windows import to_us, window_of
from formula.parts import part_spans
from formula.spec import PARTS
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
