"""The whole way of a message without servers: real gateway steps, worker steps and ledger around a log that tests may damage.

    chain = Chain()
    life = chain.gateway()                  # gw-0; a second call ends nothing and begins another life
    life.deliver(messages)                  # from the broker, unacknowledged
    life.beat(); life.confirm()             # heartbeat; everything in flight reaches Kafka and is acknowledged
    life.die(reached=3)                     # SIGKILL: three records reached Kafka, their acknowledgement nobody; the rest is gone
    chain.work(); chain.store()             # worker and writer take what is new
    chain.judge()                           # the ledger's verdict

`chain.readings`, `chain.checked` (bytes by partition) and `chain.rejected` are the logs; None in `readings` is a record that the
worker passes over, as if it had never seen it.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from catalog.records import Area
from catalog.topics import PARTITIONS, READINGS, partition_of
from ingest.pipeline import Outgoing, Pipeline
from runtime.frames import Coded, Frame, decode, encode
from storage import checked, refusals
from storage.ledger import Books, Found, Life, Partition, judge
from storage.tally import Counts, Note, Tally
from stream.worker.partition import WorkerPartition
from tests.ingest import city
from tests.stream.city import coded

NOW_US = 1_795_359_845_000_000
Message = tuple[str, bytes]
REGISTRY = city.registry()
_LIVES = itertools.count(1)


def message(device: int, second: int, value: float = 10.0, form: str = "json") -> Message:
    """One reading of a device of kind air quality; `value` no number is refused."""
    at = f"2026-11-22T15:{second // 60 % 60:02d}:{second % 60:02d}Z"
    return city.topic(f"air-{device:04d}", form), f'{{"time": "{at}", "quantity": "pm2_5", "value": {value}}}'.encode()


BROKEN: Message = (city.topic(), b"{")


class GatewayLife:
    """A life of gateway gw-0 and what it has in flight."""

    def __init__(self, chain: "Chain") -> None:
        self.chain, self.name = chain, f"life{next(_LIVES)}"
        self.pipe = Pipeline(REGISTRY, "gw-0", self.name, 50, 4_096)
        self.held: dict[int, Message] = {}
        self.in_flight: list[Outgoing] = []
        self.clock_us = NOW_US + 1_000_000 * len(chain.lives)

    def deliver(self, messages: Sequence[Message]) -> None:
        """The broker delivers."""
        numbered = [(self.chain.mids(), each) for each in messages]
        self.held.update(numbered)
        received = [(topic, payload, mid, 1, NOW_US + mid) for mid, (topic, payload) in numbered]
        self.in_flight += self.pipe.take(received, 0.0)[0]

    def beat(self, *, last: bool = False) -> None:
        """One heartbeat into every partition."""
        self.clock_us += 1_000_000
        self.in_flight += self.pipe.beat(self.clock_us, last)

    def confirm(self, count: int | None = None) -> None:
        """The first so many records in flight are in Kafka, and the gateway and then the broker know it."""
        count = len(self.in_flight) if count is None else count
        for record in self.in_flight[:count]:
            self.chain.append(record)
            self.pipe.confirmed(record)
            for batch in record.batches:
                self.pipe.window.confirm(batch)
        del self.in_flight[:count]
        for _, mid in self.pipe.finished():
            del self.held[mid]

    def resend(self) -> None:
        """What is in flight reached Kafka, but a new producer sends it again."""
        for record in self.in_flight:
            self.chain.append(record)

    def die(self, reached: int = 0) -> None:
        """SIGKILL; what was not acknowledged the broker has for the next life."""
        for record in self.in_flight[:reached]:
            self.chain.append(record)
        self.in_flight.clear()
        self.chain.undelivered += self.held.values()

    def leave(self) -> None:
        """SIGTERM."""
        self.in_flight += self.pipe.flush()
        self.confirm()
        self.beat(last=True)
        self.confirm()


class Chain:
    """One city's way from the broker to the books."""

    def __init__(self) -> None:
        self.readings: list[list[bytes | None]] = [[catalogue()] for _ in range(PARTITIONS)]
        self.checked: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.rejected: list[tuple[bytes, list[tuple[str, bytes]]]] = []
        self.undelivered: list[Message] = []
        self.lives: list[GatewayLife] = []
        self.mids = itertools.count(1).__next__
        self._workers = [WorkerPartition(number) for number in range(PARTITIONS)]
        self.next_input = [0] * PARTITIONS
        self.log_offset = [0] * PARTITIONS
        self.tally = Tally()
        self.stored = {"checked": 0, "readings": 0, "late_duplicates": 0, "late_conflicts": 0}
        self._table: dict[Any, float] = {}

    def gateway(self) -> GatewayLife:
        """A new life, which first gets what the former ones did not acknowledge."""
        life = GatewayLife(self)
        self.lives.append(life)
        waiting, self.undelivered = self.undelivered, []
        if waiting:
            life.deliver(waiting)
        return life

    def append(self, record: Outgoing) -> None:
        """Kafka takes a record."""
        if record.topic == READINGS.name:
            self.readings[record.partition].append(record.value)
        else:
            self.rejected.append((record.value, list(record.headers)))

    def work(self) -> None:
        """The worker takes every partition from where it is to its end."""
        for number, worker in enumerate(self._workers):
            for offset in range(worker.offset + 1, len(self.readings[number])):
                value = self.readings[number][offset]
                if value is None:
                    continue
                outputs = worker.apply(value, offset)
                self.checked[number].append(outputs.checked)
                self.rejected += [(refused.value, refused.headers) for refused in outputs.refused]

    def store(self, *, gone: tuple[int, int] | None = None) -> None:
        """The writer takes what is new; `gone`: partition and place of a checked record that is not there any more."""
        for number in range(PARTITIONS):
            for offset in range(self.log_offset[number], len(self.checked[number])):
                if (number, offset) != gone:
                    self._store(number, offset)
            self.log_offset[number] = len(self.checked[number])

    def _store(self, number: int, offset: int) -> None:
        record = checked.read(self.checked[number][offset], "test")
        if record.input_offset < self.next_input[number]:
            self.tally.take(Note(number, offset, record.input_offset, 0, None))
            return
        self.tally.take(Note(number, offset, record.input_offset, record.rows, record.said))
        self.next_input[number] = record.input_offset + 1
        self.stored["checked"] += record.rows
        if record.device is None or record.quantity is None:
            return
        for row in range(record.rows):
            device, quantity = (column.texts[column.codes[row]] for column in (record.device, record.quantity))
            key = (device, quantity, int(record.numbers["measured_at"][row]))
            value = float(record.numbers["value"][row])
            held = self._table.setdefault(key, value)
            late = bool(checked.late(record.numbers["quality"])[row])
            self.stored["readings" if not late or held is value else "late_duplicates" if held == value else "late_conflicts"] += 1

    def books(self) -> Books:
        """What the tables would say."""
        tally, parts = self.tally, {}
        for (gateway, life, partition), part in tally.parts.items():
            parts.setdefault((gateway, life), {})[partition] = part
        lives = []
        for (gateway, life), of in parts.items():
            told = tally.gateways.get((gateway, life))
            running = self.lives[-1].name == life and not (told and told.ended)
            lives.append(Life(gateway, life, running, told.totals if told else {}, of))
        came = {
            (gateway, life, source): (messages, readings)
            for gateway, life, source, messages, readings in refusals.by_sender(refusals.read(headers, value) for value, headers in self.rejected)
        }
        partitions = [Partition(n, tally.counts.get(n, Counts()), self.next_input[n], self.log_offset[n]) for n in range(PARTITIONS)]
        return Books(lives, partitions, {0: self.stored}, came, 0)

    def judge(self) -> Found:
        """The verdict when everything is read."""
        return judge(self.books(), caught_up=True)


def catalogue() -> bytes:
    """A frame with the gateway's registry, for the worker."""
    found = [(key.partition("/")[0], key.partition("/")[2], value.decode()) for key, value in city.documents()]
    where = {"latitude": 50.85, "longitude": 4.35}
    centre = Area(id="testville.centre", city="testville", level="neighbourhood", parent=None, names=city.NAMES, population=1, **where)
    found.append(("area", centre.id, msgspec.json.encode(centre).decode()))
    columns = {"entity": coded([each[0] for each in found]), "id": [each[1] for each in found], "document": [each[2] for each in found]}
    return encode({"schema": "readings/1", "kind": "catalogue", "seq": 1}, columns)


def reshaped(value: bytes, rows: Sequence[int]) -> bytes:
    """The frame with these of its rows and the same metadata."""
    frame: Frame = decode(value)
    taken = list(rows)
    columns = {}
    for name, column in frame.columns.items():
        columns[name] = Coded(column.codes[taken], column.texts) if isinstance(column, Coded) else column[taken]
    return encode(frame.meta, columns)


PARTITION = partition_of("testville.air-0000")
"""Of device 0."""
