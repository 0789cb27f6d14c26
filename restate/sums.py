"""Accumulate stored readings of one window with the kernels that the worker runs, and merge them per area.

Promises  Integers as live, to the bit, whatever the blocks; energies of levels (float64) to the order of addition. Aggregates in
          time order want the blocks in order of time.
Leaves    Formula and coverage to restate.compute, reading to storage.restating.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import Quantity
from formula.finalise import finalise
from formula.spec import AggregateSpec
from kernels.accumulate import accumulate
from kernels.arrive import Rows, new_verdicts
from kernels.combine import Merged
from kernels.feeding import feed
from kernels.good import pick
from kernels.lanes import ground_of
from kernels.ordered import close
from kernels.reduce import FUNCTIONS, PartialRows, Places, new_rows, new_scratch, reduce_block
from restate.ground import Lane, Stretch, base_of, lanes_of, make_ground
from restate.places import Slots

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
Bins = tuple[I64, I64]

_CLIP = 1 << 31
"""As kernels.pool clips."""


class Readings(NamedTuple):
    """n good readings: slot (-1: of none), place of the quantity among the plan's, time, value as an integer of the resolution."""

    slot: I32
    quantity: I32
    at_us: I64
    integer: I64

    def taken(self, rows: npt.NDArray[np.bool_] | I64) -> "Readings":
        """Some of them, as copies."""
        return Readings(self.slot[rows], self.quantity[rows], self.at_us[rows], self.integer[rows])


class Aggregated(NamedTuple):
    """One aggregate in n areas: its value, and what coverage and the number of devices rest on."""

    value: F64
    devices: I64
    good_due: I64


class Sums:
    """The accumulators of one window: feed, then finish once."""

    def __init__(self, stretch: Stretch, specs: tuple[AggregateSpec, ...], quantities: Mapping[str, Quantity], slots: Slots) -> None:
        self._stretch, self._slots = stretch, slots
        self._quantities = [quantities[id_] for id_ in sorted({spec.quantity for spec in specs})]
        self._lanes = lanes_of(specs, [quantity.id for quantity in self._quantities])
        self._pooled: dict[int, list[Readings]] = {n: [] for n, lane in enumerate(self._lanes) if any(s.function == "percentile" for s in lane.specs)}
        self._need = np.zeros(3, np.int64)

    def open(self, measuring: Mapping[str, I32]) -> None:
        """Lay out a row for each slot whose kind measures a quantity; `measuring`: places of kinds by quantity."""
        self._places = [self._slots.places(measuring[quantity.id]) for quantity in self._quantities]
        row = np.full((len(self._places), self._slots.device.size), -1, np.int32)
        for q, here in enumerate(self._places):
            row[q, here.slot] = np.arange(here.slot.size, dtype=np.int32)
        self._ground = make_ground(self._stretch, self._lanes, self._quantities, row, self._slots.hold_us)
        self._bundle = ground_of(self._ground.lanes, self._ground.blocks)

    def feed(self, readings: Readings) -> None:
        """Add a block; readings from before the window are for ordered aggregates, those after it are not given."""
        readings = readings.taken(readings.slot >= 0)
        self._feed_ordered(readings)
        readings = readings.taken(readings.at_us >= self._stretch.start_us)
        n = readings.slot.size
        if not n:
            return
        readings.at_us.flags.writeable = False  # as a frame's column: the kernel is compiled for that
        good = np.ones(n, np.uint16)
        rows = Rows(readings.slot, readings.quantity, readings.at_us, readings.at_us, np.zeros(n), good)
        verdicts = new_verdicts(n)._replace(quality=good, integer=readings.integer)
        pick(rows, verdicts, self._ground.lanes.row)
        verdicts.good.span[:] = readings.at_us.min(), readings.at_us.max()
        self._whole(accumulate(verdicts.good, self._bundle, 0, self._need), int(verdicts.good.used[0]))
        for lane, blocks in self._pooled.items():
            blocks.append(readings.taken(self._of_lane(self._lanes[lane], readings)))

    def finish(self, areas: int) -> dict[str, Aggregated]:
        """Count what devices hold up to the window's end, and merge: by id of the aggregate."""
        until = np.array([self._stretch.end_us], np.int64)
        for t in range(self._ground.tracks.lane.size):
            self._whole(int(close(t, until, self._ground, self._need)), 1)
        found: dict[str, Aggregated] = {}
        for n, lane in enumerate(self._lanes):
            out = self._reduced(n, lane, areas)
            for number, spec in enumerate(lane.specs):
                merged = _merged(out, number, areas)
                bins = self._bins(n, areas) if spec.function == "percentile" else ()
                value = finalise(spec, self._quantities[lane.quantity], merged, bins)
                found[spec.id] = Aggregated(value, merged.devices, merged.good_due)
        return found

    def _feed_ordered(self, readings: Readings) -> None:
        tracked = np.isin(readings.quantity, self._ground.tracks.quantity)
        if tracked.any():
            rows = readings.taken(tracked)
            rows = rows.taken(np.lexsort((rows.quantity, rows.slot, rows.at_us)))
            plain = (rows.slot, rows.quantity, rows.at_us, rows.integer)  # no named tuple: the kernel is compiled for a plain one
            self._whole(feed(plain, self._ground, 0, self._need), rows.slot.size)

    def _whole(self, done: int, wanted: int) -> None:
        if done != wanted:
            raise RuntimeError(f"restate.sums: wanted the window of every reading open, got none for lane, start, city {self._need.tolist()}")

    def _of_lane(self, lane: Lane, readings: Readings) -> npt.NDArray[np.bool_]:
        """Rows of the lane's quantity, by devices that measure it, in its part of the day."""
        mine: npt.NDArray[np.bool_] = (readings.quantity == lane.quantity) & np.isin(readings.slot, self._places[lane.quantity].slot)
        if lane.part:
            edges = self._stretch.spans(lane.part).edges_us
            at = np.searchsorted(edges[:, 0], readings.at_us, side="right") - 1
            mine &= (at >= 0) & (readings.at_us < edges[np.maximum(at, 0), 1]) if edges.size else np.zeros(mine.size, np.bool_)
        return mine

    def _reduced(self, n: int, lane: Lane, areas: int) -> PartialRows:
        codes = [(FUNCTIONS.index(f"{spec.function}_{spec.weight}" if spec.weight else spec.function), at) for at, spec in enumerate(lane.specs)]
        functions, out = np.array(codes, np.int32).reshape(-1, 2), new_rows(len(codes) * areas)
        span = np.array([base_of(self._ground.blocks, n), self._stretch.start_us, self._stretch.end_us], np.int64)
        places: Places = self._places[lane.quantity]
        reduce_block(self._ground.blocks, span, places, functions, new_scratch(areas), out, self._stretch.spans(lane.part))
        return out

    def _bins(self, lane: int, areas: int) -> list[Bins | None]:
        """Histograms of the pooled readings by area."""
        blocks = self._pooled[lane]
        slot = np.concatenate([block.slot for block in blocks]) if blocks else np.zeros(0, np.int32)
        integer = np.concatenate([block.integer for block in blocks]) if blocks else np.zeros(0, np.int64)
        clipped = np.clip(integer, -_CLIP, _CLIP - 1)
        found: list[Bins | None] = []
        for area in range(areas):
            here = clipped[(self._slots.area[slot] == area).any(axis=1)]
            found.append(np.unique(here, return_counts=True) if here.size else None)
        return found


def _merged(out: PartialRows, aggregate: int, areas: int) -> Merged:
    """The rows of one aggregate as columns by area; zeros where there is none."""
    rows = np.flatnonzero(out.aggregate[: int(out.used[0])] == aggregate)
    numbers, real = np.zeros((7, areas), np.int64), np.zeros(areas)
    numbers[:, out.area[rows]] = out.number[rows].T
    real[out.area[rows]] = out.real[rows]
    devices, readings, good_due, sum_hi, sum_lo, low, high = numbers
    return Merged(devices, readings, good_due, sum_hi, sum_lo, real, low, high)
