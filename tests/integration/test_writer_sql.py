"""The writer's SQL against slow and obvious rules, and what the read queries and the export make of the rows."""

import random

import numpy as np
import pytest

from catalog import tables
from catalog.topics import CHECKED
from kernels import copy
from runtime.errors import Inconsistent
from storage import kpis
from storage.batch import Batch
from storage.connect import connect
from storage.positions import Key, Position
from storage.standing import epoch_offset, same
from storage.transaction import Database as Writer
from tests.storage.database import registered
from tests.storage.making import NOON_US, checked, kpi, live

pytestmark = pytest.mark.integration

LATE = 1 | 1 << 12
MEASURED = ", ".join(tables.MEASURED)
PARTITION = Key(CHECKED.name, 0)


@pytest.fixture(scope="module")
def database(servers):
    made = registered(servers, "brussels")
    yield made
    made.drop()


@pytest.fixture
def connection(database):
    """As the writer; nothing that a test does here lasts."""
    with connect(database.conninfo(tables.WRITER_ROLE), "test") as connection:
        yield connection
        connection.rollback()


def test_what_is_copied_is_what_is_read_back(connection):
    values = np.array([0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308, 1 / 3])
    count = len(values)
    columns = {
        "device": np.array([0, 1, 2, 3, 2**31 - 1, -(2**31), 7, 8]),
        "quantity": np.array([1, 2, 3, 4, 32767, -32768, 7, 8]),
        "measured_at": np.array([0, -1, 946_684_800_000_000, NOON_US, NOON_US + 1, 1, 2, 3]),
        "received_at": np.arange(count),
        "value": values,
        "quality": np.array([0, 1, 65535, 4097, 2, 3, 4, 9], np.uint16),
    }
    with connection.cursor() as cursor, cursor.copy(f"COPY reading ({MEASURED}) FROM STDIN (FORMAT BINARY)") as stream:
        stream.write(copy.encode_readings(columns))
    rows = connection.execute(
        "SELECT device, quantity, (extract(epoch FROM measured_at) * 1000000)::bigint, (extract(epoch FROM received_at) * 1000000)::bigint,"
        " value, quality FROM reading ORDER BY received_at"
    ).fetchall()
    for n, name in enumerate(columns):
        np.testing.assert_array_equal(np.array([row[n] for row in rows]), columns[name])


def told_by_the_rule(values):
    """The rule of decision 0002, one value at a time: last and open slots, settled values, superseded ones, contradictions."""
    last, opened, settled, old, doubled = {}, {}, {}, {}, 0
    for value in values:
        area, window = value.area, (value.area, value.window_start)
        if value.revision == 0:
            beaten = area in last and last[area].window_start >= value.window_start
            held = opened.get(area)
            if not beaten and (held is None or (value.window_start, epoch_offset(value)) > (held.window_start, epoch_offset(held))):
                opened[area] = value
            continue
        stored = settled.get(window)
        if stored is None or value.revision > stored.revision:
            if stored is not None:
                old[(*window, stored.revision)] = stored
            settled[window] = value
        elif value.revision == stored.revision:
            doubled += not same(value, stored)
        if area not in last or (value.window_start, value.revision) > (last[area].window_start, last[area].revision):
            last[area] = value
    return last, opened, settled, old, doubled


@pytest.mark.parametrize("seed", range(12))
def test_kpi_values_one_by_one_stand_as_the_rule_says(connection, seed):
    """One value per transaction step, so that the order is the rule's own; batches are the next test's."""
    values = random_values(random.Random(seed), 40)
    doubled = sum(len(kpis.store(connection, [value])) for value in values)
    last, opened, settled, old, contradictions = told_by_the_rule(values)
    assert stored_values(connection) == standing(last, opened, settled, old)
    assert doubled == contradictions


@pytest.mark.parametrize("seed", range(12))
def test_settled_values_stand_the_same_however_they_are_batched_and_repeated(connection, seed):
    chance = random.Random(seed)
    values = [value for value in random_values(chance, 60) if value.revision > 0]
    honest = list({(value.area, value.window_start, value.revision): value for value in reversed(values)}.values())[::-1]
    rest = honest + chance.sample(honest, 5)
    while rest:
        size = chance.randint(1, 15)
        assert kpis.store(connection, rest[:size]) == []
        rest = rest[size:]
    newest = {}
    for value in honest:
        key = (value.area, value.window_start)
        newest[key] = max(newest.get(key, value), value, key=lambda each: each.revision)
    assert {key: shown[2:] for key, shown in stored_values(connection)["settled"].items()} == {
        key: shown_of(value)[2:] for key, value in newest.items()
    }


def random_values(chance, count):
    windows = [f"2026-03-04T{hour:02d}:00:00Z" for hour in (9, 10, 11)]
    values = []
    for _ in range(count):
        given = {
            "area": chance.choice(["brussels.a", "brussels.b"]),
            "window_start": chance.choice(windows),
            "value": chance.choice([1.0, 2.5, None]),
        }
        given["state"] = "no_data" if given["value"] is None else "ok"
        if chance.random() < 0.5:
            values.append(live(epoch=f"3/{chance.randrange(20)}", **given))
        else:
            values.append(kpi(revision=chance.randint(1, 4), status="restated", epoch=None, **given))
    return values


def shown_of(value):
    return value.area, value.window_start, value.revision, value.value, value.state, value.epoch


def standing(last, opened, settled, old):
    slots = {("last", area): value for area, value in last.items()} | {("open", area): value for area, value in opened.items()}
    return {
        "slots": {key: shown_of(value) for key, value in slots.items()},
        "settled": {key: shown_of(value) for key, value in settled.items()},
        "old": {key: shown_of(value) for key, value in old.items()},
    }


def stored_values(connection):
    fields = 'area, to_char(window_start, \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), revision, value, state, epoch'
    return {
        "slots": {(row[-1], row[0]): row[:-1] for row in connection.execute(f"SELECT {fields}, slot FROM kpi_latest")},
        "settled": {row[:2]: row for row in connection.execute(f"SELECT {fields} FROM kpi_value")},
        "old": {row[:3]: row for row in connection.execute(f"SELECT {fields} FROM kpi_revision")},
    }


def test_late_readings_fare_as_one_by_one(database):
    """Random late readings in random batches: the first in the log stands, equal ones are duplicates, others conflicts."""
    chance = random.Random(7)
    devices = [row[0] for row in database.ask("SELECT id FROM device_current WHERE kind = 'noise' ORDER BY no LIMIT 3")]
    writer = Writer(database.conninfo(tables.WRITER_ROLE))
    first: dict[tuple[str, int], float] = {}
    duplicates = conflicts = 0
    batch = Batch(writer.open([PARTITION], "test"))
    counted = [0, 0]
    for offset in range(60):
        rows = []
        for second in chance.sample(range(12), chance.randint(0, 4)):
            device, at_us, value = chance.choice(devices), NOON_US + second * 1_000_000, float(chance.randrange(3))
            rows.append((device, "sound_level", at_us, value, LATE))
            known = (device, at_us) in first
            stands = first.setdefault((device, at_us), value) == value
            duplicates += known and stands
            conflicts += known and not stands
        batch.feed(PARTITION, offset, checked(offset, rows))
        if chance.random() < 0.3 or offset == 59:
            written = writer.store(batch).written
            counted = [counted[0] + written.duplicates, counted[1] + written.conflicts]
            batch = Batch(batch.positions)
    writer.close()
    found = database.ask(
        "SELECT device, (extract(epoch FROM measured_at) * 1000000)::bigint, value FROM reading_named WHERE quantity = 'sound_level'"
    )
    assert {row[:2]: row[2] for row in found} == first
    assert counted == [duplicates, conflicts]
    assert min(counted) > 10
    assert database.ask("SELECT count(*) FROM reading_conflict") == [(conflicts,)]


def test_of_a_correcting_register_the_later_word_stands(database, servers):
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as owner:
        owner.execute("UPDATE sensor_kind SET correcting = true WHERE id = 'parking'")
    (device,) = database.ask("SELECT id FROM device_current WHERE kind = 'parking' ORDER BY no LIMIT 1")[0]
    writer, key = Writer(database.conninfo(tables.WRITER_ROLE)), Key(CHECKED.name, 5)
    batch = Batch(writer.open([key], "test"))
    for offset, values in enumerate([[1.0], [2.0, 3.0], [4.0]]):
        batch.feed(key, offset, checked(offset, [(device, "parking_free", NOON_US, value, 1) for value in values]))
        if offset > 0:
            writer.store(batch)
            batch = Batch(batch.positions)
    writer.close()
    assert database.ask("SELECT value FROM reading_named WHERE device = %s", device) == [(4.0,)]


def test_rule_18_a_former_owner_that_still_speaks_is_stopped_and_stores_nothing(database):
    (device,) = database.ask("SELECT id FROM device_current WHERE kind = 'weather' ORDER BY no LIMIT 1")[0]
    key = Key(CHECKED.name, 7)
    former, owner = Writer(database.conninfo(tables.WRITER_ROLE)), Writer(database.conninfo(tables.WRITER_ROLE))
    batches = []
    for each, value in ((former, 1.0), (owner, 2.0)):
        batch = Batch(each.open([key], "test"))
        batch.feed(key, 0, checked(0, [(device, "temperature", NOON_US + round(value), value, 1)]))
        batches.append(batch)
    owner.store(batches[1])
    with pytest.raises(Inconsistent, match="wanted to move 1 offsets, moved 0: another writer owns these partitions"):
        former.store(batches[0])
    assert database.ask("SELECT value FROM reading_named WHERE device = %s", device) == [(2.0,)]
    assert owner.open([key], "test") == {key: Position(1, 1)}
    former.close()
    owner.close()


def test_a_second_reading_that_is_not_late_stops_it(database):
    """Unique by the worker's proof; a violation means that the proof does not hold."""
    (device,) = database.ask("SELECT id FROM device_current WHERE kind = 'weather' ORDER BY no DESC LIMIT 1")[0]
    writer, key = Writer(database.conninfo(tables.WRITER_ROLE)), Key(CHECKED.name, 11)
    batch = Batch(writer.open([key], "test"))
    for offset in (0, 1):
        batch.feed(key, offset, checked(offset, [(device, "temperature", NOON_US, 1.0, 1)]))
    with pytest.raises(Inconsistent, match=r"wanted readings that are not stored yet, got a second one: Key .device, quantity, measured_at"):
        writer.store(batch)
    writer.close()
    assert database.ask("SELECT count(*) FROM reading_named WHERE device = %s", device) == [(0,)]


def test_a_reading_of_a_device_that_nobody_registered_stops_it(database):
    writer, key = Writer(database.conninfo(tables.WRITER_ROLE)), Key(CHECKED.name, 9)
    batch = Batch(writer.open([key], "test"))
    batch.feed(key, 0, checked(0, [("brussels.nobody", "temperature", NOON_US, 1.0, 1)]))
    with pytest.raises(Inconsistent, match=r"wanted a device of the database, got 'brussels\.nobody'"):
        writer.store(batch)
    writer.close()
