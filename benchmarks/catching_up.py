"""Worker and writer from a backlog: what they do when there is more than enough to do.

Promises  Start-up is not counted: the worker's readings and CPU seconds run from the look that found its first checked record, the writer's
          rows from its first to its last transaction of the backlog; both end with the last record, which Kafka and the database are asked
          for, so that the one who is measured does not spend its time on answering. The writer has the machine to itself but for its servers.
Leaves    The limits they are held against to benchmarks.limits.
"""

import time
from typing import Any, NamedTuple

import msgspec
import psycopg

from benchmarks import figures, limits
from benchmarks.loading import await_line
from benchmarks.system import Bench
from benchmarks.watch import cpu_of
from catalog import tables
from catalog.topics import CHECKED
from local.errors import MachineError
from runtime import clock
from runtime.frames import decode

_WITHIN_S = 120.0
_LOOK_S = 0.02
_SETTLE_S = 2.0
"""For the worker's last snapshots."""


class CaughtUp(msgspec.Struct, frozen=True, kw_only=True):
    """A backlog worked off. Wall and CPU seconds; CPU of the process itself, and of the other busy ones by name."""

    rows: int
    wall_s: float
    cpu_s: float
    rows_per_s: float
    rows_per_cpu_s: float
    others_cpu_s: dict[str, float]
    kpi_values: int = 0
    """Stored beside the rows."""


class Backlog(NamedTuple):
    """Readings that wait: sent while worker and writer were down."""

    readings: int
    offsets: tuple[limits.Offsets, limits.Offsets]
    received: tuple[str, str]
    """No reading of it was received before the first or after the second, as SQL writes times."""


def pile_up(bench: Bench, rate: float, pack: int, seconds: float) -> Backlog:
    """Stop worker and writer, load for some seconds, wait until the gateway has framed all of it."""
    for name in ("worker", "writer"):
        bench.processes[name].stop()
    begin, began_us = limits.ends(bench), clock.now_us()
    before = bench.counters("gateway")["kompas_gateway_readings_total"]
    sender = bench.child("benchmarks.load", str(rate), str(pack), str(seconds), "2")
    sent = int(await_line(sender, "report", seconds + 60.0)["report"]["readings"])
    until_s = time.monotonic() + _WITHIN_S
    while (framed := bench.counters("gateway")["kompas_gateway_readings_total"] - before) < sent:
        if time.monotonic() > until_s:
            raise MachineError(f"the gateway framed {framed:.0f} of {sent} readings within {_WITHIN_S:.0f} s", "read its log")
        time.sleep(0.1)
    time.sleep(0.5)  # the last frame's confirmation
    return Backlog(sent, (begin, limits.ends(bench)), (clock.iso(began_us), clock.iso(clock.now_us())))


def worker(bench: Bench, backlog: Backlog) -> CaughtUp:
    """Start the worker on the backlog, the writer still down. It is done when every record has its checked one (rule 11)."""
    first, last = backlog.offsets
    records = sum(last.values()) - sum(first.values())
    checked = limits.Ends(bench, CHECKED)
    base = checked.now()
    running = bench.launch("worker")
    pids = bench.pids()
    until_s = time.monotonic() + _WITHIN_S
    begin: tuple[limits.Offsets, float, dict[str, float]] | None = None
    while True:
        spent, at_s = cpu_of(pids), time.monotonic()
        done = {p: end - base[p] for p, end in checked.now().items()}
        if begin is None and any(done.values()):
            begin = (done, at_s, spent)
        if sum(done.values()) >= records and begin is not None:
            break
        if running.child.returncode is not None or at_s > until_s:
            raise MachineError(
                f"the worker checked {sum(done.values())} of {records} records within {_WITHIN_S:.0f} s, and ended with {running.child.returncode}",
                f"read {running.log}",
            )
        time.sleep(_LOOK_S)
    after, ended_s = cpu_of(pids), time.monotonic()
    checked.close()
    early = limits.take(bench, first, {p: at + begin[0][p] for p, at in first.items()})
    rows = backlog.readings - sum(decode(record.value).rows for record in early.records)
    return _caught_up("worker", rows, ended_s - begin[1], {name: after[name] - used for name, used in begin[2].items()})


def writer(bench: Bench, backlog: Backlog) -> CaughtUp:
    """Start the writer on what the worker has checked; rows and seconds from its first transaction on."""
    time.sleep(_SETTLE_S)
    with psycopg.connect(bench.conninfo(), autocommit=True) as connection:
        before = _total(connection)
        running = bench.launch("writer")
        pids = bench.pids()
        until_s = time.monotonic() + _WITHIN_S
        first: tuple[float, float, dict[str, float]] | None = None
        while True:
            rows, now_s = _total(connection) - before, time.monotonic()
            if rows > 0 and first is None:
                first = (rows, now_s, cpu_of(pids))
            if first is not None and rows >= backlog.readings:
                break
            if running.child.returncode is not None or now_s > until_s:
                raise MachineError(f"the writer stored {rows:.0f} of {backlog.readings} readings within {_WITHIN_S:.0f} s", f"read {running.log}")
            time.sleep(_LOOK_S)
    after = cpu_of(pids)
    done = _caught_up("writer", int(rows - first[0]), now_s - first[1], {name: after[name] - used for name, used in first[2].items()})
    return msgspec.structs.replace(done, kpi_values=int(bench.counters("writer")["kompas_writer_kpi_values_total"]))


def _total(connection: "psycopg.Connection[tuple[Any, ...]]") -> float:
    """Rows stored ever, from the row that the writer keeps in the same transaction."""
    row = connection.execute(f"SELECT coalesce(sum(total), 0) FROM {tables.STORED_TOTAL.name} WHERE name = 'readings'").fetchone()
    return float(row[0]) if row else 0.0


def _caught_up(name: str, rows: int, wall_s: float, cpu: dict[str, float]) -> CaughtUp:
    others = {other: used for other, used in cpu.items() if other != name}
    own = cpu[name]
    return CaughtUp(
        rows=rows, wall_s=wall_s, cpu_s=own, rows_per_s=figures.per(rows, wall_s), rows_per_cpu_s=figures.per(rows, own), others_cpu_s=others
    )
