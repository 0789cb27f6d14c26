"""One partition of kompas.partials.v1: apply its records, take what is to be published.

Promises  The state is a pure function of the records applied: no wall clock, no second topic; same prefix, same snapshot.
          Finals leave once each, in order of their windows; a record at or below `offset` changes nothing.
Leaves    Kafka, time and confirmation to the shell (order of steps in stream/combiner/__init__).
"""

import msgspec
import numpy as np
import numpy.typing as npt

from catalog.kpi_value import KpiValue
from catalog.topics import PARTIALS
from runtime.clock import iso
from runtime.errors import Inconsistent
from runtime.frames import DamagedFrame, Frame, NewerSchema, decode
from stream.combiner import snapshot
from stream.combiner.catalogue import Definitions, Document
from stream.combiner.census import Group
from stream.combiner.closing import Until
from stream.combiner.holds import holds, looked_at
from stream.combiner.lanes import Lane, build
from stream.combiner.live import Known, Live
from stream.combiner.marks import UNKNOWN_US, frontier
from stream.combiner.panes import Floors
from stream.combiner.snapshot import SnapshotUnusable, State
from stream.rows import MAGIC, Rows, Said, unpack

I64 = npt.NDArray[np.int64]

__all__ = ["CombinerPartition", "SnapshotUnusable"]


class CombinerPartition:
    """See stream/combiner/__init__ for how to call it."""

    def __init__(self, partition: int, input_partitions: int = 12, live_every_us: int = 0) -> None:
        self.partition, self._inputs, self._live_every_us = partition, input_partitions, live_every_us
        self.counts = dict.fromkeys(("frames", "rows", "regressed", "after_close", "damaged", "older", "finals", "lives"), 0)
        self._said: list[str] = []
        self._finals: list[KpiValue] = []
        self._set(State.empty(input_partitions))

    @property
    def offset(self) -> int:
        """The last offset applied, -1 for none."""
        return self._state.offset

    @property
    def behind(self) -> bool:
        """True while windows that could close wait for the next record, see stream.combiner.closing.Closing.at_most."""
        return self._state.closing.behind

    def apply(self, value: bytes, offset: int) -> None:
        """Apply one record. At or below `offset` it changes nothing; a gap raises Inconsistent, one of a later release NewerSchema."""
        state = self._state
        if offset <= state.offset:
            return
        if offset != state.offset + 1 and state.offset >= 0:
            raise Inconsistent(f"partials partition {self.partition}: wanted offset {state.offset + 1}, got {offset}")
        fresh, state.offset = state.offset < 0, offset
        if fresh and offset > 0:
            state.incomplete = True
        self.counts["frames"] += 1
        try:
            if value[:4] == MAGIC:
                self._apply_rows(*unpack(value))
            else:
                self._apply_frame(decode(value, PARTIALS.schema))
        except NewerSchema:  # nothing of it was taken in: it is still the next
            state.offset = -1 if fresh else offset - 1
            raise
        except (DamagedFrame, KeyError, TypeError, ValueError, IndexError) as error:
            self.counts["damaged"] += 1
            self._said.append(f"partials partition {self.partition} offset {offset}: wanted a record of {PARTIALS.schema}, got {error!r}")

    def take(self, computed_at_us: int, *, live: bool) -> list[KpiValue]:
        """What to publish now: finals that wait, then (live=True) live values that changed, stamped with the time given."""
        found, self._finals = self._finals, []
        self.counts["finals"] += len(found)
        if live:
            state = self._state
            known = Known(state.marks.known(), self._epoch(), computed_at_us)
            lives = self._live.changed(self._lanes, state.panes, state.closing, known)
            self.counts["lives"] += len(lives)
            found = found + lives
        computed_at = iso(computed_at_us)
        return [msgspec.structs.replace(value, computed_at=computed_at) for value in found]

    def snapshot(self) -> bytes:
        """The state as bytes; finals that were not taken raise Inconsistent."""
        if self._finals:
            raise Inconsistent(f"combiner {self.partition}: wanted take() before snapshot(), got {len(self._finals)} finals that wait")
        return snapshot.dump(self.partition, self._state)

    def restore(self, data: bytes) -> None:
        """Replace the state; raises SnapshotUnusable and changes nothing where the bytes do not fit."""
        self._set(snapshot.load(data, self.partition, self._inputs))

    def problems(self) -> list[str]:
        """Sentences for the log since the last call."""
        said, self._said = self._said, []
        return said

    def _set(self, state: State) -> None:
        self._state = state
        self._finals = []
        self._live = Live(self._live_every_us)
        self._definitions: Definitions = state.catalogue.derive()
        self._rebuild()

    def _epoch(self) -> str:
        return f"{self.partition}/{self._state.offset}"

    def _apply_rows(self, said: Said, rows: Rows) -> None:
        source, offset = self._source(said.input_partition), said.input_offset
        self._state.marks.hear(said.clock_us)
        if said.rebuilt_before_us is not None:
            self._state.closing.rebuilt_before_us = max(self._state.closing.rebuilt_before_us, said.rebuilt_before_us)
        if rows.matrix.size:
            self._put(rows, source, offset)
        if said.watermarks is not None and (self._state.marks.apply(source, offset, said.watermarks) or self._state.closing.behind):
            self._close()

    def _apply_frame(self, frame: Frame) -> None:
        """Catalogue and census. Their watermarks are not heard: the rows that these speak of follow them."""
        state, meta = self._state, frame.meta
        source, offset = self._source(int(meta["input_partition"])), int(meta["input_offset"])
        if meta["schema"] != PARTIALS.schema:
            self.counts["older"] += 1  # of a release that cut its partials by another rule: the worker says everything again
            state.incomplete = True
            return
        state.marks.hear(meta.get("clock_us"))
        if meta["kind"] == "census":
            rebuilt = state.census.apply(source, offset, _groups(frame))
            for group in state.census.of_input[source]:
                state.panes.slot_of_area(group.area)
        elif meta["kind"] == "catalogue":
            rebuilt = self._catalogue(frame, offset)
        else:
            raise ValueError(f"kind {meta['kind']!r}")
        if rebuilt:
            self._rebuild()
            self._close()

    def _source(self, number: int) -> int:
        if not 0 <= number < self._inputs:
            raise ValueError(f"input_partition {number}")
        return number

    def _catalogue(self, frame: Frame, offset: int) -> bool:
        entity = frame.columns["entity"]
        names = [entity.texts[code] for code in entity.codes.tolist()]
        rows = zip(names, frame.columns["id"], frame.columns["document"], strict=True)
        changed = [self._state.catalogue.apply(name, id_, Document(offset, text)) for name, id_, text in rows]
        if any(changed):
            self._definitions = self._state.catalogue.derive()
            self._said += self._definitions.problems
        return any(changed)

    def _put(self, rows: Rows, source: int, offset: int) -> None:
        panes = self._state.panes
        areas_before = len(panes.areas)
        places = panes.slots(rows.aggregates, rows.areas)
        if len(panes.areas) != areas_before or len(panes.keys) > self._holds.floor.shape[0]:
            self._rebuild()
        self.counts["rows"] += rows.matrix.shape[0]
        tally = panes.put(rows, places, Floors(self._holds.floor, self._holds.city_of_area), source, offset)
        self.counts["regressed"] += tally.older
        late = "after_close" if offset > self._state.marks.offsets[source] else "regressed"
        self.counts[late] += self._holds.below(rows, places) if tally.below_floor else 0

    def _rebuild(self) -> None:
        state = self._state
        state.census.index(state.panes.area_slot)
        state.closing.forget()
        self._looked_at = {(base.kpi, base.version) for definition in self._definitions.kpis for base in definition.plan.bases}
        self._lanes: list[Lane] = build(self._definitions, state.census, state.panes, state.finals)
        self._hold()

    def _hold(self) -> None:
        """Work out which windows still count, and forget the panes of the others."""
        state = self._state
        self._holds = holds(self._lanes, self._definitions, state.panes, state.closing)
        for key, start in list(state.panes.pane):
            if self._holds.closed(key, start, state.panes):
                state.panes.drop(key, start)
        if state.finals.series:
            state.finals.forget(looked_at(self._lanes, state.closing))

    def _close(self) -> None:
        state = self._state
        if not state.marks.complete:
            return
        if state.incomplete:
            state.incomplete, state.closing.rebuilt_before_us = False, max(state.closing.rebuilt_before_us, state.marks.newest_us())
        slowest = state.marks.slowest()
        newest_us = state.marks.newest_us()
        before = dict(state.closing.passed)
        finals: list[KpiValue] = []
        for lane in self._lanes:  # a KPI behind those that it looks back at
            if len(finals) >= state.closing.at_most:
                break
            limit_us = frontier(slowest, lane.definition.waits)
            if limit_us > UNKNOWN_US and not state.closing.waits(lane, state.panes, limit_us):
                closed = state.closing.close(lane, state.panes, Until(limit_us, max(newest_us, state.marks.clock_us), self._epoch()))
                if lane.definition.name in self._looked_at:
                    state.finals.keep(closed)
                finals += closed
        state.closing.behind = len(finals) >= state.closing.at_most
        if state.closing.passed != before:
            state.closing.held_us = newest_us
            self._hold()
        self._finals += sorted(finals, key=lambda value: (value.window_start, value.kpi, value.area))


def _groups(frame: Frame) -> dict[Group, int]:
    columns = frame.columns
    area, kind = columns["area"], columns["kind"]
    found: dict[Group, int] = {}
    begins = np.maximum(columns["due_from_us"], columns["valid_from_us"]).tolist()
    rows = zip(area.codes.tolist(), kind.codes.tolist(), columns["cadence_us"].tolist(), begins, columns["valid_to_us"].tolist(), strict=True)
    for (area_code, kind_code, cadence, begin, end), devices in zip(rows, columns["devices"].tolist(), strict=True):
        group = Group(area.texts[area_code], kind.texts[kind_code], cadence, begin, end)
        found[group] = found.get(group, 0) + devices
    return found
