"""What is running: the lock that only one supervisor holds, and the state that it writes for whoever asks.

Promises  The state is replaced whole, so a reader never sees half of it; the lock goes with its holder, however that ends.
Leaves    What the state says to supervise.py.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

import msgspec

from runtime import clock

_PAGE, _SPARE = 4_096, 2_048
"""The file grows by pages and keeps room for longer reasons."""

Phase = Literal["setting_up", "running", "stopping", "stopped", "failed"]
StepState = Literal["waiting", "doing", "done", "failed"]
PartState = Literal["waiting", "starting", "up", "restarting", "failed", "stopped"]


class Step(msgspec.Struct):
    """One step of setting up or stopping."""

    name: str
    state: StepState = "waiting"
    took_s: float = 0.0


class Part(msgspec.Struct):
    """A server or one of our processes. `reason`: why it is not up, or how it ended last."""

    name: str
    state: PartState = "waiting"
    pid: int | None = None
    port: int = 0
    since_us: int = 0
    restarts: int = 0
    reason: str = ""
    log: str = ""


class Trouble(msgspec.Struct):
    """Why setting up failed, and what to do."""

    what: str
    do: str


class RunState(msgspec.Struct):
    """All of it, as `run/state.json`."""

    pid: int
    started_us: int
    cities: str
    ports: dict[str, int]
    phase: Phase = "setting_up"
    steps: list[Step] = []
    servers: dict[str, Part] = {}
    processes: dict[str, Part] = {}
    trouble: Trouble | None = None


@contextlib.contextmanager
def during(step: Step, tell: Callable[[], object]) -> Iterator[None]:
    """A step is being done: `tell` is called when it begins and when it has ended, however it did."""
    start_s, step.state = clock.monotonic_s(), "doing"
    tell()
    try:
        yield
        step.state = "done"
    except BaseException:
        step.state = "failed"
        raise
    finally:
        step.took_s = round(clock.monotonic_s() - start_s, 2)
        tell()


def write(folder: Path, state: RunState) -> None:
    """Replace the state; on a full disk, write over the old one, which is padded so that there is room in it."""
    told = msgspec.json.encode(state)
    told = told.ljust(-(-(len(told) + _SPARE) // _PAGE) * _PAGE)
    part, whole = folder / "state.json.part", folder / "state.json"
    try:
        part.write_bytes(told)
        part.replace(whole)
    except OSError as error:
        if error.errno != errno.ENOSPC or not whole.exists() or whole.stat().st_size < len(told.rstrip()):
            raise
        part.unlink(missing_ok=True)
        with whole.open("r+b") as file:
            file.write(told.rstrip().ljust(whole.stat().st_size))


def read(folder: Path) -> RunState | None:
    """The last written state, None where there is none."""
    for pause_s in (0.01, 0.0):
        try:
            return msgspec.json.decode((folder / "state.json").read_bytes(), type=RunState)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:  # it may be being written over
            time.sleep(pause_s)
    return None


def lock(folder: Path) -> IO[str] | None:
    """Take the lock and keep it open; None where another supervisor holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def holder(folder: Path) -> int | None:
    """Process id of the running supervisor, None where none runs."""
    with contextlib.suppress(FileNotFoundError), (folder / "lock").open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdigit() else None
    return None
