"""The restater on real servers: what comes late changes settled values, each time once, whatever dies.

The log is written by hand, so that event time is ours; worker, combiner, writer and restater are the real processes.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from catalog.topics import KPIS
from runtime.clock import iso_s
from tests.restate import town
from tests.restate.town import DAY_START, HOUR, LATENESS, MINUTE, SECOND, TOWN
from tests.servers import Running, System, start_system
from tests.storage.city import log_of

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
        """No mark whose window is closed, outbox empty, and the writer has stored what was published."""
        self.until(
            lambda: self.ask(
                "SELECT (SELECT count(*) FROM dirty_window WHERE window_end <= (SELECT min(watermark) FROM watermark)),"
                " (SELECT count(*) FROM kpi_outbox), (SELECT count(*) FROM kpi_restated)"
            )
            == [(0, 0, 0)],
            "settled",
            within_s,
        )

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
        yield found


def test_a_late_reading_restates_every_window_that_it_touches(there: Town) -> None:
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
