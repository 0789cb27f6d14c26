"""EU limit values: the rows, strictly above, and what may be said with too little measured."""

import math
from datetime import date

import numpy as np
import pytest

from kernels.air_limits import COVERAGE, LIMITS, NEW, OLD, WHO, Assessment, alerts, assess, averaged, exceedances, find
from kernels.errors import KernelInputError

NAN = math.nan


def column(*values):
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("pollutant", "period", "kind", "old", "new"),
    [
        ("pm2_5", "day", "limit", None, (25, 18)),
        ("pm2_5", "year", "limit", (25, None), (10, None)),
        ("pm10", "day", "limit", (50, 35), (45, 18)),
        ("pm10", "year", "limit", (40, None), (20, None)),
        ("no2", "hour", "limit", (200, 18), (200, 3)),
        ("no2", "day", "limit", None, (50, 18)),
        ("no2", "year", "limit", (40, None), (20, None)),
        ("so2", "hour", "limit", (350, 24), (350, 3)),
        ("so2", "day", "limit", (125, 3), (50, 18)),
        ("so2", "year", "limit", None, (20, None)),
        ("co", "max_8h", "limit", (10, 0), (10, 0)),
        ("co", "day", "limit", None, (4, 18)),
        ("o3", "max_8h", "target", (120, 25), (120, 18)),
        ("o3", "max_8h", "long-term objective", (120, 0), (100, 3)),
    ],
)
def test_the_rows_of_annex_one(pollutant, period, kind, old, new):
    for directive, wanted in ((OLD, old), (NEW, new)):
        if wanted is None:
            with pytest.raises(KernelInputError, match="limit: wanted a row of LIMITS"):
                find(directive, pollutant, period, kind)
        else:
            found = find(directive, pollutant, period, kind)
            assert (found.value, found.allowed) == wanted


def test_rows_are_unique_and_in_their_units():
    keys = [(each.directive, each.kind, each.pollutant, each.period) for each in LIMITS]
    assert len(set(keys)) == len(keys)
    assert {each.unit for each in LIMITS if each.pollutant == "co"} == {"mg/m3"}
    assert {each.unit for each in LIMITS if each.pollutant != "co"} == {"ug/m3"}
    assert set(COVERAGE) == {OLD, NEW, WHO} == {each.directive for each in LIMITS}
    assert find(NEW, "pm10", "day").first_day == date(2030, 1, 1)


def test_a_limit_is_exceeded_strictly_above_it():
    assert exceedances(column(44, 45, 45.1, 50, NAN, 60, np.inf), 45, 18) == (3, 5, True)
    assert exceedances(column(200, 201, 202, 203, 204), 200, 3) == (4, 5, False)
    assert exceedances(column(25, np.nextafter(25, 26)), 25) == (1, 2, False)


def test_of_nothing_nothing_was_exceeded_and_nothing_is_known():
    assert exceedances(column(), 45, 18) == (0, 0, True)
    assert assess(column(), find(OLD, "pm10", "day"), 365).compliant is None
    assert assess(column(), find(OLD, "pm10", "day")).compliant is None


@pytest.mark.parametrize(
    ("case", "above", "below", "compliant"),
    [
        ("within the allowance", 18, 347, True),
        ("one more", 19, 346, False),
        ("too little measured to call it kept", 18, 292, None),
        ("85 % of 365 days, rounded up, is enough", 18, 293, True),
        ("passed is passed, however little was measured", 19, 0, False),
    ],
)
def test_a_year_of_days(case, above, below, compliant):
    days = np.concatenate([np.full(above, 46.0), np.full(below, 45.0), np.full(365 - above - below, NAN)])
    assert assess(days, find(NEW, "pm10", "day")) == (above, above + below, 365, compliant)


def test_the_older_directive_wants_more_coverage():
    days = np.concatenate([np.full(320, 1.0), np.full(45, NAN)])
    assert assess(days, find(OLD, "pm10", "day")).compliant is None
    assert assess(days, find(NEW, "pm10", "day")).compliant is True


def test_a_year_is_compared_by_its_mean():
    limit = find(NEW, "no2", "year")
    assert assess(np.full(365, 20.0), limit) == (20.0, 365, 365, True)
    assert assess(np.full(365, 20.1), limit).compliant is False
    few = assess(np.concatenate([np.full(300, 90.0), np.full(65, NAN)]), limit)
    assert few.compliant is None
    assert math.isnan(few.value)


def test_ozone_is_counted_over_three_years():
    limit = find(NEW, "o3", "max_8h", "target")
    years = [Assessment(float(n), 365, 365, None) for n in (30, 20, 4)]
    assert averaged(years, limit) is True
    assert averaged([Assessment(99.0, 365, 365, None), *years], limit) is True
    assert averaged([*years[:2], Assessment(5.0, 365, 365, None)], limit) is False
    assert averaged(years[:2], limit) is None
    assert averaged([*years[:2], Assessment(4.0, 100, 365, None)], limit) is None
    assert averaged([Assessment(60.0, 60, 365, None)], limit) is False


def test_an_alert_takes_three_hours_in_a_row():
    limit = find(NEW, "no2", "hour", "alert")
    assert alerts(column(201, 201, 200, 201, 201, 201, 201, NAN, 201, 201), limit) == 1
    assert alerts(column(201, 201, 201, 1, 201, 201, 201), limit) == 2
    assert alerts(column(), limit) == 0
    assert alerts(column(241, 1, 241), find(NEW, "o3", "hour", "alert")) == 2


def test_a_threshold_without_allowance_is_not_assessed():
    with pytest.raises(KernelInputError, match="wanted one with allowed exceedances"):
        assess(column(1), find(NEW, "o3", "hour", "alert"))
    with pytest.raises(KernelInputError, match="wanted one with allowed exceedances"):
        averaged([], find(NEW, "o3", "hour", "alert"))
