"""The batch oracle: every settled KPI value that a table of readings means, and which of them are owed. Pure.

Promises  Slow and obvious, from readings, devices and the catalogue alone: no flag, no partial, no published value enters.
          Owed is every window that the lowest watermark has passed (rules 8, 16): in every area with a device of an input kind, from its first
          such device on, and before that where somebody said something.
Leaves    Which readings count to chaos.oracle_readings and chaos.oracle_quality, comparing to chaos.verdict.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from catalog.records import Kpi
from chaos.oracle_formula import Formula, Inputs, UnknownFormulaError
from chaos.oracle_ground import MILLION, Ground, placed
from chaos.oracle_sums import Call, Cut, Key, Told, aggregate, grouped

DAY_US = 86_400_000_000


class Final(NamedTuple):
    """What a settled value must say."""

    value: float | None
    state: str
    coverage: float
    devices: int


class Passed(NamedTuple):
    """How far the log is, by its stored watermarks."""

    watermarks: Mapping[str, int | None]
    """The lowest over the partitions, by kind; None: some partition has none yet."""
    now_us: int
    """No later than this anything was closed: empty windows that ended more than a day before need not have been published (rule 16)."""
    live_from_us: Mapping[str, int]
    """By KPI; windows that start before have a value where there is data only."""


class Judged(NamedTuple):
    """One KPI, judged."""

    formula: Formula
    finals: Mapping[Key, Final]
    """Of every window that is owed or was asked for."""
    owed: frozenset[Key]
    allowed: frozenset[Key]
    """Of those asked for: what may be there without being owed."""


class Oracle:
    """The readings that count, and everything that follows from them; KPIs in any order."""

    def __init__(self, ground: Ground, good: pd.DataFrame, passed: Passed) -> None:
        """`good`: device, quantity, measured_us, integer; one row per reading that KPIs use."""
        self.ground, self._passed = ground, passed
        self._said = placed(good, ground.places)
        self._values: dict[str, dict[Key, float | None]] = {}

    def judge(self, kpi: Kpi, asked: Iterable[Key] = ()) -> Judged:
        """Everything owed of one KPI, and the windows that are asked for beside it; raises UnknownFormulaError for what the oracle cannot compute."""
        if kpi.smallest_count:
            raise UnknownFormulaError(f"{kpi.id}: the oracle does not know which numbers a smallest count of {kpi.smallest_count} withholds")
        formula, asked = Formula(kpi), frozenset(asked)
        homes = {number: self.ground.at_level(place.area, kpi.levels) for number, place in enumerate(self.ground.places)}
        cut = Cut(self.ground, kpi.window, homes)
        told = {call: aggregate(call, self._said.get(call.quantity, {}), cut) for call in formula.calls}
        spoken = {key for each in told.values() for key, number in each.devices.items() if number}
        owed = frozenset(self._owed(formula, spoken))
        finals = self._finals(formula, told, cut, owed | asked)
        return Judged(formula, finals, owed, frozenset(key for key in asked - owed if self._allowed(formula, key, spoken)))

    def _owed(self, formula: Formula, spoken: set[Key]) -> Iterator[Key]:
        kpi = formula.kpi
        limit_us, live_from_us = self._limit(kpi), self._passed.live_from_us.get(kpi.id, 0)
        if limit_us is None:
            return
        yield from (key for key in spoken if self.ground.window(key[1], kpi.window)[1] <= limit_us)
        for area, begun_us in self._begun(formula).items():
            start, end = self.ground.window(max(begun_us, live_from_us, self._passed.now_us - DAY_US), kpi.window)
            while end <= limit_us:
                if start >= live_from_us and end >= self._passed.now_us - DAY_US:
                    yield area, start
                start, end = self.ground.window(end, kpi.window)

    def _allowed(self, formula: Formula, key: Key, spoken: set[Key]) -> bool:
        """A window that is not owed: closed since the watermarks were read, or empty and old, or empty and before the area's devices were due,
        where a reading from before had opened it."""
        area, start = key
        if self.ground.window(start, formula.kpi.window)[0] != start:
            return False
        end = self.ground.window(start, formula.kpi.window)[1]
        begun = self._begun(formula)
        opened = min([begun.get(area, end), *(at for where, at in spoken if where == area)])
        return area in begun and opened < end <= self._passed.now_us

    def _begun(self, formula: Formula) -> dict[str, int]:
        """Areas of the KPI's levels with a device of an input kind, and from when they have one."""
        found: dict[str, int] = {}
        kinds = self._kinds(formula)
        for place in self.ground.places:
            if place.kind in kinds:
                for area in self.ground.at_level(place.area, formula.kpi.levels):
                    found[area] = min(place.begun_us, found.get(area, place.begun_us))
        return found

    def _kinds(self, formula: Formula) -> set[str]:
        return {kind for quantity in formula.quantities for kind in self.ground.kinds_of(quantity)}

    def _limit(self, kpi: Kpi) -> int | None:
        """How far windows are closed: by the slowest of its kinds, and of those of the KPIs that it looks back at."""
        formula = Formula(kpi)
        standing = {place.kind for place in self.ground.places}
        marks = [self._passed.watermarks.get(kind) for kind in self._kinds(formula) & standing]
        marks += [self._limit(self.ground.kpis[base.kpi]) for base in formula.earlier]
        known = [mark for mark in marks if mark is not None]
        return min(known) if known and len(known) == len(marks) else None

    def _finals(self, formula: Formula, told: Mapping[Call, Told], cut: Cut, keys: Iterable[Key]) -> dict[Key, Final]:
        inputs = sorted({(call.quantity, call.part) for call in told})
        said = {each: grouped(self._said.get(each[0], {}), each[1], cut) for each in inputs}
        owing = {each: self._owing(each[0], formula.kpi) for each in inputs}
        found: dict[Key, Final] = {}
        for area, start in sorted(keys):
            key = (area, start)
            window = self.ground.window(start, formula.kpi.window)
            devices = max(each.devices.get(key, 0) for each in told.values())
            good = due = 0
            for each in inputs:
                for number in owing[each].get(area, ()):
                    owes = self.ground.due(self.ground.places[number], window, each[1])
                    due, good = due + owes, good + min(len(said[each].get(key, {}).get(number, ())) * MILLION, owes)
            coverage = min(good / due, 1.0) if due else float(devices > 0)
            value = formula.value(self._inputs(formula, told, key))
            if not devices:
                found[key] = Final(None, "no_data", coverage, 0)
            elif value is None or coverage < formula.kpi.min_coverage:
                found[key] = Final(None, "not_enough_data", coverage, devices)
            else:
                found[key] = Final(value, "ok", coverage, devices)
        return found

    def _inputs(self, formula: Formula, told: Mapping[Call, Told], key: Key) -> Inputs:
        area, start = key
        earlier = {}
        for base in formula.earlier:
            before = base.start_of(start, formula.kpi, self.ground.city.time_zone)
            earlier[base] = self._value(base.kpi, (area, before))
        return Inputs({call: each.value.get(key) for call, each in told.items()}, earlier, float(self.ground.areas[area].population))

    def _value(self, kpi: str, key: Key) -> float | None:
        """Another KPI's settled value; a window that is not owed has none."""
        if kpi not in self._values:
            self._values[kpi] = {each: final.value for each, final in self.judge(self.ground.kpis[kpi]).finals.items()}
        return self._values[kpi].get(key)

    def _owing(self, quantity: str, kpi: Kpi) -> dict[str, list[int]]:
        """By area the places whose device measures a quantity."""
        found: dict[str, list[int]] = {}
        kinds = self.ground.kinds_of(quantity)
        for number, place in enumerate(self.ground.places):
            for area in self.ground.at_level(place.area, kpi.levels) if place.kind in kinds else ():
                found.setdefault(area, []).append(number)
        return found
