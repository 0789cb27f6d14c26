"""Damage of any kind: the partition moves on, its checked record says so, the bytes are kept, and nothing of the state moves."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.frames import META, DamagedFrame, NewerSchema, decode, encode
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump
from tests.stream.city import SECOND, T0, catalogue_frame, coded, documents, heartbeat, kpi, readings_frame

DEVICES = {"d0": ("air", "c.1.n1"), "d1": ("noise", "c.2.n1")}
KPIS = [kpi("mean", "mean(pm2_5)", "minute", "ug/m3"), kpi("held", "time_mean(pm2_5)", "minute", "ug/m3")]
ROWS = [("d0", "pm2_5", T0 + n * SECOND, T0 + n * SECOND, 20.0 + n) for n in range(5)]
CATALOGUE = catalogue_frame(documents(KPIS, DEVICES))
FRAMES = {"readings": readings_frame(ROWS), "heartbeat": heartbeat(T0 + 9 * SECOND), "catalogue": CATALOGUE}


def begun() -> WorkerPartition:
    worker = WorkerPartition(0)
    worker.apply(CATALOGUE, 0)
    worker.apply(readings_frame(ROWS[:2]), 1)
    return worker


def refused_whole(value: bytes) -> str:
    """Take a damaged record in; the reason's detail."""
    worker = begun()
    before = dump(worker)
    outputs = worker.apply(value, 2)
    assert decode(outputs.checked).meta["kind"] == "damaged"
    assert decode(outputs.checked).meta["input_offset"] == worker.offset == 2
    (refused,) = outputs.refused
    assert refused.value == value
    worker.state.offset = 1
    assert dump(worker) == before
    worker.state.offset = 2
    assert decode(worker.apply(readings_frame(ROWS), 3).checked).rows == 3  # the next is as welcome as ever
    return str(msgspec.json.decode(dict(refused.headers)["rejections"])[0]["detail"])


@pytest.mark.parametrize("kind", FRAMES)
@given(cut=st.integers(0, 4000))
def test_rule_11_a_truncated_frame_is_refused_whole(kind: str, cut: int) -> None:
    value = FRAMES[kind][: cut % (len(FRAMES[kind]) - 16)]  # the last bytes only say that the stream ends
    try:
        decode(value)
    except DamagedFrame:
        refused_whole(value)


@pytest.mark.parametrize("kind", FRAMES)
@given(flips=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), min_size=1, max_size=4))
def test_rule_11_flipped_bytes_never_stop_a_partition(kind: str, flips: list[tuple[int, int]]) -> None:
    value = bytearray(FRAMES[kind])
    for at, by in flips:
        value[at % len(value)] ^= by
    worker = begun()
    try:
        outputs = worker.apply(bytes(value), 2)
    except NewerSchema:
        return  # a flip made it one of a later release
    assert worker.offset == 2
    assert decode(outputs.checked).meta["input_offset"] == 2
    worker.apply(readings_frame(ROWS), 3)


def arrow(meta: Any, columns: dict[str, pa.Array]) -> bytes:
    """A frame with any columns."""
    schema = pa.schema([pa.field(name, array.type) for name, array in columns.items()], metadata={META: msgspec.json.encode(meta)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
    return bytes(sink.getvalue().to_pybytes())


def columns() -> dict[str, pa.Array]:
    texts = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array(["d0"]))
    times = pa.array([T0], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return {
        "device": texts,
        "quantity": texts,
        "measured_at": times,
        "received_at": times,
        "value": pa.array([1.0]),
        "quality": pa.array([2], pa.uint16()),
    }


HEAD = {"schema": "readings/1", "kind": "readings"}
WRONG = {
    "value as text": ("value", pa.array(["1.0"])),
    "value as whole numbers": ("value", pa.array([1], pa.int64())),
    "value missing": ("value", pa.array([None], pa.float64())),
    "quality too wide": ("quality", pa.array([2], pa.int64())),
    "device as plain text": ("device", pa.array(["d0"])),
    "device with a code too high": ("device", pa.DictionaryArray.from_arrays(pa.array([3], pa.int32()), pa.array(["d0"]), safe=False)),
    "device with a code below zero": ("device", pa.DictionaryArray.from_arrays(pa.array([-1], pa.int32()), pa.array(["d0"]), safe=False)),
    "device without text": ("device", pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([None], pa.utf8()))),
    "device missing": ("device", pa.DictionaryArray.from_arrays(pa.array([None], pa.int32()), pa.array(["d0"]))),
    "latitude as text": ("latitude", pa.array(["north"])),
}


@pytest.mark.parametrize("name", WRONG)
def test_rule_11_wrong_columns_are_refused_whole(name: str) -> None:
    column, array = WRONG[name]
    assert column in refused_whole(arrow(HEAD, columns() | {column: array})) or name.endswith("missing")


@pytest.mark.parametrize("meta", [{}, {"kind": "rows"}, {"kind": None}, {"kind": ["readings"]}, 7, [], "readings"])
def test_rule_11_frames_without_their_words_are_refused_whole(meta: object) -> None:
    refused_whole(arrow(meta, columns()))


@pytest.mark.parametrize("clock_us", [None, "now", True, 1.5, 1 << 70])
def test_rule_11_heartbeats_without_their_words_are_refused_whole(clock_us: object) -> None:
    assert "clock_us" in refused_whole(heartbeat(clock_us))  # type: ignore[arg-type]


@pytest.mark.parametrize("document", ["{", "{}", '{"id": 7}', ""])
@pytest.mark.parametrize("entity", ["device", "kind", "kpi"])
def test_rule_11_a_catalogue_frame_with_an_unreadable_document_is_refused_whole(entity: str, document: str) -> None:
    good = catalogue_rows()
    value = encode(
        {"schema": "readings/1", "kind": "catalogue"}, {**good, "document": [good["document"][0], document], "entity": coded(["city", entity])}
    )
    assert entity in refused_whole(value)


def catalogue_rows() -> dict[str, list[str]]:
    """A city that is fine, and something else."""
    (city,) = [record for entity, _, record in documents(KPIS, DEVICES) if entity == "city"]
    return {"id": ["c2", "x"], "document": [msgspec.json.encode(city).decode(), ""]}


def test_rule_11_a_catalogue_frame_without_its_columns_is_refused_whole() -> None:
    refused_whole(encode({"schema": "readings/1", "kind": "catalogue"}, {"entity": coded(["city"]), "id": ["c"]}))
    refused_whole(encode({"schema": "readings/1", "kind": "catalogue"}, {"entity": np.zeros(1), "id": ["c"], "document": ["{}"]}))
