"""What a KPI's window would have said had every stored reading come in time. Pure.

Promises  The kernels, the last steps and the judgement of the live way, on stored readings: equal to live to the bit for counts, sums,
          means, extremes and percentiles, to a relative 1e-12 else (rule 27). Devices, places and dues as the catalogue has them for the time.
Leaves    Reading and writing to storage.restating, when to restate.restater.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from formula.dated import Dated, Due, Version
from formula.outcome import Outcome, outcome
from formula.parts import part_spans
from formula.suppress import Among, above_of
from formula.tree import POPULATION
from restate.ground import Stretch
from restate.places import TIMED, Slots, Window, slots_of
from restate.sums import Readings, Sums

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
MILLION = 1_000_000


class Block(NamedTuple):
    """n stored readings with good flags, as the database has them: numbers of device and quantity, time (µs), value."""

    device: I64
    quantity: I64
    at_us: I64
    value: F64


class Needs(NamedTuple):
    """What has to be read for a window: good readings of these devices and quantities (numbers) in [from_us, to_us)."""

    devices: I64
    quantities: list[int]
    from_us: int
    to_us: int
    last_before: list[int]
    """Quantities whose last good reading before from_us is wanted, too."""


class Computation:
    """One window: says what it needs, takes it, gives the values."""

    def __init__(self, dated: Dated, window: Window) -> None:
        self._dated, self._window = dated, window
        self._version: Version = window.version
        self._slots: Slots = slots_of(dated, window)
        quantities = {id_: dated.documents.quantities[id_] for id_ in self._version.plan.quantities}
        self._quantity = {dated.quantity_no[id_]: n for n, id_ in enumerate(quantities)}
        self._resolution = np.array([quantity.resolution for quantity in quantities.values()])
        city = dated.documents.cities[window.city]
        self._sums = Sums(Stretch(window.start_us, window.end_us, city), self._version.plan.aggregates, quantities, self._slots)
        self._sums.open({id_: dated.measuring(id_) for id_ in quantities})

    @property
    def needs(self) -> Needs:
        """What to read."""
        specs = self._version.plan.aggregates
        timed = any(spec.function in TIMED for spec in specs)
        back_us = int(self._slots.hold_us.max(initial=0)) if timed else 0
        stepping = [self._dated.quantity_no[id_] for id_ in sorted({spec.quantity for spec in specs if spec.function == "increase"})]
        return Needs(np.unique(self._slots.device), sorted(self._quantity), self._window.start_us - back_us, self._window.end_us, stepping)

    def feed(self, block: Block) -> None:
        """Take readings in; where aggregates go by time, blocks come in order of time."""
        if not block.device.size:
            return
        numbers = np.full(max(self._quantity) + 1, -1, np.int32)
        numbers[list(self._quantity)] = list(self._quantity.values())
        quantity = numbers[block.quantity]
        integer = np.rint(block.value / self._resolution[quantity]).astype(np.int64)
        self._sums.feed(Readings(self._slots.of(block.device, block.at_us), quantity, block.at_us, integer))

    def outcome(self, bases: Mapping[str, F64], said: F64 | None = None) -> Outcome:
        """The values of the window's areas; `bases`: float64[n] by id of `at(…)`, `said`: what was published last; NaN = missing."""
        version, areas = self._version, self._window.areas
        found = self._sums.finish(areas.size)
        devices, good = np.zeros(areas.size, np.int64), np.zeros(areas.size, np.int64)
        for each in found.values():
            np.maximum(devices, each.devices, out=devices)
        due = np.zeros(areas.size, np.int64)
        for owed in version.dues:
            good += found[owed.aggregate].good_due
            due += self._due(owed)
        inputs: dict[str, F64] = {id_: each.value for id_, each in found.items()} | dict(bases)
        records = self._dated.documents.areas
        if version.plan.population:
            inputs[POPULATION] = np.array([float(records[self._dated.areas[area]].population) for area in areas.tolist()])
        parents = {id_: record.parent for id_, record in records.items()} if version.plan.counts else {}
        above = above_of([self._dated.areas[area] for area in areas.tolist()], parents)
        return outcome(version.plan, inputs, good, due, devices, among=Among(above, said))

    def _due(self, owed: Due) -> I64:
        """Millionths of readings that are due per area: int64[n]."""
        city = self._dated.documents.cities[self._window.city]
        spans = part_spans(self._window.start_us, self._window.end_us, owed.part, city)
        return due_in(self._dated, owed, self._slots, spans, self._window.areas.size)


def due_in(dated: Dated, owed: Due, slots: Slots, spans: Iterable[tuple[int, int]], areas: int) -> I64:
    """Millionths of readings that the slots of the kinds owe in the spans, by area: overlap * 10^6 // cadence of each device."""
    kinds = np.array([dated.kinds.index(kind) for kind in owed.kinds], np.int32)
    mine = np.isin(slots.kind, kinds)
    begin, end, cadence = np.maximum(slots.due_from_us, slots.from_us)[mine], slots.to_us[mine], slots.cadence_us[mine]
    overlap = np.zeros(begin.size, np.int64)
    for low, high in spans:
        overlap += np.maximum(np.minimum(high, end) - np.maximum(low, begin), 0)
    whole, rest = np.divmod(overlap, cadence)
    parts = [left * MILLION // every for left, every in zip(rest.tolist(), cadence.tolist(), strict=True)]
    each = whole * MILLION + np.array(parts, np.int64)
    out = np.zeros(areas, np.int64)
    for area in slots.area[mine].T:
        there = area >= 0
        np.add.at(out, area[there], each[there])
    return out
