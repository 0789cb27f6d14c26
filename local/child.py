"""One program that we start, watch and end.

Promises  It runs in a session of its own (Ctrl-C reaches only us), writes to its log file, and ends when we do, however we end.
          Only the process that we started is ever signalled.
Leaves    When to start it again to supervise.py; whether it is ready to its server.
"""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

# The kernel ends a child when the *thread* that started it ends, so one thread that lasts as long as we do starts them all.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


class Child:
    """A started program; `returncode` is None while it runs."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str], *, stop_signal: int = signal.SIGTERM, cwd: Path | None = None
    ) -> None:
        self._stop_signal = stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process = _STARTER.submit(_start, list(command), log, dict(environment), cwd).result()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended: its code, minus the signal's number, or None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal; nothing where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self) -> int:
        """Its code, once it has ended."""
        return self._process.wait()

    def stop(self, within_s: float = 15.0) -> int:
        """Ask it to end, insist after `within_s`; returns its code."""
        self.signal(self._stop_signal)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it without asking, and what it started with it."""
        started = self._descendants()
        self.signal(signal.SIGKILL)
        for each in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        return self._process.wait()

    def cpu_s(self) -> float:
        """CPU seconds used so far by it and what it started; 0 once it has ended."""
        try:
            each = [psutil.Process(self.pid), *self._descendants()]
            return float(sum(sum(process.cpu_times()[:2]) for process in each))
        except psutil.NoSuchProcess:
            return 0.0

    def _descendants(self) -> list[psutil.Process]:
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []


def with_parent(command: Sequence[str], signal_name: str = "TERM") -> list[str]:
    """The command, so that the kernel sends it `signal_name` when its parent is gone."""
    return ["setpriv", "--pdeathsig", signal_name, *command]


def _start(command: list[str], log: Path, environment: dict[str, str], cwd: Path | None) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=cwd, start_new_session=True
        )


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented; empty where there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8_192))
        last = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n    ".join(last)
