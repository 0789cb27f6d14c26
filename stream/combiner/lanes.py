"""Lanes: one version of a KPI in the areas of one city, with everything that computing it needs at hand.

Promises  Lanes follow from catalogue, census and the areas seen; areas are in order of their id.
Leaves    When to compute to stream/combiner/closing and stream/combiner/live.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import City
from catalog.windows import window_of
from formula.parts import part_spans
from stream.combiner.catalogue import Definition, Definitions
from stream.combiner.census import Census, due
from stream.combiner.panes import Panes

I64 = npt.NDArray[np.int64]
LaneId = tuple[str, int, str]
"""KPI, version, city."""


class DueOf(NamedTuple):
    """Groups of devices that owe readings of one quantity, in one part of the day."""

    part: str
    groups: I64
    """int64[5, g], columns of Census.table."""
    kinds: list[str]
    """Kind of each column."""


class Lane(NamedTuple):
    """One version of a KPI in one city."""

    definition: Definition
    city: City
    areas: list[str]
    slots: I64
    """Area slots, in the order of `areas`."""
    keys: tuple[int, ...]
    """Key slots of the plan's aggregates, in the plan's order."""
    dues: tuple[DueOf, ...]
    begun: I64
    """int64[2, g]: area slot and start (µs) of every group that feeds the KPI."""

    @property
    def id(self) -> LaneId:
        """KPI, version, city."""
        return (*self.definition.name, self.city.id)

    def window(self, at_us: int) -> tuple[int, int]:
        """The KPI's window that holds at_us, in the city's calendar."""
        return window_of(at_us, self.definition.kpi.window, self.city.time_zone)

    def due(self, window: tuple[int, int], known_us: dict[str, int] | None, slots: int) -> I64:
        """Millionths of readings due per area of the lane; known_us None: the window counts in full."""
        total = np.zeros(slots, np.int64)
        for part, groups, kinds in self.dues:
            spans = part_spans(*window, part, self.city)
            if known_us is None:
                known = np.full(len(kinds), window[1], np.int64)
            else:
                known = np.array([known_us.get(kind, window[0]) for kind in kinds], np.int64)
            total += due(groups, spans, known, slots)
        return total[self.slots]

    def begun_before(self, end_us: int, slots: int) -> npt.NDArray[np.bool_]:
        """Areas of the lane in which a device of an input kind was active before end_us."""
        found = np.zeros(slots, np.bool_)
        found[self.begun[0, self.begun[1] < end_us]] = True
        return found[self.slots]


def build(definitions: Definitions, census: Census, panes: Panes) -> list[Lane]:
    """All lanes that have an area here; numbers the aggregates that the KPIs need."""
    lanes: list[Lane] = []
    for definition in definitions.kpis:
        keys = tuple(panes.slot_of_key(text) for text in definition.keys)
        for city in definitions.cities.values():
            areas = sorted(
                area
                for area in panes.area_slot
                if (record := definitions.areas.get(area)) is not None and record.city == city.id and record.level in definition.kpi.levels
            )
            if areas:
                lanes.append(_lane(definition, city, areas, (census, panes), keys))
    return lanes


def _lane(definition: Definition, city: City, areas: list[str], state: tuple[Census, Panes], keys: tuple[int, ...]) -> Lane:
    census, panes = state
    slots = np.array([panes.area_slot[area] for area in areas], np.int64)
    dues = []
    for part, _, kinds in definition.dues:
        columns = _within(census, kinds, slots)
        dues.append(DueOf(part, np.ascontiguousarray(census.table[:, columns]), [census.groups[at].kind for at in columns.tolist()]))
    begun = census.table[:, _within(census, definition.kinds, slots)][[0, 2]]
    return Lane(definition, city, areas, slots, keys, tuple(dues), begun)


def _within(census: Census, kinds: Sequence[str], slots: I64) -> I64:
    columns = census.of_kinds(kinds)
    return columns[np.isin(census.table[0, columns], slots)]
