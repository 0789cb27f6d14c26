"""Windows that `at(kpi, -7d)` means: whole windows back, local dates from day up."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.windows import from_us, to_us, window_of
from formula.earlier import Back, masked

ZONE = "Europe/Brussels"


@given(at_us=st.integers(1_600_000_000, 1_900_000_000).map(lambda s: s * 1_000_000), days=st.integers(1, 35))
def test_a_day_goes_back_to_the_same_local_midnight(at_us: int, days: int) -> None:
    start, _ = window_of(at_us, "day", ZONE)
    before = from_us(Back(days, "d").start_of(start, "day", ZONE)).astimezone(ZoneInfo(ZONE))
    now = from_us(start).astimezone(ZoneInfo(ZONE))
    assert (now.date() - before.date()).days == days
    assert (before.hour, before.minute) == (0, 0)


@pytest.mark.parametrize("window", ["minute", "quarter_hour", "hour"])
@given(
    at_us=st.integers(1_600_000_000, 1_900_000_000).map(lambda s: s * 1_000_000), back=st.sampled_from([Back(1, "h"), Back(26, "h"), Back(5, "w")])
)
def test_short_windows_go_back_whole_hours(window: Any, at_us: int, back: Back) -> None:
    start, _ = window_of(at_us, window, ZONE)
    before = back.start_of(start, window, ZONE)
    assert window_of(before, window, ZONE)[0] == before
    assert start - before == back.hours * 3_600_000_000


def test_five_weeks_back_over_a_clock_change() -> None:
    start = to_us(datetime(2025, 11, 3, tzinfo=ZoneInfo(ZONE)))
    assert Back(5, "w").start_of(start, "day", ZONE) == to_us(datetime(2025, 9, 29, tzinfo=ZoneInfo(ZONE)))


def test_masking_keeps_every_column() -> None:
    text = "mean(a) - at(b.c, -7d) / at( d , - 2w)"
    hidden, calls = masked(text)
    assert len(hidden) == len(text)
    assert calls.keys() == {text.index("at("), text.rindex("at(")}
    assert [(call.kpi, call.back) for _, call in sorted(calls.items())] == [("b.c", Back(7, "d")), ("d", Back(2, "w"))]
    assert masked("flat(b, -7d)")[1] == {}
