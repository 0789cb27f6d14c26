"""Migrations and registry on a real TimescaleDB: idempotent, guarded by checksums, with rights that hold."""

import datetime as dt

import msgspec
import psycopg
import pytest

from catalog import tables
from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.packs import configured
from catalog.records import KpiDocument
from catalog.windows import from_us
from runtime.errors import ConfigError
from storage import retention, schema
from storage.connect import connect
from storage.migrate import migrate
from storage.registry import Wanted, register
from tests.storage.database import Database
from tests.storage.making import NOON_US

pytestmark = pytest.mark.integration

DAY_US = 86_400_000_000


@pytest.fixture
def database(servers):
    made = Database(servers)
    yield made
    made.drop()


@pytest.fixture
def owner(database):
    with connect(database.conninfo(tables.OWNER_ROLE), "test") as connection:
        yield connection


@pytest.fixture(scope="module")
def brussels():
    pack = load_city("brussels")
    return Wanted(configured(load_catalogue(), [pack]), (pack,))


def community(connection) -> bool:
    return connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()[0] == "timescale"


def test_the_second_run_changes_nothing_and_every_declared_column_is_there(database, owner):
    ran = migrate(owner)
    assert ran == [file.name for file in schema.read() if community(owner) or not file.community]
    assert migrate(owner) == []
    found = database.ask(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_schema = 'public' GROUP BY table_name"
    )
    assert {name: tuple(columns) for name, columns in found} == {table.name: table.columns for table in tables.TABLES}
    hypertables = {name for (name,) in database.ask("SELECT hypertable_name FROM timescaledb_information.hypertables")}
    assert hypertables == {table.name for table in tables.TABLES if table.hypertable}


def test_two_that_start_together_do_not_collide(database):
    import concurrent.futures

    def one() -> list[str]:
        with connect(database.conninfo(tables.OWNER_ROLE), "test") as connection:
            return migrate(connection)

    with concurrent.futures.ThreadPoolExecutor(2) as both:
        ran = [each.result() for each in [both.submit(one), both.submit(one)]]
    assert sorted(map(bool, ran)) == [False, True]


def test_a_file_that_ran_and_changed_is_refused(owner):
    files = schema.read()
    migrate(owner, files)
    changed = [files[0]._replace(checksum="0" * 64), *files[1:]]
    with pytest.raises(ConfigError, match=r"storage/migrations/0001_catalogue\.sql: wanted the content that ran on this database"):
        migrate(owner, changed)


def test_a_file_that_fails_leaves_nothing_behind(database, owner):
    files = schema.read()
    migrate(owner, files)
    number = files[-1].number + 1
    broken = schema.Migration(number, f"{number:04d}_broken.sql", "CREATE TABLE half (id int); SELECT 1/0;", "x", False)
    with pytest.raises(ConfigError, match=r"_broken\.sql: wanted SQL that this server accepts, got .*division by zero"):
        migrate(owner, [*files, broken])
    assert database.ask("SELECT to_regclass('half') IS NULL, count(*) FROM schema_migration WHERE number = %s", number) == [(True, 0)]


def test_who_only_looks_changes_nothing_and_who_stores_makes_no_tables(database, owner):
    migrate(owner)
    tried = {
        tables.READER_ROLE: ["DELETE FROM reading", "UPDATE kpi_latest SET value = 1", "CREATE TABLE x (id int)", "SELECT apply_retention(now())"],
        tables.WRITER_ROLE: ["CREATE TABLE x (id int)", "DROP TABLE reading", "DELETE FROM device", "UPDATE kpi SET hash = ''"],
    }
    for role, statements in tried.items():
        for statement in statements:
            with psycopg.connect(database.conninfo(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    for table in tables.TABLES:
        database.ask(f"SELECT * FROM {table.name} LIMIT 1")


def test_good_is_flag_one_or_two_whatever_the_causes(database, owner):
    migrate(owner)
    assert database.ask("SELECT array_agg(q ORDER BY q) FROM unnest(ARRAY[0,1,2,3,4,9,4097,8194,4099]) q WHERE good(q)") == [([1, 2, 4097, 8194],)]


def test_a_pack_registered_twice_writes_nothing_the_second_time(database, owner, brussels):
    migrate(owner)
    register(owner, brussels, NOON_US)
    owner.commit()
    watched = [table.name for table in (tables.CITY, tables.AREA, tables.QUANTITY, tables.SENSOR_KIND, tables.DEVICE, tables.KPI)]
    watched.append(tables.CATALOGUE_DOCUMENT.name)
    state = [database.ask(f"SELECT xmin::text, t::text FROM {name} t ORDER BY 2") for name in watched]
    register(owner, brussels, NOON_US + DAY_US)
    owner.commit()
    assert [database.ask(f"SELECT xmin::text, t::text FROM {name} t ORDER BY 2") for name in watched] == state
    pack = brussels.packs[0]
    assert [len(rows) for rows in state[:2]] == [1, len(pack.areas)]
    assert len(state[4]) == len(pack.devices)
    assert all(document["live_from_us"] == 0 for (document,) in database.ask("SELECT document FROM kpi"))
    bounded = database.ask("SELECT count(*) FROM area WHERE boundary ->> 'type' IN ('Polygon', 'MultiPolygon')")
    assert bounded == [(len(pack.areas),)]


def test_a_moved_device_keeps_its_number_and_its_readings_their_area(database, owner, brussels):
    migrate(owner)
    register(owner, brussels, NOON_US)
    pack = brussels.packs[0]
    device = next(iter(pack.devices.values()))
    other = next(area.id for area in pack.areas.values() if area.level == "neighbourhood" and area.id != device.area)
    moved = pack._replace(devices={**pack.devices, device.id: msgspec.structs.replace(device, area=other)})
    register(owner, brussels._replace(packs=(moved,)), NOON_US + DAY_US)
    owner.commit()
    ((number,),) = database.ask("SELECT DISTINCT no FROM device WHERE id = %s", device.id)
    with psycopg.connect(database.conninfo(tables.WRITER_ROLE)) as writer:
        for at_us in (NOON_US, NOON_US + 2 * DAY_US):
            writer.execute("INSERT INTO reading VALUES (%s, 1, %s, %s, 1.0, 1)", (number, from_us(at_us), from_us(at_us)))
    assert database.ask("SELECT area FROM reading_named ORDER BY measured_at") == [(device.area,), (other,)]


def test_a_device_gone_from_its_pack_ends_and_another_citys_stays(database, owner, brussels):
    migrate(owner)
    zwolle = load_city("zwolle")
    both = Wanted(configured(load_catalogue(), [*brussels.packs, zwolle]), (*brussels.packs, zwolle))
    register(owner, both, NOON_US)
    pack = brussels.packs[0]
    gone = next(iter(pack.devices))
    left = pack._replace(devices={id_: device for id_, device in pack.devices.items() if id_ != gone})
    register(owner, brussels._replace(packs=(left,)), NOON_US + DAY_US)
    owner.commit()
    assert database.ask("SELECT id, valid_to FROM device WHERE valid_to IS NOT NULL") == [(gone, from_us(NOON_US + DAY_US))]
    ((text,),) = database.ask("SELECT document FROM catalogue_document WHERE entity = 'device' AND id = %s", gone)
    assert msgspec.json.decode(text)["valid_to"] == "2026-03-05T12:00:00.000000Z"


def test_a_kpi_changed_under_its_version_is_refused_and_nothing_is_written(database, owner, brussels):
    migrate(owner)
    register(owner, brussels, NOON_US)
    owner.commit()
    kpi = next(iter(brussels.catalogue.kpis.values()))

    def with_kpi(**changes):
        kpis = {**brussels.catalogue.kpis, kpi.id: msgspec.structs.replace(kpi, **changes)}
        return brussels._replace(catalogue=brussels.catalogue._replace(kpis=kpis))

    with pytest.raises(ConfigError, match=f"kpi {kpi.id}: version: wanted {kpi.version + 1}"):
        register(owner, with_kpi(unit="other"), NOON_US)
    register(owner, with_kpi(unit="other", version=kpi.version + 1), NOON_US)
    owner.commit()
    rows = database.ask("SELECT version, retired_at IS NULL, live_from > '1970-01-01' FROM kpi WHERE id = %s ORDER BY version", kpi.id)
    assert rows == [(kpi.version, False, False), (kpi.version + 1, True, True)]
    ((text,),) = database.ask("SELECT document FROM catalogue_document WHERE entity = 'kpi' AND id = %s", kpi.id)
    assert msgspec.json.decode(text, type=KpiDocument).version == kpi.version + 1


def test_readings_go_when_the_retention_of_their_kind_is_over(database, owner, brussels):
    migrate(owner)
    register(owner, brussels, NOON_US)
    kinds = database_kinds(owner)
    short, long = kinds[0], kinds[1]
    owner.execute("UPDATE sensor_kind SET retention_days = 400")
    owner.execute("UPDATE sensor_kind SET retention_days = 10 WHERE id = %s", (short[0],))
    owner.commit()
    with psycopg.connect(database.conninfo(tables.WRITER_ROLE)) as writer:
        for days in (1, 9, 11, 399, 402):
            at = from_us(NOON_US - days * DAY_US)
            for _, number in (short, long):
                writer.execute("INSERT INTO reading VALUES (%s, 1, %s, %s, 1.0, 1)", (number, at, at))
    told = retention.forget(database.conninfo(tables.WRITER_ROLE), NOON_US)
    left = database.ask("SELECT kind, array_agg(%s - measured_at::date ORDER BY 1) FROM reading_named GROUP BY kind", dt.date(2026, 3, 4))
    assert {kind: sorted(days) for kind, days in left} == {short[0]: [1, 9], long[0]: [1, 9, 11, 399]}
    assert told == (1, 2)
    assert retention.forget(database.conninfo(tables.WRITER_ROLE), NOON_US) == (0, 0)


def test_a_kind_without_limit_keeps_its_readings_for_good(database, owner, brussels):
    migrate(owner)
    register(owner, brussels, NOON_US)
    short, register_kind = database_kinds(owner)[:2]
    owner.execute("UPDATE sensor_kind SET retention_days = nullif(10, 10 * (id = %s)::int)", (register_kind[0],))
    owner.commit()
    with psycopg.connect(database.conninfo(tables.WRITER_ROLE)) as writer:
        at = from_us(NOON_US - 3_000 * DAY_US)
        for _, number in (short, register_kind):
            writer.execute("INSERT INTO reading VALUES (%s, 1, %s, %s, 1.0, 1)", (number, at, at))
    assert retention.forget(database.conninfo(tables.WRITER_ROLE), NOON_US) == (0, 1)
    assert database.ask("SELECT kind FROM reading_named") == [(register_kind[0],)]


def database_kinds(owner) -> list[tuple[str, int]]:
    """A device number of each kind."""
    return owner.execute("SELECT kind, min(no) FROM device GROUP BY kind ORDER BY kind").fetchall()
