"""The rooms of the platform: what the command line stands over."""

PLATFORM = ("catalog", "kernels", "formula", "runtime", "ingest", "stream", "storage", "restate", "dashboards", "simulators", "local")
