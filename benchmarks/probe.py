"""Latency as a citizen sees it: `python -m benchmarks.probe SECONDS`, devices whose reading alone moves a KPI.

Each device publishes a value every 1.5 to 2.5 s. Publish to KPI ends when `kompas.kpis.v1` brings the KPI of its neighbourhood with
exactly the mean that its values of that minute have; publish to row ends when the row is visible in the database.

Promises  One clock, that of this process. A shot that is not seen within the time is said to be missing, never left out.
          The database is asked every 20 ms while a row is awaited, so publish to row is too long by 10 ms on average.
Leaves    Choosing the devices to benchmarks.system.
"""

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.load import say
from benchmarks.system import Target
from catalog.kpi_value import KpiValue
from catalog.topics import KPIS, partition_of
from runtime import clock, kafka
from runtime.settings import DatabaseSettings, MqttSettings, load, secret
from simulators import wire
from simulators.publisher import Broker, Message, Publisher

WAIT_S = 8.0
_LOOK_S, _ROW_LOOK_S = 0.002, 0.02
_SHORTEST_S, _LONGEST_S = 1.5, 2.5
_VALUES = msgspec.json.Decoder(KpiValue)


class Shot(msgspec.Struct):
    """One reading on its way; latencies in s, None while it is not seen."""

    target: Target
    at_us: int
    value: float
    expected: float
    kpi_s: float | None = None
    row_s: float | None = None

    @property
    def window(self) -> str:
        """Start of its minute, as KPI values write it."""
        return clock.iso_s(self.at_us // 60_000_000 * 60_000_000)


Sent = dict[tuple[Target, int], list[float]]
"""What a device has said in a minute."""


class Shots:
    """All shots; the database's thread and the event loop both look at it, each writes its own field."""

    def __init__(self, targets: list[Target], seed: int, earlier: Sent) -> None:
        self.all: list[Shot] = []
        self._rng = np.random.default_rng(seed)
        self._sent = earlier
        start_s = time.monotonic()
        self._next_s = {target: start_s + float(self._rng.uniform(0, _LONGEST_S)) for target in targets}

    def due(self) -> list[Shot]:
        """Readings to send now."""
        found = []
        for target, at_s in self._next_s.items():
            if time.monotonic() >= at_s:
                self._next_s[target] = time.monotonic() + float(self._rng.uniform(_SHORTEST_S, _LONGEST_S))
                found.append(self._make(target))
        self.all += found
        return found

    def _make(self, target: Target) -> Shot:
        at_us = clock.now_us()
        steps = int(self._rng.integers(round(target.low / target.resolution) + 1, round(target.high / target.resolution)))
        sent = self._sent.setdefault((target, at_us // 60_000_000), [])
        sent.append(steps * target.resolution)
        return Shot(target, at_us, sent[-1], float(np.mean(sent)))

    def seen(self, value: KpiValue, now_us: int) -> None:
        """A KPI value came: the shots that it holds are reflected."""
        if value.value is None:
            return
        mine = [s for s in self.all if s.target.kpi == value.kpi and s.target.area == value.area and s.window == value.window_start]
        last = next((s for s in reversed(mine) if abs(s.expected - value.value) <= 1e-6 * max(1.0, abs(s.expected))), None)
        for shot in mine:
            if last is not None and shot.at_us <= last.at_us and shot.kpi_s is None:
                shot.kpi_s = (now_us - shot.at_us) / 1e6

    @property
    def waiting(self) -> bool:
        """Whether something is not seen yet."""
        return any(shot.kpi_s is None or shot.row_s is None for shot in self.all)


class Rows:
    """Looks for the shots' rows, in a thread."""

    def __init__(self, conninfo: str) -> None:
        self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC")
        devices = self._connection.execute("SELECT id, no FROM device WHERE manual").fetchall()
        self._number: dict[str, int] = {str(row[0]): int(row[1]) for row in devices}
        self.stopped = threading.Event()

    def earlier(self, targets: list[Target]) -> Sent:
        """What a probe before this one has sent in the minute that runs: it is in the means that are awaited."""
        minute = clock.now_us() // 60_000_000
        statement = "SELECT device, quantity, value FROM reading_named WHERE device = ANY(%s) AND measured_at >= to_timestamp(%s)"
        rows = self._connection.execute(statement, (sorted({target.device for target in targets}), minute * 60)).fetchall()
        return {(target, minute): [float(row[2]) for row in rows if row[:2] == (target.device, target.quantity)] for target in targets}

    def run(self, shots: Shots) -> None:
        """Until stopped."""
        while not self.stopped.wait(_ROW_LOOK_S):
            open_ = [shot for shot in shots.all if shot.row_s is None and time.time() - shot.at_us / 1e6 < WAIT_S]
            if open_:
                self._look(open_)

    def _look(self, open_: list[Shot]) -> None:
        numbers = [self._number[shot.target.device] for shot in open_]
        statement = "SELECT device, extract(epoch FROM measured_at) FROM reading WHERE device = ANY(%s) AND measured_at >= to_timestamp(%s)"
        rows = self._connection.execute(statement, (numbers, min(shot.at_us for shot in open_) // 1_000 / 1e3 - 0.001)).fetchall()
        now_us = clock.now_us()
        found = {(row[0], round(float(row[1]) * 1_000)) for row in rows}
        for shot, number in zip(open_, numbers, strict=True):
            if (number, shot.at_us // 1_000) in found:
                shot.row_s = (now_us - shot.at_us) / 1e6


async def main(seconds: float, targets: list[Target]) -> None:
    """Shoot for `seconds`, wait for what is on its way, print every shot."""
    mqtt, database = load(MqttSettings), load(DatabaseSettings)
    publisher = Publisher(Broker(mqtt.mqtt_host, mqtt.mqtt_port, mqtt.mqtt_user, secret(mqtt.mqtt_password_file)), "kompas-bench-probe")
    publisher.connect()
    consumer = kafka.consumer(mqtt.kafka, "kompas-bench-probe", auto_offset_reset="latest", fetch_max_wait_ms=500)
    await consumer.start()
    consumer.assign([TopicPartition(KPIS.name, p) for p in sorted({partition_of(f"{t.kpi}|{t.area}") for t in targets})])
    await consumer.seek_to_end()
    rows = Rows(database.conninfo)
    shots = Shots(targets, 1, rows.earlier(targets))
    thread = threading.Thread(target=rows.run, args=(shots,), daemon=True)
    thread.start()
    listening = asyncio.create_task(_listen(consumer, shots, {f"{t.kpi}|{t.area}".encode() for t in targets}))
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s or (shots.waiting and time.monotonic() < end_s + WAIT_S):
        if time.monotonic() < end_s:
            publisher.put([_message(shot, mqtt.cities) for shot in shots.due()])
        publisher.pump(0.0)
        await asyncio.sleep(_LOOK_S)
    rows.stopped.set()
    listening.cancel()
    await consumer.stop()
    publisher.close()
    say(shots=[{"at_s": shot.at_us / 1e6, "kpi_s": shot.kpi_s, "row_s": shot.row_s} for shot in shots.all])


async def _listen(consumer: AIOKafkaConsumer, shots: Shots, keys: set[bytes]) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            now_us = clock.now_us()
            for record in records:
                if record.key in keys:
                    shots.seen(_VALUES.decode(record.value), now_us)


def _message(shot: Shot, city: str) -> Message:
    payload = msgspec.json.encode({"time": shot.at_us // 1_000, "quantity": shot.target.quantity, "value": shot.value})
    return Message(wire.topic(f"city/{city}/{shot.target.device}/json"), payload)


if __name__ == "__main__":
    given = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=list[Target])
    asyncio.run(main(float(sys.argv[1]), given))
