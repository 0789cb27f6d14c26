"""A writer and a restater without processes, over one database: what a story stores, tests and looks at."""

import itertools
import math
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry

from catalog import tables
from catalog.topics import CHECKED
from restate.metrics import RestaterMetrics
from restate.turn import QualityTurn
from runtime.clock import iso
from storage import restating
from storage.batch import Batch
from storage.positions import Key
from storage.transaction import Database as Writer
from tests.storage.database import Database
from tests.storage.making import checked

GOOD, LATE, IMPLAUSIBLE = 1, 1 | 1 << 12, 3 | 1 << 4
_PARTITIONS = itertools.count(100)


class Story:
    """Each `came` is a transaction of the writer, each `turn` one look of the restater."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database.conninfo(tables.WRITER_ROLE))
        self.key = Key(CHECKED.name, next(_PARTITIONS))
        self.positions = self.writer.open([self.key], "test")
        self.store = restating.Restating(database.conninfo(tables.WRITER_ROLE))
        self.store.open()
        self.quality = QualityTurn(self.store, RestaterMetrics(CollectorRegistry()), lambda: None)

    def close(self) -> None:
        self.writer.close()
        self.store.close()

    def came(self, *rows: tuple[str, str, int, float, int]) -> None:
        batch = Batch(self.positions)
        batch.feed(self.key, self.positions[self.key].next_offset, checked(self.positions[self.key].next_offset, list(rows)))
        self.writer.store(batch)
        self.positions = batch.positions

    def passed(self, at_us: int) -> None:
        """Every partition has passed this time, for every kind."""
        self.ask(
            "INSERT INTO watermark SELECT p, k.id, %s FROM generate_series(0, 11) p CROSS JOIN sensor_kind k"
            " ON CONFLICT (partition, kind) DO UPDATE SET watermark = excluded.watermark",
            iso(at_us),
        )

    def turn(self) -> None:
        """Until there is nothing left to do."""
        while self.quality.take(self.store.known()):
            pass

    def ask(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.conninfo(tables.WRITER_ROLE), options="-c timezone=UTC -c lock_timeout=5s") as connection:
            cursor = connection.execute(statement, given or None)
            return cursor.fetchall() if cursor.description else []

    def quality_of(self, device: str, quantity: str, from_us: int, to_us: int) -> dict[int, int]:
        """Quality by time (µs)."""
        rows = self.ask(
            "SELECT (extract(epoch FROM measured_at) * 1000000)::bigint, quality FROM reading_named"
            " WHERE device = %s AND quantity = %s AND measured_at >= %s AND measured_at < %s ORDER BY 1", device, quantity, iso(from_us), iso(to_us),
        )  # fmt: skip
        return dict(rows)

    def marks(self) -> list[tuple[str, str, str, str]]:
        """KPI, area, start, reason; and forgotten."""
        found = self.ask("DELETE FROM dirty_window RETURNING kpi, area, window_start, reason")
        return sorted((row[0], row[1], row[2].strftime("%m-%d %H:%M"), row[3]) for row in found)

    def near(self, kind: str, many: int) -> list[str]:
        """Devices of a kind around the one that has most others close by."""
        rows = self.ask("SELECT id, latitude, longitude FROM device_current WHERE kind = %s ORDER BY no", kind)

        def around(one: tuple[Any, ...]) -> list[tuple[float, str]]:
            return sorted((math.hypot(row[1] - one[1], (row[2] - one[2]) * 0.63), row[0]) for row in rows)[:many]

        return [id_ for _, id_ in min((around(row) for row in rows), key=lambda found: found[-1][0])]

    def devices(self, kind: str) -> list[str]:
        return [row[0] for row in self.ask("SELECT id FROM device_current WHERE kind = %s ORDER BY no", kind)]
