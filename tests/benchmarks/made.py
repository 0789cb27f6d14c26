"""A result as a run would find it, to print and to judge without a run."""

from benchmarks.catching_up import CaughtUp
from benchmarks.figures import Spread
from benchmarks.kernel import Compared
from benchmarks.loading import Latency, Loaded
from benchmarks.result import FrameSizes, Limits, Machine, Result


def load(**changes: object) -> Loaded:
    fields: dict[str, object] = {
        "name": "ten readings a message",
        "wanted_readings_per_s": 50_000.0,
        "readings_per_message": 10,
        "steady_s": 20.0,
        "sent": 1_250_000,
        "stored": 1_250_000,
        "rejected": 0,
        "duplicates": 0,
        "lost": 0,
        "sent_per_s": 50_010.0,
        "stored_per_s": 50_020.0,
        "backlog_slope_per_s": 20.0,
        "backlog_slope_error_per_s": 60.0,
        "backlog_end": 21_000.0,
        "sustained": True,
        "sender_behind_ms_p99": 22.0,
        "to_kpi": Latency(0.8, 1.6, 1.7, 80, 0),
        "to_row": Latency(0.3, 0.5, 0.6, 80, 0),
        "cpu_s_per_million": {"mosquitto": 1.5, "kafka": 4.0, "gateway": 7.0, "worker": 5.0, "writer": 2.0, "postgres": 5.0, "load": 6.0},
        "cores_used": 1.5,
        "gateway_messages_per_cpu_s": 14_000.0,
        "worker_readings_per_cpu_s": 200_000.0,
        "kpi_values_per_s": 900.0,
    }
    return Loaded(**{**fields, **changes})  # type: ignore[arg-type]


def caught_up(**changes: object) -> CaughtUp:
    fields: dict[str, object] = {
        "rows": 1_500_000,
        "wall_s": 5.0,
        "cpu_s": 1.0,
        "rows_per_s": 300_000.0,
        "rows_per_cpu_s": 1_500_000.0,
        "others_cpu_s": {"postgres": 4.5, "kafka": 0.5},
        "kpi_values": 20_000,
    }
    return CaughtUp(**{**fields, **changes})  # type: ignore[arg-type]


def result(**changes: object) -> Result:
    rows = Spread(600.0, 830.0, 900.0, 1_000.0, 1_200)
    sizes = FrameSizes(load="ten readings a message", rows=rows, kilobytes=Spread(20.0, 30.0, 33.0, 36.0, 1_200), records_per_s=72.0)
    compared = Compared(
        readings=1_000_000, frames=1_200, groups=8_000, areas=900, kernel_s=0.03, duckdb_s=0.09, kernel_readings_per_s=33e6,
        duckdb_readings_per_s=11e6, ratio=3.0, equal=True, cold_readings_per_s=30e6, real_readings_per_s=25e6,
    )  # fmt: skip
    fields: dict[str, object] = {
        "machine": Machine(2, "Linux", "3.11.7", 0.4),
        "took_s": 200.0,
        "limits": Limits(
            paho_messages_per_cpu_s=20_000.0, kafka_readings_per_cpu_s=20e6, memory_gb_per_s=10.0, copy_rows_per_s=350_000.0, copy_rows=1_500_000
        ),
        "loads": [load(), load(name="one reading a message", wanted_readings_per_s=5_000.0, readings_per_message=1, stored_per_s=5_001.0)],
        "frames": [sizes],
        "worker": caught_up(),
        "worker_frames": sizes,
        "writer": caught_up(),
        "kernel": compared,
        "rows_sent": 3_000_000,
        "rows_in_table": 3_000_000,
    }
    return Result(**{**fields, **changes})  # type: ignore[arg-type]
