"""Hide small numbers in a table with totals of its rows and columns, so that no hidden cell follows from the others.

A table with its totals (the last row and column) is a set of equations. Rows and columns taken as nodes and hidden numbers as edges
between them, a hidden number follows from the shown ones exactly where its edge is a bridge: where taking it away parts its ends.

Promises  No small cell follows from what is published. The hidden cells of a row or column whose total is known add up to k at least.
          Cells are hidden before totals, small before large, and zeros never.
Leaves    Bounds that an attacker has from elsewhere; the least total loss (a program over integers) to those who need it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.suppression import I64, SMALL, Bools, counts_of, is_small, smallest_shown, tells


class HiddenTable(NamedTuple):
    """What is hidden of a table [r, c], its r row totals, its c column totals and the grand total; missing cells are not marked."""

    cell: Bools
    row_total: Bools
    column_total: Bools
    grand_total: bool


def suppress_table(count: npt.ArrayLike, k: int = SMALL) -> HiddenTable:
    """Which cells and totals are hidden.

    count  int64[r, c]  persons, >= 0; -1 = missing: its row's and column's totals and the grand total cannot be had, so are hidden

    Primary: 0 < n < k. Then, until nothing small is told: a row or column whose known total tells its hidden cells gets its
    smallest non-zero cell hidden, else its total; a cell told by several totals together gets company in the same way.

    O(steps * (r + c + hidden)). Source: [project], [cbs-disclosure].
    """
    cells = counts_of(count)
    missing = cells < 0
    full = _with_totals(np.where(missing, 0, cells))
    rows, cols = cells.shape
    hidden = np.zeros(full.shape, np.bool_)
    hidden[:rows, :cols] = is_small(cells, k) | missing
    hidden[:rows, cols], hidden[rows, :cols], hidden[rows, cols] = missing.any(axis=1), missing.any(axis=0), missing.any()
    while _step(full, hidden, k):
        pass
    return HiddenTable(hidden[:rows, :cols] & ~missing, hidden[:rows, cols].copy(), hidden[rows, :cols].copy(), bool(hidden[rows, cols]))


def determined(hidden: Bools) -> Bools:
    """Hidden numbers of a table with its totals as last row and column that follow from the shown ones: bool[r + 1, c + 1].

    The bridges of the graph, by the lowest visit that each part of a depth-first walk reaches. O(r + c + hidden).
    """
    rows = hidden.shape[0]
    ends = [(int(i), int(j) + rows) for i, j in np.argwhere(hidden)]
    at: list[list[tuple[int, int]]] = [[] for _ in range(sum(hidden.shape))]
    for edge, (a, b) in enumerate(ends):
        at[a].append((b, edge))
        at[b].append((a, edge))
    out = np.zeros_like(hidden)
    for edge in _bridges(at):
        out[ends[edge][0], ends[edge][1] - rows] = True
    return out


def _with_totals(cells: I64) -> I64:
    rows = np.column_stack((cells, cells.sum(axis=1)))
    return np.vstack((rows, rows.sum(axis=0)))


def _step(full: I64, hidden: Bools, k: int) -> bool:
    """Hide more where something is told; False where nothing is."""
    told = determined(hidden)
    for values, mask, known in ((full, hidden, ~hidden | told), (full.T, hidden.T, (~hidden | told).T)):
        for line in range(values.shape[0] - 1):
            if known[line, -1] and tells(values[line, :-1], mask[line, :-1], k):
                _close(values, mask, line)
                return True
    for i, j in np.argwhere(told[:-1, :-1]):
        _give_company(full, hidden, int(i), int(j))
        return True
    return False


def _close(values: I64, mask: Bools, line: int) -> None:
    """Hide the smallest cell of a row that its total tells; without one the total, and what the total follows from."""
    more = smallest_shown(values[line, :-1], mask[line, :-1])
    if more >= 0 or not mask[line, -1]:
        mask[line, more] = True  # -1 is the total
    elif not mask[-1, -1]:
        mask[-1, -1] = True
    else:
        mask[-1, int(np.flatnonzero(mask[line, :-1])[0])] = True


def _give_company(full: I64, hidden: Bools, i: int, j: int) -> None:
    """Hide the smallest cell in the row or column of a cell that is told; without one both totals and the grand total."""
    row, col = smallest_shown(full[i, :-1], hidden[i, :-1]), smallest_shown(full[:-1, j], hidden[:-1, j])
    if row >= 0 and (col < 0 or full[i, row] <= full[col, j]):
        hidden[i, row] = True
    elif col >= 0:
        hidden[col, j] = True
    else:
        hidden[i, -1] = hidden[-1, j] = hidden[-1, -1] = True


def _bridges(at: list[list[tuple[int, int]]]) -> list[int]:
    """Edges on no circle of a graph given as (neighbour, edge) by node."""
    seen, low, found = [-1] * len(at), [0] * len(at), []
    clock = 0
    for root in range(len(at)):
        stack = [(root, -1, 0)] if seen[root] < 0 else []
        while stack:
            node, came_by, nth = stack.pop()
            if nth == 0:
                seen[node] = low[node] = clock
                clock += 1
            if nth < len(at[node]):
                stack.append((node, came_by, nth + 1))
                there, edge = at[node][nth]
                if edge == came_by:
                    continue
                if seen[there] < 0:
                    stack.append((there, edge, 0))
                else:
                    low[node] = min(low[node], seen[there])
            elif stack:
                parent = stack[-1][0]
                low[parent] = min(low[parent], low[node])
                if low[node] > seen[parent]:
                    found.append(came_by)
    return found
