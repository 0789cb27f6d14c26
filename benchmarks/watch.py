"""Look at a running system twice a second: counters of our processes; and CPU seconds of everybody at two moments.

Promises  CPU seconds of a server hold those of its children, the ended ones too (PostgreSQL's backends).
Leaves    What the samples mean to benchmarks.phases.
"""

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple, Self

import psutil

from benchmarks.system import COUNTERS, Bench

EVERY_S = 0.5


class Sample(NamedTuple):
    """Counters of our processes at one moment of the wall clock."""

    at_s: float
    counters: Mapping[str, Mapping[str, float]]

    def of(self, process: str, name: str) -> float:
        """One counter; NaN where the process did not answer."""
        return self.counters.get(process, {}).get(name, float("nan"))


class Watch:
    """Samples between `with` and its end; the moment of a sample is halfway between asking and answer."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            self.samples.append(look(self._bench))


def look(bench: Bench) -> Sample:
    """One sample now; every process is asked."""
    began_s = time.time()
    found = {name: bench.counters(name) for name in COUNTERS}
    return Sample((began_s + time.time()) / 2, found)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, what it has started and what of that has ended; 0 where there is none."""
    try:
        process = psutil.Process(pid)
        return sum(sum(each.cpu_times()[:4]) for each in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0.0


def cpu_of(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds by name; `bench` is this process alone, for everybody else is its child."""
    return {name: cpu_s(pid) for name, pid in pids.items()} | {"bench": time.process_time()}
