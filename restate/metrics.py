"""What the restater counts, for Prometheus."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class RestaterMetrics:
    """All of it; served by runtime.health."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.windows = Counter("kompas_restater_windows", "Windows computed again.", registry=registry)
        self.changed = Counter("kompas_restater_changed", "Windows whose value, state, coverage or devices changed.", registry=registry)
        self.published = Counter("kompas_restater_published", "Values that Kafka confirmed.", registry=registry)
        self.conflicts = Counter("kompas_restater_conflicts", "Transactions given up because a mark changed meanwhile.", registry=registry)
        self.quarters = Counter("kompas_restater_quarters", "Quarter-hours of a kind tested.", registry=registry)
        self.tested = Counter("kompas_restater_readings_tested", "Readings tested, those of quarters tested again too.", registry=registry)
        self.flags = Counter("kompas_restater_flags", "Readings whose quality a test or a person changed.", registry=registry)
        self.test_took = Histogram("kompas_restater_test_seconds", "Time for the quarter-hours of a kind tested together.", registry=registry)
        self.dirty = Gauge("kompas_restater_dirty_windows", "Marks that stand, those of open windows too.", registry=registry)
        self.outbox = Gauge("kompas_restater_outbox", "Values that Kafka does not have yet.", registry=registry)
        self.took = Histogram("kompas_restater_window_seconds", "Time for the areas of one window of a KPI.", registry=registry)
