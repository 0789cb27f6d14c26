"""Laws of traffic, parking and public transport, and their kernels beside the slow way."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.bikeshare import time_share
from kernels.counts import fill_gaps, total_count, weekly_profile
from kernels.flow import density, density_from_occupancy, flow_vph, flow_with_gaps, occupancy, summed_on_time
from kernels.parking import parking_occupancy, parking_turnover, rezero
from kernels.queue import queue
from kernels.ratio import above, below, ratio
from kernels.service_level import FREEWAY_DENSITY, SIGNAL_DELAY_S, letter, los_freeway_density, los_signal_delay, los_urban_street
from kernels.speed import congestion_pct, delay_s, mean_speeds, reliability, travel_time_index
from kernels.transit import excess_waiting_time, headways_in, on_time_performance, waiting_time
from tests.oracles import mobility as slow
from tests.oracles.missing import array, same

MISSING = st.none()
COUNT = st.integers(0, 10_000)
SPEED = st.one_of(MISSING, st.just(0.0), st.floats(-5, 150, allow_subnormal=False))
HEADWAY = st.one_of(MISSING, st.floats(0, 60).map(lambda h: round(h, 3)))
ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(ANY, ANY)
def test_a_quotient_is_finite_or_missing_and_only_over_a_positive_number(numerator: float, denominator: float) -> None:
    found = float(ratio(numerator, denominator)[0])
    if math.isfinite(numerator) and 0 < denominator < math.inf and math.isfinite(numerator / denominator):
        assert found == numerator / denominator
        assert math.copysign(1.0, found) == 1.0 or found < 0
    else:
        assert math.isnan(found)


@given(ANY, ANY)
def test_what_is_above_and_what_is_below_part_the_difference(value: float, base: float) -> None:
    up, down = float(above(value, base)[0]), float(below(value, base)[0])
    if math.isfinite(value) and math.isfinite(base) and math.isfinite(value - base):
        assert up - down == value - base
        assert min(up, down) == 0.0
    else:
        assert math.isnan(up)
        assert math.isnan(down)


@given(st.one_of(MISSING, st.integers(-5, 5_000)), st.one_of(MISSING, st.integers(-5, 3600)))
def test_flow_is_the_slow_one(count: int | None, interval_s: int | None) -> None:
    same(flow_vph(*(array([v])[0] for v in (count, interval_s)))[0], slow.flow_vph(count, interval_s))


@given(st.lists(st.one_of(MISSING, COUNT), max_size=30), st.integers(1, 900), st.integers(0, 20))
def test_flow_with_gaps_is_the_slow_one(counts: list, interval_s: int, twentieths: int) -> None:
    found = flow_with_gaps(array(counts), interval_s, twentieths / 20)
    same(found.value, slow.flow_with_gaps(counts, interval_s, Fraction(twentieths, 20)))
    assert found.valid == sum(count is not None for count in counts)


@given(st.lists(COUNT, min_size=1, max_size=20), st.randoms())
def test_gaps_leave_the_flow_of_even_traffic(counts: list, random) -> None:
    even = [counts[0]] * 8
    even[random.randrange(8)] = None
    assert flow_with_gaps(array(even), 60).value == flow_vph(counts[0], 60)[0]


@given(st.lists(SPEED, max_size=40))
def test_mean_speeds_are_the_slow_ones_and_space_is_below_time(speeds: list) -> None:
    found = mean_speeds(array(speeds))
    time_mean, space_mean, n = slow.mean_speeds(speeds)
    assert found.n == n
    same(found.time_mean, time_mean, 1e-9)
    same(found.space_mean, space_mean, 1e-9)
    if n:
        assert found.space_mean <= found.time_mean * (1 + 1e-12)


@given(st.lists(st.floats(1, 150), min_size=1, max_size=40), st.randoms())
def test_mean_speeds_do_not_depend_on_the_order(speeds: list, random) -> None:
    shuffled = list(speeds)
    random.shuffle(shuffled)
    assert mean_speeds(speeds) == pytest.approx(mean_speeds(shuffled), rel=1e-12)


@given(st.one_of(MISSING, st.integers(-1, 5000)), st.one_of(MISSING, st.floats(-1, 150)))
def test_density_is_the_slow_one(flow: int | None, speed: float | None) -> None:
    assume(speed is None or speed <= 0 or speed > 1e-300)
    same(density(array([flow]), array([speed]))[0], slow.density(flow, speed))


@given(st.floats(0, 1), st.floats(0.1, 20), st.floats(0, 5))
def test_density_by_occupancy_grows_with_it(share: float, vehicle_m: float, detector_m: float) -> None:
    one, half = (float(density_from_occupancy(part, vehicle_m, detector_m)[0]) for part in (share, share / 2))
    assert 0.0 <= half <= one <= 1000.0 / (vehicle_m + detector_m) * (1 + 1e-12)


@given(st.lists(st.floats(0, 60), max_size=20), st.floats(1, 300))
def test_occupancy_is_a_share_and_a_missing_passage_hides_it(on_times: list, interval_s: float) -> None:
    found = float(occupancy(summed_on_time(on_times), interval_s)[0])
    assert found == pytest.approx(min(1.0, math.fsum(on_times) / interval_s))
    assert math.isnan(occupancy(summed_on_time([*on_times, math.nan]), interval_s)[0])


@given(st.floats(1, 1e5), st.floats(1, 1e5))
def test_travel_time_index_congestion_and_delay_agree(time_s: float, free_s: float) -> None:
    index, congestion, delay = (float(f(time_s, free_s)[0]) for f in (travel_time_index, congestion_pct, delay_s))
    assert index == pytest.approx(time_s / free_s)
    assert congestion == pytest.approx(max(0.0, index - 1.0) * 100.0, abs=1e-9)
    assert delay == pytest.approx(congestion / 100.0 * free_s, abs=1e-6)


@given(st.lists(st.floats(1, 1e5), min_size=1, max_size=30), st.floats(1, 1e5))
def test_reliability_is_numpys_percentile(times: list, free_s: float) -> None:
    found, p95 = reliability([*times, math.nan, 0.0], free_s), float(np.percentile(times, 95))
    assert found.planning_time_index == pytest.approx(p95 / free_s)
    assert found.buffer_index == pytest.approx((p95 - np.mean(times)) / np.mean(times), abs=1e-9)


@pytest.mark.parametrize(("kernel", "edges"), [(los_freeway_density, FREEWAY_DENSITY), (los_signal_delay, SIGNAL_DELAY_S)])
@given(measures=st.lists(st.one_of(MISSING, st.floats(-10, 120)), min_size=1, max_size=20))
def test_levels_of_service_are_the_slow_ones_and_monotone(kernel, edges, measures: list) -> None:
    measures = measures + [float(edge) for edge in edges]
    codes = kernel(array(measures))
    assert [letter(int(code)) for code in codes] == [slow.level(m, list(edges)) for m in measures]
    known = sorted((m, int(code)) for m, code in zip(measures, codes, strict=True) if m is not None and m >= 0)
    assert [code for _, code in known] == sorted(code for _, code in known)


@given(st.floats(0, 150), st.floats(0, 150), st.integers(1, 4))
def test_faster_is_no_worse_on_an_urban_street(one: float, other: float, street_class: int) -> None:
    slower, faster = los_urban_street(sorted((one, other)), street_class)
    assert faster <= slower


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=40), st.integers(0, 20))
def test_queue_is_the_slow_one(intervals: list, initial: int) -> None:
    came, could = (list(side) for side in zip(*intervals, strict=True))
    found = queue(came, could, initial)
    assert found.end.tolist() == slow.queue(came, could, initial)
    assert found.longest == found.end.max()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=40), st.integers(0, 39))
def test_a_queue_is_unknown_after_a_missing_interval(intervals: list, at: int) -> None:
    came, could = (np.array(side, np.float64) for side in zip(*intervals, strict=True))
    whole, at = queue(came, could).end, at % came.size
    came[at] = math.nan
    found = queue(came, could)
    assert found.end[:at].tolist() == whole[:at].tolist()
    assert np.isnan(found.end[at:]).all()
    assert np.isnan(found.longest) if at == 0 else found.longest == whole[:at].max()


@given(*[st.one_of(MISSING, st.integers(-2, 200))] * 3)
def test_parking_occupancy_is_the_slow_one(occupied: int | None, capacity: int | None, shut: int | None) -> None:
    found = parking_occupancy(*(array([v]) for v in (occupied, capacity, shut)))
    wanted = slow.parking(occupied, capacity, shut)
    if wanted is None:
        assert np.isnan(found.share[0])
        assert np.isnan(found.free[0])
        assert found.over_capacity[0] == -1
    else:
        assert (found.share[0], found.free[0], bool(found.over_capacity[0])) == wanted


@given(st.lists(st.floats(0, 5000), max_size=30), st.integers(1, 100), st.integers(1, 200))
def test_turnover_times_mean_stay_is_the_space_time_used(stays: list, spaces: int, period_h: int) -> None:
    found = parking_turnover(stays, spaces, period_h)
    assert found.stays_per_space * spaces == pytest.approx(len(stays))
    assert found.utilisation * spaces * period_h == pytest.approx(found.space_hours_used)
    assert math.isnan(found.mean_stay_min) if not stays else found.mean_stay_min * len(stays) / 60 == pytest.approx(found.space_hours_used)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), min_size=1, max_size=40))
def test_a_day_set_back_to_zero_touches_zero(readings: list) -> None:
    occupied, day = (np.array(side) for side in zip(*readings, strict=True))
    found = rezero(occupied.astype(np.float64), day)
    assert all(found[day == d].min() == 0.0 for d in set(day.tolist()))


@given(st.lists(st.tuples(st.one_of(MISSING, st.integers(-1, 5)), st.one_of(MISSING, st.integers(-1, 900))), max_size=30))
def test_time_share_is_the_slow_one_and_merges_by_its_time(states: list) -> None:
    levels, durations = [level for level, _ in states], [time for _, time in states]
    share, known_s = time_share(array(levels), array(durations))
    same(share, slow.time_share(levels, durations, 1.0))
    parts = [time_share(array(levels[s]), array(durations[s])) for s in (slice(0, len(states) // 2), slice(len(states) // 2, None))]
    assert known_s == sum(part_s for _, part_s in parts)
    if known_s:
        assert share * known_s == pytest.approx(sum(p * s for p, s in parts if s))


@given(st.lists(HEADWAY, max_size=20), st.lists(HEADWAY, max_size=20))
def test_excess_waiting_time_is_the_slow_one(actual: list, scheduled: list) -> None:
    found = excess_waiting_time(array(actual), array(scheduled))
    same(found.actual, slow.waiting(actual), 1e-9)
    same(found.scheduled, slow.waiting(scheduled), 1e-9)
    same(found.variation, slow.variation(actual), 1e-7, 1e-7)


@given(st.lists(st.floats(0.5, 60), min_size=1, max_size=20))
def test_an_even_headway_waits_half_of_it_and_no_other_of_the_same_mean_waits_less(headways: list) -> None:
    even = math.fsum(headways) / len(headways)
    assert waiting_time([even] * len(headways)) == pytest.approx(even / 2)
    assert waiting_time(headways) >= even / 2 * (1 - 1e-12)


@given(st.lists(st.floats(-100, 4000), max_size=20), st.floats(0, 100), st.floats(200, 3600))
def test_headways_span_the_whole_period(departures: list, start: float, end: float) -> None:
    found = headways_in(departures, start, end)
    assert found.sum() == pytest.approx(end - start)
    assert found.size == sum(start <= at <= end for at in departures) + 1
    assert (found >= 0).all()


@given(st.lists(st.one_of(MISSING, st.integers(-900, 900)), max_size=40), st.integers(0, 5))
def test_punctuality_is_the_slow_one(delays: list, cancelled: int) -> None:
    same(on_time_performance(array(delays), -60, 300, cancelled).on_time, slow.on_time(delays, -60, 300, cancelled))


@settings(deadline=None)
@given(st.lists(st.one_of(MISSING, st.integers(0, 500)), min_size=1, max_size=72), st.integers(0, 167), st.integers(1, 9))
def test_only_short_gaps_are_filled_and_a_profile_fills_its_own_week_exactly(hours: list, first: int, factor: int) -> None:
    hour = (first + np.arange(len(hours))) % 168
    profile = np.arange(1.0, 169.0)
    counted = array([None if h is None else factor * profile[at] for h, at in zip(hours, hour, strict=True)])
    found = fill_gaps(counted, hour, profile)
    assert (found.imputed <= np.isnan(counted)).all()
    assert found.counted[~np.isnan(found.counted)] == pytest.approx((factor * profile[hour])[~np.isnan(found.counted)])
    gap = 0
    for n, h in enumerate([*hours, 0]):
        if h is not None and gap:
            assert bool(found.imputed[n - gap : n].all()) == (gap <= 2 and any(x is not None for x in hours))
        gap = gap + 1 if h is None else 0


@given(st.lists(st.one_of(MISSING, COUNT), max_size=40), st.integers(0, 20))
def test_a_total_needs_its_coverage(counts: list, twentieths: int) -> None:
    found, known = total_count(array(counts), twentieths / 20), [c for c in counts if c is not None]
    assert (found.valid, found.expected) == (len(known), len(counts))
    same(found.value, sum(known) if 20 * len(known) >= twentieths * len(counts) else None)


@given(st.lists(st.tuples(st.one_of(MISSING, COUNT), st.integers(0, 167)), max_size=60))
def test_a_weekly_profile_is_the_mean_of_its_hour(readings: list) -> None:
    profile = weekly_profile(array([c for c, _ in readings]), np.array([h for _, h in readings], np.int64))
    for hour in range(168):
        known = [c for c, h in readings if h == hour and c is not None]
        same(profile[hour], sum(known) / len(known) if known else None)
