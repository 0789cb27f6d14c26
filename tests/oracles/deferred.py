"""The deferred tests, slow and obvious: one reading at a time, from the words of docs/decisions/0014-deferred-quality-tests.md."""

import itertools
import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from catalog.records import QualityTests

EARTH_M = 6_371_008.8


class Span(NamedTuple):
    """Where a device stood from when to when, and how often it speaks; middle_deg: of its city."""

    device: int
    city: int
    cadence_us: int
    from_us: int
    to_us: int
    latitude: float
    longitude: float
    middle_deg: float


class Reading(NamedTuple):
    """A stored reading of one quantity; passed: arrival said good, and the time is the device's."""

    device: int
    at_us: int
    value: float
    passed: bool = True


Words = dict[tuple[str, int, int], int]
"""Flag by test, device and time."""


def words(tests: QualityTests, spans: Sequence[Span], readings: Sequence[Reading], step_us: int) -> Words:
    """Every word on these readings; step_us: the kind's cadence."""
    found: Words = {}
    for span in spans:
        series = sorted(r for r in readings if r.passed and r.device == span.device and span.from_us <= r.at_us < span.to_us)
        series.sort(key=lambda reading: reading.at_us)
        for i, reading in enumerate(series):
            _note(found, "spike", reading, _spike(tests, series, i, step_us))
            _note(found, "rate", reading, _rate(tests, series, i, step_us))
            _note(found, "flat_line", reading, _flat(tests, series, i, span))
    if tests.neighbour_radius_m is not None:
        _neighbours(found, tests, spans, [r for r in readings if r.passed], step_us)
    return found


def _note(found: Words, test: str, reading: Reading, flag: int | None) -> None:
    if flag is not None:
        found[test, reading.device, reading.at_us] = flag


def _next_to(series: Sequence[Reading], i: int, j: int, cadence_us: int) -> bool:
    return i >= 0 and j < len(series) and 2 * (series[j].at_us - series[i].at_us) <= 3 * cadence_us


def _graded(amount: float, suspect: float | None, fail: float | None) -> int | None:
    if fail is not None and amount > fail:
        return 4
    return 3 if suspect is not None and amount > suspect else None


def _spike(tests: QualityTests, series: Sequence[Reading], i: int, cadence_us: int) -> int | None:
    if not (_next_to(series, i - 1, i, cadence_us) and _next_to(series, i, i + 1, cadence_us)):
        return None
    between = (series[i - 1].value + series[i + 1].value) / 2
    return _graded(abs(series[i].value - between), tests.spike_suspect, tests.spike_fail)


def _rate(tests: QualityTests, series: Sequence[Reading], i: int, cadence_us: int) -> int | None:
    if not _next_to(series, i - 1, i, cadence_us):
        return None
    seconds = series[i].at_us / 1e6 - series[i - 1].at_us / 1e6
    if seconds == 0.0:
        return None
    return _graded(abs(series[i].value - series[i - 1].value) / max(seconds, cadence_us / 1e6), tests.rate_suspect_per_s, tests.rate_fail_per_s)


def _flat(tests: QualityTests, series: Sequence[Reading], i: int, span: Span) -> int | None:
    for flag, duration_s in ((4, tests.flat_fail_s), (3, tests.flat_suspect_s)):
        if duration_s is None:
            continue
        for j in range(i):
            some = series[j : i + 1]
            joined = all(after.at_us - before.at_us <= 3 * span.cadence_us for before, after in itertools.pairwise(some))
            values = [reading.value for reading in some]
            if joined and series[i].at_us - series[j].at_us >= round(duration_s * 1e6) and max(values) - min(values) < tests.flat_tolerance:
                return flag
    return None


def _neighbours(found: Words, tests: QualityTests, spans: Sequence[Span], readings: Sequence[Reading], step_us: int) -> None:
    newest: dict[tuple[int, int], tuple[Reading, Span]] = {}
    for reading in sorted(readings, key=lambda reading: reading.at_us):
        for span in spans:
            if span.device == reading.device and span.from_us <= reading.at_us < span.to_us:
                newest[reading.at_us // step_us, reading.device] = reading, span
    for (step, device), (reading, span) in newest.items():
        values = [
            other.value
            for (at, who), (other, there) in newest.items()
            if at == step and who != device and there.city == span.city and _distance_m(span, there) <= (tests.neighbour_radius_m or 0.0)
        ]
        if len(values) < tests.neighbour_least:
            continue
        centre = median(values)
        scale = max(1.482602218505602 * median(abs(value - centre) for value in values), tests.neighbour_min_scale)
        away = abs(reading.value - centre)
        _note(found, "neighbour", reading, _graded(away, tests.neighbour_suspect * scale, tests.neighbour_fail * scale))


def _distance_m(one: Span, other: Span) -> float:
    (a, b), (c, d) = (
        (EARTH_M * math.cos(math.radians(s.middle_deg)) * math.radians(s.longitude), EARTH_M * math.radians(s.latitude)) for s in (one, other)
    )
    return math.hypot(a - c, b - d)
