"""Everything that is promised about one KPI, gathered for a person or a program: definition, plan, inputs, areas, where it is shown.

Promises  A pure function of the catalogue, the city packs and the boards; in one language where it is text.
Leaves    Printing to cli/catalog.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from catalog.cities import CityPack
from catalog.load import Catalogue
from catalog.records import Kpi, Target
from dashboards.indicators import label
from dashboards.load import load_boards, targets
from dashboards.sql.words import literal
from dashboards.texts import Texts, read_texts
from formula.compile import compile_kpi
from formula.plan import Plan


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity that the formula reads."""

    quantity: str
    name: str
    unit: str
    resolution: float
    aggregates: list[str]
    kinds: list[str]
    """Sensor kinds that measure it."""


class InCity(msgspec.Struct, frozen=True, kw_only=True):
    """The KPI in one city pack."""

    areas: dict[str, int]
    """By level, how many areas have a device that feeds it."""
    owner: str
    target: Target | None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A panel that shows it."""

    board: str
    """The board's uid."""
    title: str
    panel: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One KPI."""

    id: str
    version: int
    name: str
    description: str
    unit: str
    formula: str
    plan: list[str]
    """Lines for people; see formula.plan.Plan.explain."""
    window: str
    levels: list[str]
    min_coverage: float
    better: str
    bands: list[dict[str, Any]]
    """id, name, to (the upper edge, which belongs to it; null: open) and colour."""
    target: Target | None
    inputs: list[Input]
    cities: dict[str, InCity]
    shown: list[Shown]
    owner: str
    steward: str
    source: str
    indicator_code: str
    indicator_verified: bool
    access: str
    smallest_count: int
    decimals: int
    check_sql: str


def card(kpi: Kpi, catalogue: Catalogue, packs: Iterable[CityPack], language: str) -> Card:
    """The card of a KPI of the catalogue; raises ConfigError where its formula or a board is wrong."""
    plan = compile_kpi(kpi, catalogue.quantities, catalogue.kpis)
    bands = [{"id": band.id, "name": band.names[language], "to": band.to, "colour": band.colour} for band in kpi.bands]
    kept = {name: getattr(kpi, name) for name in Card.__struct_fields__ if name in Kpi.__struct_fields__}
    return Card(
        **{**kept, "levels": list(kpi.levels), "bands": bands, "check_sql": kpi.check_sql.strip("\n")},
        name=kpi.names[language],
        description=kpi.descriptions[language],
        plan=plan.explain(),
        inputs=[_input(plan, quantity, catalogue, language) for quantity in plan.quantities],
        cities={pack.city.id: _in_city(kpi, _kinds(plan, catalogue), pack) for pack in packs},
        shown=shown(kpi, catalogue, language),
    )


def shown(kpi: Kpi, catalogue: Catalogue, language: str) -> list[Shown]:
    """Panels whose SQL names the KPI, board by board; where an indicator is chosen, as if it were this one."""
    texts, named = Texts(language, read_texts()), literal(kpi.id)
    found: list[Shown] = []
    for board in load_boards().values():
        for dashboard in board.build(catalogue, texts).values():
            panels = {panel["id"]: panel["title"] for panel, target in targets(dashboard) if named in target["rawSql"]}
            names = [re.sub(r"\$\{\w+:text\}", lambda _: label(kpi, texts), panels[number]) for number in sorted(panels)]
            found += [Shown(board=dashboard["uid"], title=dashboard["title"], panel=name) for name in names]
    return found


def _input(plan: Plan, quantity: str, catalogue: Catalogue, language: str) -> Input:
    record = catalogue.quantities[quantity]
    return Input(
        quantity=quantity,
        name=record.names[language],
        unit=record.unit,
        resolution=record.resolution,
        aggregates=[spec.id for spec in plan.aggregates if spec.quantity == quantity],
        kinds=list(catalogue.kinds_of(quantity)),
    )


def _kinds(plan: Plan, catalogue: Catalogue) -> frozenset[str]:
    return frozenset(kind for quantity in plan.quantities for kind in catalogue.kinds_of(quantity))


def _in_city(kpi: Kpi, kinds: frozenset[str], pack: CityPack) -> InCity:
    fed: set[str] = set()
    for start in {device.area for device in pack.devices.values() if device.kind in kinds}:
        area: str | None = start
        while area is not None:
            fed.add(area)
            area = pack.areas[area].parent
    override: Mapping[str, Any] = msgspec.structs.asdict(pack.kpi_overrides[kpi.id]) if kpi.id in pack.kpi_overrides else {}
    return InCity(
        areas={level: sum(pack.areas[area].level == level for area in fed) for level in kpi.levels},
        owner=override.get("owner") or kpi.owner,
        target=override.get("target") or kpi.target,
    )
