"""What the combiner knows of the catalogue, from catalogue frames alone.

Promises  The newest document per entity and id by input offset; a KPI's earlier version stays until its successor begins.
          A KPI that cannot be compiled is left out and said, the others go on.
Leaves    Devices to the census, windows to stream/combiner/closing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from catalog import records
from catalog.records import Area, City, Quantity, SensorKind
from formula.compile import Plan, compile_kpi
from formula.errors import FormulaError
from formula.spec import ORDERED, key

NEVER_US = (1 << 63) - 1


class KpiDocument(records.KpiDocument, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A KPI as it travels; a field that a later release adds is no error here."""


class _City(City, frozen=True, kw_only=True, forbid_unknown_fields=False):
    pass


class _Area(Area, frozen=True, kw_only=True, forbid_unknown_fields=False):
    pass


class _Quantity(Quantity, frozen=True, kw_only=True, forbid_unknown_fields=False):
    pass


class _Kind(SensorKind, frozen=True, kw_only=True, forbid_unknown_fields=False):
    pass


class Document(NamedTuple):
    """One document and the input offset it came with; text None: gone."""

    offset: int
    text: str | None


class KpiEntry(NamedTuple):
    """One version of a KPI; it counts for windows that start in [document's live_from_us, live_to_us)."""

    offset: int
    text: str
    live_to_us: int


class Due(NamedTuple):
    """One quantity and part that a KPI reads: coverage is counted per reading of it."""

    part: str
    key: str
    """The aggregate whose `good_due` counts."""
    kinds: tuple[str, ...]


class Definition(NamedTuple):
    """One version of a KPI, ready to compute."""

    plan: Plan
    kpi: KpiDocument
    live_to_us: int
    keys: tuple[str, ...]
    """Aggregates with the window, as partials name them, in the plan's order."""
    kinds: tuple[str, ...]
    waits: tuple[str, ...]
    """Kinds that must have passed a window's end: its own, and those of the KPIs that it looks back at."""
    dues: tuple[Due, ...]
    quantities: Mapping[str, Quantity]

    @property
    def name(self) -> tuple[str, int]:
        """KPI id and version."""
        return self.kpi.id, self.kpi.version


class Definitions(NamedTuple):
    """Everything derived from the documents; sorted by id, a KPI behind those that it looks back at."""

    cities: Mapping[str, City]
    areas: Mapping[str, Area]
    quantities: Mapping[str, Quantity]
    kpis: tuple[Definition, ...]
    problems: tuple[str, ...]


T = TypeVar("T")
_TYPES: dict[str, Any] = {"city": _City, "area": _Area, "quantity": _Quantity, "kind": _Kind}


class Catalogue:
    """Documents by entity and id; a part of the combiner's state."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.kpis: dict[tuple[str, int], KpiEntry] = {}

    def apply(self, entity: str, id_: str, document: Document) -> bool:
        """Take a document unless a newer one is there; true where something changed."""
        if entity not in _TYPES and entity != "kpi":
            return False
        known = self.documents.get((entity, id_))
        if known is not None and known.offset > document.offset:
            return False
        self.documents[entity, id_] = document
        if entity == "kpi":
            self._take_kpi(id_, document)
        return known is None or known.text != document.text

    def _take_kpi(self, id_: str, document: Document) -> None:
        if document.text is None:
            self.kpis = {name: entry for name, entry in self.kpis.items() if name[0] != id_}
            return
        try:
            kpi = msgspec.json.decode(document.text, type=KpiDocument)
        except msgspec.DecodeError:
            return  # derive() says it
        for (other, version), entry in list(self.kpis.items()):
            if other == id_ and version != kpi.version:
                self.kpis[other, version] = entry._replace(live_to_us=min(entry.live_to_us, kpi.live_from_us))
        self.kpis[id_, kpi.version] = KpiEntry(document.offset, document.text, NEVER_US)

    def derive(self) -> Definitions:
        """Decode, compile and link; what is wrong is left out and said."""
        problems: list[str] = []
        found: dict[str, dict[str, Any]] = {entity: {} for entity in _TYPES}
        for (entity, id_), document in sorted(self.documents.items()):
            if document.text is None:
                continue
            try:
                record = msgspec.json.decode(document.text, type=_TYPES.get(entity, KpiDocument))
            except msgspec.DecodeError as error:
                problems.append(f"catalogue {entity} {id_}: wanted a valid document, got {error}")
                continue
            if entity != "kpi":
                found[entity][id_] = record
        kpis = []
        newest = self._newest()
        for name, entry in sorted(self.kpis.items()):
            try:
                kpis.append(_definition(entry, found["quantity"], found["kind"], newest))
            except FormulaError as error:
                problems.append(f"{name[0]} v{name[1]} is not computed: {error}")
        return Definitions(found["city"], found["area"], found["quantity"], linked(kpis), tuple(problems))

    def _newest(self) -> dict[str, KpiDocument]:
        """The newest version of each KPI: what `at(…)` means."""
        found: dict[str, KpiDocument] = {}
        for (id_, version), entry in sorted(self.kpis.items()):
            if id_ not in found or version > found[id_].version:
                found[id_] = msgspec.json.decode(entry.text, type=KpiDocument)
        return found


def linked(definitions: list[Definition]) -> tuple[Definition, ...]:
    """Each behind those that it looks back at, waiting for their kinds, too."""
    by_name = {definition.name: definition for definition in definitions}
    done: dict[tuple[str, int], Definition] = {}

    def link(definition: Definition) -> Definition:
        if definition.name not in done:
            bases = [link(by_name[base.kpi, base.version]) for base in definition.plan.bases if (base.kpi, base.version) in by_name]
            waits = {kind for each in bases for kind in each.waits} | set(definition.kinds)
            done[definition.name] = definition._replace(waits=tuple(sorted(waits)))
        return done[definition.name]

    for definition in definitions:
        link(definition)
    return tuple(done.values())


def _definition(entry: KpiEntry, quantities: Mapping[str, Quantity], kinds: Mapping[str, SensorKind], kpis: Mapping[str, KpiDocument]) -> Definition:
    kpi = msgspec.json.decode(entry.text, type=KpiDocument)
    plan = compile_kpi(kpi, quantities, kpis)
    feeding = {quantity: tuple(sorted(kind for kind, record in kinds.items() if quantity in record.quantities)) for quantity in plan.quantities}
    dues: dict[tuple[str, str], Due] = {}
    for spec in sorted(plan.aggregates, key=lambda spec: (spec.function in ORDERED, spec.id)):
        # Why: aggregates of one quantity count the same readings; those in time order know the newest of them later.
        dues.setdefault((spec.quantity, spec.part), Due(spec.part, key(spec, kpi.window), feeding[spec.quantity]))
    own = tuple(sorted({kind for names in feeding.values() for kind in names}))
    return Definition(
        plan=plan,
        kpi=kpi,
        live_to_us=entry.live_to_us,
        keys=tuple(key(spec, kpi.window) for spec in plan.aggregates),
        kinds=own,
        waits=own,
        dues=tuple(due for _, due in sorted(dues.items())),
        quantities={id_: quantities[id_] for id_ in plan.quantities},
    )
