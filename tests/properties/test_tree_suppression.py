"""Laws of hiding small counts in areas that lie in each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.errors import KernelInputError
from kernels.tree_suppression import Tree, suppress_tree
from tests.oracles import tree_suppression as slow

Counted = tuple[list[int], list[int]]
FEW = st.one_of(st.integers(0, 6), st.integers(0, 40))


@st.composite
def trees(draw: st.DrawFn) -> Counted:
    """A city, districts, and neighbourhoods in some of them: areas above and counts, the upper ones sums of the lower."""
    above, leaf = [-1], list[int]()
    for _ in range(draw(st.integers(1, 5))):
        district = len(above)
        above.append(0)
        above += [district] * draw(st.integers(0, 3))
    count = [0] * len(above)
    for n in reversed(range(len(above))):
        below = [m for m, a in enumerate(above) if a == n]
        leaf.append(n) if not below else None
        count[n] = sum(count[m] for m in below) if below else draw(FEW)
    return above, count


def hide(above: list[int], count: list[int], k: int, **masks: list[bool]) -> np.ndarray:
    n = len(above)
    none = np.zeros(n, bool)
    secret, public = (np.array(masks[name], bool) if name in masks else none for name in ("secret", "public"))
    tree = Tree(np.array([count], np.int64), np.array(above, np.int64), secret, public)
    return suppress_tree(tree, np.array(masks["hidden"], bool) if "hidden" in masks else none, k)


@settings(max_examples=300)
@given(trees(), st.integers(2, 10))
def test_no_small_count_follows_from_what_is_shown(tree: Counted, k: int) -> None:
    above, count = tree
    hidden = hide(above, count, k)
    small = [0 < n < k for n in count]
    told = slow.fixed(above, hidden.tolist())
    assert not [n for n in range(len(count)) if small[n] and (not hidden[n] or told[n])]
    assert not [n for n in range(len(count)) if count[n] == 0 and hidden[n]], "zeros are shown"
    assert not [total for left, total in slow.sums_told(above, hidden.tolist(), np.array(count)) if left > 1 and 0 < total < k]


@settings(max_examples=200)
@given(trees(), st.integers(2, 10), st.data())
def test_it_holds_with_secrets_with_areas_without_a_number_and_with_what_is_public(tree: Counted, k: int, data: st.DataObject) -> None:
    above, count = tree
    flags = st.lists(st.sampled_from([False, False, False, True]), min_size=len(above), max_size=len(above))
    secret, hidden, public = data.draw(flags), data.draw(flags), data.draw(flags)
    public = [known and n not in above for n, known in enumerate(public)]  # a public total keeps nothing that stands beside zeros
    found = hide(above, count, k, secret=secret, hidden=hidden, public=public)
    unknown = [bool(gone) and not known for gone, known in zip(found, public, strict=True)]
    told, lost = slow.fixed(above, unknown), slow.fixed(above, [not known for known in public])
    must_not = [(0 < n < k or mark) and not known and not gone for n, mark, known, gone in zip(count, secret, public, lost, strict=True)]
    assert not [n for n in range(len(count)) if must_not[n] and (not found[n] or told[n])]
    assert (found >= np.array(hidden)).all()


@given(trees(), st.integers(2, 10))
def test_where_nothing_is_small_everything_is_shown(tree: Counted, k: int) -> None:
    above, count = tree
    assert not hide(above, [k * n for n in count], k).any()


@pytest.mark.parametrize(
    ("case", "above", "count", "hidden"),
    [
        ("one small district takes the smallest beside it along", [-1, 0, 0, 0], [73, 3, 20, 50], [0, 1, 1, 0]),
        ("two that are small together take a third", [-1, 0, 0, 0, 0], [73, 1, 2, 20, 50], [0, 1, 1, 1, 0]),
        ("two that are not, do not", [-1, 0, 0, 0], [57, 3, 4, 50], [0, 1, 1, 0]),
        ("beside zeros the total goes", [-1, 0, 0], [3, 3, 0], [1, 1, 0]),
        ("a hidden district's neighbourhoods stay hidden", [-1, 0, 0, 1, 1], [60, 20, 40, 3, 17], [0, 0, 0, 1, 1]),
        ("a district alone with its neighbourhood takes another along", [-1, 0, 0, 1], [63, 3, 60, 3], [1, 1, 1, 1]),
        ("areas that know nothing of each other", [-1, -1, -1], [3, 20, 0], [1, 0, 0]),
        ("no area", [], [], []),
    ],
)
def test_what_is_hidden(case: str, above: list[int], count: list[int], hidden: list[int]) -> None:
    found = hide(above, count, 5)
    if case.startswith("a district alone"):  # the city of 63 minus 60 would tell
        assert found[1], case
        assert found[3], case
        assert found[2] or found[0], case
    else:
        assert found.astype(int).tolist() == hidden, case


@pytest.mark.parametrize(
    ("argument", "tree"),
    [
        ("counts", Tree(np.array([[1, 2]]), np.array([-1]), np.zeros(1, bool), np.zeros(1, bool))),
        ("counts", Tree(np.array([[-1]]), np.array([-1]), np.zeros(1, bool), np.zeros(1, bool))),
        ("above", Tree(np.array([[1]]), np.array([1]), np.zeros(1, bool), np.zeros(1, bool))),
        ("secret", Tree(np.array([[1]]), np.array([-1]), np.zeros(2, bool), np.zeros(1, bool))),
        ("public", Tree(np.array([[1]]), np.array([-1]), np.zeros(1, bool), np.zeros(2, bool))),
    ],
)
def test_what_it_cannot_bear_is_named(argument: str, tree: Tree) -> None:
    with pytest.raises(KernelInputError, match=f"^{argument}: wanted"):
        suppress_tree(tree, np.zeros(tree.above.size, bool), 5)
