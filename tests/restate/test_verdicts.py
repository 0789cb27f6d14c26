"""Rule 23: what the deferred tests say is a function of the stored readings, whatever the order and however time is cut."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import QualityTests
from restate import verdicts
from restate.verdicts import NO_WORD, Series, Spans
from tests.oracles import deferred
from tests.oracles.deferred import Reading, Span

SECOND, MINUTE = 1_000_000, 60_000_000
QUARTER = 15 * MINUTE
NOON = 1_772_625_600_000_000
FAR = 1 << 61
STEP = MINUTE

TESTS = st.builds(
    QualityTests,
    spike_suspect=st.sampled_from([None, 1.0, 2.0]),
    spike_fail=st.sampled_from([None, 3.0]),
    rate_suspect_per_s=st.sampled_from([None, 0.02]),
    rate_fail_per_s=st.sampled_from([None, 0.04]),
    flat_suspect_s=st.sampled_from([None, 180.0, 1200.0]),
    flat_fail_s=st.sampled_from([None, 1200.0]),
    flat_tolerance=st.sampled_from([0.5, 1.5]),
    neighbour_radius_m=st.sampled_from([None, 1500.0]),
    neighbour_suspect=st.just(2.0),
    neighbour_fail=st.just(3.0),
    neighbour_min_scale=st.sampled_from([0.0, 0.5]),
    neighbour_least=st.integers(1, 3),
)
PLACES = [(50.85 + 0.01 * n, 4.35) for n in range(5)]
# Device 1 has moved within the first quarter and speaks more slowly since.
SPANS = [
    Span(0, 0, MINUTE, -FAR, FAR, *PLACES[0], 50.9),
    Span(1, 0, MINUTE, -FAR, NOON + 7 * MINUTE, *PLACES[1], 50.9),
    Span(1, 0, 90 * SECOND, NOON + 7 * MINUTE, FAR, *PLACES[4], 50.9),
    Span(2, 0, MINUTE, -FAR, FAR, *PLACES[2], 50.9),
    Span(3, 0, MINUTE, -FAR, NOON + 12 * MINUTE, *PLACES[1], 50.9),
    Span(4, 1, MINUTE, -FAR, FAR, *PLACES[1], 50.9),
]


@st.composite
def stored(draw: st.DrawFn) -> list[Reading]:
    """Half an hour of five devices: steady, moving, with gaps, jitter and readings that did not pass."""
    found = []
    for device in range(5):
        rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
        gone, moves, jitter_us = (
            draw(st.sampled_from([0.0, 0.1, 0.5])),
            draw(st.sampled_from([0.0, 0.05, 0.8])),
            draw(st.sampled_from([0, 27 * SECOND])),
        )
        value, at = 10.0, NOON - 25 * MINUTE
        while at < NOON + 2 * QUARTER + 2 * MINUTE:
            value += float(rng.integers(-2, 3)) if rng.random() < moves else 0.0
            if rng.random() >= gone:
                outlier = 20.0 if rng.random() < 0.03 else 0.0
                found.append(Reading(device, at + int(rng.integers(0, jitter_us + 1)), value + outlier, bool(rng.random() < 0.97)))
            at += MINUTE
    return found


def by_kernels(tests: QualityTests, readings: Sequence[Reading], span_us: tuple[int, int], spans: Sequence[Span] = SPANS) -> deferred.Words:
    """As restate.testing does: what passed, in order of span and time, as far as the tests look."""
    x_m, y_m = verdicts.plane(*(np.array([getattr(span, name) for span in spans]) for name in ("latitude", "longitude", "middle_deg")))
    device, city, cadence_us = (np.array([getattr(span, name) for span in spans], np.int64) for name in ("device", "city", "cadence_us"))
    placed = Spans(device, city, cadence_us, x_m, y_m)
    memory = verdicts.memory({"any": tests}, STEP, placed.longest_us)
    standing = {id(r): n for r in readings for n, span in enumerate(spans) if span.device == r.device and span.from_us <= r.at_us < span.to_us}
    rows = sorted((standing[id(r)], r.at_us, r.value) for r in readings if r.passed and id(r) in standing)

    def series(low_us: int, only: set[int] | None = None) -> Series:
        some = [row for row in rows if (low_us <= row[1] or (only and row[0] in only)) and span_us[0] - memory.back_us <= row[1]]
        some = [row for row in some if row[1] < span_us[1] + memory.ahead_us]
        return Series(np.array([r[0] for r in some], np.int64), np.array([r[1] for r in some], np.int64), np.array([r[2] for r in some], np.float64))

    near = series(span_us[0] - memory.near_us)
    given_ = series(span_us[0] - memory.near_us, set(verdicts.reaching_back(tests, near, placed, (span_us[0], STEP)).tolist()))
    found: deferred.Words = {}
    for test, flags in verdicts.words(tests, given_, placed, STEP, span_us).items():
        for n in np.flatnonzero(flags > 2).tolist():
            found[test, spans[int(given_.span[n])].device, int(given_.at_us[n])] = int(flags[n])
    return found


def within(words: deferred.Words, span_us: tuple[int, int]) -> deferred.Words:
    return {key: flag for key, flag in words.items() if span_us[0] <= key[2] < span_us[1]}


@given(TESTS, stored(), st.integers(0, 1 << 16))
@settings(max_examples=60)
def test_rule_23_words_are_those_of_the_oracle_in_any_order_and_however_time_is_cut(tests: QualityTests, readings: list[Reading], seed: int) -> None:
    whole = NOON, NOON + 2 * QUARTER
    expected = within(deferred.words(tests, SPANS, readings, STEP), whole)
    np.random.default_rng(seed).shuffle(readings)
    assert by_kernels(tests, readings, whole) == expected
    one, other = (NOON, NOON + QUARTER), (NOON + QUARTER, NOON + 2 * QUARTER)
    assert by_kernels(tests, readings, other) | by_kernels(tests, readings, one) == expected


@given(TESTS, stored(), st.integers(0, 1 << 16))
@settings(max_examples=40)
def test_rule_23_a_reading_changes_words_within_the_memory_and_nowhere_else(tests: QualityTests, readings: list[Reading], which: int) -> None:
    late = readings[which % len(readings)]
    before, after = (deferred.words(tests, SPANS, some, STEP) for some in ([r for r in readings if r is not late], readings))
    memory = verdicts.memory({"any": tests}, STEP, 90 * SECOND)
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            assert late.at_us - memory.ahead_us <= key[2] <= late.at_us + memory.back_us


def line(values: Sequence[float]) -> list[Reading]:
    return [Reading(0, NOON + n * MINUTE, value) for n, value in enumerate(values)]


def test_every_test_speaks_in_both_flags_where_its_words_say() -> None:
    tests = QualityTests(
        spike_suspect=1.0, spike_fail=10.0, rate_suspect_per_s=0.03, rate_fail_per_s=0.3, flat_suspect_s=180.0, flat_fail_s=360.0, flat_tolerance=0.5
    )
    found = by_kernels(tests, line([10, 10, 10, 10, 10, 10, 10, 12.5, 10, 40, 10]), (NOON, NOON + QUARTER))
    said = {test: {(at - NOON) // MINUTE: flag for (name, _, at), flag in found.items() if name == test} for test in ("spike", "flat_line", "rate")}
    assert said == {
        "spike": {6: 3, 7: 3, 8: 4, 9: 4},
        "flat_line": {3: 3, 4: 3, 5: 3, 6: 4},
        "rate": {7: 3, 8: 3, 9: 4, 10: 4},
    }


def test_a_silence_parts_what_lies_before_it_from_what_lies_behind() -> None:
    tests = QualityTests(spike_suspect=1.0, rate_suspect_per_s=0.001, flat_suspect_s=180.0, flat_tolerance=0.5)
    flat, apart = [Reading(0, NOON + n * MINUTE, 10.0) for n in (0, 3, 6)], [Reading(0, NOON + n * MINUTE, 10.0) for n in (0, 3, 7)]
    assert {at for _, _, at in by_kernels(tests, flat, (NOON, NOON + QUARTER))} == {NOON + 3 * MINUTE, NOON + 6 * MINUTE}
    assert {at for _, _, at in by_kernels(tests, apart, (NOON, NOON + QUARTER))} == {NOON + 3 * MINUTE}
    wide = [Reading(0, NOON, 10.0), Reading(0, NOON + 90 * SECOND, 20.0), Reading(0, NOON + 180 * SECOND + 1, 10.0)]
    assert set(by_kernels(tests, wide, (NOON, NOON + QUARTER))) == {("rate", 0, NOON + 90 * SECOND)}


@pytest.mark.parametrize(("apart_us", "flagged"), [(100_000, {10}), (MINUTE, {10}), (75 * SECOND, set[int]())])
def test_the_noise_of_a_device_that_speaks_faster_than_its_kind_is_no_change(apart_us: int, flagged: set[int]) -> None:
    """A change is one over the kind's cadence at least: 2 within 0.1 s pass where 2 within a minute do; 20 do not, however fast they came."""
    noisy = [10.0, 12.0, 10.0, 11.0, 9.0, 10.0, 12.0, 11.0, 10.0, 10.0, 30.0]
    readings = [Reading(0, NOON + n * apart_us, value) for n, value in enumerate(noisy)]
    found = by_kernels(QualityTests(rate_suspect_per_s=0.3), readings, (NOON, NOON + QUARTER))
    assert {(at - NOON) // apart_us for _, _, at in found} == flagged


def test_thresholds_that_are_not_given_say_nothing() -> None:
    assert by_kernels(QualityTests(), line([1.0, 99.0, 1.0]), (NOON, NOON + QUARTER)) == {}
    assert verdicts.memory({"any": QualityTests()}, STEP, STEP) == (0, 0, 0)


def test_no_word_is_what_the_kernels_call_good() -> None:
    assert NO_WORD == 1
