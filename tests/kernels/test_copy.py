"""Binary COPY: the packed columns are byte for byte what the oracle writes row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import copy
from tests.oracles.copy_rows import encode_rows

ROW = st.tuples(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**15), 2**15 - 1),
    st.integers(-(2**60), 2**60),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.integers(0, 2**16 - 1),
)


def columns(rows: list[tuple[int, int, int, int, float, int]]) -> dict[str, np.ndarray]:
    kinds = (np.int64, np.int64, np.int64, np.int64, np.float64, np.uint16)
    names = (name for name, _ in copy.READING_FIELDS)
    return {name: np.array([row[n] for row in rows], kind) for n, (name, kind) in enumerate(zip(names, kinds, strict=True))}


@given(st.lists(ROW, max_size=20))
def test_the_bytes_are_the_oracles(rows):
    assert bytes(copy.encode_readings(columns(rows))) == encode_rows(rows)


@pytest.mark.parametrize(("name", "value"), [("device", 2**31), ("device", -(2**31) - 1), ("quantity", 2**15)])
def test_an_id_that_does_not_fit_is_refused_instead_of_cut(name, value):
    given_ = columns([(1, 1, 0, 0, 0.0, 1)]) | {name: np.array([value], np.int64)}
    with pytest.raises(OverflowError, match=name):
        copy.encode_readings(given_)


def test_columns_of_different_length_are_refused():
    given_ = columns([(1, 1, 0, 0, 0.0, 1)] * 2) | {"value": np.zeros(1)}
    with pytest.raises(ValueError, match="column value: wanted 2 values, got 1"):
        copy.encode_readings(given_)


def test_a_strided_column_is_packed_like_a_dense_one():
    rows = [(n, n, n, n, n / 3, n) for n in range(10)]
    strided = {name: np.repeat(column, 2)[::2] for name, column in columns(rows).items()}
    assert bytes(copy.encode_readings(strided)) == encode_rows(rows)


DEGREES = st.one_of(st.floats(-180, 180), st.just(float("nan")))


@given(st.lists(st.tuples(ROW, DEGREES, DEGREES), max_size=20))
def test_positions_stand_behind_the_quality(rows):
    given_ = columns([row for row, _, _ in rows]) | {
        "latitude": np.array([latitude for _, latitude, _ in rows], np.float64),
        "longitude": np.array([longitude for _, _, longitude in rows], np.float64),
    }
    assert bytes(copy.encode_placed(given_)) == encode_rows([row for row, _, _ in rows], [pair for _, *pair in rows])
