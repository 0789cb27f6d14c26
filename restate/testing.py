"""Test closed quarter-hours of a kind, and apply what was flagged by hand (rule 23).

Promises  A quarter is tested once its readings and what its tests look at have passed every partition, and again where something comes into
          their memory later. Killed at any instant, or run twice, it ends the same.
Leaves    The tests to restate.verdicts, SQL and transactions' content to storage.quality.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import QualityTests
from catalog.windows import FIXED_US
from formula.dated import Dated
from restate import verdicts
from restate.verdicts import Memory, Series, Spans
from storage.queries import quality, restating, worth

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

QUARTER_US = FIXED_US["quarter_hour"]
_TOGETHER = 16
"""Quarters that follow each other and are tested in one transaction, where a history is worked off."""
_READINGS_TOGETHER = 1_000_000
"""Of one kind, after what its last quarters had: of memory and of a transaction's time. A quarter is never divided."""


class Tested(NamedTuple):
    """One kind and what is tested of it: thresholds by number of quantity."""

    kind: str
    tests: Mapping[int, QualityTests]
    cadence_us: int
    memory: Memory


class Program:
    """All kinds that are tested, at one state of the catalogue."""

    def __init__(self, known: restating.Known) -> None:
        self.known, self.dated = known, known.dated
        self.spans = spans_of(known.dated)
        self.kinds = {each.kind: each for each in tested(known.dated, self.spans)}

    def reached(self, came: Sequence[tuple[str, int, int]], highest: Mapping[str, int]) -> list[tuple[str, int, int]]:
        """Quarters that readings touch, and those tested already whose words they may change: kind, start, when it is ready (µs)."""
        found = set()
        for kind, earliest_us, latest_us in came:
            if kind not in self.kinds:
                continue
            back_us, ahead_us, _ = self.kinds[kind].memory
            own_us, last_us = _quarter(earliest_us), _quarter(min(latest_us + back_us, highest.get(kind, latest_us)))
            found.add((kind, own_us, own_us + QUARTER_US + ahead_us))
            for start_us in range(_quarter(earliest_us - ahead_us), last_us + 1, QUARTER_US):
                found.add((kind, start_us, start_us + QUARTER_US + ahead_us))
        return sorted(found)


def tested(dated: Dated, spans: Spans) -> Iterator[Tested]:
    """The kinds with thresholds for quantities that the database knows."""
    for number, kind in enumerate(dated.kinds):
        record = dated.documents.kinds[kind]
        tests = {dated.quantity_no[id_]: each for id_, each in sorted(record.quality_tests.items()) if id_ in dated.quantity_no}
        if tests:
            cadence_us = round(record.cadence_s * 1e6)
            longest_us = int(spans.cadence_us[dated.stands.kind == number].max(initial=0))
            yield Tested(kind, tests, cadence_us, verdicts.memory(record.quality_tests, cadence_us, longest_us))


def spans_of(dated: Dated) -> Spans:
    """Where devices stood when, in metres of their city's plane."""
    stands, cities = dated.stands, dated.documents.cities
    city = dated.city[stands.leaf].astype(np.int64)
    middle = np.array([(cities[id_].south + cities[id_].north) / 2.0 for id_ in dated.cities] or [0.0])
    x_m, y_m = verdicts.plane(stands.latitude, stands.longitude, np.where(city >= 0, middle[city], 0.0))
    return Spans(stands.device, city, stands.cadence_us, x_m, y_m)


def together(changed: quality.Changed, span_us: tuple[int, int]) -> int:
    """How many quarters of a kind are best tested together, after those in [from, to)."""
    readings = max(1, changed.readings // ((span_us[1] - span_us[0]) // QUARTER_US))
    return min(max(1, _READINGS_TOGETHER // readings), _TOGETHER)


def groups(ready: Sequence[tuple[str, int]], most: Mapping[str, int] = {}) -> list[tuple[str, tuple[int, int]]]:
    """Quarters of one kind that follow each other, together, at most so many: kind and span [from, to) in µs; the oldest first."""
    found: list[tuple[str, tuple[int, int]]] = []
    for kind, start_us in sorted(ready):
        last = found[-1] if found else None
        if last and last[0] == kind and last[1][1] == start_us and start_us - last[1][0] < most.get(kind, _TOGETHER) * QUARTER_US:
            found[-1] = kind, (last[1][0], start_us + QUARTER_US)
        else:
            found.append((kind, (start_us, start_us + QUARTER_US)))
    return sorted(found, key=lambda group: (group[1], group[0]))


def examine(snapshot: restating.Snapshot, program: Program, kind: str, span_us: tuple[int, int]) -> quality.Changed:
    """Give the readings of a kind in [from, to) their words, and what follows from them, in the caller's transaction.

    One quantity after the other: no test looks at two, and memory holds the readings of one.
    """
    found = quality.Changed(0, 0, 0)
    if kind in program.kinds:
        tests = program.kinds[kind]
        quality.forget(snapshot.connection, kind, span_us)
        for quantity, thresholds in tests.tests.items():
            changed = _examine(snapshot.connection, program, tests._replace(tests={quantity: thresholds}), span_us)
            found = quality.Changed(*(a + b for a, b in zip(found, changed, strict=True)))
    quality.done(snapshot.connection, kind, span_us)
    return found


def _examine(connection: quality.Connection, program: Program, tests: Tested, span_us: tuple[int, int]) -> quality.Changed:
    rows = _rows(connection, program, tests, span_us)
    words = judged(program, tests, rows, span_us)
    inside = (rows.at_us >= span_us[0]) & (rows.at_us < span_us[1])
    rows, words = rows.taken(inside), {name: flags[inside] for name, flags in words.items()}
    looked_at = worth.tested(rows.quality)
    quality.say(connection, tests.kind, rows.taken(looked_at), {name: flags[looked_at] for name, flags in words.items()})
    hand = worth.by_hand(quality.held(connection, span_us), rows.device, rows.quantity, rows.at_us)
    return quality.flag(connection, program.dated, rows, worth.compose(rows.quality, words, hand))


def judged(program: Program, tests: Tested, rows: quality.Rows, span_us: tuple[int, int]) -> dict[str, U8]:
    """Every test's flag of every row, uint8[n]; 1 where it has no word."""
    found = {name: np.full(rows.at_us.size, verdicts.NO_WORD, np.uint8) for name in worth.TESTS}
    looked_at = worth.tested(rows.quality)
    for quantity, thresholds in tests.tests.items():
        mine = np.flatnonzero(looked_at & (rows.quantity == quantity))
        series = Series(rows.span[mine], rows.at_us[mine], rows.value[mine])
        for name, flags in verdicts.words(thresholds, series, program.spans, tests.cadence_us, span_us).items():
            found[name][mine] = flags
    return found


def _rows(connection: quality.Connection, program: Program, tests: Tested, span_us: tuple[int, int]) -> quality.Rows:
    """What the tests look at: a little before and behind for all, and of what stands still as far back as it must be known."""
    from_us, to_us = span_us
    near_us = from_us - tests.memory.near_us
    rows = quality.readings(connection, program.dated, tests.kind, (list(tests.tests), (near_us, to_us + tests.memory.ahead_us)))
    older = []
    for quantity, thresholds in tests.tests.items():
        mine = rows.taken(worth.tested(rows.quality) & (rows.quantity == quantity))
        spans = verdicts.reaching_back(thresholds, Series(mine.span, mine.at_us, mine.value), program.spans, (from_us, tests.cadence_us))
        if spans.size:
            devices = np.unique(program.spans.device[spans]).tolist()
            of = [quantity], (from_us - tests.memory.back_us, near_us)
            older.append(quality.readings(connection, program.dated, tests.kind, of, devices))
    return quality.joined([rows, *older]) if older else rows


def _quarter(at_us: int) -> int:
    return at_us // QUARTER_US * QUARTER_US
