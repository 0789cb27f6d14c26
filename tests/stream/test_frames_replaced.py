"""A frame with another column, made by copying, is the frame that encode would make."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runtime.frames import Coded, decode, encode, replaced, reworded


@given(st.integers(0, 40), st.booleans(), st.text(max_size=30), st.lists(st.text(max_size=6), min_size=1, max_size=4, unique=True))
def test_replaced_is_what_encode_gives(n: int, placed: bool, word: str, texts: list[str]) -> None:
    rng = np.random.default_rng(n)
    columns: dict[str, Any] = {
        "device": Coded(rng.integers(0, len(texts), n).astype(np.int32), texts),
        "measured_at": rng.integers(0, 1 << 60, n),
        "value": rng.random(n),
        "quality": np.full(n, 2, np.uint16),
    }
    if placed:
        columns["latitude"] = rng.random(n)
    frame = decode(encode({"schema": "readings/1", "seq": n}, columns))
    assert frame.columns["device"].texts == texts
    quality = rng.integers(0, 1 << 16, n).astype(np.uint16)
    found = decode(replaced(frame, {"word": word}, "quality", quality))
    wanted = decode(encode({"word": word}, {**columns, "quality": quality}))
    assert found.meta == wanted.meta == {"word": word}
    assert found.rows == n
    assert found.columns.keys() == wanted.columns.keys()
    for name, column in wanted.columns.items():
        if isinstance(column, Coded):
            assert np.array_equal(found.columns[name].codes, column.codes)
            assert found.columns[name].texts == column.texts
        else:
            assert np.array_equal(found.columns[name], column)
            assert found.columns[name].dtype == column.dtype


@given(st.integers(0, 5), st.text(max_size=30))
def test_reworded_is_what_encode_gives(n: int, word: str) -> None:
    columns: dict[str, Any] = {"device": Coded(np.zeros(n, np.int32), ["a"] if n else []), "measured_at": np.arange(n), "value": np.zeros(n)}
    assert reworded(decode(encode({"seq": n}, columns)), {"word": word}) == encode({"word": word}, columns)
