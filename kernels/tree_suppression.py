"""Hide small counts in areas that lie in each other, so that no hidden count follows from the totals that are shown.

Every area with areas below it is an equation: its count is the sum of theirs. In a tree of such equations a hidden count follows from the
shown ones exactly where some equation has no other unknown, again and again.

Promises  No count of 1..k-1, and no other secret, follows from what is shown, nor does a sum of 1..k-1 over hidden areas of one equation. What
          is public already gives no cover, and what follows from that and from zeros alone is not kept. Areas below are hidden before the
          area above, small before large, zeros for nobody but a secret area above them.
Leaves    Which counts a KPI has, and what is public, to formula/suppress; a table with totals both ways to kernels.table_suppression.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.errors import KernelInputError

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Families = Mapping[int, I64]


class Tree(NamedTuple):
    """What is counted: c kinds of counts in n areas."""

    counts: I64
    """int64[c, n], >= 0"""
    above: I64
    """int64[n]: the area that holds this one, by place; -1 for none."""
    secret: Bools
    """bool[n]: must not be known, whatever its count; areas with a count of 1..k-1 are secret anyway."""
    public: Bools
    """bool[n]: shown before, and the same still: hiding it hides nothing."""


def suppress_tree(tree: Tree, hidden: Bools, k: int) -> Bools:
    """Which areas are hidden in the end: bool[n].

    hidden  bool[n]  areas that have no number for another reason

    Where the areas below a known total leave one small area alone, or together 1..k-1, the smallest shown area beside them is hidden,
    lowest place on ties; where there is none the total itself, and so on upwards.

    O(hidden * equations * n). Source: [project], [cbs-disclosure].
    """
    _check(tree, hidden)
    tree = tree._replace(secret=tree.secret | small(tree.counts, k))
    out: Bools = hidden | tree.secret
    families = families_of(tree.above)
    hopeless: set[tuple[int, bool]] = set()
    while (found := next((told for told in _told(tree, families, out, k) if told not in hopeless), None)) is not None:
        if not _cover(tree, families, out, *found):
            hopeless.add(found)
    return out


def families_of(above: I64) -> Families:
    """The areas below each area that has some, by its place."""
    return {int(area): np.flatnonzero(above == area) for area in np.unique(above[above >= 0])}


def small(count: I64, k: int) -> Bools:
    """bool[n]: some count of the area is 1..k-1."""
    found: Bools = np.any((count > 0) & (count < k), axis=0)
    return found


def _close(families: Families, out: Bools, without: int) -> Bools:
    """What follows from what is known, into `out`; `without`: the area whose equation is left out."""
    while True:
        before = int(out.sum())
        for area, below in families.items():
            members = np.append(below, area)
            unknown = members[~out[members]]
            if area != without and unknown.size == 1:
                out[unknown] = True
        if int(out.sum()) == before:
            return out


def _told(tree: Tree, families: Families, hidden: Bools, k: int) -> Iterator[tuple[int, bool]]:
    """Areas whose equation tells something, and whether it tells about that area itself."""
    for area, below in families.items():
        rest = _close(families, ~hidden | tree.public, area)
        unknown = below[~rest[below]]
        if not rest[area]:
            if tree.secret[area] and not unknown.size:
                yield area, True
            continue
        together = tree.counts[:, unknown].sum(axis=1)
        if bool(tree.secret[unknown].any()) if unknown.size == 1 else bool(((together > 0) & (together < k)).any()):
            yield area, False
    # Two equations may tell the same area, each of which looks harmless without itself.
    both = np.flatnonzero(tree.secret & hidden & ~tree.public & _close(families, ~hidden | tree.public, -1))
    yield from ((int(tree.above[area]), False) for area in both.tolist() if tree.above[area] >= 0)


def _cover(tree: Tree, families: Families, hidden: Bools, area: int, itself: bool) -> bool:
    """Hide one area more for the sake of those below `area`, or of itself; False where everything is hidden that can be."""
    while True:
        below = families[area]
        may = below[~hidden[below] & ~tree.public[below]]
        people = may[(tree.counts[:, may] > 0).any(axis=0)]
        if people.size:
            hidden[people[np.argmin(tree.counts[0, people])]] = True
            return True
        if itself:
            hidden[may[:1]] = True
            return bool(may.size) or any(_cover(tree, families, hidden, one, True) for one in below.tolist() if one in families)
        if not hidden[area]:
            hidden[area] = True
            return True
        area = int(tree.above[area])
        if area < 0:
            return False


def _check(tree: Tree, hidden: Bools) -> None:
    n = tree.above.size
    if tree.counts.ndim != 2 or tree.counts.shape[1] != n:
        raise KernelInputError("counts", f"shape (c, {n}) like above", tree.counts.shape)
    if tree.counts.size and int(tree.counts.min()) < 0:
        raise KernelInputError("counts", "0 or more", int(tree.counts.min()))
    for name, mask in (("secret", tree.secret), ("public", tree.public), ("hidden", hidden)):
        if mask.shape != (n,):
            raise KernelInputError(name, f"shape ({n},) like above", mask.shape)
    if n and not (int(tree.above.min()) >= -1 and int(tree.above.max()) < n):
        raise KernelInputError("above", f"-1 to {n - 1}", (int(tree.above.min()), int(tree.above.max())))
