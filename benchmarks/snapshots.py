"""What snapshots cost: the state of twelve partitions and twelve combiners at 20,000 readings/s and five minutes' lateness, dumped and written.

Promises  The state is real: five minutes of the city's time have been played into the real holders. CPU seconds are those of dumping
          (copy, encode, compress) plus a memory copy and checksum of every byte that Kafka's client takes.
Leaves    Kafka itself, and how often (stream.shell.owner says).
"""

import time
import zlib
from collections.abc import Callable

import msgspec

from benchmarks.in_process import Rig, Scene, catalogue_frames, reading_frames
from simulators.worlds import World, world
from stream.shell.holders import Holder
from stream.shell.owner import SNAPSHOT_EVERY_S
from stream.warm import warm

RATE, LATENESS_S = 20_000.0, 300.0
_FURTHER_S = 15.0
"""Beyond the lateness, until what is held neither grows nor falls."""


class Snapshots(msgspec.Struct, frozen=True):
    """All partitions together."""

    readings_per_s: float
    lateness_s: float
    bytes: int
    """Of one round of all snapshots."""
    cpu_s: float
    """Of one round."""
    every_s: float
    share_of_core: float


class _Quiet(Rig):
    """One that takes no snapshots by itself."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._snapshot_at = float("inf")


def measure(say: Callable[[str], None], rate: float = RATE, lateness_s: float = LATENESS_S) -> Snapshots:
    """Play until every reading of the lateness is held, then dump all three times."""
    warm()
    there = _late(world("brussels"), lateness_s)
    scene = Scene(rate, 10, 200_000, lateness_s + _FURTHER_S)
    rig = _Quiet(scene)
    for partition, mine in enumerate(catalogue_frames(there)):
        for value in mine:
            rig.put(partition, value)
    say(f"{scene.seconds:.0f} s of the city's time at {rate:,.0f} readings/s")
    turned_us = rig.clock.now_us()
    for at_us, partition, value in reading_frames(there, scene):
        rig.clock.at_us = max(rig.clock.at_us, at_us)
        rig.put(partition, value)
        if rig.clock.now_us() - turned_us >= 250_000:
            turned_us = rig.clock.now_us()
            rig.turn()
    holders: list[Holder] = [*rig.workers, *rig.combiners]
    best_s, size = float("inf"), 0
    for _ in range(3):
        began_s, size = time.process_time(), 0
        for holder in holders:
            data, _ = holder.snapshot()
            zlib.crc32(bytes(bytearray(data)))
            size += len(data)
        best_s = min(best_s, time.process_time() - began_s)
    return Snapshots(rate, lateness_s, size, best_s, SNAPSHOT_EVERY_S, best_s / SNAPSHOT_EVERY_S)


def _late(there: World, lateness_s: float) -> World:
    """Every kind as late as this."""
    kinds = {name: msgspec.structs.replace(kind, lateness_s=lateness_s) for name, kind in there.catalogue.kinds.items()}
    return there._replace(catalogue=there.catalogue._replace(kinds=kinds))
