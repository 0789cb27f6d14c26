"""Local civil days: 23, 24 and 25 hours, the night of a date, what is due."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from kernels.errors import KernelInputError
from kernels.noise_day import STARTS, lden_from_hours, local_hours, noise_days, part_of_hour
from tests.oracles import noise as oracle

NAN = np.nan
HOURS = [52, 51, 50, 49, 50, 54, 60, 66, 68, 67, 66, 66, 67, 67, 67, 68, 69, 68, 66, 64, 62, 60, 58, 55]
EPOCH = date(1970, 1, 1)


def samples(first: datetime, levels, step_s=3600) -> tuple[np.ndarray, np.ndarray]:
    start_us = int(first.timestamp()) * 1_000_000 + np.arange(len(levels)) * step_s * 1_000_000
    return start_us, np.array(levels, np.float64)


def test_the_four_levels_of_an_ordinary_date():
    np.testing.assert_allclose(lden_from_hours(np.array(HOURS, float)), [67.19081046, 61.55923075, 54.25540557, 66.29531852], atol=1e-8)


def test_the_same_from_times_in_winter_and_in_summer():
    for day, offset_h in ((date(2026, 1, 15), 1), (date(2026, 7, 15), 2)):
        first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=offset_h)
        found = noise_days(*samples(first, HOURS), "Europe/Brussels")
        assert found.day.tolist() == [(day - EPOCH).days]
        np.testing.assert_array_equal(np.append(found.level_db[0], found.lden_db), lden_from_hours(np.array(HOURS, float)))
        assert found.expected.tolist() == [[12, 4, 8]]


@pytest.mark.parametrize(
    ("day", "hours", "night"), [(date(2026, 3, 29), 23, 7), (date(2026, 10, 25), 25, 9), (date(2026, 6, 1), 24, 8)], ids=["spring", "autumn", "june"]
)
@pytest.mark.parametrize("zone", ["Europe/Brussels", "Europe/Amsterdam"])
def test_the_night_of_a_day_when_clocks_change_has_an_hour_less_or_more(day, hours, night, zone):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2 if day.month in (6, 10) else 1)
    levels = np.linspace(40, 70, hours)
    found = noise_days(*samples(start, levels), zone)
    assert found.day.tolist() == [(day - EPOCH).days]
    assert found.expected.tolist() == found.valid.tolist() == [[12, 4, night]]
    wanted = oracle.day_levels([(start + timedelta(hours=n), level) for n, level in enumerate(levels)], day, zone)
    np.testing.assert_allclose(found.level_db[0], [wanted["day"], wanted["evening"], wanted["night"]], rtol=1e-14)
    assert found.lden_db[0] == pytest.approx(oracle.lden(*found.level_db[0].tolist()), rel=1e-14)


def test_the_night_of_a_date_is_its_first_and_last_hours():
    levels = np.full(48, 40.0)
    levels[23] = 80.0  # 23:00 of the first date belongs to the first date
    found = noise_days(*samples(datetime(2026, 1, 14, 23, tzinfo=UTC), levels), "Europe/Brussels")
    assert found.level_db[0, 2] > 70
    assert found.level_db[1, 2] == 40


def test_a_date_between_two_has_its_row_and_nothing_in_it():
    start_us, levels = samples(datetime(2026, 1, 14, 23, tzinfo=UTC), [50.0] * 72)
    keep = np.r_[0:24, 48:72]
    found = noise_days(start_us[keep], levels[keep], "Europe/Brussels")
    assert found.day.tolist() == [20468, 20469, 20470]
    assert found.valid.tolist() == [[12, 4, 8], [0, 0, 0], [12, 4, 8]]
    np.testing.assert_array_equal(np.isnan(found.lden_db), [False, True, False])


@pytest.mark.parametrize(("gone", "there"), [(2, True), (3, False)])
def test_three_quarters_of_a_part_must_be_there(gone, there):
    levels = np.array(HOURS, float)
    levels[:gone] = NAN
    found = noise_days(*samples(datetime(2026, 1, 14, 23, tzinfo=UTC), levels), "Europe/Brussels")
    assert found.valid.tolist() == [[12, 4, 8 - gone]]
    assert bool(np.isfinite(found.level_db[0, 2])) is bool(np.isfinite(found.lden_db[0])) is there
    assert bool(np.isfinite(lden_from_hours(levels)[3])) is there
    assert np.isfinite(found.level_db[0, :2]).all()


def test_shorter_intervals_and_other_hours():
    found = noise_days(*samples(datetime(2026, 1, 14, 23, tzinfo=UTC), np.full(24 * 12, 60.0), 300), "Europe/Brussels", (6, 18, 22), 300)
    assert found.expected.tolist() == [[144, 48, 96]]
    assert found.lden_db[0] == pytest.approx(66.395243, abs=1e-6)


def test_other_zones_keep_their_own_hours():
    start_us = np.array([0, 1_800_000_000], np.int64)
    days, hours = local_hours(start_us, "Asia/Kathmandu")  # 5:30 ahead of Greenwich in 1970
    assert (days.tolist(), hours.tolist()) == ([0, 0], [5, 6])
    assert local_hours(start_us - 1, "UTC")[0].tolist() == [-1, 0]


def test_every_hour_has_one_part():
    assert part_of_hour().tolist() == [2] * 7 + [0] * 12 + [1] * 4 + [2]
    assert [oracle.part(hour) for hour in range(24)] == [("day", "evening", "night")[each] for each in part_of_hour(STARTS)]
    assert 1 not in part_of_hour((7, 23, 23))


def test_nothing_in_gives_no_days():
    found = noise_days(np.empty(0, np.int64), np.empty(0), "Europe/Brussels")
    assert found.day.size == found.lden_db.size == 0
    assert found.level_db.shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: noise_days(np.array([2, 1]), np.zeros(2), "UTC"), "start_us: wanted ascending times"),
        (lambda: noise_days(np.array([1, 1]), np.zeros(2), "UTC"), "start_us: wanted ascending times"),
        (lambda: noise_days(np.array([1]), np.zeros(2), "UTC"), "levels_db: wanted shape"),
        (lambda: noise_days(np.array([1]), np.zeros(1), "Europe/Brusels"), "zone: wanted a name of the time zone database, got 'Europe/Brusels'"),
        (lambda: noise_days(np.array([1]), np.zeros(1), "UTC", STARTS, 0), "interval_s: wanted 1 s or more"),
        (lambda: lden_from_hours(np.zeros(23)), "hourly_db: wanted 24 local hours"),
        (lambda: part_of_hour((19, 7, 23)), "starts: wanted three hours"),
    ],
)
def test_a_wrong_argument_is_named(call, told):
    with pytest.raises(KernelInputError, match=told):
        call()
