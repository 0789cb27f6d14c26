"""Every payload format keeps the same laws; what is special about one stands in its own table."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.reasons import Reason
from ingest.format import WHOLE_MESSAGE, Columns, Example, Format, Row, formats, number, whole
from ingest.formats import json as json_format
from ingest.formats import senml as senml_format
from runtime.errors import Rejected

ALL = list(formats().values())
EXAMPLES = [(each, example) for each in ALL for example in each.examples]


def read(form: Format, payload: bytes) -> tuple[list[Row], list[tuple[int, Reason]]]:
    """Rows and refusals, as the gateway counts them."""
    columns = Columns()
    try:
        form.decode(payload, columns)
    except Rejected as refusal:
        return [], [(WHOLE_MESSAGE, refusal.reason)]
    return columns.rows(), [(refusal.index, refusal.reason) for refusal in columns.refusals]


def test_formats_are_found_by_folder_under_their_own_name() -> None:
    assert list(formats()) == ["json", "senml"]


@pytest.mark.parametrize(("form", "example"), EXAMPLES, ids=[f"{form.name}-{i}" for i, (form, _) in enumerate(EXAMPLES)])
def test_examples_are_read_as_they_say(form: Format, example: Example) -> None:
    assert read(form, example.payload) == (list(example.rows), list(example.rejected))


@pytest.mark.parametrize(("form", "example"), EXAMPLES, ids=[f"{form.name}-{i}" for i, (form, _) in enumerate(EXAMPLES)])
def test_a_format_knows_its_own_examples(form: Format, example: Example) -> None:
    if example.rows:
        assert [each.name for each in ALL if each.detect(example.payload)] == [form.name]


TEXT = st.text(alphabet='abz019_ :/.\\"\n\t\0é€µ😀', max_size=10)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
QUANTITY = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
POSITION = st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
JSON_TIME = st.one_of(st.none(), st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))


@st.composite
def json_row(draw: st.DrawFn) -> Row:
    latitude, longitude = draw(POSITION) or (None, None)
    return Row(draw(TEXT), draw(FINITE), draw(JSON_TIME), draw(st.one_of(st.none(), TEXT)), latitude, longitude)


@st.composite
def senml_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of which those of one time share one position."""
    rows: list[Row] = []
    placed: dict[tuple[int | None, int], tuple[float | None, float | None]] = {}
    for _ in range(draw(st.integers(0, 8))):
        absolute = draw(st.booleans())
        at_us = draw(st.integers(268_435_456_000_000, 4_000_000_000_000_000)) if absolute else None
        since_us = 0 if absolute else draw(st.integers(-10_000_000_000_000, 268_435_455_999_999))
        place = placed.setdefault((at_us, since_us), draw(POSITION) or (None, None))
        unit = draw(st.one_of(st.none(), st.sampled_from(["ug/m3", "Cel", "%RH", "coulomb", "m/s", ""])))
        rows.append(Row(draw(QUANTITY), draw(FINITE), at_us, unit, place[0], place[1], since_us))
    return rows


@given(st.lists(json_row(), max_size=8))
def test_json_reads_back_what_it_writes(rows: list[Row]) -> None:
    assert read(formats()["json"], json_format.encode(rows)) == (rows, [])


@given(senml_rows())
def test_senml_reads_back_what_it_writes(rows: list[Row]) -> None:
    assert read(formats()["senml"], senml_format.encode(rows)) == (rows, [])


LABELS = [
    "time",
    "quantity",
    "value",
    "values",
    "unit",
    "latitude",
    "lon",
    "bn",
    "bt",
    "bu",
    "bv",
    "bver",
    "bs",
    "n",
    "u",
    "v",
    "vs",
    "vb",
    "s",
    "t",
    "x_",
    "x",
]
LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    st.sampled_from(["lat", "lon", "pm2_5", 10, 1_700_000_000, 1e11, 10**30, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00"]),
)
LIKE_A_RECORD = st.dictionaries(st.sampled_from(LABELS), st.one_of(LEAF, st.dictionaries(st.sampled_from(["pm2_5", "no2"]), LEAF)), max_size=6)
LIKE_A_PAYLOAD = st.one_of(LIKE_A_RECORD, st.lists(st.one_of(LIKE_A_RECORD, LEAF), max_size=5), LEAF)


def python_json(value: Any) -> bytes:
    """As a careless device writes it: NaN and Infinity bare."""
    import json

    return json.dumps(value).encode()


@pytest.mark.parametrize("form", ALL, ids=[form.name for form in ALL])
@given(payload=st.one_of(st.binary(max_size=200), LIKE_A_PAYLOAD.map(python_json)))
def test_no_payload_raises_anything_but_rejected(form: Format, payload: bytes) -> None:
    rows, refusals = read(form, payload)
    assert all(math.isfinite(row.value) or form.name == "senml" for row in rows)
    assert all(index >= WHOLE_MESSAGE for index, _ in refusals)


@given(LIKE_A_PAYLOAD.map(python_json))
def test_json_quick_and_careful_paths_agree(payload: bytes) -> None:
    quick, careful = Columns(), Columns()
    try:
        json_format.decode_carefully(payload, careful)
    except Rejected:
        with pytest.raises(Rejected):
            json_format.decode(payload, quick)
        return
    json_format.decode(payload, quick)
    assert quick.rows() == careful.rows()
    assert quick.refusals == careful.refusals


@given(LIKE_A_PAYLOAD.map(python_json))
def test_senml_quick_and_careful_paths_agree(payload: bytes) -> None:
    # white space is no JSON escape, but the escape in it sends the pack the careful way
    careful = payload.replace(b'"n"', b'"\\u006e"') if b'"n"' in payload else payload
    assert read(formats()["senml"], payload) == read(formats()["senml"], careful)


@pytest.mark.parametrize(
    ("case", "payload", "rows", "refused"),
    [
        ("a boolean is no number", b'{"quantity": "a", "value": true}', 0, [(0, Reason.MALFORMED)]),
        ("text is no number", b'{"quantity": "a", "value": "1"}', 0, [(0, Reason.MALFORMED)]),
        ("null is no number", b'{"quantity": "a", "value": null}', 0, [(0, Reason.MALFORMED)]),
        ("a number too great for a float", b'{"quantity": "a", "value": 1e999}', 0, [(0, Reason.NOT_FINITE)]),
        ("infinity written bare", b'[{"quantity": "a", "value": -Infinity}]', 0, [(0, Reason.NOT_FINITE)]),
        ("an object without anything", b"{}", 0, [(0, Reason.MALFORMED)]),
        ("an empty map of values", b'{"values": {}}', 0, [(0, Reason.MALFORMED)]),
        ("a unit beside values says nothing clear", b'{"values": {"a": 1}, "unit": "K"}', 0, [(0, Reason.MALFORMED)]),
        ("value beside values", b'{"values": {"a": 1}, "quantity": "a", "value": 2}', 0, [(0, Reason.MALFORMED)]),
        ("half a position", b'{"quantity": "a", "value": 1, "lat": 50.0}', 0, [(0, Reason.MALFORMED)]),
        ("null for unit and time is absent", b'{"quantity": "a", "value": 1, "unit": null, "time": null}', 1, []),
        ("a label that nobody knows", b'{"quantity": "a", "value": 1, "battery": 3.1}', 1, []),
        ("an empty array holds nothing", b"[]", 0, []),
        ("records among other things", b'[1, {"quantity": "a", "value": 1}, null]', 1, [(0, Reason.MALFORMED), (2, Reason.MALFORMED)]),
        ("only the bad one of several values", b'{"values": {"a": 1, "b": [2], "c": 3}}', 2, [(0, Reason.MALFORMED)]),
        ("many levels", b"[" * 100_000, 0, [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("no UTF-8", b'{"quantity": "\xff", "value": 1}', 0, [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("a number as payload", b"12", 0, [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("nothing", b"", 0, [(WHOLE_MESSAGE, Reason.MALFORMED)]),
    ],
)
def test_json_cases(case: str, payload: bytes, rows: int, refused: list[tuple[int, Reason]]) -> None:
    found = read(formats()["json"], payload)
    assert (len(found[0]), found[1]) == (rows, refused), case


AT_S = 1_700_000_000


@pytest.mark.parametrize(
    ("case", "payload", "rows", "refused"),
    [
        ("base name is a prefix", b'[{"bn": "urn:x:", "n": "a", "v": 1}]', [Row("a", 1.0)], []),
        ("base name alone can be the name", b'[{"bn": "dev/a", "v": 1}]', [Row("a", 1.0)], []),
        ("base value is added", b'[{"bv": 20, "n": "a", "v": 1.5}, {"n": "b", "v": -1}]', [Row("a", 21.5), Row("b", 19.0)], []),
        ("base value stands for a missing value", b'[{"bv": 20}, {"n": "a"}]', [Row("a", 20.0)], []),
        ("base fields hold until the next of their kind", b'[{"bu": "K", "n": "a", "v": 1}, {"bu": "Cel", "n": "a", "v": 2, "t": 1}]',
         [Row("a", 1.0, None, "K"), Row("a", 2.0, None, "Cel", since_receipt_us=1_000_000)], []),
        ("an own unit stands above the base unit", b'[{"bu": "K", "n": "a", "u": "Cel", "v": 1}]', [Row("a", 1.0, None, "Cel")], []),
        ("times below 2^28 are from now", b'[{"n": "a", "v": 1, "t": 268435455}]', [Row("a", 1.0, since_receipt_us=268_435_455_000_000)], []),
        ("times from 2^28 on are absolute", b'[{"n": "a", "v": 1, "t": 268435456}]', [Row("a", 1.0, 268_435_456_000_000)], []),
        ("the sum decides", b'[{"bt": 1700000000.5, "n": "a", "t": -0.25, "v": 1}]', [Row("a", 1.0, 1_700_000_000_250_000)], []),
        ("only base fields: no reading", b'[{"bn": "x:", "bt": 1700000000}]', [], []),
        ("a bad value leaves its base fields in force", b'[{"bt": 1700000000, "n": "a", "v": "1"}, {"n": "a", "v": 2}]',
         [Row("a", 2.0, AT_S * 1_000_000)], [(0, Reason.MALFORMED)]),
        ("a bad base field spoils the pack", b'[{"bt": "now", "n": "a", "v": 1}, {"n": "a", "v": 2}]', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("a name and no value", b'[{"n": "a"}]', [], [(0, Reason.MALFORMED)]),
        ("no name", b'[{"v": 1}]', [], [(0, Reason.MALFORMED)]),
        ("a name with a space", b'[{"n": "a b", "v": 1}]', [], [(0, Reason.MALFORMED)]),
        ("a name that begins with a sign", b'[{"n": "-a", "v": 1}]', [], [(0, Reason.MALFORMED)]),
        ("text", b'[{"n": "a", "vs": "open"}]', [], [(0, Reason.MALFORMED)]),
        ("data", b'[{"n": "a", "vd": "AQ"}]', [], [(0, Reason.MALFORMED)]),
        ("a sum alone", b'[{"n": "a", "s": 3}]', [], [(0, Reason.MALFORMED)]),
        ("a sum beside a value", b'[{"n": "a", "s": 3, "v": 1}]', [Row("a", 1.0)], []),
        ("two values", b'[{"n": "a", "v": 3, "vb": true}]', [], [(0, Reason.MALFORMED)]),
        ("an older version", b'[{"bver": 5, "n": "a", "v": 1}]', [Row("a", 1.0)], []),
        ("two versions", b'[{"bver": 10, "n": "a", "v": 1}, {"bver": 9}]', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("a label that need not be understood", b'[{"n": "a", "v": 1, "battery": 3}]', [Row("a", 1.0)], []),
        ("a label that must be understood, escaped", b'[{"n": "a", "v": 1, "x\\u005f": 3}]', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("a value that ends with an underscore is none", b'[{"n": "a_", "v": 1}]', [Row("a_", 1.0)], []),
        ("C is coulomb", b'[{"n": "a", "u": "C", "v": 1}]', [Row("a", 1.0, None, "coulomb")], []),
        ("a position of the same time", b'[{"n": "a", "v": 1}, {"n": "p", "u": "lat", "v": 50.5}, {"n": "p", "u": "lon", "v": 4.5}]',
         [Row("a", 1.0, None, None, 50.5, 4.5)], []),
        ("half a position", b'[{"n": "a", "v": 1}, {"n": "p", "u": "lat", "v": 50.5}]', [Row("a", 1.0)], [(1, Reason.MALFORMED)]),
        ("an object is no pack", b'{"n": "a", "v": 1}', [], [(WHOLE_MESSAGE, Reason.MALFORMED)]),
        ("a time beyond all years", b'[{"n": "a", "v": 1, "t": 1e300}]', [], [(0, Reason.MALFORMED)]),
    ],
)  # fmt: skip
def test_senml_cases(case: str, payload: bytes, rows: list[Row], refused: list[tuple[int, Reason]]) -> None:
    assert read(formats()["senml"], payload) == (rows, refused), case


def test_a_failed_decoder_leaves_the_columns_whole() -> None:
    columns = Columns()
    columns.add(0, "a", 1.0, None)
    with pytest.raises(TypeError):
        columns.add(1, "b", "2", 5)  # type: ignore[arg-type]
    columns.cut(1, 0)
    columns.add_many(1, {"c": 3.0, "d": 4.0}, 7)
    assert columns.rows() == [Row("a", 1.0), Row("c", 3.0, 7), Row("d", 4.0, 7)]


@pytest.mark.parametrize("value", [True, "1", None, [1], math.nan, math.inf, 10**400])
def test_number_refuses_what_is_no_finite_number(value: object) -> None:
    with pytest.raises(Rejected):
        number(value, "here")


def test_whole_takes_whole_floats_only() -> None:
    assert whole(3.0, "here") == 3
    with pytest.raises(Rejected):
        whole(3.5, "here")


def test_names_and_examples_do_not_repeat() -> None:
    assert all(first.payload != second.payload for first, second in itertools.combinations([example for _, example in EXAMPLES], 2))
