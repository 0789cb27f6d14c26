"""Rule 20 on a real database: what the writer marks, in the transaction of the rows that made it necessary."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from catalog import tables
from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.packs import configured
from catalog.topics import CHECKED, KPIS
from runtime.clock import iso
from runtime.errors import Unavailable
from storage import marks, restating
from storage.batch import Batch
from storage.connect import connect
from storage.positions import Key
from storage.registry import Wanted, register
from storage.transaction import Database as Writer
from tests.storage.database import Database, registered
from tests.storage.making import NOON_US, checked, kpi

pytestmark = pytest.mark.integration

HOUR = 3_600_000_000
GOOD, LATE, SUSPECT_LATE = 1, 1 | 1 << 12, 3 | 1 << 12
_PARTITIONS = itertools.count()


@pytest.fixture(scope="module")
def database(servers: Any) -> Iterator[Database]:
    made = registered(servers, "brussels")
    yield made
    made.drop()


class Story:
    """A writer of one partition of its own: each call is a transaction; `marks` are those since the last look."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database.conninfo(tables.WRITER_ROLE))
        number = next(_PARTITIONS)
        self.key, self.values = Key(CHECKED.name, number), Key(KPIS.name, number)
        self.positions = self.writer.open([self.key, self.values], "test")

    def came(self, *rows: tuple[str, str, int, float, int]) -> None:
        batch = Batch(self.positions)
        batch.feed(self.key, self.positions[self.key].next_offset, checked(self.positions[self.key].next_offset, list(rows)))
        self.writer.store(batch)
        self.positions = batch.positions

    def said(self, value: bytes) -> None:
        batch = Batch(self.positions)
        batch.feed(self.values, self.positions[self.values].log_offset, value)
        self.writer.store(batch)
        self.positions = batch.positions

    def marks(self) -> list[tuple[str, str, str, str]]:
        """KPI, area, start, reason; and forgotten."""
        with psycopg.connect(self.database.conninfo(tables.WRITER_ROLE), options="-c timezone=UTC") as connection:
            found = connection.execute("DELETE FROM dirty_window RETURNING kpi, area, window_start, reason").fetchall()
        return sorted((row[0], row[1], row[2].strftime("%m-%d %H:%M"), row[3]) for row in found)


@pytest.fixture
def story(database: Database) -> Iterator[Story]:
    story = Story(database)
    yield story
    story.writer.close()


def device_of(database: Database, kind: str, place: int = 0) -> str:
    return str(database.ask("SELECT id FROM device_current WHERE kind = %s ORDER BY no OFFSET %s LIMIT 1", kind, place)[0][0])


def line_of(database: Database, device: str) -> set[str]:
    statement = """
        WITH RECURSIVE line AS (
            SELECT a.id, a.parent FROM area a JOIN device_current d ON d.area = a.id WHERE d.id = %s
            UNION ALL SELECT a.id, a.parent FROM area a JOIN line ON a.id = line.parent
        ) SELECT id FROM line"""
    return {row[0] for row in database.ask(statement, device)}


def test_rule_20_a_late_reading_marks_its_windows_in_every_area_above_it(database: Database, story: Story) -> None:
    device = device_of(database, "air_quality")
    story.came((device, "pm2_5", NOON_US + HOUR, 10.0, GOOD))
    assert story.marks() == []
    story.came((device, "pm2_5", NOON_US + 61_000_000, 11.0, LATE))
    found = story.marks()
    assert {reason for *_, reason in found} == {"late"}
    assert {area for id_, area, _, _ in found if id_ == "pm2_5_hour"} == line_of(database, device)
    starts = {(id_, start) for id_, _, start, _ in found}
    assert {("pm2_5_now", "03-04 12:01"), ("pm2_5_hour", "03-04 12:00"), ("pm2_5_day", "03-03 23:00"), ("pm2_5_year", "12-31 23:00")} <= starts
    assert ("air_index_europe", "03-04 12:00") in starts
    assert not any(id_.startswith("no2") for id_, *_ in found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("case", ["a duplicate", "a conflict", "a reading that no KPI uses"])
def test_what_changes_no_value_marks_nothing(database: Database, story: Story, case: str) -> None:
    device = device_of(database, "air_quality", 1)
    number = ["a duplicate", "a conflict", "a reading that no KPI uses"].index(case)
    at = NOON_US + number * 1_000
    story.came((device, "no2", at, 20.0, GOOD))
    row = {"a duplicate": (at, 20.0, LATE), "a conflict": (at, 21.0, LATE), "a reading that no KPI uses": (at + 1, 900.0, SUSPECT_LATE)}[case]
    story.came((device, "no2", *row))
    assert story.marks() == []


def test_a_batch_without_late_rows_asks_nothing(database: Database, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("marks were looked for")

    story.came((device_of(database, "air_quality", 2), "o3", NOON_US, 1.0, GOOD))  # reads once whether a counter is awaited
    monkeypatch.setattr(marks.Marker, "rows", refuse)
    monkeypatch.setattr(marks.Marker, "_dated", refuse)
    story.came((device_of(database, "air_quality", 2), "o3", NOON_US + 1, 1.0, GOOD))
    assert story.marks() == []


def test_rule_20_rows_and_marks_stand_or_fall_together(database: Database, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    device = device_of(database, "weather")
    row = (device, "temperature", NOON_US, 10.0, LATE)
    with monkeypatch.context() as broken:
        broken.setattr("storage.transaction._store_watermarks", _fail)
        with pytest.raises(ZeroDivisionError):
            story.came(row)
    assert story.marks() == []
    assert database.ask("SELECT count(*) FROM reading_named WHERE device = %s", device) == [(0,)]
    story.came(row)
    assert ("temperature_max_day", "brussels", "03-03 23:00", "late") in story.marks()


def _fail(*_: object) -> None:
    raise ZeroDivisionError


def test_a_register_that_corrects_itself_late_marks_its_period(database: Database, story: Story) -> None:
    register = device_of(database, "digital_inclusion_register")
    month = NOON_US - 40 * 24 * HOUR
    story.came((register, "digital_help_visits", month, 90.0, GOOD))
    story.came((register, "digital_help_visits", month, 91.0, GOOD))
    assert story.marks() == [], "above the watermark the worker has put it right itself"
    story.came((register, "digital_help_visits", month, 95.0, LATE))
    assert {(id_, reason) for id_, _, _, reason in story.marks()} == {("digital_help_visits", "correction"), ("digital_help_solved", "correction")}
    story.came((register, "digital_help_visits", month, 95.0, LATE))
    assert story.marks() == []
    story.came((register, "digital_help_visits", month + 1, 5.0, LATE))
    assert {reason for *_, reason in story.marks()} == {"late"}


def test_a_counter_waits_for_its_next_reading_once(database: Database, story: Story) -> None:
    meter, day = device_of(database, "electricity_meter"), 24 * HOUR
    story.came((meter, "electricity_used", NOON_US, 10.0, LATE))
    assert {start for id_, _, start, _ in story.marks() if id_ == "buildings_electricity_day"} == {"03-03 23:00"}
    story.came((meter, "electricity_used", NOON_US - HOUR, 9.0, LATE))  # older: what is awaited is still awaited
    assert {start for id_, _, start, _ in story.marks() if id_ == "buildings_electricity_day"} == {"03-03 23:00"}
    story.came((meter, "electricity_used", NOON_US + 2 * day, 12.0, GOOD))
    assert {(start, reason) for id_, _, start, reason in story.marks() if id_ == "buildings_electricity_day"} == {("03-05 23:00", "late")}
    story.came((meter, "electricity_used", NOON_US + 3 * day, 13.0, GOOD))
    assert story.marks() == []


def test_a_counters_late_reading_marks_up_to_the_next(database: Database, story: Story) -> None:
    meter, day = device_of(database, "electricity_meter", 1), 24 * HOUR
    story.came((meter, "electricity_used", NOON_US, 10.0, GOOD), (meter, "electricity_used", NOON_US + 3 * day, 20.0, GOOD))
    story.came((meter, "electricity_used", NOON_US + 1, 11.0, LATE))
    starts = {start for id_, _, start, _ in story.marks() if id_ == "buildings_electricity_day"}
    assert {"03-03 23:00", "03-06 23:00"} <= starts


def test_a_final_that_may_lack_readings_is_computed_again(database: Database, story: Story) -> None:
    story.said(msgspec.json.encode(kpi(area="brussels.21005")))
    assert story.marks() == []
    story.said(msgspec.json.encode(kpi(area="brussels.21006", reason="rebuilt")))
    assert story.marks() == [("noise_now", "brussels.21006", "03-04 12:00", "rebuilt")]


def test_rule_22_a_mark_that_comes_while_its_window_is_computed_is_not_lost(database: Database, story: Story) -> None:
    """The writer marks the window again after the restater's transaction has begun to read."""
    device = device_of(database, "noise", 1)
    story.came((device, "sound_level", NOON_US, 60.0, LATE))
    restater = restating.Restating(database.conninfo(tables.WRITER_ROLE))
    restater.open()
    areas, minute = sorted(line_of(database, device)), ("noise_now", 1)

    def meanwhile() -> None:
        with restater.snapshot() as snapshot:
            assert snapshot.newest(minute, NOON_US, areas) == {}
            story.came((device, "sound_level", NOON_US + 1, 61.0, LATE))
            snapshot.unmark(minute, NOON_US, areas)

    with pytest.raises(restating.Conflicting):
        meanwhile()
    assert {area for id_, area, _, _ in story.marks() if id_ == "noise_now"} == set(areas)
    with pytest.raises(Unavailable, match="wanted no other restater"):
        restating.Restating(database.conninfo(tables.WRITER_ROLE)).open()
    restater.close()


def test_a_changed_catalogue_is_seen(database: Database, story: Story) -> None:
    device = device_of(database, "noise")
    story.came((device, "sound_level", NOON_US, 60.0, LATE))
    assert "noise_now" in {id_ for id_, *_ in story.marks()}
    before = story.writer._marker._known
    story.came((device, "sound_level", NOON_US + 1, 60.0, LATE))
    assert story.writer._marker._known is before
    with psycopg.connect(database.conninfo(tables.OWNER_ROLE)) as owner:
        owner.execute("UPDATE catalogue_document SET hash = hash || ' ' WHERE entity = 'city'")
    story.came((device, "sound_level", NOON_US + 2, 60.0, LATE))
    assert story.writer._marker._known is not before


def test_rule_04_a_device_that_stood_elsewhere_earlier_marks_its_windows_in_both_areas(database: Database, story: Story) -> None:
    """Last, for the device stays where it has come: the pack says that it moved three hours ago."""
    (id_, area), other = database.ask("SELECT id, area FROM device_current WHERE kind = 'traffic_loop' ORDER BY no LIMIT 1")[0], "brussels.21001.n08"
    assert area != other
    lineage = line_of(database, id_)
    story.marks()
    story.said(msgspec.json.encode(kpi(area="brussels", window_start="2026-03-03T12:00:00Z", window_end="2026-03-03T12:01:00Z")))
    pack = load_city("brussels")
    moved = msgspec.structs.replace(pack.devices[id_], area=other, valid_from=iso(NOON_US - 3 * HOUR))
    packs = (pack._replace(devices={**pack.devices, id_: moved}),)
    wanted = Wanted(configured(load_catalogue(), packs), packs)
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as owner:
        register(owner, wanted, NOON_US)
        owner.commit()
    found = story.marks()
    assert {reason for *_, reason in found} == {"correction"}
    windows = {(id_, place, start) for id_, place, start, _ in found}
    assert {place for id_, place, _ in windows if id_ == "traffic_speed"} == line_of(database, id_) | lineage
    assert {start for id_, _, start in windows if id_ == "traffic_day"} == {"03-03 23:00"}
    assert min(start for id_, _, start in windows if id_ == "traffic_speed") == "03-04 09:00"
    assert not {id_ for id_, *_ in windows} & {"pm2_5_hour", "noise_now"}
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as owner:
        register(owner, wanted, NOON_US + HOUR)
        owner.commit()
    assert story.marks() == [], "the same again marks nothing"
