"""What the deferred tests say of stored readings: spike, rate of change, flat line, neighbours. Pure.

Promises  A function of the readings, the spans of their devices and the thresholds: cutting time into quarters of an hour, or testing twice,
          changes nothing (docs/decisions/0014-deferred-quality-tests.md defines every edge).
Leaves    Which readings to read to storage.quality, what a word makes of a reading's flag to it, too.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.records import QualityTests
from kernels import qartod
from kernels.neighbours import Limits, Nearby, nearby, neighbour_disagreement
from kernels.standstill import NEVER_US, standstill

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

EARTH_M = 6_371_008.8
NO_WORD = 1


class Spans(NamedTuple):
    """The spans of one kind's devices, s of them in order of device and time."""

    device: I64
    city: I64
    cadence_us: I64
    x_m: F64
    y_m: F64

    @property
    def longest_us(self) -> int:
        """The longest cadence."""
        return int(self.cadence_us.max(initial=0))


class Series(NamedTuple):
    """n readings of one quantity that passed on arrival, in order of span and time."""

    span: I64
    at_us: I64
    value: F64


class Memory(NamedTuple):
    """How far a kind's tests look, µs: back and ahead in all, and back as far as has to be read of every device (`reaching_back`)."""

    back_us: int
    ahead_us: int
    near_us: int


def memory(tests: Mapping[str, QualityTests], kind_cadence_us: int, longest_us: int) -> Memory:
    """The farthest that any test of the kind looks; longest_us: the longest cadence among its spans."""
    beside_us, back_us, ahead_us, near_us = -(-3 * kind_cadence_us // 2), 0, 0, 0
    for each in tests.values():
        steps_us = kind_cadence_us if each.neighbour_radius_m else 0
        before_us = beside_us if _spiking(each) or _rating(each) else 0
        flat_us = max(_durations_us(each)[1] if each.flat_fail_s else 0, _durations_us(each)[0] if each.flat_suspect_s else 0)
        ahead_us = max(ahead_us, beside_us if _spiking(each) else 0, steps_us)
        near_us = max(near_us, before_us, steps_us, 3 * kind_cadence_us if flat_us else 0)
        back_us = max(back_us, near_us, flat_us + 3 * max(kind_cadence_us, longest_us) if flat_us else 0)
    return Memory(back_us, ahead_us, near_us)


def near(series: Series, apart: tuple[int, I64 | int]) -> Bools:
    """bool[n]: a reading and the one before are of one span, and `times` their distance is at most µs; apart: times, and µs of each reading."""
    found = np.zeros(series.at_us.size, np.bool_)
    times, most_us = apart
    limit_us = np.broadcast_to(np.asarray(most_us, np.int64), found.shape)[1:]
    found[1:] = (np.diff(series.span) == 0) & (times * np.diff(series.at_us) <= limit_us)
    return found


def joined(series: Series, spans: Spans) -> Bools:
    """bool[n]: a reading goes on from the one before: at most three cadences of their span lie between them."""
    return near(series, (1, 3 * spans.cadence_us[series.span]))


def spike_and_rate(tests: QualityTests, series: Series, cadence_us: int) -> tuple[U8, U8]:
    """Flags of both tests: uint8[n], 1, 2, 3 or 4; cadence_us: the kind's, which the thresholds are meant for."""
    n = series.at_us.size
    parted = ~near(series, (2, 3 * cadence_us))
    at = np.arange(n) + np.cumsum(parted)
    values, t_s = np.full(n + int(parted.sum()), np.nan), np.zeros(n + int(parted.sum()))
    # A missing value before each reading that does not follow another: the kernels then know what is beside what.
    values[at], t_s[at] = series.value, series.at_us / 1e6
    spikes = qartod.spike(values, _given(tests.spike_suspect), _given(tests.spike_fail))[at]
    rates = qartod.rate_of_change(values, t_s, _given(tests.rate_suspect_per_s), _given(tests.rate_fail_per_s), cadence_us / 1e6)[at]
    return spikes, rates


def still(tests: QualityTests, series: Series, spans: Spans, wanted: Bools) -> U8:
    """Flags of the flat line where wanted: uint8[n]."""
    n = series.at_us.size
    durations_us = np.repeat(np.array(_durations_us(tests), np.int64)[:, None], n, axis=1)
    rows = series.value, series.at_us, wanted
    return standstill(rows, joined(series, spans), np.full(n, tests.flat_tolerance), durations_us)


def reaching_back(tests: QualityTests, series: Series, spans: Spans, since: tuple[int, int]) -> I64:
    """Spans of which the flat line needs older readings than `memory.near_us` gives; since: the first time to be judged, the kind's cadence (µs).

    Those that stand still from the first reading given to the first one judged, and those slower than their kind that are judged at all.
    """
    from_us, cadence_us = since
    if not series.at_us.size or not _flat(tests):
        return np.zeros(0, np.int64)
    goes_on = joined(series, spans)
    first = np.flatnonzero(np.diff(series.span, prepend=-1) != 0)
    of = np.cumsum(np.diff(series.span, prepend=-1) != 0) - 1
    place = np.arange(series.at_us.size)
    inside = np.full(first.size, series.at_us.size, np.int64)
    np.minimum.at(inside, of[series.at_us >= from_us], place[series.at_us >= from_us])
    # up to and with the first inside
    head = place <= inside[of]
    low, high = np.full(first.size, np.inf), np.full(first.size, -np.inf)
    np.minimum.at(low, of[head], series.value[head])
    np.maximum.at(high, of[head], series.value[head])
    parted = np.zeros(first.size, np.bool_)
    np.logical_or.at(parted, of[head], ~goes_on[head] & (place[head] != first[of[head]]))
    need = (inside < series.at_us.size) & (inside > first) & ~parted
    need[need] = high[need] - low[need] < tests.flat_tolerance
    need |= (inside < series.at_us.size) & (spans.cadence_us[series.span[first]] > cadence_us)
    return series.span[first[need]]


def disagreeing(tests: QualityTests, series: Series, spans: Spans, step_us: int) -> U8:
    """Flags of the neighbour test: uint8[n]; 1 for readings that are not the last of their device in a step."""
    flags = np.full(series.at_us.size, NO_WORD, np.uint8)
    if tests.neighbour_radius_m is None or not flags.size:
        return flags
    step, device = series.at_us // step_us, spans.device[series.span]
    last = np.ones(flags.size, np.bool_)
    last[:-1] = (np.diff(device) != 0) | (np.diff(step) != 0)
    limits = Limits(tests.neighbour_suspect, tests.neighbour_fail, tests.neighbour_min_scale, tests.neighbour_least)
    city = spans.city[series.span]
    for one in np.unique(city).tolist():
        rows = np.flatnonzero(last & (city == one))
        there, column = np.unique(series.span[rows], return_inverse=True)
        times, line = np.unique(step[rows], return_inverse=True)
        values = np.full((times.size, there.size), np.nan)
        values[line, column] = series.value[rows]
        around: Nearby = nearby(spans.x_m[there], spans.y_m[there], tests.neighbour_radius_m)
        flags[rows] = neighbour_disagreement(values, around, limits)[line, column]
    return flags


def plane(latitude: F64, longitude: F64, middle_deg: F64) -> tuple[F64, F64]:
    """Metres east and north, true to scale at the latitude in the middle of a city."""
    return EARTH_M * np.cos(np.radians(middle_deg)) * np.radians(longitude), EARTH_M * np.radians(latitude)


def words(tests: QualityTests, series: Series, spans: Spans, step_us: int, span_us: tuple[int, int]) -> dict[str, U8]:
    """What each test that has thresholds says of the readings in [from, to), by its name in catalog.quality.TESTS: uint8[n] of 1, 2, 3, 4.

    The series reaches as far back and ahead as `memory` says; of rows outside the span nothing is said.
    """
    found: dict[str, U8] = {}
    inside = (series.at_us >= span_us[0]) & (series.at_us < span_us[1])
    if _spiking(tests) or _rating(tests):
        spikes, rates = spike_and_rate(tests, series, step_us)
        found |= {name: flags for name, flags, runs in (("spike", spikes, _spiking(tests)), ("rate", rates, _rating(tests))) if runs}
    if _flat(tests):
        found["flat_line"] = still(tests, series, spans, inside)
    if tests.neighbour_radius_m is not None:
        flags = np.full(inside.size, NO_WORD, np.uint8)
        step = series.at_us // step_us
        rows = np.flatnonzero((step >= span_us[0] // step_us) & (step <= (span_us[1] - 1) // step_us))
        flags[rows] = disagreeing(tests, Series(series.span[rows], series.at_us[rows], series.value[rows]), spans, step_us)
        found["neighbour"] = flags
    return {name: np.where(inside, flags, NO_WORD).astype(np.uint8) for name, flags in found.items()}


def _durations_us(tests: QualityTests) -> tuple[int, int]:
    suspect, fail = (NEVER_US if each is None else round(each * 1e6) for each in (tests.flat_suspect_s, tests.flat_fail_s))
    return suspect, fail


def _flat(tests: QualityTests) -> bool:
    return tests.flat_suspect_s is not None or tests.flat_fail_s is not None


def _spiking(tests: QualityTests) -> bool:
    return tests.spike_suspect is not None or tests.spike_fail is not None


def _rating(tests: QualityTests) -> bool:
    return tests.rate_suspect_per_s is not None or tests.rate_fail_per_s is not None


def _given(threshold: float | None) -> float:
    return math.nan if threshold is None else threshold
