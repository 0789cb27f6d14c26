"""A histogram that takes arrays says the same as one that takes values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from storage.metrics import _EDGES_S, BulkHistogram, Recent

DURATIONS = st.lists(st.floats(0, 1e4), max_size=50)


@given(st.lists(DURATIONS, max_size=4))
def test_it_counts_like_prometheus_own(batches):
    bulk, plain = CollectorRegistry(), CollectorRegistry()
    ours, theirs = BulkHistogram("x", "Text.", bulk), Histogram("x", "Text.", buckets=_EDGES_S.tolist(), registry=plain)
    for batch in batches:
        ours.observe(np.array(batch, np.float64))
        for value in batch:
            theirs.observe(value)

    def counts(registry):
        return [line for line in generate_latest(registry).decode().splitlines() if line.startswith(("x_bucket", "x_count"))]

    assert counts(bulk) == counts(plain)


@given(st.lists(st.floats(0.001, 900), min_size=1, max_size=200))
def test_quantiles_are_right_to_six_percent(durations):
    recent = Recent()
    recent.observe(np.array(durations), 100.0)
    said = recent.quantiles(100.0)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        told = said[name]
        assert told is not None
        exact = sorted(durations)[max(0, int(np.ceil(share * len(durations))) - 1)]
        assert exact <= told * 1.0001 + 1e-4
        assert told <= exact * 1.06 + 1e-4


def test_what_is_older_than_a_minute_is_forgotten():
    recent = Recent()
    recent.observe(np.array([1.0]), 0.0)
    assert recent.quantiles(61.0) == {"p50": None, "p99": None, "count": 0}
