"""Maps, rows and messages of a replay: every row comes out, or is told with its line."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ConfigError
from simulators.maps import DeviceShape, FileShape, Map, TimeShape, ValueShape, checked, load_map
from simulators.replay import Order, look, message, shift_us
from simulators.rows import Row, Skipped, Value, number, read, time_us

MAPS = Path("docs/examples/maps")
SIMPLE = Map(city="here", time=TimeShape(columns=("at",)), device=DeviceShape(column="who"), values=(ValueShape(column="v", quantity="no2"),))


def rows(tmp_path: Path, text: str, shape: Map, name: str = "file.csv") -> list[Row | Skipped]:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return list(read(path, shape))


def test_every_example_map_loads_and_its_own_sample_gives_readings(tmp_path):
    for path in sorted(MAPS.glob("*.toml")):
        shape = load_map(path)
        sample = [line[1:].strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#   ")]
        found = rows(tmp_path, "\n".join(sample) + "\n", shape, f"{path.stem}.txt")
        assert found, path
        for row in found:
            assert isinstance(row, Row), (path, row)
            assert row.at_us is not None
            assert row.values
            body = json.loads(message(row, shape.city, 0).payload)
            assert body


def test_a_long_row_a_missing_value_and_a_bad_one(tmp_path):
    text = "who,at,v\na,2025-03-01T00:00:00Z,1.5\nb,2025-03-01T00:00:00Z,\nc,yesterday,x\nd,2025-03-01T00:00:00Z\n,2025-03-01T00:00:00Z,1\n"
    one, none, bad, short, nobody = rows(tmp_path, text, SIMPLE)
    assert one == Row(2, "a", 1_740_787_200_000_000, "2025-03-01T00:00:00Z", (Value("no2", 1.5, None),), None)
    assert isinstance(none, Row)
    assert isinstance(bad, Row)
    assert none.values == ()
    assert (bad.at_us, bad.values) == (None, (Value("no2", "x", None),))
    assert json.loads(message(bad, "here", 5).payload) == {"time": "yesterday", "quantity": "no2", "value": "x"}
    assert short == Skipped(5, "wanted 3 fields, got 2")
    assert nobody == Skipped(6, "wanted a device in 'who', got ''")


def test_gzip_and_a_byte_order_mark(tmp_path):
    (row,) = rows(tmp_path, "\ufeffwho,at,v\na,2025-03-01T00:00:00Z,1\n", SIMPLE, "file.csv.gz")
    assert isinstance(row, Row)
    assert row.device == "a"


def test_a_column_that_is_not_there_is_the_maps_fault(tmp_path):
    with pytest.raises(ConfigError, match=r"file.csv: header: wanted a column 'v', as the map says, got \['who', 'at'\]"):
        rows(tmp_path, "who,at\na,b\n", SIMPLE)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12)), max_size=12))
def test_no_row_vanishes(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("rows") / "file.csv"
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["who", "at", "v"])
    writer.writerows(table)
    path.write_text(out.getvalue(), encoding="utf-8", newline="", errors="surrogatepass")
    found = list(read(path, SIMPLE))
    assert len(found) == len(table)
    for row in found:
        assert isinstance(row, Skipped) or message(row, "here", 0).payload


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("2025-03-01T00:00:00+01:00", TimeShape(columns=("a",)), 1_740_783_600_000_000),
        ("2025-03-01T00:00:00", TimeShape(columns=("a",)), None),
        ("2025-03-01T00:00:00", TimeShape(columns=("a",), zone="Europe/Brussels"), 1_740_783_600_000_000),
        ("2025-03-30T02:30:00", TimeShape(columns=("a",), zone="Europe/Brussels"), None),
        ("2025-10-26T02:30:00", TimeShape(columns=("a",), zone="Europe/Brussels"), 1_761_438_600_000_000),
        ("2025-10-26T02:30:00", TimeShape(columns=("a",), zone="Europe/Brussels", repeated_hour="second"), 1_761_442_200_000_000),
        ("1740787200.5", TimeShape(columns=("a",), format="epoch_s"), 1_740_787_200_500_000),
        ("1740787200500", TimeShape(columns=("a",), format="epoch_ms"), 1_740_787_200_500_000),
        ("nan", TimeShape(columns=("a",), format="epoch_s"), None),
        ("1/3/2025 0:00", TimeShape(columns=("a",), format="%d/%m/%Y %H:%M", zone="UTC"), 1_740_787_200_000_000),
    ],
)
def test_times(text, shape, expected):
    assert time_us(text, shape) == expected


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1.5", ".", 1.5),
        ("1,5", ",", 1.5),
        (" -3 ", ".", -3.0),
        ("nan", ".", None),
        ("1e999", ".", None),
        ("1_0", ".", None),
        (True, ".", None),
        (7, ".", 7.0),
    ],
)
def test_numbers(text, decimal, expected):
    assert number(text, decimal) == expected


def test_text_as_written_stays_text_and_units_of_entries_go_with_it(tmp_path):
    shape = load_map(MAPS / "json_entries.toml")
    value = ValueShape(column="temperature", quantity="temperature", unit_as_written=True, text_as_written=True)
    text = '1,{"e":[{"n":"source","sv":"x"},{"n":"temperature","u":"far","v":"8"}],"bt":1422748800000}\nno json\n2,[1]\n'
    first, *bad = rows(tmp_path, text, Map(city="c", file=shape.file, time=shape.time, device=shape.device, values=(value,)))
    assert isinstance(first, Row)
    assert first.values == (Value("temperature", "8", "far"),)
    assert json.loads(message(first, "c", 0).payload) == {
        "time": "2015-02-01T00:00:00.000000Z",
        "quantity": "temperature",
        "value": "8",
        "unit": "far",
    }
    assert [row.line for row in bad] == [2, 3]


def test_several_values_share_a_message_and_units_split_it():
    row = Row(1, "d", 0, "", (Value("a", 1.0, None), Value("b", 2.0, None)), (50.0, 4.0))
    assert json.loads(message(row, "c", 0).payload) == {
        "time": "1970-01-01T00:00:00.000000Z",
        "latitude": 50.0,
        "longitude": 4.0,
        "values": {"a": 1.0, "b": 2.0},
    }
    with_unit = row._replace(values=(Value("a", 1.0, "ppb"), Value("b", 2.0, None)), position=None)
    first, second = json.loads(message(with_unit, "c", 0).payload)
    assert (first["unit"], "unit" in second) == ("ppb", False)
    assert message(row, "c", 0).topic == b"\x00\x0dcity/c/d/json"


def test_shift_moves_the_newest_time_to_now_when_it_is_sent(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("who,at,v\na,2025-03-01T00:00:00Z,1\na,2025-03-01T01:00:00Z,1\nbad,line\n")
    now_us = 1_763_826_914_000_000
    for speed, takes_us in ((None, 0), (1.0, 3_600_000_000), (60.0, 60_000_000)):
        order = Order(path, SIMPLE, speed, "now")
        span = look(order)
        assert span.rows == 3
        assert span.last_us + shift_us(order, span, now_us) == now_us + takes_us
    assert shift_us(Order(path, SIMPLE), look(order), now_us) == 0


def test_sorting_by_time_keeps_every_row(tmp_path):
    text = "who,at,v\nb,2025-03-01T01:00:00Z,1\nx,never,1\na,2025-03-01T00:00:00Z,1\nshort\n"
    shape = Map(city="here", file=FileShape(sort=True), time=SIMPLE.time, device=SIMPLE.device, values=SIMPLE.values)
    found = rows(tmp_path, text, shape)
    assert [row.line for row in found] == [4, 2, 3, 5]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (Map(city="c", time=TimeShape(columns=("a",)), device=DeviceShape(constant="d")), r"either \[\[values\]\] or \[wide\]"),
        (Map(city="c", time=TimeShape(columns=("a",)), values=SIMPLE.values), "either constant or column"),
        (Map(city="c", time=TimeShape(columns=()), device=DeviceShape(constant="d"), values=SIMPLE.values), "at least one column"),
        (Map(city="c", time=TimeShape(columns=("a",), zone="Mars/Base"), device=DeviceShape(constant="d"), values=SIMPLE.values), "an IANA name"),
        (Map(city="c", time=SIMPLE.time, device=DeviceShape(constant="d"), values=SIMPLE.values * 2), "each quantity once"),
    ],
)
def test_a_map_whose_parts_do_not_go_together(shape, said):
    with pytest.raises(ConfigError, match=said):
        checked(shape, "m.toml")


def test_a_map_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('city = "c"\nspeling = 1\n[time]\ncolumns = ["a"]\n')
    with pytest.raises(ConfigError, match="speling"):
        load_map(path)
