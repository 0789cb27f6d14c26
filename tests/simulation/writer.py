"""The writer: its own batches and rules over a database of dictionaries, with transactions that may not be told."""

import asyncio
from random import Random
from typing import Any

from catalog.kpi_value import KpiValue
from catalog.topics import CHECKED, KPIS, REJECTED
from runtime.errors import Inconsistent
from storage import batch as batches
from storage import checked, positions, standing
from storage.positions import FRESH, Key, Position
from tests.simulation.broker import Broker

LatestKey = tuple[str, int, str]
ReadingKey = tuple[str, str, int]


class FormerOwner(Inconsistent):
    """Somebody else has moved the offsets."""


class Store:
    """What the tables hold. A transaction happens whole or not at all."""

    def __init__(self) -> None:
        self.positions: dict[Key, Position] = {}
        self.readings: dict[ReadingKey, float] = {}
        self.late_repeats = 0
        self.refused: dict[str, int] = {}
        self.settled: dict[tuple[LatestKey, str], KpiValue] = {}
        self.open: dict[LatestKey, KpiValue] = {}
        self.last: dict[LatestKey, KpiValue] = {}
        self.doubled: list[tuple[KpiValue, KpiValue]] = []

    def commit(self, batch: batches.Batch) -> None:
        """storage.transaction.Database.store."""
        if any(self.positions.get(key, FRESH) != batch.before[key] for key in batch.after):
            raise FormerOwner("stream_offset: another writer owns these partitions")
        new = self._readings(batch)
        self.positions |= batch.after
        self.readings |= new
        for refusal in batch.refusals:
            self.refused.setdefault(str(refusal.digest), 1)
        self._values(batch.kpis)

    def _readings(self, batch: batches.Batch) -> dict[ReadingKey, float]:
        new: dict[ReadingKey, float] = {}
        for piece in batch.pieces:
            record = piece.record
            assert record.device is not None
            assert record.quantity is not None
            late = checked.late(record.numbers["quality"])
            for n in range(record.rows):
                device, quantity = record.device.texts[record.device.codes[n]], record.quantity.texts[record.quantity.codes[n]]
                key = (device, quantity, int(record.numbers["measured_at"][n]))
                if key in self.readings or key in new:
                    if not late[n]:
                        raise Inconsistent(f"partition {piece.partition}: a second reading {key}")
                    self.late_repeats += 1
                else:
                    new[key] = float(record.numbers["value"][n])
        return new

    def _values(self, values: list[KpiValue]) -> None:
        """storage.kpis.store."""
        sorted_out = standing.sort_out(values)
        self.doubled += sorted_out.doubled
        for settled in sorted_out.rounds:
            for value in settled:
                key = (value.kpi, value.version, value.area)
                held = self.settled.get((key, value.window_start))
                if held is None or value.revision > held.revision:
                    self.settled[key, value.window_start] = value
                elif value.revision == held.revision and not standing.same(held, value):
                    self.doubled.append((held, value))
                last = self.last.get(key)
                if last is None or (value.window_start, value.revision) > (last.window_start, last.revision):
                    self.last[key] = value
        for value in sorted_out.live:
            key = (value.kpi, value.version, value.area)
            held, last = self.open.get(key), self.last.get(key)
            if last is not None and last.window_start >= value.window_start:
                continue
            if held is None or (value.window_start, standing.epoch_offset(value)) > (held.window_start, standing.epoch_offset(held)):
                self.open[key] = value


class Writer:
    """One life of the writer."""

    def __init__(self, broker: Broker, store: Store, rng: Random) -> None:
        self.broker, self.store, self._rng = broker, store, rng
        self.hangs_s = 0.0
        self.trouble: str | None = None
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    @property
    def ended(self) -> bool:
        return self._task is not None and self._task.done()

    def done(self) -> bool:
        """Everything in the log is stored."""
        return all(self.store.positions.get(key, FRESH).log_offset == self.broker.end((key.topic, key.partition)) for key in self._keys())

    def _keys(self) -> list[Key]:
        return [Key(topic.name, p) for topic in (CHECKED, KPIS, REJECTED) for p in range(topic.partitions)]

    async def _run(self) -> None:
        try:
            await self._store_on()
        except FormerOwner:
            pass  # ends, as the process does
        except Inconsistent as error:
            self.trouble = str(error)

    async def _store_on(self) -> None:
        at = {key: self.store.positions.get(key, FRESH) for key in self._keys()}
        positions.check_log(at, dict.fromkeys(at, 0), {key: self.broker.end((key.topic, key.partition)) for key in at})
        while True:
            batch = batches.Batch(at)
            for key, position in at.items():
                for record in self.broker.read((key.topic, key.partition), position.log_offset, self._rng.choice([2, 40])):
                    batch.feed(key, record.offset, record.value, record.headers)
            await asyncio.sleep(self._rng.uniform(0.02, 0.3) + self.hangs_s)
            self.hangs_s = 0.0
            if batch.records:
                self.store.commit(batch)
            at = batch.positions
