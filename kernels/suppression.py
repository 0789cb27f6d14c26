"""Small numbers of people are not shown, nor what gives them away: rows with a published total, rates, and differences of releases.

Promises  Zeros stay visible; ties take the lowest index. What stays hidden in a row with a published total is two cells at least, k persons at
          least; where that cannot be had, the total is not published.
Leaves    Tables with totals both ways to kernels.table_suppression. It happens before data leave the private schema.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.errors import KernelInputError

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MISSING = -1
SMALL = 5
SMALL_IN_YOUTH_CARE = 10


class HiddenRow(NamedTuple):
    """Which cells of a row are hidden, bool[n], and whether its total may be published."""

    cell: Bools
    total: bool


def counts_of(count: npt.ArrayLike) -> I64:
    """int64 of what is given. Errors: KernelInputError below -1."""
    found = np.asarray(count, np.int64)
    if found.size and int(found.min()) < MISSING:
        raise KernelInputError("count", "0 or more, -1 for missing", int(found.min()))
    return found


def is_small(count: I64, k: int) -> Bools:
    """Primary suppression: 0 < n < k."""
    return (count > 0) & (count < k)


def tells(count: I64, hidden: Bools, k: int) -> bool:
    """Whether a known total gives away the hidden cells of its line: one alone, or together fewer than k."""
    n = int(hidden.sum())
    return n == 1 or (n > 1 and int(count[hidden].sum()) < k)


def smallest_shown(count: I64, hidden: Bools) -> int:
    """The smallest non-zero cell that is shown, lowest index on ties; -1 for none."""
    may = np.flatnonzero(~hidden & (count > 0))
    return int(may[np.argmin(count[may])]) if may.size else -1


def suppress_row(count: npt.ArrayLike, k: int = SMALL) -> HiddenRow:
    """Which cells of one row are hidden so that its total may be published.

    count  int64[n]  persons, >= 0; -1 = missing, stays missing, is not counted among the hidden and leaves no total to publish

    Primary: 0 < n < k. Secondary: where one cell alone is hidden, or the hidden ones add up to less than k, the smallest other
    non-zero cell. Where none is left, the total would tell: it is not published.

    O(n). Source: [project], [cbs-disclosure].
    """
    cells = counts_of(count)
    hidden = is_small(cells, k)
    while tells(cells, hidden, k):
        more = smallest_shown(cells, hidden)
        if more < 0:
            return HiddenRow(hidden, total=False)
        hidden[more] = True
    return HiddenRow(hidden, total=bool((cells >= 0).all()))


def isolates(before: npt.ArrayLike, after: npt.ArrayLike, k: int = SMALL) -> Bools:
    """Where two published releases of the same counts tell a change of fewer than k persons: bool[n]; -1 = not published, tells nothing."""
    old, new = counts_of(before), counts_of(after)
    return (old >= 0) & (new >= 0) & is_small(np.abs(new - old), k)


def hide_rates(rate: npt.ArrayLike, persons: npt.ArrayLike, k: int = SMALL) -> F64:
    """A rate or mean over fewer than k persons, or over an unknown number of them, becomes missing: float64[n]."""
    return np.where(np.asarray(persons, np.float64) >= k, np.asarray(rate, np.float64), np.nan)
