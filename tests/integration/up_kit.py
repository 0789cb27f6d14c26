"""The command line on a home and ports of its own, as a person uses it: `Kompas(folder).up()`, `.status()`, `.run("down")`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from local import ports, status
from local.layout import REPOSITORY, Layout, layout
from local.running import running


class Kompas:
    """One home; nothing of the machine's own `.kompas` but what was fetched is touched."""

    def __init__(self, home: Path) -> None:
        free = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
        own = {f"KOMPAS_PORT_{name.upper()}": str(port) for name, port in free.items()}
        self.ports, self.layout = free, Layout(home, layout().cache)
        self.environment = {**os.environ, **own, "KOMPAS_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "KOMPAS_CACHE": str(layout().cache)}

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-P", "-m", "cli", *arguments]
        return subprocess.run(command, env=self.environment, text=True, capture_output=True, timeout=600, check=False)

    def status(self) -> dict[str, Any]:
        """What `status --json` says, without a process of its own for each look."""
        here = running(self.layout)
        return status.gather(here.plan, here.state)

    def status_by_command(self) -> tuple[int, dict[str, Any]]:
        """Exit code and object of `./kompas status --json`."""
        done = self.run("status", "--json")
        return done.returncode, json.loads(done.stdout)

    def part(self, name: str) -> dict[str, Any]:
        """A server or process, as `status` tells it."""
        found = self.status()
        part: dict[str, Any] = {**found["servers"], **found["processes"]}[name]
        return part

    def well(self) -> bool:
        return status.well(self.status())

    def up(self) -> None:
        done = self.run("up", "--no-docker", "--detach", "--no-demo", "--city", "zwolle")
        assert done.returncode == 0, done.stdout + done.stderr

    def password(self, role: str) -> str:
        return (self.layout.secrets / role).read_text(encoding="utf-8").strip()

    @property
    def conninfo(self) -> str:
        """Its database, as the role that may only read."""
        return f"host={ports.HOST} port={self.ports['database']} dbname=kompas user=kompas_reader password={self.password('db-kompas_reader')}"

    def processes(self) -> list[str]:
        """Command lines of what still runs for this home."""
        home, instance = str(self.layout.home), self.layout.instance

        def ours(each: psutil.Process) -> bool:
            # PostgreSQL overwrites its environment with its title; its data folder carries the home's short name
            return (each.info["environ"] or {}).get("KOMPAS_HOME") == home or instance in " ".join(each.info["cmdline"] or [])

        return [" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline", "environ"]) if ours(each)]


def eventually(holds: Callable[[], bool], within_s: float = 120.0) -> None:
    """Poll until it holds; AssertionError after `within_s`."""
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, f"not within {within_s} s"
        time.sleep(0.1)
