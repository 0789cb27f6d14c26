"""A worker killed under load: how long until the city's live values move again.

Promises  It is started again as the supervisor does: the same ordinal, after the first wait of local.restart. The load goes on meanwhile, and in
          the end everything that was sent is stored. Each kill is one figure; none is left out.
Leaves    When live values came to benchmarks.live.
"""

import time

import msgspec

from benchmarks.live import Live
from benchmarks.loading import await_line
from benchmarks.system import Bench, await_stored
from local.restart import FIRST_WAIT_S

RATE = 20_000.0
_WARM_S, _BETWEEN_S, _MOST_S = 8.0, 16.0, 30.0
_AFTER_S = 0.25
"""What a killed worker had handed over may still be appended for so long."""


class Recovered(msgspec.Struct, frozen=True):
    """Kills under load; s from the SIGKILL."""

    readings_per_s: float
    first_live_s: list[float]
    """To the first live value of any partition, a figure a kill."""
    all_live_s: list[float]
    """Until every partition of KPI values has live values again."""
    lost: int
    """Readings sent and neither stored nor refused."""


def recover(bench: Bench, kills: int = 3, rate: float = RATE) -> Recovered:
    """Load, kill the worker some times, drain."""
    stored = bench.counters("writer")["kompas_writer_rows_total"]
    sender = bench.child("benchmarks.load", str(rate), "10", str(_WARM_S + kills * _BETWEEN_S), "3")
    await_line(sender, "start_s", 60.0)
    first, every = [], []
    with Live(bench) as live:
        time.sleep(_WARM_S)
        for _ in range(kills):
            due_s = time.monotonic() + _BETWEEN_S
            bench.processes["worker"].kill()
            killed_s = time.time()
            time.sleep(FIRST_WAIT_S)
            bench.launch("worker")
            again = _await(live, killed_s)
            first.append(min(again))
            every.append(max(again))
            time.sleep(max(due_s - time.monotonic(), 0.0))
    sent = int(await_line(sender, "report", 60.0)["report"]["readings"])
    return Recovered(rate, first, every, sent - int(await_stored(bench, stored + sent, 60.0) - stored))


def _await(live: Live, killed_s: float) -> list[float]:
    """Until all partitions that spoke speak again, or it takes too long."""
    until_s = time.monotonic() + _MOST_S
    while True:
        again = [_AFTER_S + each for each in live.again_s(killed_s + _AFTER_S)]
        if max(again, default=float("inf")) < float("inf") or time.monotonic() > until_s:
            return again or [float("inf")]
        time.sleep(0.1)
