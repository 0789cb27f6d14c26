"""A whole Kompas of the benchmark's own: servers as production starts them, on free ports, in a temporary folder.

Promises  Full JVM, production's heap, PostgreSQL with fsync; a running `./kompas up` is not touched; everything is gone afterwards.
          The city is a pack of Brussels in which each probe's neighbourhood has no other device that could move the probe's KPI.
Leaves    Load, probes and measuring to their files.
"""

import csv
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import figures
from catalog.cities import HOME
from catalog.records import WindowName
from local import credentials
from local.errors import MachineError
from simulators.worlds import World, world
from tests.servers import Running, System

CITY = "brussels"
ORDER = ("writer", "worker", "gateway")
_WINDOW: WindowName = "minute"
_NOTHING_MOVES_S = 15.0
COUNTERS = {
    "gateway": ("kompas_gateway_messages_total", "kompas_gateway_readings_total", "kompas_gateway_rejected_total", "kompas_gateway_duplicates_total"),
    "worker": ("kompas_worker_readings_total", "kompas_worker_refused_total", "kompas_combiner_values_total"),
    "writer": ("kompas_writer_rows_total", "kompas_writer_kpi_values_total"),
    "restater": ("kompas_restater_readings_tested_total", "kompas_restater_flags_total", "kompas_restater_windows_total"),
}


class Target(NamedTuple):
    """A device that probes, and the KPI that it alone moves: the mean of its quantity over a minute in its neighbourhood."""

    device: str
    area: str
    quantity: str
    kpi: str
    low: float
    high: float
    resolution: float


class Bench(System):
    """System of tests/servers.py with production's settings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, None, "kompas")
        self.broker.brief, self.broker.heap_mb = False, 512
        self.postgres.brief, self.postgres.instance = False, f"test-{os.getpid()}-bench"
        self.cities = folder / "cities"
        self.processes: dict[str, Running] = {}
        self.world, self.targets = _pack(self.cities)

    def up(self, name: str) -> Running:
        """Start one of our processes and wait until it can do its job."""
        running = self.launch(name)
        try:
            return running.wait_ready(120.0)
        except AssertionError as error:
            raise MachineError(f"{name} did not become ready: {error}", f"read {running.log}") from error

    def launch(self, name: str) -> Running:
        """Start one of our processes."""
        self.processes[name] = self.spawn(name, cities=CITY, cities_dir=self.cities)
        return self.processes[name]

    def child(self, module: str, *arguments: str) -> Running:
        """A measuring child of the benchmark, with the simulator's and the reader's credentials."""
        return self.spawn("simulator", module, arguments, cities=CITY, cities_dir=self.cities)

    def pids(self) -> dict[str, int]:
        """Process ids of servers and processes by name."""
        servers = {"mosquitto": self.mosquitto, "kafka": self.broker, "postgres": self.postgres}
        found = {name: server.child.pid for name, server in servers.items() if server.child is not None}
        return found | {name: running.pid for name, running in self.processes.items() if running.child.returncode is None}

    def counters(self, name: str) -> dict[str, float]:
        """The counters of one process now; empty where it does not answer."""
        running = self.processes.get(name)
        status, text = running.get("/metrics") if running is not None else (0, "")
        return figures.counters(text, COUNTERS[name]) if status == 200 else {}

    def table_folder(self) -> tuple[Path, str]:
        """A folder for a file that PostgreSQL itself writes and reads: as we see it, and as the server does."""
        folder = self.postgres.data.with_name(self.postgres.data.name + ".files")
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, self.postgres.root.uid, self.postgres.root.gid)
        return folder, self.postgres.root.inside(folder)

    def psycopg_conninfo(self) -> str:
        """As superuser."""
        return self.conninfo(credentials.SUPERUSER)


@contextmanager
def started(folder: Path) -> Iterator[Bench]:
    """Servers with topics and a migrated database; processes are started with `up`."""
    bench = Bench(folder)
    try:
        bench.begin()
        bench.migrate(cities=CITY, cities_dir=bench.cities)
        yield bench
    finally:
        files = bench.postgres.data.with_name(bench.postgres.data.name + ".files")
        bench.end()
        shutil.rmtree(files, ignore_errors=True)


def await_stored(bench: Bench, expected: float, within_s: float) -> float:
    """Wait until the writer has stored `expected` rows in its life, or nothing moves for so long that nothing will; returns what it has."""
    until_s = moved_s = time.monotonic()
    until_s += within_s
    rows = 0.0
    while time.monotonic() < until_s and time.monotonic() - moved_s < _NOTHING_MOVES_S:
        now = bench.counters("writer").get("kompas_writer_rows_total", rows)
        if now != rows:
            rows, moved_s = now, time.monotonic()
        if rows >= expected:
            break
        time.sleep(0.2)
    return rows


def _pack(folder: Path) -> tuple[World, list[Target]]:
    """A copy of the city without the devices that would hide the probes."""
    there = world(CITY)
    targets = _targets(there)
    near = {(target.area, kind.id) for target in targets for kind in there.catalogue.kinds.values() if target.quantity in kind.quantities}
    gone = {device.id for device in there.pack.devices.values() if not device.manual and (device.area, device.kind) in near}
    shutil.copytree(HOME / CITY, folder / CITY)
    path = folder / CITY / "devices.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[list[Any]] = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(row for row in rows if row[0] not in gone)
    return world(CITY, folder), targets


def _targets(there: World) -> list[Target]:
    means = {kpi.formula: kpi.id for kpi in there.catalogue.kpis.values() if kpi.window == _WINDOW}
    found: list[Target] = []
    for device in there.pack.devices.values():
        for quantity, measured in there.catalogue.kinds[device.kind].quantities.items():
            kpi = means.get(f"mean({quantity})")
            if device.manual and kpi is not None and all(quantity != target.quantity for target in found):
                known = there.catalogue.quantities[quantity]
                low, high = max(measured.plausible[0], known.possible[0]), min(measured.plausible[1], known.possible[1])
                found.append(Target(device.id, device.area, quantity, kpi, low, high, known.resolution))
    return found
