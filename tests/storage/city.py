"""A city on a real Kafka: sends the writer what the worker would send, and knows what must stand in the database."""

import asyncio
import itertools
import time

import psycopg
from aiokafka import TopicPartition

from catalog import tables
from catalog.topics import CHECKED, PARTITIONS, partition_of
from runtime import kafka
from runtime.frames import decode
from tests.storage.making import NOON_US, checked, heartbeat

GOOD = 1


class City:
    """The writer's surroundings in one system; its stories use the even partitions, what leaves the log damaged the odd ones."""

    def __init__(self, system) -> None:
        self.system = system
        self.next_input = [0] * PARTITIONS
        self.expected: dict[tuple[str, str, int], float] = {}
        self.moments = itertools.count()
        self.devices: dict[int, list[str]] = {}
        for (device,) in self.ask("SELECT id FROM device_current ORDER BY no"):
            self.devices.setdefault(partition_of(device), []).append(device)

    def ask(self, statement: str, *given) -> list[tuple]:
        with psycopg.connect(self.system.conninfo(tables.READER_ROLE), options="-c timezone=UTC") as connection:
            return connection.execute(statement, given or None).fetchall()

    def send(self, records: list[tuple[str, int, bytes, list[tuple[str, bytes]]]]) -> None:
        async def all_confirmed() -> None:
            producer = kafka.producer(self.system.kafka, "test")
            await producer.start()
            try:
                sent = [await producer.send(topic, value=value, partition=partition, headers=headers) for topic, partition, value, headers in records]
                await asyncio.gather(*sent)
            finally:
                await producer.stop()

        asyncio.run(all_confirmed())

    def frame(self, partition: int, rows, **meta) -> tuple[str, int, bytes, list]:
        input_offset = self.next_input[partition]
        self.next_input[partition] += 1
        return (CHECKED.name, partition, checked(input_offset, rows, **meta), [])

    def readings(self, partition: int, count: int) -> list[tuple[str, str, int, float, int]]:
        """New readings of devices of that partition, each at a moment of its own."""
        devices = self.devices[partition]
        rows = []
        for n in range(count):
            at_us = NOON_US + next(self.moments) * 1_000
            rows.append((devices[n % len(devices)], ("no2", "o3")[n % 2], at_us, n / 10, GOOD))
        self.expected.update({row[:3]: row[3] for row in rows})
        return rows

    def stream(self, frames: int, rows: int, partitions=range(0, PARTITIONS, 2)):
        """Frames of readings over the partitions in turn, with a heartbeat now and then."""
        records = []
        for n in range(frames):
            partition = partitions[n % len(partitions)]
            records.append(self.frame(partition, self.readings(partition, rows), watermarks={"air_quality": NOON_US + n}))
            if n % 5 == 0:
                records.append((CHECKED.name, partition, heartbeat(self.next_input[partition], {"air_quality": NOON_US + n}), []))
                self.next_input[partition] += 1
        return records

    def spawn(self, **overrides):
        """The writer of the even partitions."""
        return self.system.spawn("writer", **{"writers": 2, "ordinal": 0, "batch_rows": 1_000, **overrides})

    def wait_stored(self, writer=None, within_s: float = 90.0) -> None:
        """Until the stored offsets of the even partitions are where the log ends."""
        wanted = {(CHECKED.name, partition): self.next_input[partition] for partition in range(0, PARTITIONS, 2)}
        deadline = time.monotonic() + within_s
        while True:
            found = self.ask("SELECT topic, partition, next_offset FROM stream_offset WHERE topic = %s AND partition %% 2 = 0", CHECKED.name)
            if {row[:2]: row[2] for row in found} == wanted:
                return
            assert writer is None or writer.child.returncode is None, f"the writer ended with {writer.child.returncode}"
            assert time.monotonic() < deadline, (found, wanted)
            time.sleep(0.02)

    def check_readings(self) -> None:
        """Every reading that was sent stands in the table, once, with its value."""
        rows = self.ask(
            "SELECT d.id, q.id, r.measured_at, r.value FROM reading r JOIN device d ON d.no = r.device JOIN quantity q ON q.no = r.quantity"
        )
        assert len(rows) == len(self.expected)
        stored = {(device, quantity, round(at.timestamp() * 1e6)): value for device, quantity, at, value in rows}
        assert stored == self.expected


def wait_until(told, wanted, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while (found := told()) != wanted:
        assert time.monotonic() < deadline, (found, wanted)
        time.sleep(0.02)


def log_of(system, topic, partitions):
    """All records of a topic, by partition."""

    async def read():
        consumer = kafka.consumer(system.kafka, "test")
        await consumer.start()
        try:
            there = [TopicPartition(topic, partition) for partition in range(partitions)]
            consumer.assign(there)
            ends = await consumer.end_offsets(there)
            found = {partition: [] for partition in range(partitions)}
            while any(len(found[each.partition]) < ends[each] for each in there):
                for each, records in (await consumer.getmany(timeout_ms=500)).items():
                    found[each.partition] += records
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def documents(records):
    """What the catalogue frames of one partition say in the end, and their sequence numbers."""
    frames = [decode(record.value) for record in records]
    said = {}
    for frame in frames:
        entity = frame.columns["entity"]
        said.update(
            ((entity.texts[code], id_), text) for code, id_, text in zip(entity.codes, frame.columns["id"], frame.columns["document"], strict=True)
        )
    return said, [frame.meta["seq"] for frame in frames]
