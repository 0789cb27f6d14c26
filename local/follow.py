"""Start the supervisor, follow its steps, ask it to stop: what `up` and `down` do.

Promises  `begin` returns once set-up is through or has failed, having shown each step; `end` returns once everything is stopped.
Leaves    The work to supervise.py, the words to the commands.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from local import state
from local.child import Child, tail, with_parent
from local.errors import MachineError
from local.layout import REPOSITORY, Layout
from local.watched import rotate
from runtime import clock

Show = Callable[[state.RunState], None]
_STOP_WITHIN_S = 120.0


def start(layout: Layout, cities: str, *, demo: bool, attached: bool) -> Child:
    """Start the supervisor; with `attached` it stops when we are gone."""
    layout.make()
    (layout.run / "state.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "local", "--cities", cities, *([] if demo else ["--no-demo"])]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONSAFEPATH": "1"}
    rotate(log(layout))
    return Child(with_parent(command) if attached else command, log(layout), environment)


def begin(layout: Layout, supervisor: Child, show: Show) -> state.RunState:
    """Follow set-up to its end; MachineError where it failed, with everything stopped."""
    while True:
        ended = supervisor.returncode is not None
        now = state.read(layout.run)
        if now is not None:
            show(now)
            if now.phase == "running":
                return now
            if now.trouble is not None and ended:
                raise MachineError(now.trouble.what, now.trouble.do)
        if ended:
            raise MachineError(f"the supervisor ended with {supervisor.returncode}:\n    {tail(log(layout), 5)}", f"read {log(layout)}")
        time.sleep(0.1)


def end(layout: Layout, show: Show) -> bool:
    """Ask the running supervisor to stop and wait; False where none runs."""
    pid = state.holder(layout.run)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    until_s = clock.monotonic_s() + _STOP_WITHIN_S
    while state.holder(layout.run) is not None and psutil.pid_exists(pid):
        now = state.read(layout.run)
        if now is not None:
            show(now)
        if clock.monotonic_s() > until_s:
            raise MachineError(f"supervisor {pid} has not stopped everything within {_STOP_WITHIN_S:.0f} s", f"read {log(layout)}")
        time.sleep(0.1)
    return True


def log(layout: Layout) -> Path:
    """The supervisor's log."""
    return layout.logs / "supervisor.log"
