"""Take dirty windows whose time has come, compute them again, and write down what changed (rule 22).

Promises  One transaction per KPI version, city and window: what is computed, the revision, the outbox and the marks go together. What
          changes neither value, state, coverage nor devices publishes nothing. A window that was never published counts as `no_data`,
          revision 1, so that its first value is revision 2: the combiner's own final, should it come, never contradicts it.
Leaves    SQL to storage.restating, arithmetic to restate.compute, Kafka to restate.publisher.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue, Status
from catalog.windows import window_of
from formula.dated import Dated, Version
from formula.outcome import STATES, Outcome, band_ids
from restate.compute import Block, Computation
from restate.places import Window
from runtime.clock import iso, iso_s
from storage.queries import restating

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
RELATIVE = 1e-12
UNPUBLISHED = restating.Stored(1, None, "no_data", 0.0, 0)
"""What a window says that the combiner passed by without a word."""


class Done(NamedTuple):
    """What became of one group of marks."""

    windows: int
    changed: int


def groups(known: restating.Known, due: Iterable[restating.Due]) -> list[list[restating.Due]]:
    """Marks of one KPI version, window and city together, in the order in which they came."""
    dated = known.dated
    city = {area: record.city for area, record in dated.documents.areas.items()}

    def key(one: restating.Due) -> tuple[int, str, int, int, str]:
        return one.mark.end_us, one.mark.kpi, one.mark.version, one.mark.start_us, city.get(one.mark.area, "")

    return [list(some) for _, some in groupby(sorted(due, key=key), key)]


def restate(snapshot: restating.Snapshot, known: restating.Known, marks: Sequence[restating.Due], now_us: int) -> Done:
    """Compute the windows of one group of marks in the caller's transaction."""
    dated, first = known.dated, marks[0].mark
    version = dated.by_name[first.kpi, first.version]
    there = [due for due in marks if due.mark.area in dated.documents.areas and dated.documents.areas[due.mark.area].city in dated.documents.cities]
    values: list[restating.Out] = []
    if there:
        there += beside(snapshot, dated, version, there)
        window = window_at(dated, version, [due.mark for due in there])
        computed = compute(snapshot, dated, window)
        stored = snapshot.newest(version.name, first.start_us, [due.mark.area for due in there])
        values = changed(version, there, (computed, stored), now_us)
    snapshot.put(values)
    snapshot.mark([mark for out in values for mark in resting_on(dated, out.mark)], "depends_on")
    snapshot.unmark(version.name, first.start_us, [due.mark.area for due in marks])
    return Done(len(marks), len(values))


def window_at(dated: Dated, version: Version, marks: Sequence[restating.Mark]) -> Window:
    """The window of marks that differ in their area only."""
    areas = np.array([dated.areas.index(mark.area) for mark in marks], np.int64)
    return Window(version, dated.documents.areas[marks[0].area].city, marks[0].start_us, marks[0].end_us, areas)


def beside(snapshot: restating.Snapshot, dated: Dated, version: Version, marks: Sequence[restating.Due]) -> list[restating.Due]:
    """Published areas of the same window that are not marked: of a KPI about people, what one area says may hide or show another."""
    if not version.plan.counts:
        return []
    first, marked = marks[0], {due.mark.area for due in marks}
    names = [dated.areas[n] for n in family(dated, version, dated.documents.areas[first.mark.area].city).tolist()]
    published = snapshot.newest(version.name, first.mark.start_us, [area for area in names if area not in marked])
    return [restating.Due(first.mark._replace(area=area), first.reason) for area in names if area in published]


def family(dated: Dated, version: Version, city: str) -> I64:
    """All areas of the KPI's levels in a city, as places in Dated.areas."""
    records = dated.documents.areas
    return np.array([n for n, id_ in enumerate(dated.areas) if records[id_].city == city and records[id_].level in version.kpi.levels], np.int64)


def compute(snapshot: restating.Snapshot, dated: Dated, window: Window) -> Outcome:
    """What the stored readings say of the window, and of a KPI about people may be said after what was said before."""
    if not window.version.plan.counts:
        return _computed(snapshot, dated, window)
    whole = window._replace(areas=np.union1d(family(dated, window.version, window.city), window.areas))
    found = _computed(snapshot, dated, whole)
    places = np.searchsorted(whole.areas, window.areas)
    return Outcome(found.value[places], found.state[places], found.coverage[places], found.devices[places])


def _computed(snapshot: restating.Snapshot, dated: Dated, window: Window) -> Outcome:
    computation = Computation(dated, window)
    needs = computation.needs
    devices = needs.devices.tolist()
    for rows in snapshot.last_before(devices, needs.last_before, needs.from_us):
        computation.feed(Block(*rows))
    for rows in snapshot.readings(devices, needs.quantities, (needs.from_us, needs.to_us)):
        computation.feed(Block(*rows))
    return computation.outcome(_bases(snapshot, dated, window), _said(snapshot, dated, window))


def same(before: restating.Stored, now: restating.Stored, *, exact: bool) -> bool:
    """Whether two values say the same; sums of energies do to a relative 1e-12 (rule 27)."""
    if (before.state, before.coverage, before.devices) != (now.state, now.coverage, now.devices):
        return False
    if before.value is None or now.value is None:
        return before.value is now.value
    return before.value == now.value or (not exact and math.isclose(before.value, now.value, rel_tol=RELATIVE, abs_tol=RELATIVE))


def exact(version: Version) -> bool:
    """Whether the KPI rests on integers alone."""
    return all(spec.function != "leq" for spec in version.plan.aggregates)


def stored_of(computed: Outcome, n: int, revision: int) -> restating.Stored:
    """One area of what was computed, as it is compared and kept."""
    state = int(computed.state[n])
    value = float(computed.value[n]) if state == 0 else None
    return restating.Stored(revision, value, STATES[state], float(computed.coverage[n]), int(computed.devices[n]))


def resting_on(dated: Dated, mark: restating.Mark) -> list[restating.Mark]:
    """Windows whose formula looks back at this one, in the same area."""
    found = []
    area = dated.documents.areas[mark.area]
    zone = dated.documents.cities[area.city].time_zone
    for version in dated.resting_on.get((mark.kpi, mark.version), ()):
        if area.level not in version.kpi.levels:
            continue
        for base in version.plan.bases:
            ahead_us = base.back.hours * 3_600_000_000
            start, end = window_of(mark.start_us + ahead_us + (mark.end_us - mark.start_us) // 2, version.kpi.window, zone)
            if (base.kpi, base.version) == (mark.kpi, mark.version) and base.back.start_of(start, version.kpi.window, zone) == mark.start_us:
                found.append(restating.Mark(*version.name, mark.area, start, end))
    return found


def _said(snapshot: restating.Snapshot, dated: Dated, window: Window) -> F64 | None:
    """The number that each area's window was published with last, float64[n]; None where nobody asks."""
    if not window.version.plan.counts:
        return None
    areas = [dated.areas[area] for area in window.areas.tolist()]
    numbers = snapshot.numbers(window.version.name, window.start_us, areas)
    return np.array([numbers.get(area, math.nan) for area in areas])


def _bases(snapshot: restating.Snapshot, dated: Dated, window: Window) -> Mapping[str, F64]:
    zone = dated.documents.cities[window.city].time_zone
    areas = [dated.areas[area] for area in window.areas.tolist()]
    found: dict[str, F64] = {}
    for base in window.version.plan.bases:
        start_us = base.back.start_of(window.start_us, window.version.kpi.window, zone)
        stored = snapshot.newest((base.kpi, base.version), start_us, areas)
        values = [stored[area].value if area in stored else None for area in areas]
        found[base.id] = np.array([math.nan if value is None else value for value in values])
    return found


def changed(
    version: Version, marks: Sequence[restating.Due], values: tuple[Outcome, Mapping[str, restating.Stored]], now_us: int
) -> list[restating.Out]:
    """What is to be published of what was computed, next to what is stored by area; in the order of the marks."""
    computed, stored = values
    bands = band_ids(version.kpi.bands, computed.value)
    found = []
    for n, (mark, reason) in enumerate(marks):
        before, backfill = stored.get(mark.area), mark.start_us < version.from_us and mark.area not in stored
        now = stored_of(computed, n, 1 if backfill else (before or UNPUBLISHED).revision + 1)
        if (before is None and now.devices == 0) or (before is not None and same(before, now, exact=exact(version))):
            continue
        status: Status = "final" if backfill else "restated"
        said = "backfill" if backfill and reason != "recomputed" else reason
        found.append(_out(version, mark, now, (bands[n], status, said, now_us)))
    return found


def _out(version: Version, mark: restating.Mark, now: restating.Stored, said: tuple[str | None, Status, str, int]) -> restating.Out:
    band, status, reason, now_us = said
    value = KpiValue(
        kpi=mark.kpi, version=mark.version, area=mark.area, window_start=iso_s(mark.start_us), window_end=iso_s(mark.end_us),
        value=now.value, state=now.state, band=band, unit=version.kpi.unit, coverage=now.coverage, devices=now.devices,  # type: ignore[arg-type]
        revision=now.revision, status=status, reason=reason, epoch=None, computed_at=iso(now_us),
    )  # fmt: skip
    return restating.Out(f"{mark.kpi}|{mark.area}", msgspec.json.encode(value), mark, now)
