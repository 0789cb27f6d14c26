"""Play the day once: generated, over MQTT, through gateway, worker and writer, into TimescaleDB; then only the database stays.

Promises  What is handed out is finished: every reading is stored, refused or dropped as a repetition, every window that could
          close has its final, nothing writes any more, tables are analysed.
Leaves    Judging it to the tests.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psycopg

from catalog.load import Catalogue, load_catalogue
from formula.compile import compile_kpi
from simulators.payloads import Planned
from simulators.publisher import Publisher
from simulators.worlds import World, world
from tests.day import check, coverage, pack, play
from tests.day.check import Connection
from tests.day.sent import Sent
from tests.pipeline import Pipeline
from tests.servers import System

_IN_FLIGHT = 200


class Day(NamedTuple):
    """The finished day."""

    system: System
    there: World
    """The pack, and the catalogue as the pack wants it."""
    sent: Sent

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue as it ran."""
        return self.there.catalogue

    def connect(self, role: str = "kompas_reader") -> Connection:
        """A connection to its database, in UTC."""
        return psycopg.connect(self.system.conninfo(role), autocommit=True, options="-c timezone=UTC")


def record(system: System, folder: Path, catalog_dir: Path | None = None) -> Day:
    """Play it and wait until it is settled; without catalog_dir, the repository's catalogue."""
    pack.write(folder, load_catalogue(catalog_dir))
    there = world(pack.CITY, folder, catalog_dir)
    sent = play.script(there)
    with Pipeline(system, cities=pack.CITY, cities_dir=folder, catalog_dir=catalog_dir or "", session_s=120.0) as pipeline:
        publisher = Publisher(pipeline.broker(), "kompas-day")
        publisher.connect()
        _publish(publisher, sent.messages)
        publisher.close()
        pipeline.await_accounted(sent.readings - sent.contradicted + sent.malformed, 240.0)
        _await_watermarks(pipeline, there)
        _await_finals(pipeline, there)
    for name in ("mosquitto", "kafka"):
        system.stop(name)
    with psycopg.connect(system.conninfo("postgres"), autocommit=True) as owner:
        owner.execute("ANALYZE")
    return Day(system, there, sent)


def _publish(publisher: Publisher, messages: Sequence[Planned]) -> None:
    """As fast as the broker acknowledges, in order."""
    for planned in messages:
        publisher.put([planned.message])
        while publisher.waiting >= _IN_FLIGHT:
            publisher.pump(0.2)
    assert publisher.drain(60.0), f"{publisher.waiting} messages unacknowledged"
    assert not publisher.refused


def _await_watermarks(pipeline: Pipeline, there: World) -> None:
    """Every sensor's watermark is where the last readings leave it."""
    sensors = [kind.id for kind in there.catalogue.kinds.values() if not pack.is_register(kind)]
    wanted = pipeline.value("SELECT extract(epoch FROM max(measured_at))::float8 FROM reading") - pack.LATENESS_S - 900.0
    behind = "SELECT count(*) FROM watermark WHERE kind = ANY(%s) AND coalesce(extract(epoch FROM watermark), 0) < %s"
    pipeline.until(lambda: pipeline.value(behind, sensors, wanted) == 0, 240.0, "watermarks after the day")


def _await_finals(pipeline: Pipeline, there: World) -> None:
    """Every window that could close and in which somebody spoke has a final, and no other came for a while."""
    wanted: dict[str, int] = {}
    with psycopg.connect(pipeline.system.conninfo(), autocommit=True, options="-c timezone=UTC") as connection:
        check.only_in_time(connection)
        held = coverage.stored(connection)
        for kpi in there.catalogue.kpis.values():
            plan = compile_kpi(kpi, there.catalogue.quantities, there.catalogue.kpis)
            spans = check.closed_windows(connection, plan, there.catalogue)
            wanted[kpi.id] = len(coverage.expected(plan, there.catalogue, held, spans))

    def missing() -> dict[str, int]:
        found = dict(pipeline.rows("SELECT kpi, count(*) FROM kpi_value GROUP BY kpi"))
        return {kpi: number - found.get(kpi, 0) for kpi, number in wanted.items() if number > found.get(kpi, 0)}

    try:
        pipeline.until(lambda: not missing(), 240.0)
    except AssertionError as error:
        raise AssertionError(f"finals missing: {missing()}") from error
    pipeline.await_quiet("SELECT total FROM stored_total WHERE name = 'kpi_values'", looks=6)
