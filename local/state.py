"""What is running: the lock that only one supervisor holds, and the state that it writes for whoever asks.

Promises  The state is replaced whole, so a reader never sees half of it; the lock goes with its holder, however that ends.
Leaves    What the state says to supervise.py.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO, Literal

import msgspec

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


def write(folder: Path, state: RunState) -> None:
    """Replace the state."""
    part = folder / "state.json.part"
    part.write_bytes(msgspec.json.encode(state))
    part.replace(folder / "state.json")


def read(folder: Path) -> RunState | None:
    """The last written state, None where there is none."""
    try:
        return msgspec.json.decode((folder / "state.json").read_bytes(), type=RunState)
    except (FileNotFoundError, msgspec.DecodeError):
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
