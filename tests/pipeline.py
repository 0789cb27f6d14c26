"""The whole pipeline under test: migrations, gateway, worker and writer as child processes on the servers of a System.

with Pipeline(system, cities="gent", cities_dir=folder, catalog_dir=catalogue) as pipeline:
    pipeline.broker()                         # where simulators publish
    pipeline.rows("SELECT …", parameter)      # what the database says, as tuples
    pipeline.frame("SELECT …")                # the same as a DataFrame
    pipeline.until(lambda: …, within_s=60)    # poll; AssertionError with what every process says when it takes too long
    pipeline.await_accounted(readings=1_000)  # everything that was sent is stored or refused
    pipeline.await_quiet("SELECT …")          # an answer that stays the same for some looks
    pipeline.processes["worker"].kill(); pipeline.restart("worker")
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pandas as pd
import psycopg

from simulators.publisher import Broker
from tests.servers import Running, System

ORDER = ("writer", "worker", "gateway")
"""Who receives before who sends."""

_LOOK_S = 0.25


class Pipeline:
    """Starts in `with`, stops after it; settings are overrides by setting name for every process."""

    def __init__(self, system: System, **settings: Any) -> None:
        self.system, self.settings = system, settings
        self.processes: dict[str, Running] = {}
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        try:
            self.system.migrate(**self.settings)
            for name in ORDER[:-1]:
                self.processes[name] = self.system.spawn(name, **self.settings)
            for name in ORDER[:-1]:
                self.processes[name].wait_ready(120.0)
            # Its heartbeats start the idle time of every kind: they must not run while the worker still compiles.
            self.processes["gateway"] = self.system.spawn("gateway", **self.settings).wait_ready(120.0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for name in reversed(ORDER):
            if name in self.processes:
                self.processes[name].stop()
        if self._connection is not None:
            self._connection.close()

    def broker(self) -> Broker:
        """As the user `simulator`."""
        return Broker(self.system.mqtt_host, self.system.mqtt_port, "simulator", self.system.password("simulator"))

    def restart(self, name: str) -> Running:
        """Start a process that has ended, and wait until it can do its job."""
        self.processes[name] = self.system.spawn(name, **self.settings).wait_ready(120.0)
        return self.processes[name]

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows, read as the reader, in a transaction of their own."""
        return self._ask(statement, parameters)[1]

    def frame(self, statement: str, *parameters: Any) -> pd.DataFrame:
        """Rows as a DataFrame."""
        names, rows = self._ask(statement, parameters)
        return pd.DataFrame(rows, columns=names)

    def value(self, statement: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        return self.rows(statement, *parameters)[0][0]

    def until(self, reached: Callable[[], bool], within_s: float, what: str = "reached") -> None:
        """Look until it is so."""
        end_s = time.monotonic() + within_s
        while not reached():
            assert time.monotonic() < end_s, f"{what}: not within {within_s} s\n{self.state()}"
            self.require_alive()
            time.sleep(_LOOK_S)

    def accounted(self) -> int:
        """Readings that are stored, or refused with a reason."""
        stored = self.value("SELECT count(*) FROM reading")
        refused = self.value("SELECT coalesce(sum(greatest(readings, messages)), 0)::bigint FROM rejected_count")
        return int(stored + refused)

    def await_accounted(self, readings: int, within_s: float = 120.0) -> None:
        """Everything that was sent is stored or refused."""
        self.until(lambda: self.accounted() >= readings, within_s, f"{readings} readings accounted for, got {self.accounted()}")

    def await_quiet(self, statement: str, *parameters: Any, looks: int = 16, within_s: float = 180.0) -> None:
        """The answer has not changed for `looks` looks, a quarter of a second apart, and is not empty."""
        seen: list[Any] = []

        def same() -> bool:
            seen.append(self.rows(statement, *parameters))
            return len(seen) >= looks and bool(seen[-1]) and all(answer == seen[-1] for answer in seen[-looks:])

        self.until(same, within_s, f"quiet: {statement}")

    def require_alive(self) -> None:
        """AssertionError with its log where a process has ended."""
        for name, process in self.processes.items():
            code = process.child.returncode
            assert code is None, f"{name} ended with {code}:\n{_end(process.log)}"

    def state(self) -> str:
        """What every process says of itself, for a failure's message."""
        return "\n".join(f"{name}: {process.get('/readyz')}\n{_end(process.log, 8)}" for name, process in self.processes.items())

    def _ask(self, statement: str, parameters: tuple[Any, ...]) -> tuple[list[str], list[tuple[Any, ...]]]:
        if self._connection is None:
            self._connection = psycopg.connect(self.system.conninfo(), autocommit=True, options="-c timezone=UTC")
        cursor = self._connection.execute(statement, parameters or None)  # type: ignore[call-overload,unused-ignore]
        return [column.name for column in cursor.description or ()], cursor.fetchall()


def _end(log: Path, lines: int = 30) -> str:
    return "\n".join("    " + line for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
