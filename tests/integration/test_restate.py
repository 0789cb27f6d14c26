"""The restater on real servers: what comes late changes settled values, each time once, whatever dies.

The log is written by hand, so that event time is ours; worker, combiner, writer and restater are the real processes.
"""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg
import pytest

from catalog.topics import KPIS, partition_of
from restate import recompute
from restate.__main__ import GIVES_WAY
from runtime import clock
from runtime.clock import iso_s
from storage import untested
from storage.connect import connect
from storage.queries import restating
from tests.restate import town
from tests.restate.town import DAY_START, HOUR, TOWN
from tests.servers import Running, System, start_system
from tests.storage.city import log_of
from tests.stream.city import MINUTE, SECOND

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


class Town:
    """The town's system with its processes; stories run one after the other, each in hours of its own."""

    def __init__(self, system: System, settings: dict[str, Any]) -> None:
        self.system, self.settings = system, settings
        self.processes: dict[str, Running] = {}

    def spawn(self, name: str) -> Running:
        self.processes[name] = self.system.spawn(name, **self.settings)
        return self.processes[name]

    def ask(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.system.conninfo("kompas_writer"), options="-c timezone=UTC", autocommit=True) as connection:
            cursor = connection.execute(statement, given or None)
            return cursor.fetchall() if cursor.description else []

    def until(self, reached: Callable[[], bool], what: str, within_s: float = 90.0) -> None:
        end_s = time.monotonic() + within_s
        while not reached():
            for name, process in self.processes.items():
                assert process.child.returncode is None, f"{name} ended:\n{process.log.read_text()[-3000:]}"
            assert time.monotonic() < end_s, f"{what}\n" + "\n".join(p.log.read_text()[-1500:] for p in self.processes.values())
            time.sleep(0.1)

    def settled(self, within_s: float = 90.0) -> None:
        """No test due, no mark whose window is closed, outbox empty, and the writer has stored what was published."""
        self.until(lambda: not self.untested(), "tested", within_s)
        self.until(
            lambda: (
                self.ask(
                    "SELECT (SELECT count(*) FROM dirty_window WHERE window_end <= (SELECT min(watermark) FROM watermark)),"
                    " (SELECT count(*) FROM kpi_outbox), (SELECT count(*) FROM kpi_restated)"
                )
                == [(0, 0, 0)]
            ),
            "settled",
            within_s,
        )

    def untested(self) -> dict[str, int]:
        """Quality work that waits."""
        with connect(self.system.conninfo(), "test") as connection:
            return {what: number for what, number in untested.waiting(connection).items() if number}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """./kompas …, with the right to write."""
        environment = self.system.environment("writer", **self.settings)
        return subprocess.run([sys.executable, "-m", "cli", *arguments], capture_output=True, text=True, env=environment, check=False)

    def value(self, kpi: str, area: str, start_us: int) -> tuple[Any, ...] | None:
        rows = self.ask(
            "SELECT value, state, coverage, devices, revision, status, reason, epoch FROM kpi_value"
            " WHERE kpi = %s AND area = %s AND window_start = %s", kpi, area, iso_s(start_us),
        )  # fmt: skip
        return rows[0] if rows else None

    def late(self, device: str, at_us: int, value: float) -> None:
        quantity = town.QUANTITY[town.devices()[device][0]]
        stored = self.ask("SELECT count(*) FROM reading")[0][0]
        town.send(self.system.kafka, town.frames([(device, quantity, at_us, town.END, value)]))
        self.until(lambda: self.ask("SELECT count(*) FROM reading")[0][0] > stored, "the late reading is stored")

    def published(self, kpi: str, area: str, start_us: int) -> list[dict[str, Any]]:
        """What the topic has of a window, finals and later, in order."""
        records = [json.loads(each.value) for some in log_of(self.system, KPIS.name, KPIS.partitions).values() for each in some]
        return [one for one in records if (one["kpi"], one["area"], one["window_start"]) == (kpi, area, iso_s(start_us)) and one["revision"] > 0]

    def differing(self) -> tuple[int, list[dict[str, Any]]]:
        """How many values were compared with what the stored readings say, and which differ: of all indicators, over all closed windows."""
        store = restating.Restating(self.system.conninfo())
        store.open(alone=False)
        try:
            known, compared = store.known(), []
            for kpi in (*town.KPIS, "pm2_5_change"):
                asked = recompute.Asked(kpi, (), DAY_START - 96 * HOUR, town.END + 96 * HOUR)
                for window in recompute.windows(known, asked, store.passed(known), clock.now_us()):
                    with store.snapshot() as snapshot:
                        compared += recompute.compare(snapshot, known.dated, window)
            return len(compared), [recompute.row(each) for each in compared if each.differs]
        finally:
            store.close()


@pytest.fixture(scope="module")
def there(servers: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    cities, catalogue = town.write(tmp_path_factory.mktemp("town"))
    with start_system(tmp_path_factory.mktemp("restate"), postgres=servers.postgres) as system:
        settings = {"cities": TOWN, "cities_dir": cities, "catalog_dir": catalogue}
        system.migrate(**settings)
        found = Town(system, settings)
        for name in ("writer", "worker", "restater"):
            found.spawn(name)
        for process in found.processes.values():
            process.wait_ready(120.0)
        rows = town.readings()
        town.send(system.kafka, town.frames(rows))
        found.until(lambda: found.ask("SELECT count(*) FROM reading") == [(len(rows),)], "all stored")
        found.until(lambda: found.value("pm2_5_day", TOWN, DAY_START) is not None, "the day is closed")
        found.until(lambda: found.value("pm2_5_hour", TOWN, DAY_START + 24 * HOUR) is not None, "the hour after it is closed")
        found.settled()
        yield found


def test_rule_27_live_equals_replay_on_untouched_data(there: Town) -> None:
    """Before anything comes late; one reading was flagged by a test."""
    compared, differing = there.differing()
    assert not differing, differing[:3]
    assert compared > 1_000
    assert there.ask("SELECT count(*) FROM dirty_window") == [(0,)]


def test_the_restater_gives_way_to_live_values(there: Town) -> None:
    assert psutil.Process(there.processes["restater"].pid).nice() >= GIVES_WAY


def test_rule_23_a_spike_is_flagged_when_its_time_is_closed_and_its_windows_are_restated(there: Town) -> None:
    device, at, spike = town.SPIKE
    area = town.devices()[device][1]
    ((test, flag, many),) = there.ask("SELECT test, flag, readings FROM quality_word")
    assert (test, flag, many) == ("spike", 3, 1)
    assert there.ask("SELECT value, quality FROM reading_named WHERE device = %s AND quality & 15 = 3", device) == [(spike, 3 | 1 << 7)]
    for where in (area, area.rpartition(".")[0], TOWN):
        value = there.value("bicycle_day", where, DAY_START)
        assert value is not None
        assert value[4:] == (2, "restated", "flagged", None)
        ((first,),) = there.ask(
            "SELECT value FROM kpi_revision WHERE kpi = 'bicycle_day' AND area = %s AND window_start = %s", where, iso_s(DAY_START)
        )
        assert value[0] == first - spike
    assert at < town.END


def test_the_command_compares_and_says_so(there: Town) -> None:
    command = [sys.executable, "-m", "cli", "recompute", "--kpi", "pm2_5_hour", "--area", TOWN, "--from", iso_s(DAY_START), "--to"]
    environment = there.system.environment("reader", **there.settings)
    done = subprocess.run([*command, iso_s(DAY_START + 6 * HOUR), "--json"], capture_output=True, text=True, env=environment, check=False)
    assert json.loads(done.stdout) == {"compared": 6, "differing": 0, "marked": 0, "differences": []}
    assert done.returncode == 0
    unknown = subprocess.run([*command[:5], "nothing", *command[6:], iso_s(town.END)], capture_output=True, text=True, env=environment, check=False)
    assert unknown.returncode == 2
    assert "wanted one of bicycle_day" in unknown.stderr


def test_rule_22_a_late_reading_restates_every_window_that_it_touches(there: Town) -> None:
    device, hour = f"{TOWN}.air-quality-0", DAY_START + 5 * HOUR
    area = town.devices()[device][1]
    before = there.value("pm2_5_hour", area, hour)
    assert before is not None
    there.late(device, hour + 7 * MINUTE + 31 * SECOND, 333.3)
    there.settled()
    after = there.value("pm2_5_hour", area, hour)
    assert after is not None
    assert after[4:] == (2, "restated", "late", None)
    per_device = there.ask(
        "SELECT avg(m) FROM (SELECT avg(value) AS m FROM reading_named WHERE quantity = 'pm2_5' AND area = %s"
        " AND measured_at >= %s AND measured_at < %s GROUP BY device) d", area, iso_s(hour), iso_s(hour + HOUR),
    )  # fmt: skip
    assert after[0] == pytest.approx(per_device[0][0], rel=1e-12)
    assert there.ask("SELECT value, revision FROM kpi_revision WHERE kpi = 'pm2_5_hour' AND area = %s AND window_start = %s", area, iso_s(hour)) == [
        (before[0], 1)
    ]
    told = there.published("pm2_5_hour", area, hour)
    assert [(one["revision"], one["status"], one["reason"], one["value"]) for one in told] == [
        (1, "final", None, before[0]),
        (2, "restated", "late", after[0]),
    ]
    for kpi, where, start in (("pm2_5_day", TOWN, DAY_START), ("pm2_5_hour", area.rpartition(".")[0], hour), ("pm2_5_hour", TOWN, hour)):
        assert there.value(kpi, where, start)[4:] == (2, "restated", "late", None)  # type: ignore[index]
    other = next(each for each in town.NEIGHBOURHOODS if each != area)
    assert there.value("pm2_5_hour", other, hour)[4] == 1  # type: ignore[index]
    assert there.value("pm2_5_change", area, hour + HOUR)[4:7] == (2, "restated", "depends_on")  # type: ignore[index]


def test_what_differs_is_published_where_it_is_asked_for(there: Town) -> None:
    hour = DAY_START + 17 * HOUR
    value = there.value("pm2_5_hour", TOWN, hour)
    assert value is not None
    there.ask("UPDATE kpi_value SET value = value + 1 WHERE kpi = 'pm2_5_hour' AND area = %s AND window_start = %s", TOWN, iso_s(hour))
    command = [sys.executable, "-m", "cli", "recompute", "--kpi", "pm2_5_hour", "--from", iso_s(hour), "--to", iso_s(hour + HOUR)]
    environment = there.system.environment("writer", **there.settings)
    looked = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert looked.returncode == 1
    assert "7 values compared, 1 differ" in looked.stdout
    done = subprocess.run([*command, "--restate"], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "1 marked for the restater" in done.stdout) == (0, True)
    there.until(lambda: (there.value("pm2_5_hour", TOWN, hour) or value)[4] == 2, "published again")
    assert there.value("pm2_5_hour", TOWN, hour) == (*value[:4], 2, "restated", "recomputed", None)


def test_what_was_known_then_stays_to_be_told(there: Town) -> None:
    """After the story before: --as-of a moment before the second revision gives the first."""
    ((kpi, area, start, value, at),) = there.ask(
        "SELECT kpi, area, window_start, value, stored_at FROM kpi_revision WHERE kpi = 'pm2_5_hour' AND area = %s LIMIT 1", TOWN
    )
    command = [sys.executable, "-m", "cli", "export", "--kpi", kpi, "--area", area, "--from", iso_s(DAY_START), "--to", iso_s(town.END)]
    environment = there.system.environment("reader", **there.settings)
    ends = [
        subprocess.run([*command, *more], capture_output=True, text=True, env=environment, check=True).stdout
        for more in (("--as-of", at.isoformat()), ())
    ]
    then, now = ({row["window_start"]: row for row in csv.DictReader(text.splitlines())} for text in ends)
    key = start.isoformat().replace("+00:00", "Z")
    assert (float(then[key]["value"]), then[key]["revision"]) == (value, "1")
    assert now[key]["revision"] == "2"
    assert then.keys() <= now.keys()


def test_a_late_value_that_holds_reaches_into_the_next_window(there: Town) -> None:
    device, hour = f"{TOWN}.parking-1", DAY_START + 9 * HOUR
    area = town.devices()[device][1].rpartition(".")[0]
    there.late(device, hour + 59 * MINUTE + 30 * SECOND, 400.0)
    there.settled()
    for start in (hour, hour + HOUR):
        assert there.value("parking_free_hour", area, start)[4:7] == (2, "restated", "late")  # type: ignore[index]


def test_a_counters_late_reading_reaches_the_window_of_the_next(there: Town) -> None:
    device = f"{TOWN}.electricity-meter-2"
    area = town.devices()[device][1].rpartition(".")[0]
    days = (DAY_START - 24 * HOUR, DAY_START)
    before = [there.value("buildings_electricity_day", area, day) for day in days]
    said = there.ask("SELECT max(value) FROM reading_named WHERE device = %s AND measured_at < %s", device, iso_s(DAY_START))[0][0]
    there.late(device, DAY_START - SECOND, round(said + 0.1, 1))
    there.settled()
    after = [there.value("buildings_electricity_day", area, day) for day in days]
    assert [value[4:7] for value in after if value] == [(2, "restated", "late")] * 2
    assert after != before


def test_a_counter_that_speaks_again_after_a_late_reading(there: Town) -> None:
    """The next reading comes in time, but its step begins at the late one, of which its window knew nothing."""
    assert partition_of(town.SILENT) == partition_of(f"{TOWN}.electricity-meter-0")
    there.late(town.SILENT, DAY_START + 3 * HOUR, 500.0)
    assert there.ask("SELECT count(*) FROM late_end") == [(1,)]
    day = DAY_START + 24 * HOUR
    rows = [row for at in range(town.END, DAY_START + 49 * HOUR, town.STEP) for row in town.once(at) if row[1] == "electricity_used"]
    rows.append((town.SILENT, "electricity_used", town.END + MINUTE, town.END + 2 * MINUTE, 512.5))
    town.send(there.system.kafka, town.frames([*sorted(rows, key=lambda row: row[3]), *town.once(DAY_START + 49 * HOUR)]))
    there.until(lambda: (there.value("buildings_electricity_day", TOWN, day) or (0,) * 8)[4] == 2, "the day after is restated")
    ((first,),) = there.ask(
        "SELECT value FROM kpi_revision WHERE kpi = 'buildings_electricity_day' AND area = %s AND window_start = %s", TOWN, iso_s(day)
    )
    assert there.value("buildings_electricity_day", TOWN, day)[0] == pytest.approx(first + 12.5, rel=1e-12)  # type: ignore[index]
    assert there.ask("SELECT count(*) FROM late_end") == [(0,)]
    there.settled()


def test_a_window_that_was_never_published_gets_its_value(there: Town) -> None:
    device, hour = f"{TOWN}.air-quality-3", DAY_START - 70 * HOUR
    area = town.devices()[device][1]
    assert there.value("pm2_5_hour", area, hour) is None
    there.late(device, hour + MINUTE, 12.5)
    # Nobody owed a reading then, and the device did not stand there yet: nothing to say.
    there.settled()
    assert there.value("pm2_5_hour", area, hour) is None
    there.system.sql(f"UPDATE device SET valid_from = valid_from - INTERVAL '6 days' WHERE id = '{device}'")
    there.system.sql("UPDATE catalogue_change SET no = no + 1")
    there.late(device, hour + 2 * MINUTE, 13.5)
    there.settled()
    assert there.value("pm2_5_hour", area, hour) == (None, "not_enough_data", 2 / 12, 1, 2, "restated", "late", None)


def test_a_final_that_may_lack_readings_is_computed_again(there: Town) -> None:
    """As a worker without its memory would close a window: here of a neighbourhood in which nobody had ever spoken then."""
    hour = DAY_START - 30 * HOUR
    final = {
        "kpi": "pm2_5_hour", "version": 1, "area": town.NEIGHBOURHOODS[0], "window_start": iso_s(hour), "window_end": iso_s(hour + HOUR),
        "value": 12.0, "state": "ok", "band": "fair", "unit": "ug/m3", "coverage": 1.0, "devices": 1, "revision": 1, "status": "final",
        "reason": "rebuilt", "epoch": "0/1", "computed_at": "2026-03-05T00:00:00.000000Z",
    }  # fmt: skip
    town.send(there.system.kafka, [(partition_of(f"pm2_5_hour|{final['area']}"), json.dumps(final).encode())], KPIS.name)
    there.until(lambda: (there.value("pm2_5_hour", str(final["area"]), hour) or (0,) * 8)[4] == 2, "computed again")
    assert there.value("pm2_5_hour", str(final["area"]), hour) == (None, "no_data", 0.0, 0, 2, "restated", "rebuilt", None)


def test_rule_22_killed_between_the_transaction_and_kafka_it_says_the_same_once(there: Town) -> None:
    device, hour = f"{TOWN}.air-quality-5", DAY_START + 14 * HOUR
    area = town.devices()[device][1]
    restater = there.processes["restater"]
    restater.child.signal(signal.SIGSTOP)
    there.late(device, hour + 11 * MINUTE + SECOND, 222.2)
    there.system.stop("kafka")
    restater.child.signal(signal.SIGCONT)
    key = f"pm2_5_hour|{area}"
    there.until(lambda: there.ask("SELECT count(*) FROM kpi_outbox WHERE key = %s", key)[0][0] > 0, "the window in the outbox")
    restater.kill()
    outbox = there.ask("SELECT key, document FROM kpi_outbox ORDER BY no")
    del there.processes["restater"]
    there.system.start("kafka")
    there.spawn("restater").wait_ready(120.0)
    there.settled()
    told = there.published("pm2_5_hour", area, hour)
    mine = [json.loads(document) for key, document in outbox if json.loads(document)["window_start"] == iso_s(hour)]
    assert [one for one in told if one["revision"] == 2] == [one for one in mine if (one["kpi"], one["area"]) == ("pm2_5_hour", area)]
    assert len(told) == 2
    # As after a crash between Kafka's word and the emptying: the same again, and nobody minds.
    there.ask("INSERT INTO kpi_outbox (key, document, made_at) VALUES (%s, %s, now())", *outbox[0])
    there.until(lambda: there.ask("SELECT count(*) FROM kpi_outbox") == [(0,)], "sent again")
    there.settled()
    assert there.value("pm2_5_hour", area, hour)[4] == 2  # type: ignore[index]
    assert there.processes["writer"].metric("kompas_writer_double_final_total") == 0


def test_rule_22_flags_set_by_hand_restate_and_cleared_they_restate_again(there: Town) -> None:
    device, hour = f"{TOWN}.air-quality-2", DAY_START + 19 * HOUR
    before = there.value("pm2_5_hour", TOWN, hour)
    words = there.ask("SELECT * FROM quality_word")
    span = ("--device", device, "--from", iso_s(hour), "--to", iso_s(hour + HOUR), "--why", "the inlet was wet")
    done = there.command("quality", "set", *span, "--flag", "bad", "--by", "ana", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert (told["device"], told["flag"], told["set_by"], told["pending"]) == (device, "bad", "ana", False)
    assert told["readings"] > 5
    there.settled()
    after = there.value("pm2_5_hour", TOWN, hour)
    assert before is not None
    assert after is not None
    assert after[4:7] == (2, "restated", "flagged")
    ((left,),) = there.ask(
        "SELECT avg(mean) FROM (SELECT device, avg(value) AS mean FROM reading_named WHERE city = %s AND quantity = 'pm2_5' AND device <> %s"
        " AND measured_at >= %s AND measured_at < %s GROUP BY device) each", TOWN, device, iso_s(hour), iso_s(hour + HOUR),
    )  # fmt: skip
    assert after[0] == pytest.approx(left, rel=1e-12)
    assert after[3] == before[3] - 1
    listed = there.command("quality", "list", "--device", device)
    assert (listed.returncode, "the inlet was wet" in listed.stdout) == (0, True)
    assert there.command("quality", "clear", str(told["no"])).returncode == 0
    there.settled()
    assert there.value("pm2_5_hour", TOWN, hour) == (*before[:4], 3, "restated", "flagged", None)
    assert there.ask("SELECT * FROM quality_word") == words
    tests = there.command("quality", "list", "--tests", "--from", iso_s(DAY_START), "--to", iso_s(town.END), "--json")
    assert [(row["test"], row["flag"]) for row in json.loads(tests.stdout)] == [("spike", "suspect")]
    retested = there.command("quality", "retest", "--kind", "bicycle_counter", "--from", iso_s(DAY_START), "--to", iso_s(town.END))
    assert (retested.returncode, "104 quarter-hours" in retested.stdout) == (0, True)
    there.settled()
    assert [row[:8] for row in there.ask("SELECT * FROM quality_word")] == [row[:8] for row in words]
    refused = there.command("quality", "set", *span[2:], "--flag", "bad", "--device", f"{TOWN}.air-qality-2")
    assert (refused.returncode, f"did you mean {device}" in refused.stderr) == (2, True)


def test_when_all_is_settled_live_equals_replay_again(there: Town) -> None:
    there.settled()
    compared, differing = there.differing()
    # A device was made to stand there six days longer than anybody knew when the windows of those days closed.
    differing = [one for one in differing if one["window_start"] >= iso_s(DAY_START)]
    assert not differing, differing[:3]
    assert compared > 1_000
