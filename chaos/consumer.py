"""A consumer of kompas.kpis.v1 that follows rule 21, slow and obvious. Pure.

Promises  Of one window the higher revision stands; of live values the newer window, then the higher epoch; a repetition changes nothing.
          What contradicts itself is kept: two values at one revision, and revisions that skip a number.
Leaves    Reading the topic to chaos.evidence.
"""

from typing import NamedTuple

from catalog.kpi_value import KpiValue

Window = tuple[str, int, str, str]
"""KPI, version, area, window_start as it is written."""
Series = tuple[str, int, str]
"""KPI, version, area."""


class Settled(NamedTuple):
    """What a settled value says; who computed it when does not matter."""

    revision: int
    value: float | None
    state: str
    coverage: float
    devices: int
    window_end: str


class Consumer:
    """Hear every record in the order of its partition; then look at the attributes."""

    def __init__(self) -> None:
        self.settled: dict[Window, Settled] = {}
        """The highest revision of every window."""
        self.latest: dict[Series, KpiValue] = {}
        """What one who only shows the newest value shows: newer window_start, then higher revision, then (revision 0 only) higher epoch."""
        self.doubled: list[str] = []
        """A sentence for each revision that was said with two different values; `rebuilt` excepted."""
        self.records = 0
        self._said: dict[Window, dict[int, tuple[Settled, str | None]]] = {}

    def hear(self, value: KpiValue) -> None:
        """Take one record in."""
        self.records += 1
        self._show(value)
        if value.revision == 0:
            return
        window = (value.kpi, value.version, value.area, value.window_start)
        settled = Settled(value.revision, value.value, value.state, value.coverage, value.devices, value.window_end)
        said = self._said.setdefault(window, {})
        if value.revision not in said:
            said[value.revision] = (settled, value.reason)
        elif said[value.revision][0] != settled and "rebuilt" not in (value.reason, said[value.revision][1]):
            self.doubled.append(f"{named(window)}: revision {value.revision} was said as {said[value.revision][0]} and as {settled}")
        if window not in self.settled or value.revision > self.settled[window].revision:
            self.settled[window] = settled

    def skipped(self) -> list[str]:
        """A sentence for each window whose revisions do not follow each other; without a final the first is 2, for none counts as `no_data`, 1."""
        found = []
        for window, said in self._said.items():
            numbers = sorted(said)
            if numbers[0] > 2 or numbers != list(range(numbers[0], numbers[-1] + 1)):
                found.append(f"{named(window)}: wanted revisions that follow each other, got {numbers}")
        return found

    def _show(self, value: KpiValue) -> None:
        series = (value.kpi, value.version, value.area)
        shown = self.latest.get(series)
        if shown is None or _rank(value) > _rank(shown):
            self.latest[series] = value


def named(window: Window) -> str:
    """A window for people."""
    kpi, version, area, start = window
    return f"{kpi} v{version} {area} {start}"


def _rank(value: KpiValue) -> tuple[str, int, int]:
    """Times are written alike (UTC, seconds), so their texts are in order."""
    epoch = int(value.epoch.rpartition("/")[2]) if value.epoch is not None and value.revision == 0 else -1
    return value.window_start, value.revision, epoch
