"""One, two and four workers on the twelve partitions: what they do together, and what coming and going costs.

Promises  Workers come and go while load runs; in the end every reading that was sent is stored once. Two cores carry servers, load and all
          workers: more workers than cores share out work, they do not add to it.
Leaves    When live values came to benchmarks.live.
"""

import time
from itertools import pairwise

import msgspec

from benchmarks import catching_up, figures, limits
from benchmarks.live import Live
from benchmarks.loading import await_line
from benchmarks.system import Bench, await_stored
from catalog.topics import CHECKED, PARTITIONS
from local.errors import MachineError
from tests.servers import Running

RATE = 20_000.0
SIZES = (1, 2, 4)
_STEADY_S, _CHANGE_S, _WITHIN_S = 6.0, 12.0, 120.0


class Worked(msgspec.Struct, frozen=True):
    """A backlog worked off by some workers at once; the clock runs from when all own their share."""

    workers: int
    readings: int
    readings_per_s: float


class Change(msgspec.Struct, frozen=True):
    """A change of the number of workers under load."""

    workers_before: int
    workers_after: int
    pause_s: float
    """The longest time without a live value in any partition of KPI values; they come once a second."""


class Scaled(msgspec.Struct, frozen=True):
    """All of it."""

    worked: list[Worked]
    changes: list[Change]
    readings_per_s: float
    sent: int
    lost: int


def scale(bench: Bench, rate: float = RATE) -> Scaled:
    """Change under load first, then backlogs. Begins and ends with one worker."""
    changes, sent, lost = _changes(bench, rate)
    worked = [_worked(bench, number, rate) for number in SIZES]
    return Scaled(worked, changes, rate, sent, lost)


def _changes(bench: Bench, rate: float) -> tuple[list[Change], int, int]:
    steps = [*SIZES, *SIZES[-2::-1]]
    stored = bench.counters("writer")["kompas_writer_rows_total"]
    sender = bench.child("benchmarks.load", str(rate), "10", str(_STEADY_S + len(steps) * _CHANGE_S), "4")
    await_line(sender, "start_s", 60.0)
    running, found = {0: bench.processes["worker"]}, []
    with Live(bench) as live:
        time.sleep(_STEADY_S)
        for before, after in pairwise(steps):
            began_s = time.time()
            _become(bench, running, after)
            time.sleep(max(began_s + _CHANGE_S - time.time(), 2.0))
            found.append(Change(before, after, live.pause_s(began_s, time.time() - 0.5)))
    sent = int(await_line(sender, "report", 120.0)["report"]["readings"])
    return found, sent, sent - int(await_stored(bench, stored + sent, 60.0) - stored)


def _become(bench: Bench, running: dict[int, Running], number: int) -> None:
    """So many workers, by ordinals from 0; who goes is asked to."""
    for ordinal in range(len(running), number):
        running[ordinal] = bench.spawn("worker", cities="brussels", cities_dir=bench.cities, ordinal=ordinal)
    for ordinal in [each for each in running if each >= number]:
        running.pop(ordinal).stop()
    until_s = time.monotonic() + _WITHIN_S
    while sum(each.metric("kompas_worker_partitions") for each in running.values()) != 2 * PARTITIONS:
        if time.monotonic() > until_s:
            raise MachineError(f"{number} workers did not share {2 * PARTITIONS} partitions within {_WITHIN_S:.0f} s", "read their logs")
        time.sleep(0.05)


def _worked(bench: Bench, number: int, rate: float) -> Worked:
    """Pile up, start so many workers, take the time from when they share the partitions to the last checked record."""
    backlog = catching_up.pile_up(bench, 2.5 * rate, 10, 8.0)
    records = sum(backlog.offsets[1].values()) - sum(backlog.offsets[0].values())
    checked = limits.Ends(bench, CHECKED)
    wanted = sum(checked.now().values()) + records
    running: dict[int, Running] = {}
    _become(bench, running, number)
    at_s, at = time.monotonic(), sum(checked.now().values())
    until_s = time.monotonic() + _WITHIN_S
    while sum(checked.now().values()) < wanted and time.monotonic() < until_s:
        time.sleep(0.02)
    took_s = time.monotonic() - at_s
    checked.close()
    for each in running.values():
        each.stop()
    bench.up("worker")
    bench.up("writer")
    await_stored(bench, float("inf"), 60.0)
    return Worked(number, backlog.readings, figures.per(backlog.readings * (wanted - at) / records, took_s))
