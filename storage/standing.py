"""Which of several KPI values stands: the rule that writer and consumers share, applied within one batch. Pure.

Promises  Newer window_start, then higher revision, then (revision 0 only) higher epoch. What is left can be laid over the tables
          in one statement per round, because no round holds a row twice.
Leaves    Comparing with what is stored to the SQL in storage.kpis.
"""

from collections.abc import Iterable
from typing import NamedTuple

from catalog.kpi_value import KpiValue

Key = tuple[str, int, str]


class Standing(NamedTuple):
    """A batch, sorted out."""

    live: list[KpiValue]
    """At most one per KPI, version and area."""
    rounds: list[list[KpiValue]]
    """Settled values; within a round each (KPI, version, area, window) is there once, revisions ascending over the rounds."""
    doubled: list[tuple[KpiValue, KpiValue]]
    """Two values of one revision within this batch that differ."""


def epoch_offset(value: KpiValue) -> int:
    """The offset in `<partition>/<offset>`; -1 without an epoch."""
    return -1 if value.epoch is None else int(value.epoch.rpartition("/")[2])


def same(a: KpiValue, b: KpiValue) -> bool:
    """True where two values of one revision say the same; who computed when does not matter."""
    return (a.value, a.state, a.coverage, a.devices, a.window_end) == (b.value, b.state, b.coverage, b.devices, b.window_end)


def sort_out(values: Iterable[KpiValue]) -> Standing:
    """Reduce a batch to what can win."""
    live: dict[Key, KpiValue] = {}
    settled: dict[tuple[Key, str], dict[int, KpiValue]] = {}
    doubled: list[tuple[KpiValue, KpiValue]] = []
    for value in values:
        key = (value.kpi, value.version, value.area)
        if value.revision == 0:
            held = live.get(key)
            if held is None or (value.window_start, epoch_offset(value)) > (held.window_start, epoch_offset(held)):
                live[key] = value
            continue
        revisions = settled.setdefault((key, value.window_start), {})
        first = revisions.setdefault(value.revision, value)
        if not same(first, value) and "rebuilt" not in (first.reason, value.reason):
            doubled.append((first, value))
    ladders = [[revisions[number] for number in sorted(revisions)] for revisions in settled.values()]
    rounds = [[ladder[n] for ladder in ladders if n < len(ladder)] for n in range(max(map(len, ladders), default=0))]
    return Standing(list(live.values()), rounds, doubled)
