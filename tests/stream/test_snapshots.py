"""Snapshots that are not what this release would write: recognised, replayed instead, loudly, and never misread."""

import zlib
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.topics import PARTIALS, PARTITIONS, READINGS
from runtime import events
from stream.combiner import snapshot as combiner_snapshot
from stream.combiner.partition import CombinerPartition, SnapshotUnusable
from stream.shell.owner import Owner
from stream.shell.pointer import Committed, Pointer
from stream.worker import snapshot as worker_snapshot
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import LayoutError, dump, load
from tests.stream import partials
from tests.stream.city import SECOND, T0, catalogue_frame, documents, kpi, readings_frame

DEVICES = {"d0": ("air", "c.1.n1")}
KPIS = [kpi("mean", "mean(pm2_5)", "minute", "ug/m3"), kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"), kpi("p", "p95(pm2_5)", "minute", "ug/m3")]


def worker_of() -> WorkerPartition:
    worker = WorkerPartition(5)
    worker.apply(catalogue_frame(documents(KPIS, DEVICES)), 0)
    worker.apply(readings_frame([("d0", "pm2_5", T0 + n * SECOND, T0 + n * SECOND, 20.0 + n) for n in range(9)]), 1)
    return worker


def combiner_of() -> CombinerPartition:
    combiner = CombinerPartition(3, PARTITIONS)
    row = partials.Row("mean(pm2_5)@minute", "alpha", partials.T0_US, 1, 6, 6_000_000)
    for value in (
        partials.catalogue_frame(0, {}, partials.documents()),
        partials.census_frame(0, 0, {}, [partials.Owed("alpha", "air", 1)]),
        partials.rows_frame(0, 1, {"air": partials.T0_US}, [row]),
    ):
        combiner.apply(value, combiner.offset + 1)
    return combiner


WORKER, COMBINER = dump(worker_of()), combiner_of().snapshot()


@settings(max_examples=60)
@given(cut=st.integers(0, len(WORKER) - 1))
def test_rule_14_a_torn_worker_snapshot_is_recognised(cut: int) -> None:
    with pytest.raises(LayoutError, match="partition 5"):
        load(5, WORKER[:cut])


@settings(max_examples=60)
@given(cut=st.integers(0, len(COMBINER) - 1), flip=st.integers(1, 255))
def test_rule_14_a_torn_or_damaged_combiner_snapshot_changes_nothing(cut: int, flip: int) -> None:
    damaged = bytearray(COMBINER)
    damaged[cut] ^= flip
    for data in (COMBINER[:cut], bytes(damaged)):
        combiner = combiner_of()
        with pytest.raises(SnapshotUnusable, match="combiner 3"):
            combiner.restore(data)
        assert combiner.snapshot() == COMBINER


@settings(max_examples=60)
@given(at=st.integers(0, 1 << 20), flip=st.integers(1, 255), cut=st.booleans())
def test_rule_14_chunks_that_are_not_those_of_the_pointer_are_no_snapshot(at: int, flip: int, cut: bool) -> None:
    import zlib

    from stream.shell.pointer import join, split

    chunks = split(WORKER * 300)
    pointer = Pointer("id", 7, 6 + len(chunks), len(chunks), zlib.crc32(WORKER * 300), 1)
    records = [(7 + n, b"id", chunk) for n, chunk in enumerate(chunks)]
    assert join(pointer, [(6, b"another", b"x"), *records]) == WORKER * 300
    n = at % len(records)
    damaged = bytearray(records[n][2])
    damaged[at % len(damaged)] ^= flip
    records[n] = (records[n][0], b"id", bytes(damaged))
    assert join(pointer, records[:n] + records[n + 1 :] if cut else records) is None


def relabelled(change: dict[str, Any]) -> bytes:
    raw = pa.decompress(WORKER[8:], int.from_bytes(WORKER[:8], "little"), codec="lz4", asbytes=True)
    raw = msgspec.msgpack.encode(msgspec.msgpack.decode(raw) | change)
    return len(raw).to_bytes(8, "little") + bytes(pa.compress(raw, codec="lz4", asbytes=True))


def test_rule_14_relabelling_alone_changes_nothing() -> None:
    assert dump(load(5, relabelled({}))) == WORKER


@pytest.mark.parametrize("layout", ["worker/1", "worker/99", None, 4])
def test_rule_14_another_layout_of_the_worker_is_replayed(layout: object) -> None:
    with pytest.raises(LayoutError, match=worker_snapshot.LAYOUT):
        load(5, relabelled({"layout": layout}))


def test_rule_14_another_partitions_snapshot_is_not_taken_for_ours() -> None:
    with pytest.raises(LayoutError, match="partition 4"):
        load(4, WORKER)
    with pytest.raises(SnapshotUnusable, match="wanted partition 4"):
        CombinerPartition(4, PARTITIONS).restore(COMBINER)


def test_rule_14_windows_cut_by_other_definitions_are_not_misread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that numbers its lanes otherwise, or computes another function in one, sees that the numbers are not its own."""
    document = msgspec.msgpack.decode(pa.decompress(WORKER[8:], int.from_bytes(WORKER[:8], "little"), codec="lz4", asbytes=True))
    with pytest.raises(LayoutError, match="as this release cuts them"):
        load(5, relabelled({"lanes": document["lanes"][::-1]}))


@pytest.mark.parametrize("layout", [1, 99])
def test_rule_14_another_layout_of_the_combiner_is_replayed(layout: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as other:
        other.setattr(combiner_snapshot, "LAYOUT", layout)
        data = combiner_of().snapshot()
    with pytest.raises(SnapshotUnusable, match=f"wanted layout {combiner_snapshot.LAYOUT}, got {layout}"):
        combiner_of().restore(data)


@pytest.mark.parametrize("data", [None, b"", WORKER[:-9], relabelled({"layout": "worker/1"}), relabelled({"lanes": []}), COMBINER])
@pytest.mark.parametrize("topic", [READINGS.name, PARTIALS.name])
def test_rule_14_what_cannot_be_read_is_replayed_from_the_start_and_said(topic: str, data: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(events, "failed", lambda name, **_: said.append(name))
    owner = Owner("nowhere", "test", None)
    holder = owner._make((topic, 5), Committed(2, Pointer("id", 0, 0, 1, 0, 1)), data)
    assert holder.offset == -1
    assert said == ["snapshot_missing" if data is None else "snapshot_of_another_layout"]


@given(st.integers(0, 11), st.binary(max_size=400), st.sampled_from(["bytes", "zlib", "lz4"]), st.integers(0, 7))
def test_rule_14_bytes_of_any_other_layout_are_unusable_and_nothing_worse(partition: int, junk: bytes, form: str, layout: int) -> None:
    plain = msgspec.msgpack.encode([layout, partition, 12, junk])
    packed = {"bytes": junk, "zlib": zlib.compress(plain), "lz4": len(plain).to_bytes(8, "little") + pa.compress(plain, codec="lz4", asbytes=True)}
    body = packed[form]
    with pytest.raises(SnapshotUnusable):
        CombinerPartition(partition).restore(zlib.crc32(body).to_bytes(4, "big") + body)
    with pytest.raises(LayoutError):
        load(partition, body)
