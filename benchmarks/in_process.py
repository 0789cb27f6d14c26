"""Worker and combiner in one process without Kafka: `python -m benchmarks.in_process [load|single|idle|backlog] [seconds] [file]`.

With a file the frames are read from it, or written to it where it is not there: two revisions of the sources get the same.

What each stage costs, in CPU seconds per second of the city's time, at the paces of stream.shell; steps that make it cheaper are
judged by this, because it says the same on a busy machine.

Promises  The real holders with their real paces, on a clock that goes with the city's time; frames as the gateway cuts them.
Leaves    What Faust, Kafka and its clients cost to benchmarks.pipeline.
"""

import cProfile
import pstats
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from catalog.topics import CHECKED, PARTIALS, PARTITIONS, READINGS, partition_of
from ingest.frames import waiting_s
from runtime.frames import Coded, decode, encode
from simulators import city, scenario
from simulators.stretch import stretch
from simulators.worlds import World, world
from storage.definitions import document
from storage.documents import Document, by_partition, chunks, frame
from stream.shell.holders import CombinerHolder, Holder, WorkerHolder
from stream.warm import warm

START_US = 1_790_000_040_000_000
SECOND_US = 1_000_000
TICK_US = 50_000
SNAPSHOT_EVERY_S = 7.0
_GATEWAY = {"schema": READINGS.schema, "gateway": "gw-0", "life": "in-process"}


class Scene(NamedTuple):
    """A load: readings a second (null: each kind its own cadence), readings a message, how long a frame waits, seconds."""

    rate: float | None
    pack: int | None
    frame_us: int
    seconds: float
    at_once: bool = False
    """True: all frames are there when the clock starts, and the clock is the process' own."""


def _wait_us(readings_per_s: float) -> int:
    return round(1e6 * waiting_s(readings_per_s))


SCENES = {
    "load": Scene(50_000.0, 10, _wait_us(50_000.0), 20.0),
    "single": Scene(5_000.0, 1, _wait_us(5_000.0), 20.0),
    "idle": Scene(None, None, 5_000, 40.0),
    "backlog": Scene(50_000.0, 10, _wait_us(50_000.0), 30.0, at_once=True),
}


class Clock:
    """The city's time in µs; in a backlog scene it goes with the process' CPU time."""

    def __init__(self, at_once: bool) -> None:
        self.at_us, self._at_once, self._began_s = START_US, at_once, time.process_time()

    def now_us(self) -> int:
        """UTC, µs."""
        return START_US + round((time.process_time() - self._began_s) * 1e6) if self._at_once else self.at_us

    def monotonic_s(self) -> float:
        """Seconds; within a tick it goes with the CPU time, so that what measures itself does not see zero."""
        return self.now_us() / 1e6 + (0.0 if self._at_once else time.process_time() % 1e-2)


class Sink:
    """In place of an outbox: counts what goes out, and hands partials on."""

    def __init__(self) -> None:
        self.partials: deque[tuple[int, bytes, Any]] = deque()
        self.records: dict[str, int] = {}
        self.bytes: dict[str, int] = {}

    def put(self, topic: str, value: bytes, partition: int, key: Any = None, headers: Any = None) -> None:  # noqa: ARG002
        """Take it."""
        self.records[topic] = self.records.get(topic, 0) + 1
        self.bytes[topic] = self.bytes.get(topic, 0) + len(value)
        if topic == PARTIALS.name:
            self.partials.append((partition, value, headers))


class Spent:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.by: dict[str, float] = {}
        self._at = time.process_time()

    def on(self, stage: str) -> None:
        """What was spent since the last call was spent on this stage."""
        now = time.process_time()
        self.by[stage] = self.by.get(stage, 0.0) + now - self._at
        self._at = now


def catalogue_frames(there: World) -> list[list[bytes]]:
    """By partition, as storage publishes them."""
    found: list[Document] = []
    groups: list[tuple[str, Any]] = [
        ("city", [there.pack.city]), ("quantity", there.catalogue.quantities.values()), ("kind", there.catalogue.kinds.values()),
        ("area", there.pack.areas.values()), ("kpi", [document(kpi, None, 0) for kpi in there.catalogue.kpis.values()]),
        ("device", [msgspec.structs.replace(device, due_from_us=START_US) for device in there.pack.devices.values()]),
    ]  # fmt: skip
    for entity, records in groups:
        found += [Document(entity, record.id, msgspec.json.encode(record).decode(), "") for record in records]
    return [[frame(chunk, seq) for seq, chunk in enumerate(chunks(mine), 1)] for mine in by_partition(found)]


def reading_frames(there: World, scene: Scene) -> Iterator[tuple[int, int, bytes]]:
    """(moment in µs, partition, frame), in order of time: readings as the gateway would frame them, heartbeats once a second."""
    play = city.Play(1, scenario.named("calm"), START_US, city.Pace(scene.rate, scene.pack))
    played, known = city.choose(list(there.pack.devices.values()), None, "-"), there.catalogue
    streams = city.streams(there.pack.city, played, known.kinds, known.quantities, play)
    ids = np.array([device.id for device in streams.devices])
    home = np.array([partition_of(id_) for id_ in ids.tolist()])
    names = np.array(streams.quantity_ids)
    until_us, seq = START_US, 0
    while until_us < START_US + round(scene.seconds * 1e6):
        from_us, until_us = until_us, until_us + SECOND_US
        rows = stretch(streams, from_us, until_us)
        sent_us = rows.messages.due_us[rows.readings.message]
        cut = (sent_us - from_us) // scene.frame_us * PARTITIONS + home[rows.readings.device]
        order = np.argsort(cut, kind="stable")
        for mine in np.split(order, np.flatnonzero(np.diff(cut[order])) + 1):
            if mine.size:
                seq += 1
                at_us = min(from_us + int(cut[mine[0]] // PARTITIONS + 1) * scene.frame_us, until_us)  # a heartbeat ends open frames
                yield at_us, int(cut[mine[0]] % PARTITIONS), _frame(rows.readings, mine, sent_us[mine] + 2_000, (ids, names, seq))
        meta = {**_GATEWAY, "kind": "heartbeat", "seq": seq, "clock_us": until_us, "totals": {}}
        yield from ((until_us, partition, encode(meta, {})) for partition in range(PARTITIONS))


def _frame(readings: Any, mine: Any, received_us: Any, names: tuple[Any, Any, int]) -> bytes:
    columns: dict[str, Any] = {}
    for name, numbers, texts in (("device", readings.device[mine], names[0]), ("quantity", readings.quantity[mine], names[1])):
        used, codes = np.unique(numbers, return_inverse=True)
        columns[name] = Coded(codes.astype(np.int32), texts[used].tolist())
    columns |= {"measured_at": readings.stamped_us[mine], "received_at": received_us, "value": readings.value[mine]}
    columns["quality"] = np.full(mine.size, 2, np.uint16)
    return encode({**_GATEWAY, "kind": "readings", "seq": names[2]}, columns)


class Rig:
    """Twelve workers and twelve combiners."""

    def __init__(self, scene: Scene) -> None:
        self.clock, self.sink, self.spent = Clock(scene.at_once), Sink(), Spent()
        self.workers = [WorkerHolder(p, self.sink, None, self.clock) for p in range(PARTITIONS)]  # type: ignore[arg-type]
        self.combiners = [CombinerHolder(p, self.sink, None, self.clock) for p in range(PARTITIONS)]  # type: ignore[arg-type]
        self.heard = [0] * PARTITIONS
        self.snapshots: list[int] = []
        self._snapshot_at = 0.0

    def put(self, partition: int, value: bytes) -> None:
        """One record of the readings topic."""
        holder = self.workers[partition]
        holder.take(value, holder.offset + 1, None)

    def turn(self) -> None:
        """Everyone publishes what is due; what is due for a snapshot is dumped."""
        for worker in self.workers:
            worker.publish()
        self.spent.on("publish partials")
        while self.sink.partials:
            partition, value, headers = self.sink.partials.popleft()
            self.combiners[partition].take(value, self.heard[partition], int(headers[0][1]) if headers else None)
            self.heard[partition] += 1
        self.spent.on("combiner: apply")
        for combiner in self.combiners:
            combiner.publish()
        self.spent.on("combiner: values")
        now_s = self.clock.monotonic_s()
        if now_s >= self._snapshot_at:
            self._snapshot_at = now_s + SNAPSHOT_EVERY_S
            holders: list[Holder] = [*self.workers, *self.combiners]
            for holder in holders:
                self.snapshots.append(len((holder.snapshot())[0]))
            self.spent.on("snapshots")


class Given(msgspec.Struct):
    """What is played."""

    catalogue: list[list[bytes]]
    frames: list[tuple[int, int, bytes]]


def given(scene: Scene, file: Path | None) -> Given:
    """From the file if it is there."""
    if file is not None and file.exists():
        return msgspec.msgpack.decode(file.read_bytes(), type=Given)
    there = world("brussels")
    made = Given(catalogue_frames(there), list(reading_frames(there, scene)))
    if file is not None:
        file.write_bytes(msgspec.msgpack.encode(made))
    return made


def run(scene: Scene, played: Given) -> None:
    """Play it and print."""
    frames = played.frames
    rig = Rig(scene)
    for partition, mine in enumerate(played.catalogue):
        for value in mine:
            rig.put(partition, value)
    rig.turn()
    rig = _begun(rig, scene)
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    if profile:
        profile.enable()
    turned_us = rig.clock.now_us()
    for at_us, partition, value in frames:
        rig.clock.at_us = max(rig.clock.at_us, at_us)
        rig.put(partition, value)
        rig.spent.on("worker: apply")
        if rig.clock.now_us() - turned_us >= TICK_US:
            turned_us = rig.clock.now_us()
            rig.turn()
    if profile:
        profile.disable()
        profile.create_stats()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    _print(rig, scene, len(frames), sum(decode(value).rows for _, _, value in frames))


def _begun(rig: Rig, scene: Scene) -> Rig:
    rig.spent, rig.clock = Spent(), rig.clock
    rig.sink.records, rig.sink.bytes = {}, {}
    if scene.at_once:
        rig.clock._began_s = time.process_time()
    return rig


def _print(rig: Rig, scene: Scene, frames: int, readings: int) -> None:
    total = sum(rig.spent.by.values())
    rate = f"{total / scene.seconds:.3f} cores, {readings / total:,.0f} readings per CPU s"
    print(f"{frames} frames, {readings:,} readings, {scene.seconds:.0f} s; {total:.2f} CPU s, {rate}")
    for stage, used in sorted(rig.spent.by.items(), key=lambda each: -each[1]):
        print(f"  {stage:20} {used:7.3f} s {used / total:6.1%}   {used / frames * 1e6:7.0f} us a frame")
    for topic in (PARTIALS.name, CHECKED.name, "kompas.kpis.v1"):
        count = rig.sink.records.get(topic, 0)
        print(f"  {topic:20} {count:7d} records, {count / scene.seconds:7.1f}/s, {rig.sink.bytes.get(topic, 0) / max(count, 1):8.0f} bytes each")
    print(f"  snapshots: {len(rig.snapshots)} of {np.mean(rig.snapshots) / 1e3:.0f} kB")


def main(arguments: list[str]) -> None:
    """See the module."""
    words = [each for each in arguments if not each.startswith("--")]
    scene = SCENES[words[0] if words else "load"]
    if len(words) > 1:
        scene = scene._replace(seconds=float(words[1]))
    warm()
    run(scene, given(scene, Path(words[2]) if len(words) > 2 else None))


if __name__ == "__main__":
    main(sys.argv[1:])
