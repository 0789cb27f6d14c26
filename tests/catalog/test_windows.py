"""Windows tile time: no gap, no overlap, over clock changes and year ends, in every city's calendar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import WindowName
from catalog.windows import FIXED_US, from_us, to_us, window_of

WINDOWS: tuple[WindowName, ...] = get_args(WindowName)
ZONES = ("Europe/Brussels", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
HOUR_US = 3_600_000_000

AT = st.integers(to_us(datetime(1995, 1, 1, tzinfo=UTC)), to_us(datetime(2039, 1, 1, tzinfo=UTC)))
WINDOW = st.sampled_from(WINDOWS)
ZONE = st.sampled_from(ZONES)


@given(AT, WINDOW, ZONE)
def test_a_window_holds_its_moment_and_every_other_of_its_own(at_us: int, window: WindowName, zone: str) -> None:
    start_us, end_us = window_of(at_us, window, zone)
    assert start_us <= at_us < end_us
    for other_us in (start_us, end_us - 1, (start_us + end_us) // 2):
        assert window_of(other_us, window, zone) == (start_us, end_us)


@given(AT, WINDOW, ZONE)
def test_windows_meet_their_neighbours(at_us: int, window: WindowName, zone: str) -> None:
    start_us, end_us = window_of(at_us, window, zone)
    assert window_of(end_us, window, zone)[0] == end_us
    assert window_of(start_us - 1, window, zone)[1] == start_us


@given(AT, ZONE, st.sampled_from([("minute", "quarter_hour"), ("quarter_hour", "hour"), ("day", "month"), ("month", "quarter"), ("quarter", "year")]))
def test_short_windows_tile_long_ones(at_us: int, zone: str, pair: tuple[WindowName, WindowName]) -> None:
    short, long = pair
    start_us, end_us = window_of(at_us, long, zone)
    at, seen = start_us, 0
    while at < end_us:
        at, seen = window_of(at, short, zone)[1], seen + 1
    assert at == end_us
    assert seen >= 3 if short != "hour" else True


@given(AT, ZONE)
def test_days_begin_at_local_midnight(at_us: int, zone: str) -> None:
    for edge_us in window_of(at_us, "day", zone):
        local = from_us(edge_us).astimezone(ZoneInfo(zone))
        # where midnight does not exist or comes twice, the day begins at the first moment of the date
        assert (local - timedelta(microseconds=1)).date() != local.date() or local.fold


@pytest.mark.parametrize(
    ("case", "day", "hours"),
    [
        ("clock forward", "2026-03-29", 23),
        ("clock back", "2026-10-25", 25),
        ("a day like others", "2026-06-01", 24),
        ("new year's eve", "2025-12-31", 24),
    ],
)
def test_days_of_a_clock_change_are_longer_or_shorter(case: str, day: str, hours: int) -> None:
    noon_us = to_us(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZoneInfo("Europe/Brussels")))
    start_us, end_us = window_of(noon_us, "day", "Europe/Brussels")
    assert end_us - start_us == hours * HOUR_US
    hour_starts = {window_of(at, "hour", "Europe/Brussels")[0] for at in range(start_us, end_us, HOUR_US // 4)}
    assert len(hour_starts) == hours


@pytest.mark.parametrize(("window", "days"), [("month", 28), ("quarter", 90), ("year", 365)])
def test_calendar_windows_of_february_2026(window: WindowName, days: int) -> None:
    start_us, end_us = window_of(to_us(datetime(2026, 2, 14, 12, tzinfo=UTC)), window, "UTC")
    assert end_us - start_us == days * 24 * HOUR_US


def test_a_month_of_a_clock_change_has_an_hour_more() -> None:
    start_us, end_us = window_of(to_us(datetime(2026, 10, 5, tzinfo=UTC)), "month", "Europe/Brussels")
    assert end_us - start_us == (31 * 24 + 1) * HOUR_US


@given(AT)
def test_times_survive_the_way_there_and_back(at_us: int) -> None:
    assert to_us(from_us(at_us)) == at_us
    assert to_us(from_us(at_us).astimezone(ZoneInfo("Europe/Brussels"))) == at_us


def test_fixed_windows_are_whole_parts_of_the_next() -> None:
    lengths = list(FIXED_US.values())
    assert all(longer % shorter == 0 for shorter, longer in pairwise(lengths))
