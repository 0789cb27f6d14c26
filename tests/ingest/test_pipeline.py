"""From a batch of MQTT messages to Kafka records: every reason, and the law that nothing gets lost."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import topics
from catalog.quality import Cause, Flag
from catalog.reasons import Reason
from catalog.topics import partition_of
from ingest.decode import Delivery
from ingest.format import Format, formats
from ingest.pipeline import Outgoing, Pipeline
from ingest.registry import Registry
from ingest.rejected import LISTED_MAX, PAYLOAD_MAX_BYTES, rejected
from runtime import frames
from tests.ingest import city

NOW_US = 1_795_359_845_000_000
LARGEST = 4_096
SHARED = city.registry()


def pipeline(registry: Registry | None = None, frame_rows: int = 4_000) -> Pipeline:
    return Pipeline(registry or city.registry(), "gw-7", "abc", frame_rows, LARGEST)


def delivery(payload: bytes, topic: str = "", mid: int = 1, received_us: int = NOW_US) -> Delivery:
    return (topic or city.topic(), payload, mid, 1, received_us)


def run(*deliveries: Delivery) -> tuple[list[dict[str, Any]], list[tuple[bytes, list[dict[str, Any]]]]]:
    """All rows, and each rejected payload with its rejections."""
    pipe = pipeline()
    records, defects = pipe.take(deliveries, 0.0)
    assert defects == []
    return rows(records + pipe.flush()), refusals(records)


def rows(records: list[Outgoing]) -> list[dict[str, Any]]:
    found = []
    for record in records:
        if record.topic == topics.READINGS.name:
            frame = frames.decode(record.value)
            columns = {
                name: [column.texts[code] for code in column.codes] if isinstance(column, frames.Coded) else column.tolist()
                for name, column in frame.columns.items()
            }
            found += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
            assert all(partition_of(row["device"]) == record.partition for row in found[-frame.rows :] if frame.rows)
    return found


def refusals(records: list[Outgoing]) -> list[tuple[bytes, list[dict[str, Any]]]]:
    return [(record.value, json.loads(dict(record.headers)["rejections"])) for record in records if record.topic == topics.REJECTED.name]


def test_a_reading_becomes_a_row_in_canonical_units() -> None:
    payload = b'{"time": "2026-11-22T15:04:04.5Z", "quantity": "temperature", "value": 50, "unit": "degF"}'
    found, refused = run(delivery(payload, city.topic("weather-0001")))
    assert refused == []
    assert found == [
        {
            "device": "testville.weather-0001", "quantity": "temperature", "measured_at": NOW_US - 500_000, "received_at": NOW_US,
            "value": 10.0, "quality": int(Flag.NOT_EVALUATED),
        }
    ]  # fmt: skip


def test_a_reading_without_time_gets_the_receive_time_and_says_so() -> None:
    found, _ = run(delivery(b'{"quantity": "pm2_5", "value": 1}'), delivery(b'[{"n": "pm2_5", "v": 1, "t": -2}]', city.topic(form="senml")))
    assert [(row["measured_at"], row["quality"]) for row in found] == [
        (NOW_US, Flag.NOT_EVALUATED | Cause.GATEWAY_TIME),
        (NOW_US - 2_000_000, Flag.NOT_EVALUATED | Cause.GATEWAY_TIME),
    ]


def test_positions_travel_only_where_there_are_any() -> None:
    found, _ = run(delivery(b'[{"quantity": "pm2_5", "value": 1, "lat": 50.8, "lon": 4.3}, {"quantity": "no2", "value": 2}]'))
    assert found[0]["latitude"] == 50.8
    assert found[0]["longitude"] == 4.3
    assert np.isnan(found[1]["latitude"])


def at(seconds: float) -> str:
    return f'"time": {(NOW_US / 1e6) + seconds:.6f}'


DAY_S = 86_400


@pytest.mark.parametrize(
    ("reason", "index", "payload", "topic", "sentence"),
    [
        (Reason.MALFORMED, -1, "nonsense", "", "wanted JSON"),
        (Reason.MALFORMED, 0, '{"quantity": "pm2_5"}', "", "wanted a number"),
        (Reason.UNKNOWN_DEVICE, -1, "{}", city.topic("nobody"), "testville.nobody"),
        (Reason.UNKNOWN_CITY, -1, "{}", city.topic(city="atlantis"), "atlantis"),
        (Reason.UNSUPPORTED_FORMAT, -1, "{}", city.topic(form="xml"), "one of json, senml"),
        (Reason.TOO_LARGE, -1, " " * (LARGEST + 1), "", "at most 4096 bytes"),
        (Reason.UNKNOWN_QUANTITY, 0, '{"quantity": "sound_level", "value": 50}', "", "sound_level"),
        (Reason.UNKNOWN_QUANTITY, 0, '{"quantity": "\\ud800", "value": 50}', "", "ud800"),
        (Reason.WRONG_UNIT, 0, '{"quantity": "pm2_5", "value": 50, "unit": "furlong"}', "", "a unit of pm2_5"),
        (Reason.NOT_FINITE, 0, '{"quantity": "pm2_5", "value": NaN}', "", "a finite number"),
        (Reason.OUT_OF_RANGE, 0, '{"quantity": "pm2_5", "value": 1e9}', "", "1000000000 ug/m3"),
        (Reason.OUT_OF_RANGE, 0, '{"quantity": "pm2_5", "value": 1e308, "unit": "mg/m3"}', "", "inf ug/m3"),
        (Reason.TIME_IN_FUTURE, 0, '{"quantity": "pm2_5", "value": 1, ' + at(301) + "}", "", "ahead of the receipt"),
        (Reason.TIME_TOO_OLD, 0, '{"quantity": "pm2_5", "value": 1, ' + at(-7 * DAY_S - 1) + "}", "", "max_age"),
        (Reason.IMPLAUSIBLE_POSITION, 0, '{"quantity": "pm2_5", "value": 1, "lat": 4.35, "lon": 50.85}', "", "(4.35, 50.85)"),
        (Reason.IMPLAUSIBLE_POSITION, 0, '{"quantity": "pm2_5", "value": 1, "lat": 1e9, "lon": 50.85}', "", "position"),
        (Reason.CONFLICT, 1, '[{"quantity": "pm2_5", "value": 1}, {"quantity": "pm2_5", "value": 2}]', "", "one value for a quantity and a time"),
    ],
)  # fmt: skip
def test_each_reason_keeps_the_bytes_and_says_where_wanted_and_got(reason: Reason, index: int, payload: str, topic: str, sentence: str) -> None:
    found, refused = run(delivery(payload.encode(), topic))
    ((kept, ((listed),)),) = refused
    assert kept == payload.encode()
    assert (listed["index"], listed["reason"]) == (index, reason.value)
    assert sentence in listed["detail"]
    assert "wanted" in listed["detail"]
    assert len(found) == (1 if reason == Reason.CONFLICT else 0)


@pytest.mark.parametrize("seconds", [300, -7 * DAY_S])
def test_the_edges_of_the_accepted_times_are_inside(seconds: float) -> None:
    found, refused = run(delivery(('{"quantity": "pm2_5", "value": 1, ' + at(seconds) + "}").encode()))
    assert (len(found), refused) == (1, [])


def test_in_an_array_the_good_go_in_and_each_bad_one_has_its_index() -> None:
    payload = b'[{"quantity":"pm2_5","value":1},{"quantity":"pm2_5","value":"x"},{"quantity":"no2","value":-1e9},{"quantity":"o3","value":3}]'
    found, refused = run(delivery(payload))
    assert [(row["quantity"], row["value"]) for row in found] == [("pm2_5", 1.0), ("o3", 3.0)]
    ((kept, listed),) = refused
    assert kept == payload
    assert [(each["index"], each["reason"]) for each in listed] == [(1, "malformed"), (2, "out_of_range")]


def test_equal_keys_in_one_message_the_first_stands_in_others_all() -> None:
    twice = b'[{"quantity":"pm2_5","value":1.001,"time":1795359844},{"quantity":"pm2_5","value":1,"time":1795359844}]'
    pipe = pipeline()
    pipe.take([delivery(twice), delivery(twice)], 0.0)
    assert (pipe.totals.duplicates, pipe.totals.rejected_readings) == (2, 0)
    assert len(rows(pipe.flush())) == 2


def test_rule_02_a_frame_is_numbered_per_partition_without_holes_and_heartbeats_count_along() -> None:
    pipe = pipeline(frame_rows=2)
    records: list[Outgoing] = []
    for i in range(5):
        records += pipe.take([delivery(b'{"quantity":"pm2_5","value":%d}' % i, city.topic(f"air-{i:04d}"), i, NOW_US + i)], 0.0)[0]
        records += pipe.beat(NOW_US + i)
    records += pipe.beat(NOW_US + 9, last=True)
    seen: dict[int, list[int]] = {}
    framed = Counter[int]()
    for record in records:
        frame = frames.decode(record.value)
        assert (frame.meta["gateway"], frame.meta["life"], frame.meta["schema"]) == ("gw-7", "abc", "readings/1")
        seen.setdefault(record.partition, []).append(frame.meta["seq"])
        if frame.meta["kind"] == "readings":
            framed[record.partition] += frame.rows
        else:
            assert frame.meta["totals"]["framed_here"] == framed[record.partition]
    assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
    assert len(seen) == topics.PARTITIONS
    last = [frames.decode(record.value).meta for record in records[-topics.PARTITIONS :]]
    assert all(meta["last"] and meta["totals"]["framed"] == 5 and meta["totals"]["delivered"] == 5 for meta in last)
    assert "last" not in frames.decode(records[0].value).meta


def test_rule_24_a_message_is_acknowledged_after_all_its_records_and_all_messages_before() -> None:
    pipe = pipeline()
    half = b'[{"quantity":"pm2_5","value":1},{"quantity":"pm2_5","value":"x"}]'
    first, _ = pipe.take([delivery(half, mid=11), delivery(b"[]", mid=12)], 0.0)
    second, _ = pipe.take([delivery(b"x", mid=13)], 0.0)
    records = [*first, *second, *pipe.flush()]
    assert len(records) == 3
    for i, record in enumerate(reversed(records)):
        assert pipe.window.finished() == []
        for batch in record.batches:
            pipe.window.confirm(batch)
        assert (pipe.window.unacknowledged == 0) == (i == 3)
    assert pipe.window.finished() == [(1, 11), (1, 12), (1, 13)]


def test_a_decoder_that_fails_costs_its_message_only() -> None:
    def fail(payload: bytes, into: Any) -> None:
        into.add(0, "pm2_5", 1.0, None)
        raise ZeroDivisionError

    broken = Format("broken", "", fail, lambda _: b"", [], lambda _: False)
    registry = Registry({**formats(), "broken": broken})
    for key, value in city.documents():
        registry.apply(key, value)
    pipe = pipeline(registry)
    records, defects = pipe.take([delivery(b"1", city.topic(form="broken")), delivery(b'{"quantity":"pm2_5","value":1}')], 0.0)
    assert len(defects) == 1
    assert [listed[0]["reason"] for _, listed in refusals(records)] == ["malformed"]
    assert len(rows(pipe.flush())) == 1


def test_however_much_is_refused_the_record_fits_and_counts() -> None:
    pipe = Pipeline(city.registry(), "gw-7", "abc", 4_000, 256 << 10)
    payload = b"[" + b",".join([b"0"] * 130_000) + b"]"
    records, _ = pipe.take([delivery(payload)], 0.0)
    ((kept, listed),) = refusals(records)
    assert kept == payload
    assert len(dict(records[0].headers)["rejections"]) < 256 << 10
    assert len(listed) == LISTED_MAX + 1
    assert sum(each.get("count", 1) for each in listed) == 130_000 == pipe.totals.rejected_readings


def test_a_payload_beyond_what_kafka_takes_is_cut_and_says_so() -> None:
    value, headers = rejected(b"x" * (PAYLOAD_MAX_BYTES + 1), "t", NOW_US, [], ("gw", "life", ""))
    assert len(value) == PAYLOAD_MAX_BYTES
    assert dict(headers)["truncated"] == str(PAYLOAD_MAX_BYTES + 1).encode()


def test_the_headers_are_those_of_the_contract() -> None:
    _, headers = rejected(b"x", "city/a/\ud800/json", 5, [], ("gw-0", "ff", "testville"))
    assert dict(headers) == {
        "kompas.schema": b"rejected/1", "origin": b"mqtt:city/a/\\ud800/json", "gateway": b"gw-0", "life": b"ff", "received_at": b"5",
        "city": b"testville", "rejections": b"[]",
    }  # fmt: skip


NUMBER = st.sampled_from(["1", "2", "1e9", "-1e9", "NaN", '"x"', "null", "1e400", "true"])
RECORD = st.builds(
    lambda quantity, value, extra: f'{{"quantity": "{quantity}", "value": {value}{extra}}}',
    st.sampled_from(["pm2_5", "no2", "sound_level", "x"]),
    NUMBER,
    st.sampled_from(
        [
            "",
            ', "unit": "mg/m3"',
            ', "unit": "K"',
            ', "time": 1795359844',
            ', "time": 1',
            ', "time": "now"',
            ', "lat": 50.8, "lon": 4.4',
            ', "lat": 0, "lon": 0',
        ]
    ),
)
VALUES = st.lists(NUMBER, min_size=1, max_size=3).map(
    lambda values: '{"values": {' + ", ".join(f'"{q}": {v}' for q, v in zip(["pm2_5", "no2", "o3"], values, strict=False)) + "}}"
)
PAYLOAD = st.one_of(
    st.lists(st.one_of(RECORD, VALUES), max_size=6).map(lambda records: ("[" + ",".join(records) + "]").encode()),
    RECORD.map(str.encode),
    st.binary(max_size=20),
)
TOPIC = st.sampled_from([city.topic(), city.topic("air-0001"), city.topic("noise-0000"), city.topic("nobody"), city.topic(form="senml"), "x"])


@given(st.lists(st.lists(st.tuples(TOPIC, PAYLOAD), max_size=5), max_size=4), st.integers(1, 5))
def test_everything_that_goes_in_comes_out_or_is_rejected(batches: list[list[tuple[str, bytes]]], frame_rows: int) -> None:
    pipe = pipeline(SHARED, frame_rows)
    records: list[Outgoing] = []
    deliveries: list[Delivery] = []
    for batch in batches:
        taken = [delivery(payload, topic, len(deliveries) + i + 1, NOW_US + len(deliveries) + i) for i, (topic, payload) in enumerate(batch)]
        deliveries += taken
        new, defects = pipe.take(taken, 0.0)
        records += new
        assert defects == []
    records += pipe.flush()
    totals = pipe.totals
    assert totals.delivered == len(deliveries) == totals.decoded + totals.rejected_messages
    assert totals.readings == totals.framed + totals.rejected_readings + totals.duplicates
    assert totals.framed == len(rows(records))
    listed = [each for _, found in refusals(records) for each in found]
    assert totals.rejected_messages == sum(each["index"] == -1 for each in listed)
    assert totals.rejected_readings == sum(each["index"] >= 0 for each in listed)
    assert sum(pipe.reasons.values()) == len(listed)
    sent = Counter(payload for _, payload, _, _, _ in deliveries)
    assert not Counter(payload for payload, _ in refusals(records)) - sent
    for record in records:
        for each in record.batches:
            pipe.window.confirm(each)
    assert pipe.window.finished() == [(1, mid) for _, _, mid, _, _ in deliveries]
