"""Numbers by name, against a dict: names that are there, that begin alike, that are not, in any script."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels import names
from kernels.names import CORRECTING, KNOWN, POOLED, TRACKED, new_names, numbers_of, placed, traits_of
from runtime.frames import Coded, decode, encode

TEXTS = st.lists(st.text(alphabet="ab.é0-", max_size=5), max_size=40, unique=True)


def looked_up(known: dict[str, int], asked: list[str]) -> list[int]:
    """As the worker does it: by the dictionary of a decoded frame."""
    column = Coded(np.zeros(len(asked), np.int32), asked)
    texts = decode(encode({}, {"device": column})).columns["device"].texts
    found: list[int] = numbers_of(new_names(known), texts.utf8()).tolist()
    return found


@given(TEXTS, TEXTS)
def test_a_name_has_its_number_and_a_stranger_has_none(known: list[str], asked: list[str]) -> None:
    numbers = {name: 3 * n for n, name in enumerate(known)}
    assert looked_up(numbers, asked) == [numbers.get(name, -1) for name in asked]


def test_two_names_of_one_hash_are_two_names() -> None:
    table = new_names({"one": 1, "two": 2})
    table.hash[:] = 0
    first, second = (names._hash(table.bytes, table.ends[n], table.ends[n + 1]) for n in (0, 1))
    at = (first >> 1) & (table.hash.size - 1)
    table.hash[at], table.name[at] = first, 1  # as though "two" had the hash of "one"
    table.hash[(at + 1) & (table.hash.size - 1)], table.name[(at + 1) & (table.hash.size - 1)] = first, 0
    assert first != second
    assert numbers_of(table, (np.array([0, 3], np.int32), np.frombuffer(b"one", np.uint8), 1)).tolist() == [1]


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=30))
def test_rows_have_the_numbers_of_their_codes(numbers: list[int], codes: list[int]) -> None:
    of, at = np.array(numbers, np.int32), np.array([code % len(numbers) for code in codes], np.int32)
    assert placed(of, at).tolist() == of[at].tolist()


@given(st.lists(st.integers(-1, 3), max_size=4), st.lists(st.integers(-1, 2), max_size=3))
def test_what_holds_of_some_holds_of_the_frame(slots: list[int], quantities: list[int]) -> None:
    kind, correcting, traits = np.array([0, 1, 0, 1], np.int32), np.array([0, 1], np.uint8), np.array([0, POOLED, TRACKED], np.uint8)
    wanted = KNOWN * any(s >= 0 for s in slots) + CORRECTING * any(s in (1, 3) for s in slots)
    wanted += POOLED * (1 in quantities) + TRACKED * (2 in quantities)
    assert traits_of(np.array(slots, np.int32), np.array(quantities, np.int32), kind, correcting, traits) == wanted
