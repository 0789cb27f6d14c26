"""Verdicts and causes are counted by device and owner: repeats as they were dropped on the day, readings of the last hour in the views."""

from collections.abc import Iterator

import psycopg
import pytest

from catalog.quality import Cause, Flag
from tests.day.check import Connection
from tests.day.record import Day

pytestmark = pytest.mark.integration

ROW = (
    "INSERT INTO reading (device, quantity, measured_at, received_at, value, quality)"
    " SELECT d.no, q.no, now() - %s * interval '1 minute', now(), 50, %s FROM device_current d, quantity q WHERE d.id = %s AND q.id = 'sound_level'"
)


@pytest.fixture
def owner(day: Day) -> Iterator[Connection]:
    """A transaction that is undone, in which nothing was counted yet."""
    with psycopg.connect(day.system.conninfo("postgres")) as connection:
        connection.execute("DELETE FROM repeat_count")
        yield connection
        connection.rollback()


def test_repeats_of_the_day_are_counted_by_device(day: Day) -> None:
    with day.connect() as connection:
        counted = connection.execute("SELECT sum(duplicates)::int, sum(conflicts)::int, count(DISTINCT device) FROM repeat_count").fetchone()
    assert counted is not None
    duplicates, conflicts, devices = counted
    # A register's second word about a month is a repeat where it says the same.
    assert day.sent.repeated <= duplicates <= day.sent.repeated + day.sent.contradicted
    assert conflicts == 0
    assert 1 < devices < 200


def test_a_device_has_its_verdicts_and_causes_of_the_last_hour(owner: Connection) -> None:
    found = owner.execute("SELECT id FROM device_current WHERE kind = 'noise' ORDER BY id LIMIT 2").fetchall()
    (first,), (second,) = found
    cases = [
        (1, Flag.GOOD, first),
        (2, Flag.NOT_EVALUATED, first),
        (3, Flag.GOOD | Cause.LATE, first),
        (4, Flag.GOOD | Cause.GATEWAY_TIME, first),
        (5, Flag.SUSPECT | Cause.PLAUSIBLE_RANGE, first),
        (61, Flag.GOOD, first),
        (6, Flag.SUSPECT | Cause.PLAUSIBLE_TIME | Cause.LATE, second),
    ]
    for minutes, quality, device in cases:
        owner.execute(ROW, (minutes, int(quality), device))
    owner.execute("INSERT INTO repeat_count SELECT no, date_trunc('hour', now()), 3, 2 FROM device_current WHERE id = %s", (first,))
    rows = owner.execute(
        "SELECT device, owner, readings, good, suspect, late, gateway_time, duplicates, conflicts FROM device_arrivals WHERE device = ANY(%s)"
        " ORDER BY device",
        ([first, second],),
    ).fetchall()
    assert rows == [(first, "Environment department", 5, 4, 1, 1, 1, 3, 2), (second, "Environment department", 1, 0, 1, 1, 0, 0, 0)]
    devices = owner.execute("SELECT count(*) FROM device_current WHERE kind = 'noise'").fetchone()
    total = owner.execute(
        "SELECT owner, devices, silent, readings, good, suspect, late, gateway_time, duplicates, conflicts FROM owner_arrivals WHERE kind = 'noise'"
    ).fetchall()
    assert devices is not None
    assert total == [("Environment department", devices[0], devices[0] - 2, 6, 4, 2, 2, 1, 3, 2)]


def test_a_device_may_have_an_owner_of_its_own(owner: Connection) -> None:
    owner.execute("UPDATE device SET owner = 'A neighbour' WHERE id = (SELECT min(id) FROM device WHERE kind = 'noise')")
    rows = owner.execute("SELECT owner, devices FROM owner_arrivals WHERE kind = 'noise' ORDER BY devices").fetchall()
    assert rows[0] == ("A neighbour", 1)
    assert [name for name, _ in rows[1:]] == ["Environment department"]


def test_the_reader_may_look(day: Day) -> None:
    with day.connect("kompas_reader") as connection:
        devices = connection.execute("SELECT count(*) FROM device_arrivals").fetchone()
        owners = connection.execute("SELECT sum(devices)::bigint FROM owner_arrivals").fetchone()
        assert devices == owners
        assert devices is not None
        assert devices[0] >= 200
