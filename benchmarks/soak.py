"""A long load at half of what is sustained: memory, latency and lag, slice by slice. `./kompas bench soak`.

Promises  Real servers on a system of its own, the restater with them; slices follow each other until the time is over, and after each everything
          that was sent is stored. Memory is proportional set size, so that what PostgreSQL's processes share is counted once.
Leaves    A load and its figures to benchmarks.loading.
"""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec
import psutil
from rich.console import Console

from benchmarks import report
from benchmarks.loading import Loaded, Order, load
from benchmarks.result import Verdict
from benchmarks.system import ORDER, Bench, started

RATE = 25_000.0
MINUTES = 60.0
SLICE_S, _WARM_S, _BETWEEN_S = 150.0, 8.0, 3.0
_SAID_LAST = 1_000
_RESTATER = {
    "readings tested": "kompas_restater_readings_tested_total",
    "flags": "kompas_restater_flags_total",
    "windows again": "kompas_restater_windows_total",
}
MEMORY_GROWS, MEMORY_MB, LATENCY_GROWS = 1.1, 32.0, 1.25
"""What still counts as flat, the last quarter-hour against the second: memory by both, latency p50 by its factor."""
QUARTER_MIN = 15.0
_LATENCIES = ("to_kpi_p50_s", "to_kpi_p99_s")


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """One load of the soak; memory in MB by process, looked at when all of it was stored."""

    from_min: float
    stored: int
    lost: int
    sustained: bool
    backlog_end: float
    to_kpi_p50_s: float
    to_kpi_p99_s: float
    to_row_p50_s: float
    to_row_p99_s: float
    cores_used: float
    memory_mb: dict[str, float]
    restater: dict[str, float] = {}
    """What it has done since the beginning, by _RESTATER's words."""


class Soak(msgspec.Struct, frozen=True):
    """All slices, and what was wanted."""

    readings_per_s: float
    minutes: float
    slices: list[Slice]
    verdicts: list[Verdict]


def run(say: Callable[[str], None], minutes: float = MINUTES, rate: float = RATE) -> Soak:
    """Load for so many minutes."""
    slices: list[Slice] = []
    with tempfile.TemporaryDirectory(prefix="kompas-bench-") as folder:
        say("servers and processes")
        with started(Path(folder)) as bench:
            for name in (*ORDER, "restater"):
                bench.up(name)
            began_s = time.monotonic()
            while (minute := (time.monotonic() - began_s) / 60) < minutes:
                seconds = min(SLICE_S, max(30.0, (minutes - minute) * 60))
                slices.append(_slice(bench, minute, load(bench, Order("soak", rate, 10, _WARM_S, seconds))))
                say(_said(slices[-1]))
                for name, running in bench.processes.items():
                    if running.child.returncode is not None:
                        last = running.log.read_text(encoding="utf-8", errors="replace")[-_SAID_LAST:]
                        say(f"{name} has ended with {running.child.returncode}: {last}")
                time.sleep(_BETWEEN_S)
    return Soak(rate, minutes, slices, verdicts(slices))


def _slice(bench: Bench, minute: float, done: Loaded) -> Slice:
    return Slice(
        from_min=minute,
        stored=done.stored,
        lost=done.lost,
        sustained=done.sustained,
        backlog_end=done.backlog_end,
        to_kpi_p50_s=done.to_kpi.p50_s,
        to_kpi_p99_s=done.to_kpi.p99_s,
        to_row_p50_s=done.to_row.p50_s,
        to_row_p99_s=done.to_row.p99_s,
        cores_used=done.cores_used,
        memory_mb={name: memory_mb(pid) for name, pid in bench.pids().items()},
        restater={said: bench.counters("restater").get(name, math.nan) for said, name in _RESTATER.items()},
    )


def memory_mb(pid: int) -> float:
    """Proportional set size of a process and what it has started, MB."""
    total = 0
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def verdicts(slices: Sequence[Slice]) -> list[Verdict]:
    """Wanted and reached. Pure. Source: issue 5, "Soak"."""
    if not slices:
        return []
    early, late = _compared(slices)
    before, after = (_memory(some) for some in (early, late))
    grown = {name: mb for name, mb in after.items() if mb > before.get(name, math.inf) * MEMORY_GROWS + MEMORY_MB}
    memory = ", ".join(f"{name} {before.get(name, math.nan):.0f} to {mb:.0f}" for name, mb in sorted(after.items()))
    (p50_s, p99_s), (last_p50_s, last_p99_s) = ([median(getattr(each, name) for each in some) for name in _LATENCIES] for some in (early, late))
    growing = [f"{each.from_min:.0f} min" for each in slices if not each.sustained]
    lost, gone = sum(each.lost for each in slices), sorted(set[str]().union(*(each.memory_mb for each in slices)) - slices[-1].memory_mb.keys())
    flat, p50s = last_p50_s <= p50_s * LATENCY_GROWS, f"p50 {p50_s:.2f} to {last_p50_s:.2f} s, p99 {p99_s:.2f} to {last_p99_s:.2f} s"
    return [
        Verdict("memory, MB", f"at most {MEMORY_GROWS - 1:.0%} and {MEMORY_MB:.0f} MB more", memory, not grown, ", ".join(sorted(grown))),
        Verdict("publish to live KPI", f"p50 at most {LATENCY_GROWS - 1:.0%} more", p50s, flat, ""),
        Verdict("backlog", "grows in no slice", f"{len(growing)} of {len(slices)} slices", not growing, ", ".join(growing)),
        Verdict("processes that ended", "none", ", ".join(gone) or "none", not gone, "see what they said last, on standard error"),
        Verdict("lost", "0", f"{lost} of {sum(each.stored for each in slices) + lost:,}", lost == 0, ""),
    ]


def _compared(slices: Sequence[Slice]) -> tuple[Sequence[Slice], Sequence[Slice]]:
    """The second quarter-hour and the last, for what each quarter-hour does is done for the first time in the first; of a short soak two slices."""
    end_min = slices[-1].from_min
    early = [each for each in slices if QUARTER_MIN <= each.from_min < 2 * QUARTER_MIN]
    if end_min < 3 * QUARTER_MIN - SLICE_S / 60:
        return slices[min(1, len(slices) - 1) :][:1], slices[-1:]
    return early, [each for each in slices if each.from_min > end_min - QUARTER_MIN]


def _memory(slices: Sequence[Slice]) -> dict[str, float]:
    """MB by process that lived to their end, in the middle of them."""
    return {name: median(each.memory_mb[name] for each in slices if name in each.memory_mb) for name in slices[-1].memory_mb}


def _said(done: Slice) -> str:
    processes = sum(mb for name, mb in done.memory_mb.items() if name in (*ORDER, "restater"))
    latency = f"p50 {done.to_kpi_p50_s:.2f} s, p99 {done.to_kpi_p99_s:.2f} s"
    again = ", ".join(f"{many:,.0f} {what}" for what, many in done.restater.items())
    return f"{done.from_min:.0f} min: {done.stored:,} stored, {done.lost} lost, {latency}, our processes {processes:.0f} MB; restater: {again}"


def show(found: Soak, console: Console) -> None:
    """Tables for a person."""
    names = sorted(found.slices[-1].memory_mb) if found.slices else []
    table = report.plain_table(
        f"{found.readings_per_s:,.0f} readings/s", "min", "stored", "KPI p50, p99 s", "row p50, p99 s", *(f"{n} MB" for n in names)
    )
    for each in found.slices:
        latencies = (f"{each.to_kpi_p50_s:.2f}, {each.to_kpi_p99_s:.2f}", f"{each.to_row_p50_s:.2f}, {each.to_row_p99_s:.2f}")
        memory = (f"{each.memory_mb.get(name, math.nan):.0f}" for name in names)
        table.add_row(f"{each.from_min:.0f}", f"{each.stored:,}", *latencies, *memory)
    for shown in (table, report.wanted(found.verdicts)):
        console.print(shown)
        console.print()
