"""Lanes: one version of a KPI in the areas of one city, with everything that computing it needs at hand.

Promises  Lanes follow from catalogue, census and the areas seen; areas are in order of their id.
Leaves    When to compute to stream/combiner/closing and stream/combiner/live.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import City, WindowName
from catalog.windows import window_of
from formula.parts import part_spans
from formula.suppress import above_of
from stream.combiner.catalogue import Definition, Definitions
from stream.combiner.census import Census, due
from stream.combiner.finals import Finals
from stream.combiner.panes import Panes
from stream.rows import TAIL

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
LaneId = tuple[str, int, str]
"""KPI, version, city."""


class Calendar:
    """Windows of one length in one time zone; the last found are remembered, because nearly all questions are about them."""

    def __init__(self, window: WindowName, time_zone: str) -> None:
        self._window: WindowName = window
        self._time_zone = time_zone
        self._recent: deque[tuple[int, int]] = deque(maxlen=3)

    def window(self, at_us: int) -> tuple[int, int]:
        """Start and end (µs UTC) of the window that holds at_us."""
        for found in self._recent:
            if found[0] <= at_us < found[1]:
                return found
        found = window_of(at_us, self._window, self._time_zone)
        self._recent.appendleft(found)
        return found


class DueOf(NamedTuple):
    """Groups of devices that owe readings of one quantity, in one part of the day, in all areas of a city."""

    part: str
    kinds: tuple[str, ...]
    kind: I64
    """int64[g], place of each group's kind in `kinds`."""
    groups: I64
    """int64[5, g], columns of Census.table."""


class Lane(NamedTuple):
    """One version of a KPI in one city."""

    definition: Definition
    city: City
    areas: list[str]
    slots: I64
    """Area slots, in the order of `areas`."""
    keys: tuple[int, ...]
    """Key slots of the plan's aggregates, in the plan's order."""
    tails: tuple[int, ...]
    """The same with what the watermark has not passed yet, -1 where the order of time does not matter; for live values alone."""
    dues: tuple[DueOf, ...]
    begun: I64
    """int64[2, g]: area slot and start (µs) of every group that feeds the KPI."""
    calendar: Calendar
    finals: Finals
    """What its formula looks back at."""
    people: F64
    """float64[slots] by area slot: inhabitants; only where the formula wants them."""
    above: I64
    """int64[n]: place in `areas` of the nearest one that holds each; -1: none."""

    @property
    def id(self) -> LaneId:
        """KPI, version, city."""
        return (*self.definition.name, self.city.id)

    def window(self, at_us: int) -> tuple[int, int]:
        """The KPI's window that holds at_us, in the city's calendar."""
        return self.calendar.window(at_us)

    def due(self, window: tuple[int, int], known_us: dict[str, int] | None, slots: int) -> I64:
        """Millionths of readings due per area of the lane; known_us None: the window counts in full."""
        return self.due_so_far(window, known_us, slots, {})

    def due_so_far(self, window: tuple[int, int], known_us: dict[str, int] | None, slots: int, memo: dict[tuple[object, ...], I64]) -> I64:
        """The same, where KPIs that rest on the same groups and window share the work; one memo for one `known_us`."""
        total = np.zeros(slots, np.int64)
        for due_of in self.dues:
            name = (self.city.id, due_of.part, due_of.kinds, window)
            if name not in memo:
                spans = part_spans(*window, due_of.part, self.city)
                known = [window[1] if known_us is None else known_us.get(kind, window[0]) for kind in due_of.kinds]
                memo[name] = due(due_of.groups, spans, np.array(known, np.int64)[due_of.kind], slots)
            total += memo[name]
        return total[self.slots]

    def begun_before(self, end_us: int, slots: int) -> npt.NDArray[np.bool_]:
        """Areas of the lane in which a device of an input kind was active before end_us."""
        found = np.zeros(slots, np.bool_)
        found[self.begun[0, self.begun[1] < end_us]] = True
        return found[self.slots]


def build(definitions: Definitions, census: Census, panes: Panes, finals: Finals) -> list[Lane]:
    """All lanes that have an area here, in the order of the definitions; numbers the aggregates that the KPIs need."""
    builder = _Builder(definitions, census, panes, finals)
    return [lane for definition in definitions.kpis for city in definitions.cities.values() if (lane := builder.lane(definition, city)) is not None]


class _Builder:
    """What lanes share, made once."""

    def __init__(self, definitions: Definitions, census: Census, panes: Panes, finals: Finals) -> None:
        self._census, self._panes, self._finals = census, panes, finals
        self._people = np.array([_people(definitions, area) for area in panes.areas], np.float64)
        self._areas: dict[tuple[str, str], list[str]] = {}
        self._parents = {area: record.parent for area, record in definitions.areas.items()}
        for area in sorted(panes.area_slot):
            record = definitions.areas.get(area)
            if record is not None:
                self._areas.setdefault((record.city, record.level), []).append(area)
        self._dues: dict[tuple[str, str, tuple[str, ...]], DueOf] = {}
        self._calendars: dict[tuple[str, str], Calendar] = {}

    def lane(self, definition: Definition, city: City) -> Lane | None:
        """One KPI in one city, None where it has no area here."""
        keys = tuple(self._panes.slot_of_key(text) for text in definition.keys)
        both = zip(definition.plan.aggregates, definition.keys, strict=True)
        tails = tuple(self._panes.slot_of_key(text + TAIL) if spec.ordered else -1 for spec, text in both)
        areas = sorted(area for level in definition.kpi.levels for area in self._areas.get((city.id, level), ()))
        if not areas:
            return None
        slots = np.array([self._panes.area_slot[area] for area in areas], np.int64)
        dues = tuple(self._due_of(city.id, part, kinds) for part, _, kinds in definition.dues)
        begun = self._census.table[:, _within(self._census, definition.kinds, slots)][[0, 2]]
        window, zone = definition.kpi.window, city.time_zone
        calendar = self._calendars.setdefault((window, zone), Calendar(window, zone))
        above = above_of(areas, self._parents) if definition.plan.counts else np.full(len(areas), -1, np.int64)
        people = self._people if definition.plan.population else self._people[:0]
        return Lane(definition, city, areas, slots, keys, tails, dues, begun, calendar, self._finals, people, above)

    def _due_of(self, city: str, part: str, kinds: tuple[str, ...]) -> DueOf:
        name = (city, part, kinds)
        if name not in self._dues:
            here = [self._panes.area_slot[area] for (its, _), areas in self._areas.items() if its == city for area in areas]
            columns = _within(self._census, kinds, np.array(here, np.int64))
            kind = np.array([kinds.index(self._census.groups[at].kind) for at in columns.tolist()], np.int64)
            self._dues[name] = DueOf(part, kinds, kind, np.ascontiguousarray(self._census.table[:, columns]))
        return self._dues[name]


def _people(definitions: Definitions, area: str) -> float:
    record = definitions.areas.get(area)
    return float("nan") if record is None else float(record.population)


def _within(census: Census, kinds: Sequence[str], slots: I64) -> I64:
    columns = census.of_kinds(kinds)
    return columns[np.isin(census.table[0, columns], slots)]
