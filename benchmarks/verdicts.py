"""Wanted and reached, target by target, and a sentence where they differ. Pure.

Promises  A target that was not measured at its own rate is not met; the reason is taken from the figures, not made up.
Source: issue 3, "Figures to reach and print"
"""

import math

from benchmarks.catching_up import CaughtUp
from benchmarks.loading import Loaded
from benchmarks.result import Ratio, Result, Verdict

READINGS_PER_S, MESSAGES_PER_S, GOAL_PER_S = 50_000.0, 5_000.0, 10_000.0
KPI_P99_S = 2.0
WORKER_PER_CPU_S, KERNEL_RATIO, WRITER_RATIO = 1.5e6, 2.0, 0.8
_NEAR = 0.98
"""A rate of whole milliseconds between messages comes out a little off the one asked for."""
_BYTES_PER_READING = 4 + 4 + 8 + 8 + 2 + 1
"""Of the columns that the kernel reads."""


def verdicts(of: Result) -> list[Verdict]:
    """All targets."""
    found = [_rate(load) for load in of.loads]
    found += [_to_kpi(load) for load in of.loads if load.to_kpi.count]
    return [*found, _worker(of), _kernel(of), _writer(of)]


def ratios(of: Result) -> list[Ratio]:
    """Ours against the limits of the same run."""
    limits, kernel = of.limits, of.kernel
    single = next((load for load in of.loads if load.readings_per_message == 1), of.loads[0])
    pairs = [
        ("gateway, messages/CPU s : paho's empty loop", of.loads[0].gateway_messages_per_cpu_s, limits.paho_messages_per_cpu_s),
        ("gateway, one reading a message : paho's empty loop", single.gateway_messages_per_cpu_s, limits.paho_messages_per_cpu_s),
        ("worker, readings/CPU s : Kafka frame consume", of.worker.rows_per_cpu_s, limits.kafka_readings_per_cpu_s),
        ("kernel, GB/s : memory read", kernel.kernel_readings_per_s * _BYTES_PER_READING / 1e9, limits.memory_gb_per_s),
        ("kernel, readings/s : DuckDB on one thread", kernel.kernel_readings_per_s, kernel.duckdb_readings_per_s),
        ("writer, rows/s : server-side COPY", of.writer.rows_per_s, limits.copy_rows_per_s),
    ]
    return [Ratio(what, ours, limit, ours / limit if limit else math.nan) for what, ours, limit in pairs]


def _rate(load: Loaded) -> Verdict:
    if load.readings_per_message > 1:
        target, wanted = "readings/s, ten a message", READINGS_PER_S
    else:
        target, wanted = "messages/s of one reading", GOAL_PER_S if load.wanted_readings_per_s > MESSAGES_PER_S else MESSAGES_PER_S
        target += " (goal)" if wanted == GOAL_PER_S else ""
    reached = f"{load.stored_per_s:,.0f}/s, backlog {load.backlog_slope_per_s:+,.0f} ± {load.backlog_slope_error_per_s:,.0f}/s, lost {load.lost}"
    asked = load.wanted_readings_per_s >= wanted
    met = asked and load.sustained and load.stored_per_s >= _NEAR * wanted and load.lost == 0
    return Verdict(target, f"{wanted:,.0f}/s, slope 0, lost 0", reached, met, "" if met else _why_not(load, asked=asked))


def _why_not(load: Loaded, *, asked: bool) -> str:
    said = []
    if not asked:
        said.append(f"the run asked for {load.wanted_readings_per_s:,.0f}/s only")
    if load.lost:
        said.append(f"{load.lost} readings were sent and are neither stored nor rejected a minute later")
    if load.sent_per_s < _NEAR * load.wanted_readings_per_s:
        said.append(f"the sender itself came to {load.sent_per_s:,.0f}/s (p99 {load.sender_behind_ms_p99:.0f} ms behind)")
    if not load.sustained:
        said.append(busiest(load))
    return "; ".join(said) or busiest(load)


def busiest(load: Loaded) -> str:
    """Where the CPU seconds went."""
    read_per_s = load.stored_per_s / 1e6
    shares = sorted(((used * read_per_s, name) for name, used in load.cpu_s_per_million.items()), reverse=True)[:4]
    return f"{load.cores_used:.2f} cores in use: " + ", ".join(f"{name} {share:.2f}" for share, name in shares)


def _to_kpi(load: Loaded) -> Verdict:
    seen = load.to_kpi
    met = seen.p99_s < KPI_P99_S
    reached = f"p50 {seen.p50_s:.2f} s, p99 {seen.p99_s:.2f} s, {seen.missing} of {seen.count} not seen"
    why = "" if met else f"live values go out once a second; {busiest(load)}"
    return Verdict(f"publish to live KPI, {load.name}", f"p99 < {KPI_P99_S:.0f} s", reached, met, why)


def _worker(of: Result) -> Verdict:
    done, frames = of.worker, of.worker_frames
    met = done.rows_per_cpu_s >= WORKER_PER_CPU_S
    per_frame_us = done.cpu_s / max(done.rows / frames.rows.p50, 1) * 1e6
    why = f"frames of {frames.rows.p50:.0f} readings: a frame costs {per_frame_us:,.0f} µs, of which the kernel {_kernel_us(of):,.0f}"
    reached = f"{done.rows_per_cpu_s / 1e6:.2f} M from {done.rows:,} in {done.cpu_s:.2f} CPU s"
    return Verdict("worker, readings per CPU second from a backlog", f"{WORKER_PER_CPU_S / 1e6:.1f} M", reached, met, "" if met else why)


def _kernel_us(of: Result) -> float:
    return of.worker_frames.rows.p50 / of.kernel.real_readings_per_s * 1e6


def _kernel(of: Result) -> Verdict:
    kernel = of.kernel
    met = kernel.ratio >= KERNEL_RATIO and kernel.equal
    ours, cold, theirs = (rate / 1e6 for rate in (kernel.kernel_readings_per_s, kernel.cold_readings_per_s, kernel.duckdb_readings_per_s))
    reached = f"{kernel.ratio:.2f}: {ours:.0f} M/s ({cold:.0f} where frames come from memory) to {theirs:.0f} M/s"
    said = [] if kernel.equal else ["the two results differ"]
    if kernel.ratio < KERNEL_RATIO:
        said.append(f"{kernel.kernel_s / max(kernel.frames, 1) * 1e6:.0f} µs a frame of {kernel.readings / max(kernel.frames, 1):.0f} readings")
    equal = "equal" if kernel.equal else "not equal"
    return Verdict("kernel : DuckDB on one thread", f"{KERNEL_RATIO:.0f}, results equal", f"{reached}, {equal}", met, "; ".join(said))


def _writer(of: Result) -> Verdict:
    done, limit = of.writer, of.limits.copy_rows_per_s
    ratio = done.rows_per_s / limit if limit else math.nan
    met = ratio >= WRITER_RATIO
    reached = f"{ratio:.2f}: {done.rows_per_s:,.0f} rows/s to {limit:,.0f}"
    return Verdict("writer : server-side COPY", f"{WRITER_RATIO}", reached, met, "" if met else _why_slow(done))


def _why_slow(done: CaughtUp) -> str:
    others = ", ".join(f"{name} {used:.1f}" for name, used in sorted(done.others_cpu_s.items(), key=lambda item: -item[1])[:3])
    return (
        f"in {done.wall_s:.1f} s: writer {done.cpu_s:.1f} CPU s, {others}; it stored {done.kpi_values:,} KPI values and its offsets beside the rows"
    )
