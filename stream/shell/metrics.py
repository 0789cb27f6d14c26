"""Metrics of the worker, counted per batch."""

from prometheus_client import Counter, Gauge, Histogram

READINGS = Counter("kompas_worker_readings_total", "Readings taken in, duplicates included.")
FRAMES = Counter("kompas_worker_frames_total", "Records of kompas.readings.v1 taken in.")
REFUSED = Counter("kompas_worker_refused_total", "Records sent to kompas.rejected.v1: conflicts and damaged frames.")
PARTIALS = Counter("kompas_worker_partials_total", "Records sent to kompas.partials.v1.")
PARTIALS_IN = Counter("kompas_combiner_partials_total", "Records of kompas.partials.v1 taken in.")
AFTER_CLOSE = Counter("kompas_combiner_after_close_total", "Rows of windows that were closed already: 0 where every worker's watermarks are true.")
VALUES = Counter("kompas_combiner_values_total", "KPI values published, by status.", ["status"])
SNAPSHOTS = Counter("kompas_worker_snapshots_total", "Snapshots committed.")
SNAPSHOT_BYTES = Gauge("kompas_worker_snapshot_bytes", "Size of the last snapshot.", ["topic", "partition"])
REFUSED_COMMITS = Counter("kompas_worker_refused_commits_total", "Commits that the group coordinator refused: a former owner spoke.")
RESTORED = Counter("kompas_worker_restored_total", "Partitions taken over, by where their state came from.", ["source"])
LOST = Counter("kompas_worker_lost_records_total", "Records below the log's start that were never read.")
STANDING = Gauge("kompas_worker_standing", "1 where a partition waits for an upgrade: its next record is of a later schema.", ["topic", "partition"])
PARTITIONS = Gauge("kompas_worker_partitions", "Partitions owned, by topic.", ["topic"])
LATENCY = Histogram(
    "kompas_latency_kpi_seconds",
    "From the gateway's receipt of a reading to the first live KPI values that hold it; the oldest reading of each publication.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
