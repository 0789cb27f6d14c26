"""Rows of a binary COPY as arrays, however the server cuts them into pieces."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import copied

ROW = copied.layout(device="i4", at="i8", value="f8")
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"


class Stream:
    """A connection, its cursor and its copy in one: gives the pieces that it was made of."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def cursor(self) -> "Stream":
        """Itself."""
        return self

    def copy(self, _statement: str, _given: object) -> "Stream":
        """Itself."""
        return self

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def __iter__(self) -> Iterator["memoryview[int]"]:
        yield from (memoryview(piece) for piece in self._pieces)


def table(count: int) -> "np.ndarray[Any, Any]":
    """As many rows, each another one."""
    rows = np.zeros(count, ROW)
    rows["device"], rows["at"], rows["value"] = np.arange(count), 1_000 * np.arange(count), np.arange(count) / 4
    return rows


@given(st.integers(0, 60), st.lists(st.integers(1, 200), max_size=30), st.integers(30, 300))
def test_every_row_comes_once_and_in_order(count: int, cuts: list[int], read_bytes: int) -> None:
    whole, rows = HEADER + table(count).tobytes() + TRAILER, []
    edges = sorted({0, *(cut * len(whole) // 200 for cut in cuts), len(whole)})
    pieces = [whole[low:high] for low, high in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copied, "_READ_BYTES", read_bytes)
        for block in copied.blocks(Stream(pieces), "", {}, ROW):  # type: ignore[arg-type]
            assert block.nbytes <= read_bytes + max(len(piece) for piece in pieces)
            rows.append(block.tobytes())
    assert b"".join(rows) == table(count).tobytes()
