"""Times as devices write them."""

import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.windows import to_us
from ingest.times import aware_us, epoch_us, iso, iso_us, time_us
from runtime.errors import Rejected

AT_US = 1_795_359_845_000_000


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("2026-11-22T15:04:05Z", AT_US),
        ("2026-11-22t15:04:05z", AT_US),
        ("2026-11-22 16:04:05+01", AT_US),
        ("20261122T160405+0100", AT_US),
        ("2026-11-22T15:04:05.1Z", AT_US + 100_000),
        ("2026-11-22T15:04:05,123456Z", AT_US + 123_456),
        ("2026-11-22T15:04:05.1234565Z", AT_US + 123_457),
        ("2026-11-22T15:04Z", AT_US - 5_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        (1_795_359_845, AT_US),
        (1_795_359_845.25, AT_US + 250_000),
        (1_795_359_845_000, AT_US),
        (1_795_359_845_000.5, AT_US + 500),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (0, 0),
        (-1.5, -1_500_000),
    ],
)
def test_accepted_forms(written: object, us: int) -> None:
    assert time_us(written, "time") == us


@pytest.mark.parametrize(
    "written",
    ["2026-11-22T15:04:05", "2026-11-22", "yesterday", "", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z", "1795359845", "2026-11-22T15:04.5Z",
     "0001-01-01T00:00:00+10:00", True, None, [1], math.nan, math.inf, 1e300, 10**400, "२०२६-11-22T15:04:05Z"],
)  # fmt: skip
def test_refused_forms_say_what_was_wanted(written: object) -> None:
    with pytest.raises(Rejected, match="wanted"):
        time_us(written, "time")


def test_a_time_without_offset_says_so() -> None:
    with pytest.raises(Rejected, match="offset"):
        iso_us("2026-11-22T15:04:05", "time")


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_iso_reads_back_to_the_microsecond(us: int) -> None:
    assert iso_us(iso(us), "time") == us
    assert aware_us(msgspec.json.decode(f'"{iso(us)}"'.encode(), type=datetime)) == us


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - the offset is added
def test_aware_us_is_to_us(naive: datetime, minutes: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert aware_us(at) == to_us(at.astimezone(UTC))


@given(st.integers(0, 90_000_000_000_000_000))
def test_epoch_in_float_seconds_is_exact_to_the_microsecond_where_a_float_can_say_it(us: int) -> None:
    seconds = us / 1e6
    assert abs(epoch_us(seconds, "time") - us) <= math.ulp(seconds) * 1e6
