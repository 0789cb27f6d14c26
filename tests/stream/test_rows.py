"""Records with rows: what goes in comes out, and what is not whole is damaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.combine import FIELDS
from runtime.frames import DamagedFrame
from stream.rows import COLUMNS, MAGIC, NOTHING, Rows, Said, pack, unpack

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4)
SAID = st.builds(
    Said,
    input_partition=st.integers(0, 11),
    input_offset=st.integers(0, 2**62),
    watermarks=st.none() | st.dictionaries(st.text(max_size=5), st.none() | INT64, max_size=3),
    clock_us=st.none() | INT64,
)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    aggregates, areas, n = draw(TEXTS), draw(TEXTS), draw(st.integers(0, 5))
    matrix = np.zeros((n, len(COLUMNS)), np.int64)
    for at in range(n):
        numbers = draw(st.lists(INT64, min_size=len(FIELDS) + 1, max_size=len(FIELDS) + 1))
        matrix[at] = (draw(st.integers(0, len(aggregates) - 1)), draw(st.integers(0, len(areas) - 1)), *numbers)
    bins = draw(st.dictionaries(st.integers(0, n - 1), st.binary(max_size=40), max_size=n)) if n else {}
    return Rows(aggregates, areas, matrix, bins)


@given(SAID, rows())
def test_unpack_is_the_inverse_of_pack(said: Said, given_rows: Rows) -> None:
    told, found = unpack(pack(said, given_rows))
    assert told == said
    assert (list(found.aggregates), list(found.areas), dict(found.bins)) == (given_rows.aggregates, given_rows.areas, given_rows.bins)
    assert np.array_equal(found.matrix, given_rows.matrix)


@given(SAID, rows(), st.data())
def test_bytes_that_are_missing_or_too_many_are_damage(said: Said, given_rows: Rows, data: st.DataObject) -> None:
    value = pack(said, given_rows)
    with pytest.raises(DamagedFrame):
        unpack(value + b"x")
    cut = data.draw(st.integers(0, len(value) - 1))
    with pytest.raises(DamagedFrame):
        unpack(value[:cut])


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("place", [-1, 1, 2**40])
def test_a_place_outside_its_texts_is_damage(column: int, place: int) -> None:
    matrix = np.zeros((1, len(COLUMNS)), np.int64)
    matrix[0, column] = place
    with pytest.raises(DamagedFrame, match=COLUMNS[column]):
        unpack(pack(SAID_0, Rows(["a@minute"], ["here"], matrix, {})))


def test_columns_of_a_later_release_are_passed_over() -> None:
    matrix = np.arange(len(COLUMNS), dtype=np.int64).reshape(1, -1)
    matrix[0, :2] = 0
    value = pack(SAID_0, Rows(["a@minute"], ["here"], matrix, {}))
    length = int.from_bytes(value[4:8], "little")
    header = value[8 : 8 + length].replace(b'"high"', b'"high","later"')
    body = value[8 + length + -(8 + length) % 8 :] + (77).to_bytes(8, "little")
    longer = MAGIC + len(header).to_bytes(4, "little") + header + bytes(-(8 + len(header)) % 8) + body
    _, found = unpack(longer)
    assert np.array_equal(found.matrix[:, : len(COLUMNS)], matrix)


def test_a_record_without_rows_says_the_watermarks() -> None:
    assert b'"kind":"watermarks"' in pack(SAID_0)
    assert unpack(pack(SAID_0))[1].matrix.shape == NOTHING.matrix.shape


SAID_0 = Said(input_partition=0, input_offset=0, watermarks={})
