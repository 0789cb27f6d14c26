"""A change of the registry that dates back: which closed windows no longer follow from it (rule 4).

Promises  Every window that meets a time at which the device stood elsewhere, was of another kind or pace, or owed other readings than was known
          when the window closed; in the areas it left and in those it came to. A change from now on marks nothing.
Leaves    Spans to storage.spans, computing to the restater.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from catalog import tables
from catalog.windows import to_us
from formula.dated import NEVER_US, Dated, hold_us
from storage import dated as dated_tables
from storage import dirty, marks
from storage.connect import Connection
from storage.dirty import Mark
from storage.spans import Change, Span

REASON = "correction"
_FIRST = f"SELECT min(window_start) FROM {tables.KPI_VALUE.name}"

_Place = tuple[str, str, float | None, bool] | None


class Stretch(NamedTuple):
    """A kind's device counts otherwise in an area (and all it lies in) in [from_us, to_us)."""

    area: str
    kind: str
    from_us: int
    to_us: int


def mark(connection: Connection, todo: Sequence[Change], now_us: int) -> int:
    """Mark what the changes of one registration touch, in its transaction; the number of marks. Nothing where no value was ever stored."""
    row = connection.execute(_FIRST).fetchone()
    if row is None or row[0] is None:
        return 0
    since_us, found = to_us(row[0]), list[Stretch]()
    by_device: dict[str, list[Change]] = {}
    for change in todo:
        by_device.setdefault(change.new.id, []).append(change)
    for changes in by_device.values():
        found += stretches(changes, since_us, now_us)
    if not found:
        return 0
    windows = touched(dated_tables.load(connection).dated, found)
    marks.write(connection, windows, REASON)
    return len(windows)


def stretches(changes: Sequence[Change], since_us: int, now_us: int) -> list[Stretch]:
    """Where and when the changes of one device make it count otherwise, in [since_us, now_us)."""
    before, after = [change.old for change in changes if change.old is not None], [change.new for change in changes]
    edges = {since_us, now_us}
    for span in (*before, *after):
        edges |= {at for at in (span.valid_from_us, span.valid_to_us, span.due_from_us) if at is not None and since_us < at < now_us}
    found = []
    times = sorted(edges)
    for low, high in pairwise(times):
        was, is_ = _at(before, low), _at(after, low)
        if not before and is_ is not None and not is_[3]:
            is_ = None  # a device that nobody knew: nothing of it is stored, and nothing was owed
        if was != is_:
            found += [Stretch(area, kind, low, high) for area, kind in sorted({place[:2] for place in (was, is_) if place is not None})]
    return found


def touched(dated: Dated, found: Iterable[Stretch]) -> list[Mark]:
    """The windows of these stretches, sorted as table dirty_window is locked."""
    windows: set[Mark] = set()
    for area, kind, from_us, to_us_ in found:
        if area not in dated.documents.areas or kind not in dated.documents.kinds:
            continue
        reach_us = to_us_ - 1 + hold_us(dated.documents.kinds[kind])
        measured = set(dated.documents.kinds[kind].quantities)
        reading = [version for version in dated.versions if measured & set(version.plan.quantities)]
        for id_ in sorted({version.kpi.id for version in reading}):
            every = [version for version in dated.versions if version.kpi.id == id_]
            mine = [version for version in reading if version.kpi.id == id_]
            windows |= dirty.between(dated, (every, mine), area, (from_us, reach_us))
    return sorted(windows)


def _at(spans: Sequence[Span], at_us: int) -> _Place:
    """Where the device stands at a time, and whether it owes readings; None: nowhere."""
    for span in spans:
        low, high = (-NEVER_US if span.valid_from_us is None else span.valid_from_us), (NEVER_US if span.valid_to_us is None else span.valid_to_us)
        if low <= at_us < high:
            return span.area, span.kind, span.cadence_s, at_us >= span.due_from_us
    return None
