"""The writer on a real Kafka and TimescaleDB: every checked reading stands once, whatever dies; log and database never disagree.

Each story uses a database of its own in one system, and its own share of the partitions where it leaves the log damaged.
"""

import time

import msgspec
import psycopg
import pytest

from catalog import tables
from catalog.cities import load_city
from catalog.kpi_value import KpiValue
from catalog.load import load_catalogue
from catalog.records import Device
from catalog.topics import CHECKED, DEVICES, KPIS, PARTITIONS, READINGS, REJECTED, partition_of
from tests.servers import start_system
from tests.storage.city import City, documents, log_of, wait_until
from tests.storage.making import NOON_US, kpi, live, rejected_headers

pytestmark = pytest.mark.integration

LATE = 1 | 1 << 12


@pytest.fixture(scope="module")
def system(servers, tmp_path_factory):
    with start_system(tmp_path_factory.mktemp("writer"), postgres=servers.postgres) as system:
        system.migrate(cities="brussels")
        yield system


@pytest.fixture(scope="module")
def city(system):
    return City(system)


def test_the_catalogue_reaches_every_partition_once_and_a_new_cluster_again(system):
    """Runs before the stories that fill the log."""
    pack, catalogue = load_city("brussels"), load_catalogue()
    log = log_of(system, READINGS.name, PARTITIONS)
    devices = set()
    for partition, records in log.items():
        said, numbers = documents(records)
        mine = {id_ for entity, id_ in said if entity == "device"}
        assert mine == {id_ for id_ in pack.devices if partition_of(id_) == partition}
        devices |= mine
        assert {id_ for entity, id_ in said if entity == "area"} == set(pack.areas)
        assert {id_ for entity, id_ in said if entity == "kpi"} >= set(catalogue.kpis)
        assert numbers == sorted(set(numbers))
        due = [msgspec.json.decode(text, type=Device).due_from_us for (entity, _), text in said.items() if entity == "device"]
        assert min(due) > 1_700_000_000_000_000
    assert devices == set(pack.devices)
    compacted = log_of(system, DEVICES.name, 1)[0]
    keys = [record.key.decode() for record in compacted]
    assert len(keys) == len(set(keys))
    assert {key.partition("/")[0] for key in keys} == {"city", "quantity", "kind", "area", "device"}
    system.migrate(cities="brussels")
    assert {partition: len(records) for partition, records in log_of(system, READINGS.name, PARTITIONS).items()} == {
        partition: len(records) for partition, records in log.items()
    }
    with psycopg.connect(system.conninfo(tables.OWNER_ROLE)) as connection:
        connection.execute("UPDATE catalogue_published SET cluster_id = 'the one before'")
    system.migrate(cities="brussels")
    again, numbers = documents(log_of(system, READINGS.name, PARTITIONS)[0][len(log[0]) :])
    assert again == documents(log[0])[0]
    assert min(numbers) > max(documents(log[0])[1])


def test_killed_in_mid_stream_it_stores_everything_once(city):
    records = city.stream(frames=240, rows=250)
    city.send(records)
    for share in (0.15, 0.5):
        writer = city.spawn()
        some = share * len(city.expected)
        deadline = time.monotonic() + 60
        while city.ask("SELECT coalesce(sum(total), 0) FROM stored_total")[0][0] < some:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert writer.kill() == -9
    writer = city.spawn().wait_ready()
    city.wait_stored(writer)
    assert writer.stop() == 0
    city.check_readings()
    assert city.ask("SELECT total FROM stored_total WHERE name = 'readings'") == [(len(city.expected),)]


def test_what_the_worker_repeats_after_a_crash_changes_nothing(city):
    partition = 2
    again = [city.frame(partition, city.readings(partition, 40)) for _ in range(6)]
    tail = city.frame(partition, city.readings(partition, 1))
    city.send([*again[:4], *again[1:], *again, tail])
    writer = city.spawn().wait_ready()
    city.wait_stored(writer)
    assert writer.stop() == 0
    city.check_readings()
    ((next_offset, log_offset),) = city.ask("SELECT next_offset, log_offset FROM stream_offset WHERE topic = %s AND partition = 2", CHECKED.name)
    assert log_offset - next_offset == 9


def test_postgres_away_in_mid_stream_nothing_is_lost_or_doubled(city):
    writer = city.spawn().wait_ready()
    city.send(city.stream(frames=60, rows=100))
    city.system.stop("postgres")
    city.send(city.stream(frames=60, rows=100))
    wait_until(lambda: writer.get("/readyz")[0], 503)
    assert "PostgreSQL" in writer.get("/readyz")[1]
    assert writer.get("/healthz")[0] == 200
    city.system.start("postgres")
    city.wait_stored(writer)
    wait_until(lambda: writer.get("/readyz")[0], 200)
    city.check_readings()
    assert writer.stop() == 0


def test_kafka_restarted_in_mid_stream_nothing_is_lost_or_doubled(city):
    writer = city.spawn().wait_ready()
    city.send(city.stream(frames=60, rows=100))
    city.system.restart("kafka")
    city.send(city.stream(frames=60, rows=100))
    city.wait_stored(writer)
    city.check_readings()
    assert writer.stop() == 0


def test_late_readings_are_stored_or_duplicates_or_conflicts(city):
    partition = 4
    first, second, third = city.readings(partition, 3)
    fresh = (first[0], "no2", NOON_US - 5_000_000, 7.5, LATE)
    same, other = (*second[:4], LATE), (*third[:3], third[3] + 1.0, LATE)
    city.expected[fresh[:3]] = fresh[3]
    before = dict(city.ask("SELECT name, total FROM stored_total"))
    city.send([city.frame(partition, [first, second, third]), city.frame(partition, [fresh, same, other, fresh])])
    writer = city.spawn().wait_ready()
    city.wait_stored(writer)
    city.check_readings()
    after = dict(city.ask("SELECT name, total FROM stored_total"))
    added = {name: total - before.get(name, 0) for name, total in after.items() if total != before.get(name, 0)}
    assert added == {"checked": 7, "readings": 4, "late": 4, "late_duplicates": 2, "late_conflicts": 1}
    assert city.ask("SELECT value, stored_value, partition, input_offset FROM reading_conflict") == [
        (other[3], third[3], partition, city.next_input[partition] - 1)
    ]
    assert city.ask("SELECT quality FROM reading WHERE measured_at < %s", "2026-03-04T12:00:00Z") == [(LATE,)]
    assert writer.stop() == 0


def test_watermarks_stand_beside_the_rows_they_belong_to(city):
    partition, at_us = 6, NOON_US + 3_600_000_000
    city.send([city.frame(partition, [], watermarks={"noise": at_us, "weather": None})])
    writer = city.spawn().wait_ready()
    city.wait_stored(writer)
    found = city.ask("SELECT kind, extract(epoch FROM watermark) * 1000000 FROM watermark WHERE partition = 6 AND kind IN ('noise', 'weather')")
    assert [(kind, int(us)) for kind, us in found] == [("noise", at_us)]
    assert writer.stop() == 0


def test_of_kpi_values_the_right_one_stands(city):
    quarter = {"window_start": "2026-03-04T12:15:00Z", "window_end": "2026-03-04T12:30:00Z"}
    told: list[tuple[KpiValue, ...]] = [
        (live(epoch="3/90", value=1.0), live(epoch="3/95", value=2.0), live(epoch="3/91", value=3.0)),
        (kpi(value=4.0), live(epoch="3/200", value=5.0), live(epoch="3/110", value=6.0, **quarter)),
        (kpi(value=4.0), live(epoch="3/105", value=7.0, **quarter), kpi(value=8.0)),
        (kpi(value=9.0, revision=3, status="restated", reason="late", epoch=None), kpi(value=10.0, revision=2, status="restated", epoch=None)),
        (kpi(value=11.0, **{**quarter, "window_start": "2026-03-04T11:00:00Z"}),),
        (live(epoch="3/300", value=None, state="no_data", band=None, coverage=0.0, devices=0, **quarter),),
    ]
    writer = city.spawn().wait_ready()
    count = 0
    for values in told:
        city.send([(KPIS.name, 4, msgspec.json.encode(value), [("kompas.schema", b"kpi_value/1")]) for value in values])
        count += len(values)
        wait_until(lambda: city.ask("SELECT total FROM stored_total WHERE name = 'kpi_values'"), [(count,)])
    key = "kpi = 'noise_now' AND area = 'brussels.21004'"
    latest = city.ask(f"SELECT slot, to_char(window_start, 'HH24:MI'), revision, value, state FROM kpi_latest WHERE {key} ORDER BY slot")
    assert latest == [("last", "12:00", 3, 9.0, "ok"), ("open", "12:15", 0, None, "no_data")]
    settled = city.ask(f"SELECT to_char(window_start, 'HH24:MI'), revision, value, status FROM kpi_value WHERE {key} ORDER BY window_start")
    assert settled == [("11:00", 1, 11.0, "final"), ("12:00", 3, 9.0, "restated")]
    assert city.ask(f"SELECT revision, value FROM kpi_revision WHERE {key} ORDER BY revision") == [(1, 4.0), (2, 10.0)]
    assert writer.metric("kompas_writer_double_final_total") == 1
    assert "double_final" in writer.log.read_text()
    assert writer.stop() == 0


def test_refusals_are_counted_by_city_reason_and_hour_and_repeats_are_dropped(city):
    twice = (REJECTED.name, 0, b"{broken", rejected_headers())
    other = (REJECTED.name, 2, b"[1]", rejected_headers("wrong_unit", 3, received_at=str(NOON_US + 7)))
    writer = city.spawn().wait_ready()
    for records in ([twice, twice], [twice, other]):
        city.send(records)
    wait_until(
        lambda: city.ask("SELECT city, reason, hour::text, messages, readings FROM rejected_count ORDER BY reason"),
        [("brussels", "malformed", "2026-03-04 12:00:00+00", 1, 1), ("brussels", "wrong_unit", "2026-03-04 12:00:00+00", 1, 1)],
    )
    wait_until(lambda: city.ask("SELECT sum(next_offset)::int FROM stream_offset WHERE topic = %s", REJECTED.name), [(4,)])
    assert city.ask("SELECT sum(messages)::int FROM rejected_count") == [(2,)]
    assert writer.stop() == 0


def test_its_report_says_what_the_database_says(city):
    writer = city.spawn().wait_ready()
    city.send([city.frame(0, city.readings(0, 10))])
    city.wait_stored(writer)

    def report() -> dict:
        return msgspec.json.decode(writer.get("/report")[1])

    totals = dict(city.ask("SELECT name, sum(total)::int FROM stored_total GROUP BY name"))
    wait_until(lambda: {name: total for name, total in report().get("totals", {}).items() if total}, totals)
    said = report()
    assert said["problem"] is None
    counted = city.ask("SELECT reason, sum(messages)::int FROM rejected_count GROUP BY reason")
    assert {reason: count["messages"] for reason, count in said["rejected"].items()} == dict(counted)
    assert said["watermarks"]["air_quality"]["highest"] <= "2026-03-04T13:00:00Z"
    assert said["latency_row_s"]["count"] == 10
    assert writer.metric("kompas_writer_rows_total") == 10
    assert writer.metric("kompas_latency_row_seconds_count") == 10
    assert writer.stop() == 0


def test_rule_11_before_newer_records_the_writer_stands_says_so_and_goes_on_after_the_upgrade(city):
    stands, goes_on = 6, 8
    value = msgspec.json.encode(kpi(area="brussels.21005"))
    newer_value = (KPIS.name, stands, value, [("kompas.schema", b"kpi_value/2")])
    city.send([city.frame(stands, city.readings(stands, 3)), city.frame(stands, city.readings(stands, 3), schema="checked/2"), newer_value])
    stood = city.next_input[stands] - 1
    city.send([city.frame(stands, city.readings(stands, 3)), city.frame(goes_on, city.readings(goes_on, 3))])
    writer = city.spawn()
    wait_until(lambda: writer.metric("kompas_writer_standing"), 2)
    wait_until(lambda: _stored(city, goes_on), city.next_input[goes_on])
    status, said = writer.get("/readyz")
    assert status == 503
    for part in (
        f"{CHECKED.name}/{stands} stands at offset",
        "checked/1",
        "checked/2",
        f"{KPIS.name}/{stands} stands at",
        "kpi_value/1",
        "kpi_value/2",
    ):
        assert part in msgspec.json.decode(said)["wrong"]["schema"]
    assert writer.get("/healthz")[0] == 200
    assert _stored(city, stands) == stood
    assert writer.stop() == 0
    assert writer.log.read_text(encoding="utf-8").count('"newer_schema"') == 2
    upgraded = city.spawn(module="tests.integration.upgraded_writer").wait_ready()
    city.wait_stored(upgraded)
    wait_until(lambda: city.ask("SELECT count(*) FROM kpi_value WHERE area = 'brussels.21005'"), [(1,)])
    city.check_readings()
    assert upgraded.stop() == 0


def _stored(city, partition):
    return city.ask("SELECT next_offset FROM stream_offset WHERE topic = %s AND partition = %s", CHECKED.name, partition)[0][0]


def test_another_kafka_cluster_stops_it_loudly(city):
    """With the odd partitions, which the other stories leave alone; afterwards all is as it was."""
    assert city.spawn(ordinal=1).wait_ready().stop() == 0
    with psycopg.connect(city.system.conninfo(tables.OWNER_ROLE), autocommit=True) as connection:
        ((was,),) = connection.execute("SELECT cluster_id FROM stream_offset WHERE topic = %s AND partition = 3", (CHECKED.name,)).fetchall()
        move = "UPDATE stream_offset SET cluster_id = %s WHERE topic = %s AND partition = 3"
        connection.execute(move, ("another", CHECKED.name))
        writer = city.spawn(ordinal=1)
        wait_until(lambda: writer.child.returncode, 1)
        connection.execute(move, (was, CHECKED.name))
    assert "wanted Kafka cluster another" in writer.log.read_text()


def test_a_hole_in_the_input_stops_it_loudly(city):
    """The last story: it leaves a log that nobody can store."""
    partition = 1
    city.send([city.frame(partition, city.readings(partition, 5))])
    city.next_input[partition] += 1
    city.send([city.frame(partition, [])])
    writer = city.spawn(ordinal=1)
    wait_until(lambda: writer.child.returncode, 1)
    said = writer.log.read_text()
    assert "writer_stopped" in said
    assert "kompas.checked.v1/1 offset 1: wanted input offset 1, got 2" in said
