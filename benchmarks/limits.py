"""What the machine and the libraries give at most: the numbers that ours are held against, measured in the same run.

Promises  Each is what the same resource does with nothing of ours in between: paho with an empty callback on the same broker, aiokafka
          on the very frames that the gateway cut, memory that has been touched, the server's own COPY of the very rows.
Leaves    Comparing to benchmarks.verdicts.
"""

import asyncio
import time
from typing import Any, NamedTuple

import numpy as np
import psycopg
from aiokafka import TopicPartition
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import figures
from benchmarks.system import Bench
from catalog import tables
from catalog.topics import READINGS, Topic
from runtime import kafka

Offsets = dict[int, int]
_COPY_TABLE = "limit_reading"


class Record(NamedTuple):
    """A record of the readings topic."""

    partition: int
    offset: int
    value: bytes


class Taken(NamedTuple):
    """Records of a span, and the CPU seconds that taking them cost."""

    records: list[Record]
    cpu_s: float


class Copied(NamedTuple):
    """A server-side COPY."""

    rows: int
    seconds: float


def memory_gb_per_s(megabytes: int = 512, rounds: int = 5) -> float:
    """Reading sum of a touched array on one core, the best of some rounds; 10^9 bytes a CPU second."""
    array = np.ones(megabytes << 17)
    best_s = min(_timed(array.sum) for _ in range(rounds))
    return array.nbytes / best_s / 1e9


def _timed(work: Any) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def paho_per_cpu_s(bench: Bench, messages: int) -> float:
    """Messages per CPU second of paho's loop with an empty callback, QoS 1; NaN where they did not all come."""
    came, began_s, ended_s = 0, 0.0, 0.0

    def on_message(client: paho.Client, _userdata: Any, _message: Any) -> None:
        nonlocal came, began_s, ended_s
        if came == 0:
            began_s = time.thread_time()
        came += 1
        if came == messages:
            ended_s = time.thread_time()
            client.disconnect()

    client = paho.Client(CallbackAPIVersion.VERSION2, "kompas-bench-paho", protocol=paho.MQTTv5)
    client.username_pw_set("gateway", bench.password("gateway"))
    client.on_message = on_message
    client.connect(bench.mqtt_host, bench.mqtt_port)
    until_s, flooded = time.monotonic() + 60.0, False
    while came < messages and time.monotonic() < until_s:
        client.loop(0.2)
        if client.is_connected() and not flooded:
            client.subscribe("city/limit/#", 1)
            bench.child("benchmarks.flood", str(messages))  # it takes a second to start: the subscription stands by then
            flooded = True
    return figures.per(came - 1, ended_s - began_s) if came == messages else float("nan")


class Ends:
    """Asks Kafka where a topic's partitions end; one connection, kept."""

    def __init__(self, bench: Bench, topic: Topic = READINGS) -> None:
        self._loop = asyncio.new_event_loop()
        self._consumer = self._loop.run_until_complete(_connected(bench))
        self._parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]

    def now(self) -> Offsets:
        """Offset of the next record, by partition."""
        found = self._loop.run_until_complete(self._consumer.end_offsets(self._parts))
        return {part.partition: int(offset) for part, offset in found.items()}

    def close(self) -> None:
        """Let go of it."""
        self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()


async def _connected(bench: Bench) -> Any:
    consumer = kafka.consumer(bench.kafka, "kompas-bench")
    await consumer.start()
    return consumer


def ends(bench: Bench) -> Offsets:
    """Where the partitions of the readings topic end now."""
    asked = Ends(bench)
    try:
        return asked.now()
    finally:
        asked.close()


def take(bench: Bench, begin: Offsets, end: Offsets) -> Taken:
    """Consume a span of the readings topic with getmany, every partition as our processes read it; the records, and what it cost."""

    async def taken() -> Taken:
        consumer = await _connected(bench)
        parts = {p: TopicPartition(READINGS.name, p) for p in begin if begin[p] < end[p]}
        consumer.assign(list(parts.values()))
        for p, part in parts.items():
            consumer.seek(part, begin[p])
        records: list[Record] = []
        left = set(parts)
        cpu_s = time.process_time()
        while left:
            for part, came in (await consumer.getmany(timeout_ms=500)).items():
                records += [Record(part.partition, each.offset, each.value) for each in came if each.offset < end[part.partition]]
                if came[-1].offset + 1 >= end[part.partition]:
                    left.discard(part.partition)
        cpu_s = time.process_time() - cpu_s
        await consumer.stop()
        return Taken(records, cpu_s)

    return asyncio.run(taken())


def server_copy(bench: Bench, first: Any, last: Any) -> Copied:
    """COPY of the rows received in [first, last] from a file on the server into an empty hypertable of the same definition."""
    columns, name = ", ".join(tables.MEASURED), tables.READING.name
    folder, inside = bench.table_folder()
    with psycopg.connect(bench.psycopg_conninfo(), autocommit=True, options="-c timezone=UTC") as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")  # in the order in which they came, as the writer wrote them
        span = f"SELECT {columns} FROM {name} WHERE received_at BETWEEN '{first}' AND '{last}'"
        rows = connection.execute(f"COPY ({span}) TO '{inside}/rows.copy' (FORMAT BINARY)").rowcount
        connection.execute(f"DROP TABLE IF EXISTS {_COPY_TABLE}")
        connection.execute(f"CREATE TABLE {_COPY_TABLE} (LIKE {name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)")
        connection.execute(f"SELECT create_hypertable('{_COPY_TABLE}', by_range('measured_at', INTERVAL '1 day'), create_default_indexes => false)")
        connection.execute("CHECKPOINT")
        began_s = time.perf_counter()
        connection.execute(f"COPY {_COPY_TABLE} ({columns}) FROM '{inside}/rows.copy' (FORMAT BINARY)")
        seconds = time.perf_counter() - began_s
        connection.execute(f"DROP TABLE {_COPY_TABLE}")
    (folder / "rows.copy").unlink()
    return Copied(rows, seconds)
