"""Compute windows of a KPI again from stored readings and compare them with what is published.

Promises  The computation of the restater. Only windows that all partitions have passed are compared; a window that was never published
          and of which nothing is stored says the same. Nothing is written but marks, and those only where asked for.
Leaves    Printing to the command, publishing to the restater, which takes the marks.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from catalog.errors import ConfigError
from catalog.windows import window_of
from formula.dated import Dated, Version, version_at
from restate.places import Window
from restate.restater import UNPUBLISHED, compute, exact, same, stored_of
from runtime.clock import iso_s
from storage.queries import restating

DAY_US = 86_400_000_000


class Asked(NamedTuple):
    """What to compare: windows of a KPI that start in [from_us, to_us), in these areas (none: all); version None: the one each belongs to."""

    kpi: str
    areas: tuple[str, ...]
    from_us: int
    to_us: int
    version: int | None = None


class Compared(NamedTuple):
    """One window in one area."""

    mark: restating.Mark
    published: restating.Stored | None
    computed: restating.Stored
    differs: bool


def windows(known: restating.Known, asked: Asked, passed: dict[str, int], now_us: int) -> Iterator[Window]:
    """The windows to compute, in order of city and time; raises ConfigError for what is not known, or is no longer stored."""
    dated = known.dated
    versions = [version for version in dated.versions if version.kpi.id == asked.kpi]
    _check(dated, versions, asked)
    _check_retention(dated, versions, asked, now_us)
    for city, record in sorted(dated.documents.cities.items()):
        at_us = window_of(asked.from_us, versions[-1].kpi.window, record.time_zone)[0]
        while at_us < asked.to_us:
            start_us, end_us = window_of(at_us, versions[-1].kpi.window, record.time_zone)
            at_us = end_us
            version = dated.by_name.get((asked.kpi, asked.version)) if asked.version else version_at(versions, start_us, end_us)
            if version is None or start_us < asked.from_us or end_us > min(passed.get(kind, end_us - 1) for kind in version.waits):
                continue
            areas = _areas(dated, version, city, asked.areas)
            if areas:
                yield Window(version, city, start_us, end_us, np.array(areas, np.int64))


def compare(snapshot: restating.Snapshot, dated: Dated, window: Window) -> list[Compared]:
    """Every area of a window."""
    version, names = window.version, [dated.areas[area] for area in window.areas.tolist()]
    computed = compute(snapshot, dated, window)
    published = snapshot.newest(version.name, window.start_us, names)
    found = []
    for n, area in enumerate(names):
        before = published.get(area)
        now = stored_of(computed, n, before.revision if before else 0)
        differs = now.devices > 0 if before is None else not same(before, now, exact=exact(version))
        found.append(Compared(restating.Mark(*version.name, area, window.start_us, window.end_us), before, now, differs))
    return found


def to_mark(dated: Dated, compared: Sequence[Compared], version: int | None) -> list[restating.Mark]:
    """What the restater is to publish: all that differs; of a version that was asked for only windows before it was live, without a value."""
    differing = [each for each in compared if each.differs]
    if version is not None:
        differing = [each for each in differing if each.published is None and each.mark.start_us < dated.by_name[each.mark.kpi, version].from_us]
    return [each.mark for each in differing]


def row(compared: Compared) -> dict[str, object]:
    """For people and programs."""
    mark, was, now = compared.mark, compared.published or UNPUBLISHED, compared.computed
    return {
        "kpi": mark.kpi,
        "version": mark.version,
        "area": mark.area,
        "window_start": iso_s(mark.start_us),
        "revision": compared.published.revision if compared.published else None,
        "published": was.value,
        "computed": now.value,
        "published_state": was.state if compared.published else None,
        "computed_state": now.state,
        "published_coverage": was.coverage,
        "computed_coverage": now.coverage,
        "published_devices": was.devices,
        "computed_devices": now.devices,
    }


def _check(dated: Dated, versions: Sequence[Version], asked: Asked) -> None:
    if not versions:
        raise ConfigError("--kpi", "one of " + ", ".join(sorted({version.kpi.id for version in dated.versions})), asked.kpi)
    numbers = [version.kpi.version for version in versions]
    if asked.version is not None and asked.version not in numbers:
        raise ConfigError("--version", f"one of {', '.join(map(str, numbers))}", asked.version)
    for area in asked.areas:
        if area not in dated.documents.areas:
            raise ConfigError("--area", "an area of the database's cities", area)


def _check_retention(dated: Dated, versions: Sequence[Version], asked: Asked, now_us: int) -> None:
    kinds = [dated.documents.kinds[kind] for version in versions for kind in version.waits]
    kept = min((kind.retention_days for kind in kinds if kind.retention_days is not None), default=None)
    if kept is not None and asked.from_us < now_us - kept * DAY_US:
        raise ConfigError("--from", f"{iso_s(now_us - kept * DAY_US)} or later: older readings are no longer kept", iso_s(asked.from_us))


def _areas(dated: Dated, version: Version, city: str, wanted: Sequence[str]) -> list[int]:
    records = dated.documents.areas
    return [
        n
        for n, area in enumerate(dated.areas)
        if records[area].city == city and records[area].level in version.kpi.levels and (not wanted or area in wanted)
    ]
