"""The ground that one window's readings are accumulated on: lanes, rows and tracks for the worker's kernels.

Promises  The kernels' calendar is made of this window alone, whatever its length: all time before it, the window, all time after it.
Leaves    Feeding readings and reading the rows to restate.sums.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import City, Quantity
from formula.parts import hours_of, spans_of
from formula.spec import AggregateSpec, threshold_integer
from kernels.lanes import ENERGY, EXTREMES, LAST_VALUE, Blocks, Lanes, new_cells
from kernels.ordered import Ground, new_held, new_tracks
from kernels.reduce import FUNCTIONS, WHOLE, Spans

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

_FAR_US = 1 << 61
_DAY_CLASS = 3
"""Of kernels.calendar: the first class whose windows come from an array of edges."""
_BEFORE, _WITHIN = 0, 1
PARTS = ("", "day", "evening", "night")
"""A part's code in the kernels is its place here."""
_NEEDS = {"leq": ENERGY, "min": EXTREMES, "max": EXTREMES, "last": LAST_VALUE, "last_sum": LAST_VALUE}


class Stretch(NamedTuple):
    """The window, and the city whose calendar cuts it into parts of the day."""

    start_us: int
    end_us: int
    city: City

    def spans(self, part: str) -> Spans:
        """When a part is, as kernels.reduce wants it; WHOLE for none."""
        if not part:
            return WHOLE
        found = np.array(spans_of(self.start_us, self.end_us, part, hours_of(self.city)), np.int64).reshape(-1, 2)
        return Spans(np.array([0, found.shape[0]], np.int64), found)


class Lane(NamedTuple):
    """What is accumulated together: the aggregates of one quantity in one part of the day; one in time order stands alone."""

    quantity: int
    part: str
    specs: tuple[AggregateSpec, ...]

    @property
    def ordered(self) -> bool:
        """True where readings must come in order of time."""
        return self.specs[0].ordered


def lanes_of(specs: Sequence[AggregateSpec], quantities: Sequence[str]) -> list[Lane]:
    """The lanes of a plan, by quantity."""
    found: dict[tuple[int, str, str], list[AggregateSpec]] = {}
    for spec in specs:
        found.setdefault((quantities.index(spec.quantity), spec.part, spec.id if spec.ordered else ""), []).append(spec)
    return [Lane(quantity, part, tuple(mine)) for (quantity, part, _), mine in sorted(found.items(), key=lambda item: item[0])]


def make_ground(stretch: Stretch, lanes: list[Lane], quantities: Sequence[Quantity], row: I32, hold_us: I64) -> Ground:
    """Empty accumulators. row int32[q, s]: row of a slot in the blocks of a quantity, -1 where it has none; hold_us int64[s]."""
    kernel_lanes = _lanes(stretch, lanes, quantities, row)
    ordered = [n for n, lane in enumerate(lanes) if lane.ordered]
    tracks = new_tracks(
        np.array(ordered, np.int32),
        np.array([lanes[n].quantity for n in ordered], np.int32),
        np.array([FUNCTIONS.index(lanes[n].specs[0].function) for n in ordered], np.int32),
        np.array([_limit(lanes[n], quantities) for n in ordered], np.int64),
        len(quantities),
    )
    blocks = _blocks(stretch, [int((row[lane.quantity] >= 0).sum()) for lane in lanes])
    return Ground(kernel_lanes, blocks, tracks, new_held(len(ordered), row.shape[1]), hold_us)


def base_of(blocks: Blocks, lane: int) -> int:
    """First accumulator row of a lane's window."""
    return int(blocks.base[2 * lane + _WITHIN])


def _limit(lane: Lane, quantities: Sequence[Quantity]) -> int:
    spec = lane.specs[0]
    return threshold_integer(spec, quantities[lane.quantity]) if spec.function == "time_share" else 0


def _lanes(stretch: Stretch, lanes: list[Lane], quantities: Sequence[Quantity], row: I32) -> Lanes:
    plain = [(lane.quantity, n) for n, lane in enumerate(lanes) if not lane.ordered]
    windows = [-_FAR_US, stretch.start_us, stretch.end_us, _FAR_US]
    parts = PARTS[1:] if any(lane.part for lane in lanes) else ()
    cuts = sorted((low, PARTS.index(part)) for part in parts for low, _ in stretch.spans(part).edges_us.tolist())
    edges = [*windows, -_FAR_US, *(low for low, _ in cuts), stretch.end_us]
    codes = [0] * (len(windows) + 1) + [code for _, code in cuts] + [0]
    at = [0, len(windows), len(windows), len(windows), len(windows), len(edges)]
    return Lanes(
        np.searchsorted(np.array([q for q, _ in plain], np.int64), np.arange(len(quantities) + 1)).astype(np.int32),
        np.array([n for _, n in plain], np.int32),
        row,
        np.full(len(lanes), _DAY_CLASS, np.int32),
        np.array([PARTS.index(lane.part) for lane in lanes], np.int32),
        np.array([_needs(lane) for lane in lanes], np.uint8),
        np.zeros(row.shape[1], np.int32),
        np.array([at], np.int64),
        np.array(edges, np.int64),
        np.array(codes, np.uint8),
        np.zeros((max(1, len(quantities)), 3), np.int64),
        np.zeros(0),
        np.array([quantity.resolution for quantity in quantities]),
        np.zeros(len(quantities), np.int64),
        np.zeros(len(plain), np.int64),
    )


def _needs(lane: Lane) -> int:
    bits = 0
    for spec in lane.specs:
        bits |= _NEEDS.get(spec.function, 0)
    return bits


def _blocks(stretch: Stretch, rows: list[int]) -> Blocks:
    """Two open windows a lane: all time before, which takes what is held on from there, and the window itself."""
    sizes = np.repeat(np.array(rows, np.int64), 2)
    base = np.concatenate(([0], np.cumsum(sizes)))
    lanes, (cell, real) = len(rows), new_cells(int(base[-1]))
    return Blocks(
        open=np.full(lanes, 2, np.int32),
        of_lane=np.arange(2 * lanes, dtype=np.int32).reshape(lanes, 2),
        start_us=np.tile(np.array([-_FAR_US, stretch.start_us], np.int64), lanes),
        base=base[:-1].astype(np.int64),
        hit=np.zeros((lanes, 8), np.int64),
        cell=cell,
        real=real,
    )
