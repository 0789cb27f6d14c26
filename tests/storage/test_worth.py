"""What a reading is worth: composed from arrival, tests and hand, and taken apart again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.quality import TESTS, Cause
from storage import worth
from storage.worth import ByHand

ARRIVED = st.sampled_from([1, 2, 1 | 1 << 12, 1 | 1 << 13, 3 | 1 << 4, 3 | 1 << 4 | 1 << 12, 3 | 1 << 6, 2 | 1 << 13])
WORD = st.sampled_from([1, 2, 3, 4])


@given(st.lists(st.tuples(ARRIVED, st.fixed_dictionaries(dict.fromkeys(TESTS, WORD)), st.sampled_from([0, 1, 2, 3, 4, 9])), min_size=1, max_size=8))
def test_rule_23_what_is_composed_can_be_composed_again_in_any_order(rows: list[tuple[int, dict[str, int], int]]) -> None:
    arrived = np.array([row[0] for row in rows], np.int64)
    words = {test: np.array([row[1][test] for row in rows], np.uint8) for test in TESTS}
    hand, nothing = np.array([row[2] for row in rows], np.uint8), np.zeros(len(rows), np.uint8)
    once = worth.compose(arrived, words, hand)
    assert worth.compose(once, words, hand).tolist() == once.tolist()
    for between in (worth.compose(arrived, {}, hand), worth.compose(arrived, words, nothing), worth.compose(once, {}, nothing)):
        assert worth.compose(between, words, hand).tolist() == once.tolist()
    assert worth.compose(once, {}, nothing).tolist() == arrived.tolist()
    assert worth.base(once).tolist() == worth.base(arrived).tolist()
    assert worth.tested(once).tolist() == worth.tested(arrived).tolist()
    for (came, said, by_hand), quality in zip(rows, once.tolist(), strict=True):
        spoken = [word for word in said.values() if word > 2]
        assert quality & 15 == (by_hand or max([3 if came & 0x70 else came & 15, *spoken]))
        assert bool(quality & Cause.BY_HAND) == (by_hand > 0)
        assert {test for test, bit in TESTS.items() if quality & bit} == {test for test, word in said.items() if word > 2}


def test_the_newest_span_stands_where_it_holds() -> None:
    spans = [ByHand(2, 7, None, 10, 20, 1), ByHand(1, 7, 3, 0, 30, 4), ByHand(3, 8, None, 0, 99, 3)]
    device, quantity, at = np.array([7, 7, 7, 7, 8, 9]), np.array([3, 3, 5, 3, 3, 3]), np.array([9, 10, 10, 20, 98, 5])
    assert worth.by_hand(spans, device, quantity, at).tolist() == [4, 1, 1, 4, 3, 0]
