"""The whole benchmark: limits, loads, catching up and kernel, in one run on one system of its own.

Promises  Everything that is compared is measured in the same run; nothing of it stays on the machine. About three minutes, or a minute and a half.
Leaves    Each measurement to its file, words and tables to benchmarks.report.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from benchmarks import catching_up, figures, kernel, limits, loading, verdicts
from benchmarks.catching_up import Backlog
from benchmarks.loading import Loaded
from benchmarks.result import FrameSizes, Limits, Result, machine
from benchmarks.system import ORDER, Bench, started
from runtime.frames import decode

Say = Callable[[str], None]
_TEN, _ONE, _GOAL = "ten readings a message", "one reading a message", "one reading a message, goal"


class Plan(NamedTuple):
    """How long and how much."""

    seconds: float = 20.0
    """Of each measured load; the one with single readings takes half."""
    rate: float = 50_000.0
    """Readings a second in messages of ten; those of one reading are a tenth of it, and a fifth."""
    quick: bool = False

    def loads(self) -> list[loading.Order]:
        """What is loaded, in order."""
        warm_s = 2.0 if self.quick else 4.0
        single_s = max(self.seconds / 2, 4.0)
        orders = [
            loading.Order(_TEN, self.rate, 10, warm_s, self.seconds),
            loading.Order(_ONE, self.rate / 10, 1, warm_s, single_s),
            loading.Order(_GOAL, self.rate / 5, 1, warm_s, single_s),
        ]
        return orders[:2] if self.quick else orders

    @property
    def backlog_s(self) -> float:
        """Seconds of load that pile up for worker and writer."""
        return 6.0 if self.quick else 30.0


QUICK = Plan(6.0, quick=True)


def run(plan: Plan, say: Say) -> Result:
    """Measure everything."""
    began_s, where = time.monotonic(), machine()
    with tempfile.TemporaryDirectory(prefix="kompas-bench-") as folder:
        say("servers")
        with started(Path(folder)) as bench:
            found = _measured(bench, plan, say)
    found = msgspec.structs.replace(found, machine=where, took_s=time.monotonic() - began_s, ratios=verdicts.ratios(found))
    return msgspec.structs.replace(found, verdicts=verdicts.verdicts(found))


class _CaughtUp(NamedTuple):
    """The phase with a backlog."""

    backlog: Backlog
    worker: catching_up.CaughtUp
    writer: catching_up.CaughtUp
    copied: limits.Copied


def _measured(bench: Bench, plan: Plan, say: Say) -> Result:
    say("limits: paho, memory")
    paho = limits.paho_per_cpu_s(bench, 10_000 if plan.quick else 40_000)
    memory = limits.memory_gb_per_s()
    for name in ORDER:
        say(f"starting {name}")
        bench.up(name)
    loads: list[Loaded] = []
    for order in plan.loads():
        say(f"load: {order.rate:,.0f} readings/s, {order.name}, {order.steady_s:.0f} s")
        loads.append(loading.load(bench, order))
    caught_up = _catch_up(bench, plan, say)
    stored = _rows(bench)
    say("frames and kernel")
    taken = [limits.take(bench, load.begin, load.end) for load in loads]
    copied = caught_up.copied
    return Result(
        machine=machine(),
        took_s=0.0,
        limits=Limits(
            paho_messages_per_cpu_s=paho,
            kafka_readings_per_cpu_s=figures.per(sum(decode(record.value).rows for record in taken[0].records), taken[0].cpu_s),
            memory_gb_per_s=memory,
            copy_rows_per_s=figures.per(copied.rows, copied.seconds),
            copy_rows=copied.rows,
        ),
        loads=loads,
        frames=[_sizes(load.name, span, load.steady_s) for load, span in zip(loads, taken, strict=True)],
        worker=caught_up.worker,
        worker_frames=_sizes("backlog", limits.take(bench, *caught_up.backlog.offsets), plan.backlog_s),
        writer=caught_up.writer,
        kernel=kernel.compare(_catalogue(bench, loads[0].begin), taken[0].records),
        rows_sent=sum(load.sent - load.rejected for load in loads) + caught_up.backlog.readings,
        rows_in_table=stored,
    )


def _catch_up(bench: Bench, plan: Plan, say: Say) -> _CaughtUp:
    say(f"backlog: {plan.rate:,.0f} readings/s for {plan.backlog_s:.0f} s with worker and writer down")
    backlog = catching_up.pile_up(bench, plan.rate, 10, plan.backlog_s)
    say("worker from the backlog")
    worker = catching_up.worker(bench, backlog)
    say("writer from the backlog")
    writer = catching_up.writer(bench, backlog)
    say("server-side COPY of the same rows")
    return _CaughtUp(backlog, worker, writer, limits.server_copy(bench, *backlog.received))


def _catalogue(bench: Bench, end: limits.Offsets) -> list[limits.Record]:
    """Everything in the topic before the first load."""
    return limits.take(bench, dict.fromkeys(end, 0), end).records


def _sizes(name: str, span: limits.Taken, seconds: float) -> FrameSizes:
    frames = [(decode(record.value).rows, len(record.value) / 1e3) for record in span.records]
    rows = [(rows, kilobytes) for rows, kilobytes in frames if rows]
    return FrameSizes(
        load=name,
        rows=figures.spread(each[0] for each in rows),
        kilobytes=figures.spread(each[1] for each in rows),
        records_per_s=figures.per(len(frames), seconds),
    )


def _rows(bench: Bench) -> int:
    with psycopg.connect(bench.conninfo()) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert row is not None
    return int(row[0])
