"""Who stands in the areas of a window: slots of devices as the kernels read them, and which slot a reading belongs to. Pure.

Promises  A slot is one device in one place; a reading belongs to the slot that was valid when it was measured, or to none.
Leaves    Arithmetic to restate.sums, what was due to restate.compute.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import LEVELS
from formula.dated import Dated, Version, hold_us
from kernels.reduce import Places

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

TIMED = frozenset({"time_mean", "time_share"})
"""Functions whose values hold on after they were measured."""


class Window(NamedTuple):
    """One window of one KPI version in one city, and the areas that are asked for: places in Dated.areas."""

    version: Version
    city: str
    start_us: int
    end_us: int
    areas: I64


class Slots(NamedTuple):
    """s slots in order of device and time; areas are numbered by their place in Window.areas."""

    device: I64
    kind: I32
    area: I32
    """int32[s, LEVELS], -1 where the area is not asked for."""
    cadence_us: I64
    from_us: I64
    to_us: I64
    due_from_us: I64
    population: I64
    hold_us: I64

    def places(self, measuring: I32) -> Places:
        """As kernels.reduce wants them, for the slots whose kind measures a quantity; all in one city."""
        rows = np.flatnonzero(np.isin(self.kind, measuring)).astype(np.int32)
        owed_from = np.maximum(self.due_from_us, self.from_us)
        return Places(rows, self.area, self.cadence_us, owed_from, self.to_us, self.population, np.zeros(self.device.size, np.int32))

    def of(self, device: I64, at_us: I64) -> I32:
        """int32[n]: the slot of each reading, -1 where none is valid."""
        slot = np.searchsorted(self.device, device).astype(np.int64)
        last = self.device.size - 1
        known = (slot <= last) & (self.device[np.minimum(slot, last)] == device) if last >= 0 else np.zeros(device.size, np.bool_)
        slot = np.where(known, slot, 0)
        while True:
            after = np.minimum(slot + 1, last)
            go_on = known & (slot < last) & (self.device[after] == device) & (at_us >= self.from_us[after]) if last >= 0 else known
            if not go_on.any():
                break
            slot = np.where(go_on, slot + 1, slot)
        if last >= 0:
            known &= (at_us >= self.from_us[slot]) & (at_us < self.to_us[slot])
        return np.where(known, slot, -1).astype(np.int32)


def slots_of(dated: Dated, window: Window) -> Slots:
    """Devices of the input kinds in the areas, valid in the window, or before it as long as their values can hold."""
    stands, version = dated.stands, window.version
    names = {kind for due in version.dues for kind in due.kinds}
    kinds = np.array([n for n, kind in enumerate(dated.kinds) if kind in names], np.int32)
    holds = np.array([hold_us(dated.documents.kinds[kind]) for kind in dated.kinds] or [0], np.int64)
    place = np.full(len(dated.areas) + 1, -1, np.int32)
    place[window.areas] = np.arange(window.areas.size, dtype=np.int32)
    area = place[dated.lineage[stands.leaf]] if stands.leaf.size else np.zeros((0, len(LEVELS)), np.int32)
    back_us = holds[stands.kind] if any(spec.function in TIMED for spec in version.plan.aggregates) else np.zeros(stands.kind.size, np.int64)
    mine = np.isin(stands.kind, kinds) & (area >= 0).any(axis=1)
    mine &= (stands.from_us < window.end_us) & (stands.to_us > window.start_us - back_us)
    rows = np.flatnonzero(mine)
    people = np.array([dated.documents.areas[dated.areas[leaf]].population for leaf in stands.leaf[rows].tolist()], np.int64)
    return Slots(
        stands.device[rows],
        stands.kind[rows],
        np.ascontiguousarray(area[rows]),
        stands.cadence_us[rows],
        stands.from_us[rows],
        stands.to_us[rows],
        stands.due_from_us[rows],
        people,
        holds[stands.kind[rows]],
    )
