"""Closing windows: which finals follow from how far the watermarks are, each exactly once and none left out.

Promises  Per KPI version and city the windows close in order; an area that has had an active device of an input kind, or data,
          gets every window from then on. An empty window that ended more than a day before the gateways' newest
          clock (or the newest watermark) is not published (reading it gives `no_data`): an outage of a month, or history
          that is played in, costs nothing.
Leaves    Watermarks to stream/combiner/marks, values to stream/combiner/values.
"""

from bisect import bisect_left
from typing import NamedTuple

from catalog.kpi_value import KpiValue
from stream.combiner.catalogue import NEVER_US
from stream.combiner.lanes import Lane, LaneId
from stream.combiner.marks import UNKNOWN_US
from stream.combiner.panes import Panes
from stream.combiner.values import Stamp, compute, kpi_values

DAY_US = 86_400_000_000


class Until(NamedTuple):
    """How far the log is: windows close up to limit_us; now_us is the newest clock or watermark in it."""

    limit_us: int
    now_us: int
    epoch: str


class Closing:
    """What is closed and who gets windows; a part of the combiner's state."""

    at_most = 2_000
    """About so many finals follow from one record; the others from the next. After hours in which nothing moved, a day's windows close at once:
    taken together they would hold up everything behind that record, live values too, for a minute."""

    def __init__(self) -> None:
        self.passed: dict[LaneId, int] = {}
        """End of the last closed window; absent before the first."""
        self.started: dict[LaneId, set[str]] = {}
        """Areas that get every window."""
        self.rebuilt_before_us = UNKNOWN_US
        """Windows that start before this may lack records from before the log's start: reason `rebuilt`."""
        self.held_us = UNKNOWN_US
        """The log's clock when windows closed last; see stream/combiner/holds."""
        self.behind = False
        """True where windows that could close wait for the next record."""
        self._waiting: dict[LaneId, tuple[int, int]] = {}
        """Nothing of a lane closes below this limit while Panes.version is the second number (-1: any); not part of the state."""

    def open_from(self, lane: Lane) -> int:
        """Windows of the lane that start before this are closed or do not count."""
        return self.passed.get(lane.id, lane.definition.kpi.live_from_us)

    def forget(self) -> None:
        """Lanes have changed: look at each of them anew."""
        self._waiting.clear()

    def waits(self, lane: Lane, panes: Panes, limit_us: int) -> bool:
        """True where it is known that nothing closes up to this limit."""
        below_us, version = self._waiting.get(lane.id, (UNKNOWN_US, -1))
        return limit_us < below_us and version in (-1, panes.version)

    def close(self, lane: Lane, panes: Panes, until: Until) -> list[KpiValue]:
        """Finals of windows of the lane that end at or before the limit and were not closed yet, in order.

        Of all of them, or of the first, up to at_most finals and a window more.
        """
        at_us = self.passed.get(lane.id)
        if at_us is None:
            at_us = self._first(lane, panes, until.limit_us)
            if at_us is None:
                return []
        finals: list[KpiValue] = []
        horizon_us = until.now_us - DAY_US
        starts: list[int] | None = None
        while at_us < lane.definition.live_to_us and len(finals) < self.at_most:
            start, end = lane.window(at_us)
            if end > until.limit_us:
                self._waiting[lane.id] = (end, -1)
                break
            if end < horizon_us and not any(panes.at(key, start) >= 0 for key in lane.keys):
                starts = sorted({begin for key in lane.keys for begin in panes.starts(key)}) if starts is None else starts
                at_us = max(end, _skip(lane, starts, end, min(horizon_us, until.limit_us)))
            else:
                finals += self._final(lane, panes, (start, end), until)
                at_us = end
            self.passed[lane.id] = at_us
        if at_us >= lane.definition.live_to_us:
            self.passed[lane.id] = NEVER_US
        return finals

    def _first(self, lane: Lane, panes: Panes, limit_us: int) -> int | None:
        """Start of the lane's first window, once it can close: where its first device was due or its first data lie."""
        if lane.begun.shape[1] == 0:
            return None
        begins = [int(lane.begun[1].min())]
        begins += [start for key in lane.keys for start in panes.starts(key) if panes.seen(key, start)[lane.slots].any()]
        start, end = lane.window(max(min(begins), lane.definition.kpi.live_from_us))
        if start < lane.definition.kpi.live_from_us:
            start, end = lane.window(end)
        if end > limit_us:
            self._waiting[lane.id] = (end, panes.version)
            return None
        self.passed[lane.id] = start
        return start

    def _final(self, lane: Lane, panes: Panes, window: tuple[int, int], until: Until) -> list[KpiValue]:
        started = self.started.setdefault(lane.id, set())
        values = compute(lane, panes, window[0], lane.due(window, None, len(panes.areas)))
        publish = lane.begun_before(window[1], len(panes.areas)) | (values.devices > 0)
        if started:
            publish |= [area in started for area in lane.areas]
        started.update(lane.areas[at] for at in publish.nonzero()[0].tolist())
        if window[1] < until.now_us - DAY_US:
            publish &= values.devices > 0
        reason = "rebuilt" if window[0] < self.rebuilt_before_us else None
        return kpi_values(lane, values, publish.nonzero()[0], Stamp(window, "final", 1, reason, until.epoch))


def _skip(lane: Lane, starts: list[int], from_us: int, until_us: int) -> int:
    """The first window from from_us on that has data or is young enough to be published empty."""
    later = bisect_left(starts, from_us)
    return lane.window(min([*starts[later : later + 1], until_us - 1]))[0]
