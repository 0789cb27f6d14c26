"""The catalogue over time: KPI versions with the windows they count for, areas with what they lie in, and where each device stood when.

Promises  Built from the documents that worker and combiner get, so that what is computed again later rests on the same definitions.
          A version that cannot be compiled is left out and named.
Leaves    Reading documents and spans to storage/, computing to restate/.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.records import LEVELS, Area, City, KpiDocument, Quantity, SensorKind
from formula.compile import compile_kpi
from formula.errors import FormulaError
from formula.plan import Plan
from formula.spec import ORDERED

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
NEVER_US = 1 << 62


class KpiRow(NamedTuple):
    """One version as it is stored; retired_us None: in force."""

    kpi: KpiDocument
    live_from_us: int
    retired_us: int | None


class Due(NamedTuple):
    """One quantity and part of the day that a KPI reads: coverage is counted per reading of it."""

    part: str
    aggregate: str
    """Id of the aggregate whose `good_due` counts."""
    kinds: tuple[str, ...]


class Version(NamedTuple):
    """One version of a KPI."""

    plan: Plan
    kpi: KpiDocument
    from_us: int
    """Windows that start in [from_us, to_us) were, or will be, published live."""
    to_us: int
    waits: tuple[str, ...]
    """Kinds that must have passed a window's end: its own, and those of the KPIs that it looks back at."""
    dues: tuple[Due, ...]

    @property
    def name(self) -> tuple[str, int]:
        """KPI and version."""
        return self.kpi.id, self.kpi.version


class Stands(NamedTuple):
    """Where devices stood and when: n spans in order of device and time; times in µs UTC, open ends at +-NEVER_US."""

    device: I64
    """Its number in the database."""
    kind: I32
    """Place in Dated.kinds."""
    leaf: I32
    """The area it stands in, place in Dated.areas."""
    cadence_us: I64
    from_us: I64
    to_us: I64
    due_from_us: I64
    latitude: F64 = np.zeros(0)
    longitude: F64 = np.zeros(0)


class Documents(NamedTuple):
    """What the catalogue says now, by id."""

    cities: Mapping[str, City]
    areas: Mapping[str, Area]
    quantities: Mapping[str, Quantity]
    kinds: Mapping[str, SensorKind]


class Dated:
    """All of it, numbered; see the attributes."""

    def __init__(self, documents: Documents, rows: Iterable[KpiRow], stands: Stands, numbers: Mapping[str, int]) -> None:
        self.documents, self.stands = documents, stands
        self.quantity_no = numbers
        """Number of a quantity in the database, by id."""
        self.kinds, self.areas = sorted(documents.kinds), sorted(documents.areas)
        self.cities = sorted(documents.cities)
        place = {area: n for n, area in enumerate(self.areas)}
        self.lineage: I32 = np.full((len(self.areas), len(LEVELS)), -1, np.int32)
        """Each area and what it lies in, smallest first, -1 where there is no more."""
        for n, area in enumerate(self.areas):
            line = _lineage(documents.areas, area)[: len(LEVELS)]
            self.lineage[n, : len(line)] = [place[each] for each in line]
        self.level = np.array([LEVELS.index(documents.areas[area].level) for area in self.areas], np.int32)
        city_no = {city: n for n, city in enumerate(self.cities)}
        self.city = np.array([city_no.get(documents.areas[area].city, -1) for area in self.areas], np.int32)
        self.problems: list[str] = []
        self.versions = self._versions(list(rows))

    @cached_property
    def by_name(self) -> dict[tuple[str, int], Version]:
        """Versions by KPI and version."""
        return {version.name: version for version in self.versions}

    @cached_property
    def by_quantity(self) -> dict[str, list[Version]]:
        """Versions whose own aggregates read a quantity."""
        found: dict[str, list[Version]] = {}
        for version in self.versions:
            for quantity in version.plan.quantities:
                found.setdefault(quantity, []).append(version)
        return found

    @cached_property
    def resting_on(self) -> dict[tuple[str, int], list[Version]]:
        """Versions that look back at a KPI and version."""
        found: dict[tuple[str, int], list[Version]] = {}
        for version in self.versions:
            for base in version.plan.bases:
                found.setdefault((base.kpi, base.version), []).append(version)
        return found

    def measuring(self, quantity: str) -> I32:
        """Places in `kinds` of those that measure a quantity."""
        return np.array([n for n, kind in enumerate(self.kinds) if quantity in self.documents.kinds[kind].quantities], np.int32)

    def _versions(self, rows: list[KpiRow]) -> tuple[Version, ...]:
        rows.sort(key=lambda row: (row.kpi.id, row.kpi.version))
        newest = {row.kpi.id: row.kpi for row in rows}
        found = []
        for n, row in enumerate(rows):
            follower = rows[n + 1] if n + 1 < len(rows) and rows[n + 1].kpi.id == row.kpi.id else None
            to_us = follower.live_from_us if follower else row.retired_us if row.retired_us is not None else NEVER_US
            try:
                plan = compile_kpi(row.kpi, self.documents.quantities, newest)
            except FormulaError as error:
                self.problems.append(f"{row.kpi.id} v{row.kpi.version} is not computed: {error}")
                continue
            found.append(Version(plan, row.kpi, row.live_from_us, to_us, self._own(plan), self._dues(plan)))
        return self._linked(found)

    def _own(self, plan: Plan) -> tuple[str, ...]:
        kinds = self.documents.kinds
        return tuple(sorted({kind for kind, record in kinds.items() if any(quantity in record.quantities for quantity in plan.quantities)}))

    def _dues(self, plan: Plan) -> tuple[Due, ...]:
        kinds, dues = self.documents.kinds, dict[tuple[str, str], Due]()
        for spec in sorted(plan.aggregates, key=lambda spec: (spec.function in ORDERED, spec.id)):
            feeding = tuple(sorted(kind for kind, record in kinds.items() if spec.quantity in record.quantities))
            dues.setdefault((spec.quantity, spec.part), Due(spec.part, spec.id, feeding))
        return tuple(due for _, due in sorted(dues.items()))

    def _linked(self, versions: list[Version]) -> tuple[Version, ...]:
        """Each waiting for the kinds of those that it looks back at, too."""
        by_name = {version.name: version for version in versions}

        def waits(version: Version) -> set[str]:
            bases = [by_name[base.kpi, base.version] for base in version.plan.bases if (base.kpi, base.version) in by_name]
            return {kind for base in bases for kind in waits(base)} | set(version.waits)

        return tuple(version._replace(waits=tuple(sorted(waits(version)))) for version in versions)


def version_at(versions: Iterable[Version], start_us: int, end_us: int) -> Version | None:
    """The version of one KPI that a window belongs to: the one live then, the oldest for windows before all of them; None after the last."""
    ordered = sorted(versions, key=lambda version: version.from_us)
    for version in reversed(ordered):
        if version.from_us <= start_us:
            return None if version is ordered[-1] and end_us > version.to_us else version
    return ordered[0] if ordered else None


def hold_us(kind: SensorKind) -> int:
    """How long a value of a device of the kind holds where the next does not come: its max_hold, else three cadences [project choice]."""
    return round((kind.max_hold_s or 3 * kind.cadence_s) * 1_000_000)


def _lineage(areas: Mapping[str, Area], area: str) -> list[str]:
    found: list[str] = []
    seen: str | None = area
    while seen is not None and seen in areas and len(found) < 8:
        found.append(seen)
        seen = areas[seen].parent
    return found


def decode_kpi(text: str | bytes) -> KpiDocument:
    """The document of a stored version."""
    return msgspec.json.decode(text, type=KpiDocument)
