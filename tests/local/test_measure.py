"""Rates and quantiles from Prometheus text, against the registry that writes it and a sort that is obvious."""

import bisect

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from local import measure
from local.measure import Sample

BOUNDS = (0.1, 0.5, 1.0, 2.0, 5.0)


def sample(at_s: float, registry: CollectorRegistry) -> Sample:
    return Sample(at_s, {"writer": measure.parse(generate_latest(registry).decode())})


def test_a_rate_is_growth_by_time_and_survives_a_restart() -> None:
    registry = CollectorRegistry()
    counter = Counter("rows", "rows", ["partition"], registry=registry)
    counter.labels("0").inc(10)
    first = sample(100.0, registry)
    counter.labels("0").inc(20)
    counter.labels("1").inc(20)
    second = sample(104.0, registry)
    assert measure.rate(first, second, "writer", "rows_total") == 10.0
    assert measure.total(second, "writer", "rows_total") == 50.0
    assert measure.rate(second, Sample(106.0, first.counters), "writer", "rows_total") == 5.0  # 10 rows since it began anew


def test_what_did_not_answer_has_no_number() -> None:
    nothing = Sample(1.0, {})
    assert measure.rate(nothing, Sample(2.0, {}), "writer", "rows_total") is None
    assert measure.quantile(nothing, Sample(2.0, {}), "writer", "latency", 0.5) is None


def test_rejections_come_by_reason_largest_first() -> None:
    registry = CollectorRegistry()
    counter = Counter("rejected", "rejected", ["reason", "city"], registry=registry)
    for reason, city, count in (("malformed", "a", 1), ("too_old", "a", 3), ("too_old", "b", 4)):
        counter.labels(reason, city).inc(count)
    assert list(measure.by_label(sample(0.0, registry), "writer", "rejected_total", "reason").items()) == [("too_old", 7.0), ("malformed", 1.0)]


@given(
    st.lists(st.floats(0.0, 4.9), max_size=20),
    st.lists(st.floats(0.0, 4.9), min_size=1, max_size=50),
    st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]),
)
@example([], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 0.5)  # 0.05 + (0.1 - 0.05) * 3 / 3 is more than 0.1 in doubles
def test_a_quantile_lies_in_the_bucket_of_the_sorted_value(before: list[float], values: list[float], share: float) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("latency", "latency", registry=registry, buckets=BOUNDS)
    for value in before:
        histogram.observe(value)
    first = sample(0.0, registry)
    for value in values:
        histogram.observe(value)
    found = measure.quantile(first, sample(1.0, registry), "writer", "latency", share)
    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    edges = (0.0, *BOUNDS)
    bucket = bisect.bisect_left(BOUNDS, exact)
    assert found is not None
    assert edges[bucket] <= found <= edges[bucket + 1]


def test_above_the_last_bound_the_bound_is_the_answer() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("latency", "latency", registry=registry, buckets=BOUNDS)
    before = sample(0.0, registry)
    histogram.observe(100.0)
    assert measure.quantile(before, sample(1.0, registry), "writer", "latency", 0.99) == pytest.approx(5.0)
