"""Positions from a payload to its frame: as columns, and judged as if one row at a time."""

import json
import math
from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from catalog import topics
from catalog.reasons import Reason
from catalog.records import City, Device
from ingest.acks import AckWindow
from ingest.checks import Judged, judge
from ingest.decode import Delivery, decode_batch
from ingest.format import Columns, Format, Row, formats
from ingest.formats import senml as senml_format
from ingest.frames import Frames
from ingest.registry import Registry
from tests.ingest import city

NOW_US = 1_795_359_845_000_000
MARGIN = 0.5
POLAR = City(id="polar", names=city.NAMES, time_zone="UTC", west=179.0, south=89.0, east=179.9, north=89.9)
ON_ICE = Device(id="polar.air-0000", city="polar", kind="air_quality", area="polar.ice", latitude=89.5, longitude=179.5)
HOMES = {"air-0000": city.CITY, "air-0001": city.CITY, "polar": POLAR}
TOPICS = {"air-0000": "city/testville/testville.air-0000/", "air-0001": "city/testville/testville.air-0001/", "polar": "city/polar/polar.air-0000/"}


class Message(NamedTuple):
    """A payload, the topic's device and format, and the rows that can be read in it."""

    device: str
    form: str
    payload: bytes
    rows: list[Row]


def half_way(payload: bytes, into: Columns) -> None:
    """A decoder with a defect: it places its rows and fails."""
    into.add_many(0, {"pm2_5": 1.0, "no2": 2.0}, None)
    into.place(len(into) - 2, 50.85, 4.35)
    raise ZeroDivisionError(payload)


def registry() -> Registry:
    made = Registry({**formats(), "broken": Format("broken", "", half_way, lambda _: b"", [], lambda _: False)}, MARGIN)
    for key, value in [*city.documents(), ("city/polar", msgspec.json.encode(POLAR)), (f"device/{ON_ICE.id}", msgspec.json.encode(ON_ICE))]:
        made.apply(key, value)
    return made


SHARED = registry()
Place = tuple[float, float] | None
INSIDE: list[Place] = [(50.85, 4.35), (50.95 + MARGIN, 4.5 + MARGIN), (50.7 - MARGIN, 4.2 - MARGIN), (89.9, 179.9), (90.0, 180.0)]
OUTSIDE: list[Place] = [(math.nextafter(51.45, 90), 4.35), (50.85, 3.6), (4.35, 50.85), (-0.0, 0.0), (90.2, 179.9), (89.9, 180.2), (1e9, -1e308)]
PLACE: st.SearchStrategy[Place] = st.one_of(st.none(), st.sampled_from(INSIDE), st.sampled_from(OUTSIDE))
QUANTITY, VALUE = st.sampled_from(["pm2_5", "no2", "o3", "nonsense"]), st.sampled_from([1.0, 1.0, 2.0, 1e9])
DEVICE = st.sampled_from(sorted(HOMES))


def row(quantity: str, value: float, time: tuple[int | None, int], place: Place) -> Row:
    latitude, longitude = place or (None, None)
    return Row(quantity, value, time[0], None, latitude, longitude, time[1])


def by_itself(row: Row) -> dict[str, object]:
    place = {} if row.latitude is None else {"lat": row.latitude, "lon": row.longitude}
    return {"quantity": row.quantity, "value": row.value, **({} if row.measured_at_us is None else {"time": row.measured_at_us / 1e6}), **place}


BESIDE: list[list[object]] = [[], [], [1], [{"quantity": "pm2_5", "value": 1, "lat": 50.85}]]


@st.composite
def in_json(draw: st.DrawFn) -> Message:
    """An array of records; an entry that is no object sends it the careful way."""
    drawn = draw(st.lists(st.tuples(QUANTITY, VALUE, st.sampled_from([None, NOW_US, NOW_US - 5_000_000]), PLACE), max_size=5))
    rows = [row(quantity, value, (at_us, 0), place) for quantity, value, at_us, place in drawn]
    beside = draw(st.sampled_from(BESIDE))
    return Message(draw(DEVICE), "json", json.dumps([*map(by_itself, rows), *beside]).encode(), rows)


@st.composite
def in_senml(draw: st.DrawFn) -> Message:
    """A pack, whose rows of one time share one position; at its end perhaps a position of a time without rows, or half of one."""
    times = [(NOW_US, 0), (NOW_US - 5_000_000, 0), (None, 0), (None, -5_000_000)]
    places = [draw(PLACE) for _ in times]
    drawn = draw(st.lists(st.tuples(QUANTITY, VALUE, st.integers(0, len(times) - 1)), max_size=6))
    rows = [row(quantity, value, times[at], places[at]) for quantity, value, at in drawn]
    alone = [{"n": "p", "u": label, "t": -60, "v": 50.85} for label in draw(st.sampled_from([[], ["lat"], ["lat", "lon"]]))]
    return Message(draw(DEVICE), "senml", json.dumps(json.loads(senml_format.encode(rows)) + alone).encode(), rows)


UNREAD = st.builds(Message, DEVICE, st.sampled_from(["json", "broken", "xml"]), st.just(b"nonsense"), st.just([]))
BATCH = st.lists(st.one_of(in_json(), in_senml(), UNREAD), max_size=8)
Kept = tuple[int, str, int, float, Place]
"""Message, quantity, measured at, value, position."""


def plausible(place: Place, home: City) -> bool:
    if place is None:
        return True
    latitude, longitude = place
    near = home.south - MARGIN <= latitude <= home.north + MARGIN and home.west - MARGIN <= longitude <= home.east + MARGIN
    return near and abs(latitude) <= 90.0 and abs(longitude) <= 180.0


def slowly(batch: list[Message]) -> tuple[list[Kept], list[tuple[int, int, Reason, str]]]:
    """What goes on, and what is refused of the rows that could be read; of a position the whole sentence."""
    kept: list[Kept] = []
    refused: list[tuple[int, int, Reason, str]] = []
    for number, message in enumerate(batch):
        first: dict[tuple[str, int], float] = {}
        for index, row in enumerate(message.rows):
            at_us = NOW_US + row.since_receipt_us if row.measured_at_us is None else row.measured_at_us
            place = None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude)
            if row.quantity == "nonsense":
                refused.append((number, index, Reason.UNKNOWN_QUANTITY, ""))
            elif row.value == 1e9:
                refused.append((number, index, Reason.OUT_OF_RANGE, ""))
            elif not plausible(place, HOMES[message.device]):
                wanted = f"wanted a position in or near its city (latitude, longitude), got {place}"
                sentence = f"record {index}, {row.quantity}: {wanted} [implausible_position]"
                refused.append((number, index, Reason.IMPLAUSIBLE_POSITION, sentence))
            elif (row.quantity, at_us) not in first:
                first[row.quantity, at_us] = row.value
                kept.append((number, row.quantity, at_us, row.value, place))
            elif first[row.quantity, at_us] != row.value:
                refused.append((number, index, Reason.CONFLICT, ""))
    return kept, refused


def rows_of(judged: Judged) -> list[Kept]:
    nowhere = np.full(len(judged.value), np.nan)
    latitude, longitude = (nowhere if column is None else column for column in (judged.latitude, judged.longitude))
    places: list[Place] = [None if math.isnan(north) else (north, east) for north, east in zip(latitude.tolist(), longitude.tolist(), strict=True)]
    names = [SHARED.quantity_ids[number] for number in judged.quantity.tolist()]
    return list(zip(judged.message.tolist(), names, judged.measured_at.tolist(), judged.value.tolist(), places, strict=True))


@given(BATCH)
@example([Message("air-0000", "broken", b"", []), Message("air-0000", "json", b'{"quantity": "pm2_5", "value": 1}', [Row("pm2_5", 1.0)])])
@example([Message("air-0000", "json", b'{"quantity": "pm2_5", "value": 1}', [Row("pm2_5", 1.0)]), Message("air-0000", "broken", b"", [])])
def test_positions_are_judged_in_a_batch_as_they_are_row_by_row(batch: list[Message]) -> None:
    deliveries: list[Delivery] = [(TOPICS[each.device] + each.form, each.payload, n, 1, NOW_US) for n, each in enumerate(batch, start=1)]
    decoded = decode_batch(deliveries, SHARED, 65_536)
    judged = judge(decoded, deliveries, SHARED)
    kept, refused = slowly(batch)
    assert rows_of(judged) == kept
    told = [
        (number, each.index, each.reason, each.detail if each.reason == Reason.IMPLAUSIBLE_POSITION else "")
        for number, found in sorted(decoded.refusals.items())
        for each in found
        if each.reason not in (Reason.MALFORMED, Reason.UNSUPPORTED_FORMAT)
    ]
    assert told == refused
    anywhere = any(row.latitude is not None for each in batch for row in each.rows)
    assert (judged.latitude is not None) == (judged.longitude is not None) == anywhere
    frames = Frames(topics.PARTITIONS, 3)
    closed = [*frames.add(judged, AckWindow().open([(1, 1)]), 0.0), *frames.all()]
    assert sum(frame.rows for frame in closed) == len(kept)
    assert all(("latitude" in frame.columns) == ("longitude" in frame.columns) == anywhere for frame in closed)
    framed = [north for frame in closed if anywhere for north in frame.columns["latitude"].tolist() if not math.isnan(north)]
    assert sorted(framed) == sorted(place[0] for *_, place in kept if place is not None)


@given(st.lists(st.tuples(st.sampled_from(["add", "place", "cut"]), st.integers(0, 6), st.floats(-90, 90)), max_size=30))
def test_the_columns_of_positions_follow_their_rows(steps: list[tuple[str, int, float]]) -> None:
    columns, places = Columns(), list[Place]()
    for what, number, degrees in steps:
        first = min(number, len(places))
        if what == "add":
            columns.add_many(0, {f"q{n}": 1.0 for n in range(number)}, None)
            places += [None] * number
        elif what == "place":
            columns.place(first, degrees, -degrees)
            places[first:] = [(degrees, -degrees)] * (len(places) - first)
        else:
            columns.cut(first, 0)
            del places[first:]
        assert len(columns.latitude) == len(columns.longitude) <= len(columns)
    assert [(row.latitude, row.longitude) for row in columns.rows()] == [place or (None, None) for place in places]
