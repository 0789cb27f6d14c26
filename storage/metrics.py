"""What the writer counts and measures, for Prometheus and for the terminal view.

Promises  Per batch, never per row in Python; latencies of a whole batch enter a histogram in one step.
Leaves    Serving them to runtime.health.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from catalog.windows import to_us
from storage.batch import Batch
from storage.transaction import Outcome

_EDGES_S = np.array([0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300], np.float64)
_FINE_S = np.geomspace(1e-3, 1e3, 241)
_RECENT_S = 60.0

Seconds = npt.NDArray[np.float64]
Counts = Mapping[str, int]


class BulkHistogram(Collector):
    """A Prometheus histogram that takes arrays."""

    def __init__(self, name: str, text: str, registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._counts = np.zeros(len(_EDGES_S) + 1, np.int64)
        self._sum = 0.0
        registry.register(self)

    def observe(self, seconds: Seconds) -> None:
        """Count n durations: float64[n], s."""
        self._counts += np.bincount(np.searchsorted(_EDGES_S, seconds), minlength=len(self._counts))
        self._sum += float(seconds.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """As Prometheus wants it: cumulative, with +Inf last."""
        totals = np.cumsum(self._counts).tolist()
        buckets: list[Any] = [(repr(float(edge)), total) for edge, total in zip(_EDGES_S, totals[:-1], strict=True)]
        yield HistogramMetricFamily(self._name, self._text, buckets=[*buckets, ("+Inf", totals[-1])], sum_value=self._sum)


class Recent:
    """Durations of the last minute, for quantiles that follow what happens."""

    def __init__(self) -> None:
        self._batches: deque[tuple[float, npt.NDArray[np.int64]]] = deque()

    def observe(self, seconds: Seconds, now_s: float) -> None:
        """Count n durations at `now_s` (monotonic)."""
        self._batches.append((now_s, np.bincount(np.searchsorted(_FINE_S, seconds), minlength=len(_FINE_S) + 1)))
        self._forget(now_s)

    def quantiles(self, now_s: float) -> dict[str, float | None]:
        """p50 and p99 in s, to 6 %, and how many durations they stand on; null where there were none."""
        self._forget(now_s)
        counts = sum((batch for _, batch in self._batches), np.zeros(len(_FINE_S) + 1, np.int64))
        total = int(counts.sum())
        if total == 0:
            return {"p50": None, "p99": None, "count": 0}
        edges = np.append(_FINE_S, _FINE_S[-1])
        places = np.searchsorted(np.cumsum(counts), [0.5 * total, 0.99 * total])
        return {"p50": round(float(edges[places[0]]), 4), "p99": round(float(edges[places[1]]), 4), "count": total}

    def _forget(self, now_s: float) -> None:
        while self._batches and self._batches[0][0] < now_s - _RECENT_S:
            self._batches.popleft()


class WriterMetrics:
    """All of one writer's."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.rows = Counter("kompas_writer_rows", "Readings stored.", registry=registry)
        self.late = Counter("kompas_writer_late_rows", "Late readings that came.", ["outcome"], registry=registry)
        self.kpi_values = Counter("kompas_writer_kpi_values", "KPI values taken from the topic.", registry=registry)
        self.double_final = Counter("kompas_writer_double_final", "Values that contradict a stored revision.", registry=registry)
        self.unreadable = Counter("kompas_writer_unreadable", "KPI records that are no KPI value.", registry=registry)
        self.refused = Counter("kompas_writer_rejected_messages", "Refused messages counted.", ["reason"], registry=registry)
        self.batches = Counter("kompas_writer_batches", "Transactions committed.", registry=registry)
        self.lag = Gauge("kompas_writer_lag_records", "Records in Kafka that are not stored yet.", ["topic"], registry=registry)
        self.standing = Gauge(
            "kompas_writer_standing",
            "1 where a partition waits for an upgrade: its next record is of a later schema.",
            ["topic", "partition"],
            registry=registry,
        )
        self.expiring = Gauge(
            "kompas_expiring_unread_records", "Records older than half of the time that they are kept, and not read yet.", registry=registry
        )
        self.ledger_balance = Gauge("kompas_ledger_balance", "Messages and readings that do not balance; 0: well.", registry=registry)
        self.broker_dropped = Gauge("kompas_broker_dropped_messages", "Messages that the MQTT broker dropped.", registry=registry)
        self.row_latency = BulkHistogram("kompas_latency_row_seconds", "From the gateway's receipt of a reading to its commit.", registry)
        self.kpi_latency = BulkHistogram("kompas_kpi_store_seconds", "From the computing of a KPI value to its commit.", registry)
        self.commit = BulkHistogram("kompas_writer_commit_seconds", "Length of a transaction.", registry)
        self.recent_rows, self.recent_kpis = Recent(), Recent()
        self._behind: dict[str, Counts] = {}

    def behind(self, lane: str, records: Counts) -> None:
        """So many records, by topic, wait for this lane; a topic's are those of all lanes that have partitions of it."""
        self._behind[lane] = records
        for topic in records:
            self.lag.labels(topic).set(sum(each.get(topic, 0) for each in self._behind.values()))

    def stored(self, batch: Batch, outcome: Outcome, now_us: int, span_s: tuple[float, float]) -> None:
        """A transaction went through at `now_us`; it ran over `span_s` of the monotonic clock."""
        began_s, now_s = span_s
        written = outcome.written
        self.rows.inc(written.stored)
        for name, number in (("came", written.late), ("duplicate", written.duplicates), ("conflict", written.conflicts)):
            self.late.labels(name).inc(number)
        self.kpi_values.inc(outcome.kpi_values)
        self.unreadable.inc(batch.damaged_values)
        self.double_final.inc(len(outcome.doubled))
        for count in outcome.refused:
            self.refused.labels(count.reason).inc(count.messages)
        if batch.records:
            self.batches.inc()
            self.commit.observe(np.array([now_s - began_s]))
        if outcome.columns is not None:
            latency_s = (now_us - outcome.columns["received_at"]) / 1e6
            self.row_latency.observe(latency_s)
            self.recent_rows.observe(latency_s, now_s)
        if batch.kpis:
            latency_s = np.array([(now_us - to_us(datetime.fromisoformat(value.computed_at))) / 1e6 for value in batch.kpis])
            self.kpi_latency.observe(latency_s)
            self.recent_kpis.observe(latency_s, now_s)
