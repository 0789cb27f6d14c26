"""Which values of a KPI about people are withheld, because they would tell something about fewer persons or cases than its smallest count.

Promises  Combiner, restater and recompute withhold the same values: this follows from the counts of a window in all areas of a city, and
          from what was said of it before. A KPI without a smallest count withholds nothing.
Leaves    The arithmetic of areas in each other to kernels/tree_suppression, publishing the state to formula/outcome.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from formula import tree
from formula.plan import Plan
from kernels.tree_suppression import Tree, small, suppress_tree

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_SAME = 1e-9
_LARGEST = 2**52


class Among(NamedTuple):
    """n areas of one city: what lies in what, and what was said of this window before."""

    above: I64
    """int64[n]: the nearest area of the KPI that holds this one, by place; -1 for none."""
    said: F64 | None = None
    """float64[n]: the number published last; NaN, or None for all, where there was none."""
    is_open: bool = False
    """True while the window is open: what comes one reading at a time would tell each of them."""


def above_of(areas: Sequence[str], parents: Mapping[str, str | None]) -> I64:
    """Among.above of these areas; `parents` by id of every area of the catalogue."""
    place = {area: n for n, area in enumerate(areas)}
    found = []
    for area in areas:
        at = parents.get(area)
        while at is not None and at not in place:
            at = parents.get(at)
        found.append(-1 if at is None else place[at])
    return np.array(found, np.int64)


def withheld(plan: Plan, inputs: Mapping[str, F64], value: F64, devices: I64, among: Among | None) -> Bools:
    """Which values are withheld: bool[n].

    inputs   by id, as Plan.evaluate wants them
    value    float64[n], NaN where the area has no number for another reason
    devices  int64[n]; 0: nobody said anything, its counts are 0 and everybody knows
    among    None: areas that know nothing of each other
    """
    shown = np.isfinite(value)
    k = plan.kpi.smallest_count
    if k == 0 or not shown.any():
        return np.zeros(value.size, np.bool_)
    if not plan.counts or (among is not None and among.is_open):
        return shown
    counts = np.array([np.where(devices > 0, tree.evaluate(count, inputs, value.size), 0.0) for count in plan.counts])
    unknown = ~np.isfinite(counts).all(axis=0)
    # Why: a count below 0 is a correction of an earlier one; how many persons it speaks of is its size.
    whole = np.minimum(np.rint(np.abs(np.where(np.isfinite(counts), counts, 0.0))), _LARGEST).astype(np.int64)
    secret = shown & (unknown | small(whole, k))
    said = np.full(value.size, np.nan) if among is None or among.said is None else among.said
    secret |= _isolating(plan, inputs, (value, said), shown & ~secret & np.isfinite(said) & (value != said))
    above = np.full(value.size, -1, np.int64) if among is None else among.above
    hidden = ~shown & (devices > 0)
    return suppress_tree(Tree(whole, above, secret, shown & (value == said)), hidden, k) & shown


def _isolating(plan: Plan, inputs: Mapping[str, F64], values: tuple[F64, F64], asked: Bools) -> Bools:
    """Where what was said before follows from counts that differ by fewer than k: the difference would tell about those."""
    found = np.zeros(asked.size, np.bool_)
    at = np.flatnonzero(asked)
    if not at.size:
        return found
    few = {id_: column[at] for id_, column in inputs.items()}
    names = sorted({leaf.spec.id for count in plan.counts for leaf in tree.leaves(count) if isinstance(leaf, tree.Aggregate)})
    steps = range(1 - plan.kpi.smallest_count, plan.kpi.smallest_count)
    for move in product(steps, repeat=len(names)):
        before = plan.evaluate(few | {name: few[name] + step for name, step in zip(names, move, strict=True)})
        found[at] |= np.isclose(before, values[1][at], rtol=_SAME, atol=0.0)
    return found
