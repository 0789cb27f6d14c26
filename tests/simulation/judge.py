"""What a finished run must have left behind, in sentences for what it has not.

Checked records, finals and live values are those of a worker that nobody disturbed, to the byte; that one is compared with the
slow oracle; stored readings and values are the oracle's.
"""

from typing import Any, NamedTuple

import msgspec
import pytest

from catalog.kpi_value import KpiValue
from catalog.topics import CHECKED, KPIS, READINGS, REJECTED
from runtime.frames import decode
from stream.combiner.partition import CombinerPartition
from stream.worker.partials import Publisher
from stream.worker.partition import WorkerPartition
from tests.simulation import city, oracle
from tests.simulation.broker import Broker
from tests.simulation.world import OUTPUTS, World

Name = tuple[str, str, str]


class Straight(NamedTuple):
    """What comes of the log when nothing happens."""

    checked: dict[tuple[int, int], bytes]
    refused: set[tuple[bytes, bytes]]
    finals: dict[Name, KpiValue]
    lives: dict[Name, KpiValue]


def judge(world: World) -> list[str]:
    """Sentences; empty where all is as it must be."""
    straight = undisturbed(world.broker)
    logs = [oracle.Log() for _ in range(city.INPUTS)]
    said = {(p, record.offset): log.take(record.value) for p, log in enumerate(logs) for record in world.broker.logs[READINGS.name, p]}
    owed = oracle.finals(logs)
    found = [*world.problems]
    found += _oracle_and_straight(straight, said, owed)
    found += _checked(world.broker, straight)
    found += _values(world, straight)
    stored = {name: value for log in logs for name, value in log.stored.items()}
    found += _differences("stored reading", world.store.readings, stored)
    found += [f"double final: {a.kpi} {a.area} {a.window_start}" for a, _ in world.store.doubled]
    return found


def undisturbed(broker: Broker) -> Straight:
    """One worker, one combiner, no crash."""
    checked: dict[tuple[int, int], bytes] = {}
    refused: set[tuple[bytes, bytes]] = set()
    combiners = {p: CombinerPartition(p, city.INPUTS) for p in OUTPUTS}
    values: list[KpiValue] = []
    workers = [WorkerPartition(p) for p in range(city.INPUTS)]
    publishers = [Publisher(worker) for worker in workers]
    longest = max(broker.end((READINGS.name, p)) for p in range(city.INPUTS))
    for offset in range(longest):
        for p, worker in enumerate(workers):
            for record in broker.read((READINGS.name, p), offset, 1):
                outputs = worker.apply(record.value, offset)
                checked[p, offset] = outputs.checked
                refused |= {(each.value, dict(each.headers)["origin"]) for each in outputs.refused}
            if offset % 8 == 0 or offset == longest - 1:
                for partial in publishers[p].take(everywhere=True):
                    combiner = combiners[partial.partition]
                    combiner.apply(partial.value, combiner.offset + 1)
                    values += combiner.take(0, live=False)
    for combiner in combiners.values():
        values += combiner.take(0, live=True)
    finals = {name_of(value): value for value in values if value.revision}
    return Straight(checked, refused, finals, {name_of(value): value for value in values if not value.revision})


def name_of(value: KpiValue) -> Name:
    return value.kpi, value.area, value.window_start


def _oracle_and_straight(straight: Straight, said: dict[tuple[int, int], oracle.Said], owed: dict[Name, oracle.Final]) -> list[str]:
    found = []
    for at, value in straight.checked.items():
        frame = decode(value)
        meta = frame.meta
        told = oracle.Said(frame.rows, meta["duplicates"], meta["conflicts"], meta["late"], meta["watermarks"])
        if told != said[at]:
            found.append(f"undisturbed, input {at}: wanted {said[at]}, got {told}")
    for name in sorted(owed.keys() | straight.finals.keys()):
        final, wanted = straight.finals.get(name), owed.get(name)
        if final is None or wanted is None:
            found.append(f"undisturbed, final {name}: wanted {wanted}, got {final}")
            continue
        got = oracle.Final(final.value, final.state, final.coverage, final.devices)
        if got[1:] != wanted[1:] or (got.value is not None and got.value != pytest.approx(wanted.value, rel=1e-9, abs=1e-9)):
            found.append(f"undisturbed, final {name}: wanted {wanted}, got {got}")
    return found


def _checked(broker: Broker, straight: Straight) -> list[str]:
    told: dict[tuple[int, int], set[bytes]] = {}
    refused: set[tuple[bytes, bytes]] = set()
    for (topic, p), log in sorted(broker.logs.items()):
        for record in log:
            if topic == CHECKED.name:
                told.setdefault((p, decode(record.value).meta["input_offset"]), set()).add(record.value)
            elif topic == REJECTED.name:
                refused.add((record.value, dict(record.headers)["origin"]))
    found = [
        f"checked record of input {at}: wanted one text of the undisturbed worker's, got {len(told.get(at, ()))}"
        for at in sorted(told.keys() | straight.checked.keys())
        if told.get(at) != {straight.checked.get(at)}
    ]
    if refused != straight.refused:
        found.append(f"refusals: wanted {len(straight.refused)}, got {len(refused)}, {len(refused ^ straight.refused)} differ")
    return found


def _values(world: World, straight: Straight) -> list[str]:
    published: dict[Name, set[tuple[Any, ...]]] = {}
    best: dict[tuple[str, str], KpiValue] = {}
    for (topic, _), log in sorted(world.broker.logs.items()):
        for record in log if topic == KPIS.name else ():
            value = msgspec.json.decode(record.value, type=KpiValue)
            if value.revision:
                published.setdefault(name_of(value), set()).add(plain(value))
    for name, value in straight.lives.items():
        key = name[:2]
        if key not in best or value.window_start > best[key].window_start:
            best[key] = value
    wanted = {name: {plain(value)} for name, value in straight.finals.items()}
    found = _differences("final on the topic", published, wanted)
    stored = {name_of(value): {plain(value)} for value in world.store.settled.values()}
    found += _differences("final in the tables", stored, wanted)
    found += _differences("live value", _lives(world), {key: plain(value) for key, value in best.items()})
    return found


def _lives(world: World) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The open slots; one whose window has a final since is nobody's."""
    return {
        (value.kpi, value.area): plain(value)
        for key, value in world.store.open.items()
        if key not in world.store.last or world.store.last[key].window_start < value.window_start
    }


def plain(value: KpiValue) -> tuple[Any, ...]:
    """What does not depend on where and when it was computed."""
    return (value.window_start, value.value, value.state, value.coverage, value.devices, value.band, value.revision, value.reason)


def _differences(what: str, got: dict[Any, Any], wanted: dict[Any, Any]) -> list[str]:
    return [
        f"{what} {key}: wanted {wanted.get(key)}, got {got.get(key)}" for key in sorted(got.keys() | wanted.keys()) if got.get(key) != wanted.get(key)
    ]
