"""What boards need to know of a KPI beyond its record: which kinds it rests on, how bad a band is, how it is labelled.

Promises  Pure functions of the catalogue.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from catalog.load import Catalogue
from catalog.records import Kpi
from dashboards.builder.fields import NEUTRAL, Json, Shade, grafana_unit, override_prefix, thresholds
from dashboards.texts import Texts
from formula.earlier import bases_of, masked

BESIDE = " · "
"""Between a KPI's name, its band and its mark."""

NO_BAND = "none"
"""Stands for windows without enough data where a panel needs a word for them."""


class Grade(NamedTuple):
    """One band of one KPI with its place between best (0) and worst (1)."""

    kpi: Kpi
    band: str
    severity: float


@lru_cache(maxsize=1024)
def names_in(formula: str) -> frozenset[str]:
    """Every name that a formula mentions."""
    tree = ast.parse(masked(formula)[0], mode="eval")
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) | bases_of(formula)


def homes(catalogue: Catalogue) -> dict[str, str]:
    """The one kind that each KPI stands with on the city board: the last by name of those it rests on."""
    return {kpi.id: kind for kind in sorted(catalogue.kinds) for kpi in kpis_of(catalogue, kind)}


def kpis_of(catalogue: Catalogue, kind: str) -> tuple[Kpi, ...]:
    """KPIs whose formula rests on a quantity that the kind measures, over other KPIs too, sorted by id."""
    measured = frozenset(catalogue.kinds[kind].quantities)
    return tuple(kpi for kpi in catalogue.kpis.values() if measured & _quantities(catalogue, kpi.id, frozenset()))


def _quantities(catalogue: Catalogue, kpi: str, seen: frozenset[str]) -> frozenset[str]:
    names = names_in(catalogue.kpis[kpi].formula)
    found = names & frozenset(catalogue.quantities)
    for other in names & frozenset(catalogue.kpis) - seen - {kpi}:
        found |= _quantities(catalogue, other, seen | {kpi})
    return found


def label(kpi: Kpi, texts: Texts) -> str:
    """The KPI's name with its unit."""
    unit = texts.unit(kpi.unit)
    return f"{texts.of(kpi.names)} ({unit})" if unit else texts.of(kpi.names)


def field(kpi: Kpi, texts: Texts) -> Json:
    """Unit, decimals and the colours of the bands, as Grafana's field settings."""
    return {"decimals": kpi.decimals, "thresholds": thresholds(kpi.bands), "unit": grafana_unit(texts.unit(kpi.unit))}


def tile_overrides(kpis: Iterable[Kpi], texts: Texts) -> list[Json]:
    """Settings of the tiles of one panel: a tile's name begins with its KPI's name and BESIDE."""
    return [override_prefix(texts.of(kpi.names) + BESIDE, field(kpi, texts)) for kpi in kpis]


def about(kpis: Iterable[Kpi], texts: Texts) -> str:
    """What each KPI is, one paragraph each."""
    return "\n\n".join(f"**{texts.of(kpi.names)}**: {texts.of(kpi.descriptions)}" for kpi in kpis)


def grades(kpis: tuple[Kpi, ...]) -> Iterator[Grade]:
    """Bands of the KPIs that know a worse and a better."""
    for kpi in kpis:
        last = len(kpi.bands) - 1
        if kpi.better == "neither" or last < 1:
            continue
        for index, band in enumerate(kpi.bands):
            place = index if kpi.better == "lower" else last - index
            yield Grade(kpi, band.id, round(place / last, 3))


def band_shades(kpi: Kpi, texts: Texts) -> list[Shade]:
    """The bands of one KPI in words and colours, and the word for none."""
    return [*(Shade(band.id, texts.of(band.names), band.colour) for band in kpi.bands), Shade(NO_BAND, texts("not_enough_data"), NEUTRAL)]


def grade_shades(kpis: tuple[Kpi, ...], texts: Texts) -> list[Shade]:
    """The bands of several KPIs as `kpi/band`, and the word for none."""
    shades = [Shade(f"{kpi.id}/{band.id}", texts.of(band.names), band.colour) for kpi in kpis for band in kpi.bands]
    return [*shades, Shade(NO_BAND, texts("not_enough_data"), NEUTRAL)]
