"""Which area holds a point: polygons with holes and several parts, over a grid index, for devices that move.

An area is a set of rings; a point is inside where a ray to the east crosses them an odd number of times, so holes and parts need no
more. The grid says for each cell which areas hold it whole and which have an edge in it; only those edges of the cell's row are tried.

Promises  An edge is held in one direction, whoever's it is: a point at a border that two areas share is in exactly one of them.
          The grid changes no answer. Where areas overlap, the first one given has the point.
Leaves    Projection (straight lines in the given coordinates) and the antimeridian to the caller.

Source: [even-odd] in docs/sources.md
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels._jit import jit
from kernels.errors import KernelInputError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

Rings = Sequence[F64]
"""One area: rings float64[n, 2] of x and y, closed or not; holes and parts in any order."""
_MARGIN = 1e-6
"""Share of a cell by which an edge's reach is widened, far above what rounding moves a point between cells."""


class AreaIndex(NamedTuple):
    """A grid over the areas; cell = row * columns + column."""

    corner: F64  # [4] west, south, columns per x, rows per y
    shape: I64  # [2] rows, columns
    first_area: I64  # [cells + 1] into `area`
    area: I64  # areas that may hold a point of the cell, ascending; ~a where area a holds the whole cell
    first_edge: I64  # [areas * rows + 1] into `edge`
    edge: F64  # [e, 4] lower y, upper y, x at the lower, dx per dy; by area and row


def build_index(areas: Sequence[Rings], cells: int = 4096) -> AreaIndex:
    """An index of about `cells` cells.

    Errors: KernelInputError for no ring at all, or one that is not float64[n, 2] of at least three finite points.
    An area without rings holds nothing. O(cells * areas + edges * rows), once per change of areas.
    """
    lines = [_lines(rings, a) for a, rings in enumerate(areas)]
    corners = [np.asarray(ring, np.float64) for rings in areas for ring in rings]
    if not corners:
        raise KernelInputError("areas", "at least one ring", 0)
    points = np.concatenate(corners)
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    width, height = max(float(east - west), 1e-12), max(float(north - south), 1e-12)
    columns = max(1, min(cells, round((cells * width / height) ** 0.5)))
    rows = max(1, round(cells / columns))
    corner = np.array([west, south, columns / width, rows / height])
    held, strips = [], []
    for line in lines:
        state = np.zeros((rows, columns), np.int8)
        _mark(line, corner, state)
        each = line[line[:, 0] < line[:, 1], :4]  # a level line crosses no ray to the east
        reach = _reach(each, corner, rows)
        by_row = [each[(reach[:, 0] <= row) & (row <= reach[:, 1])] for row in range(rows)]
        strips += by_row
        _fill(np.concatenate(by_row), _firsts(by_row), corner, state)
        held.append(state.ravel())
    of_cell = [[a if state[c] == 1 else ~a for a, state in enumerate(held) if state[c] != 0] for c in range(rows * columns)]
    flat = np.array([a for some in of_cell for a in some], np.int64)
    return AreaIndex(corner, np.array([rows, columns]), _firsts(of_cell), flat, _firsts(strips), np.concatenate(strips))


def locate(x: F64, y: F64, index: AreaIndex) -> I32:
    """The area of each point.

    x, y  float64[n] in the coordinates of the areas
    ->    int32[n]: place of the area in what the index was built from; -1 outside all, and where a coordinate is NaN or infinite

    O(n * edges of a cell's areas in its row). Errors: KernelInputError for shapes.
    """
    if x.shape != y.shape:
        raise KernelInputError("y", f"shape {x.shape} like x", y.shape)
    out = np.empty(x.size, np.int32)
    _locate(x, y, index, out)
    return out


@jit
def _odd(edge: Any, first: int, last: int, x: float, y: float) -> bool:
    inside = False
    for e in range(first, last):
        if edge[e, 0] <= y < edge[e, 1] and x < edge[e, 2] + (y - edge[e, 0]) * edge[e, 3]:
            inside = not inside
    return inside


@jit
def _locate(x: Any, y: Any, index: Any, out: Any) -> None:
    rows, columns = index.shape[0], index.shape[1]
    for i in range(x.size):
        out[i] = -1
        across, up = (x[i] - index.corner[0]) * index.corner[2], (y[i] - index.corner[1]) * index.corner[3]
        if not (0.0 <= across <= columns and 0.0 <= up <= rows):
            continue
        row, column = min(np.int64(up), rows - 1), min(np.int64(across), columns - 1)
        cell = row * columns + column
        for j in range(index.first_area[cell], index.first_area[cell + 1]):
            a = index.area[j]
            if a < 0:
                out[i] = ~a
                break
            at = a * rows + row
            if _odd(index.edge, index.first_edge[at], index.first_edge[at + 1], x[i], y[i]):
                out[i] = a
                break


@jit
def _mark(lines: Any, corner: Any, state: Any) -> None:
    """1 in every cell that a line comes near, row by row."""
    rows, columns = state.shape
    for e in range(lines.shape[0]):
        low, high, x, slope, width = lines[e]
        first = max(int(np.floor((low - corner[1]) * corner[3] - 1e-6)), 0)
        last = min(int(np.floor((high - corner[1]) * corner[3] + 1e-6)), rows - 1)
        for row in range(first, last + 1):
            below = max(low, corner[1] + (row - 1e-6) / corner[3])
            above = min(high, corner[1] + (row + 1 + 1e-6) / corner[3])
            left, right = x + (below - low) * slope, x + (above - low) * slope
            west = (min(left, right) - corner[0]) * corner[2] - 1e-6
            east = (max(left, right) + width - corner[0]) * corner[2] + 1e-6
            for column in range(max(int(np.floor(west)), 0), min(int(np.floor(east)), columns - 1) + 1):
                state[row, column] = 1


@jit
def _fill(strips: Any, first: Any, corner: Any, state: Any) -> None:
    """2 in every cell without an edge whose centre is inside."""
    for row in range(state.shape[0]):
        y = corner[1] + (row + 0.5) / corner[3]
        for column in range(state.shape[1]):
            if state[row, column] == 0 and _odd(strips, first[row], first[row + 1], corner[0] + (column + 0.5) / corner[2], y):
                state[row, column] = 2


def _lines(rings: Rings, a: int) -> F64:
    """float64[e, 5] of one area: an edge's columns, and the width of a level one, which begins at its western end."""
    found = []
    for r, given in enumerate(rings):
        ring = np.asarray(given, np.float64)
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not bool(np.all(np.isfinite(ring))):
            raise KernelInputError(f"areas[{a}][{r}]", "at least three finite points (n, 2)", ring.shape)
        one, two = ring, np.roll(ring, -1, axis=0)
        up = (one[:, 1] < two[:, 1]) | ((one[:, 1] == two[:, 1]) & (one[:, 0] <= two[:, 0]))
        low, high = np.where(up[:, None], one, two), np.where(up[:, None], two, one)
        rise, run = high[:, 1] - low[:, 1], high[:, 0] - low[:, 0]
        level = rise == 0.0
        slope = np.divide(run, rise, out=np.zeros_like(run), where=~level)
        found.append(np.column_stack((low[:, 1], high[:, 1], low[:, 0], slope, np.where(level, run, 0.0))))
    return np.concatenate(found) if found else np.empty((0, 5))


def _reach(edges: F64, corner: F64, rows: int) -> I64:
    """int64[e, 2]: the first and last row that each edge may be tried in."""
    first, last = (np.floor((edges[:, k] - corner[1]) * corner[3] + sign * _MARGIN) for k, sign in ((0, -1.0), (1, 1.0)))
    reach: I64 = np.clip(np.column_stack((first, last)), 0, rows - 1).astype(np.int64)
    return reach


def _firsts(parts: Sequence[Any]) -> I64:
    return np.concatenate(([0], np.cumsum([len(each) for each in parts]))).astype(np.int64)
