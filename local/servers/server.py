"""What the three servers have in common: start, wait until a real request is answered, stop.

Promises  `start` returns when the server answers, or raises MachineError with the last lines of its log and leaves nothing running.
Leaves    Configuration, command and the request to each server.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from local.child import Child, tail
from local.errors import MachineError
from local.tools import hint
from runtime import clock


class ServerProcess:
    """Start and stop of one program; a server fills in `command`, `prepare` and `ask`."""

    name = "server"
    stop_signal = 15
    start_within_s = 60.0

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        self.child: Child | None = None

    def install(self) -> None:
        """Bring the program to this machine, once."""

    def prepare(self) -> None:
        """Write configuration and data folder."""

    def command(self) -> Sequence[str]:
        """The command to start."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Its environment variables."""
        return dict(os.environ)

    def ask(self) -> str | None:
        """One real request: None where it is answered, else what was wrong."""
        raise NotImplementedError

    def start(self) -> None:
        """Configure, start, wait until it answers."""
        self.prepare()
        self.child = Child(self.command(), self.log, self.environment(), stop_signal=self.stop_signal)
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Return when it answers; MachineError where it ends or stays silent for too long."""
        until_s, wrong = clock.monotonic_s() + self.start_within_s, "no request yet"
        while clock.monotonic_s() < until_s:
            if self.child is None or self.child.returncode is not None:
                code = self.child.returncode if self.child else None
                said = tail(self.log)
                raise MachineError(f"{self.name} ended with {code} at start:\n    {said}", f"read {self.log}; {hint(said)}")
            answer = self.ask()
            if answer is None:
                return
            wrong = answer
            time.sleep(0.05)
        said = tail(self.log)
        raise MachineError(f"{self.name} did not answer within {self.start_within_s:.0f} s ({wrong}):\n    {said}", f"read {self.log}; {hint(said)}")

    def stop(self) -> None:
        """End it cleanly; nothing where it does not run."""
        if self.child is not None:
            self.child.stop(30.0)
            self.child = None

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self.child is not None:
            self.child.kill()
            self.child = None
