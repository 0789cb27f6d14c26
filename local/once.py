"""What set-up runs to its end: the migration and the kernels' warm-up.

Promises  A failure is a MachineError with the program's own sentence; the warm-up runs again only where a kernel changed.
Leaves    Everything long-running to supervise.py.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local import processes, tools
from local.child import Child, with_parent
from local.errors import MachineError
from local.layout import REPOSITORY, Layout

WARM_UP = "stream.warm"


def run_module(module: str, environment: Mapping[str, str], log: Path, cwd: Path) -> None:
    """`python -m module` to its end; MachineError with what it said where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        start = file.tell()
        command = [sys.executable, "-m", module]
        code = subprocess.run(command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False).returncode
    if code != 0:
        raise failed(module, code, log, start)


def failed(module: str, code: int, log: Path, start: int) -> MachineError:
    """The error for a program that ended with `code` and wrote to `log` from `start` on."""
    with log.open("rb") as file:
        file.seek(start)
        said = file.read().decode(errors="replace")
    return MachineError(f"python -m {module} ended with {code}: {sentence(said)}", f"read {log}; {tools.hint(said)}")


def sentence(said: str) -> str:
    """The last thing a program said: the `problem` of its last event, or its last line."""
    lines = [line for line in said.splitlines() if line.strip()]
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict) and "problem" in event:
            return str(event["problem"])
    return lines[-1] if lines else "it said nothing"


class Warming:
    """The kernels' compile cache being filled, in a process of its own beside what else set-up does; nothing where it was filled already
    from these very sources by this very Python."""

    def __init__(self, environment: Mapping[str, str], cache: Path, log: Path, cwd: Path) -> None:
        self._cache, self._log = cache, log
        self._stamp = cache / f"warm-{_digest()}"
        self._child: Child | None = None
        if not self._stamp.exists():
            cache.mkdir(parents=True, exist_ok=True)
            self._start = log.stat().st_size if log.exists() else 0
            self._child = Child(with_parent([sys.executable, "-m", WARM_UP]), log, environment, cwd=cwd)

    def finish(self) -> None:
        """Wait for its end; MachineError with what it said where it fails."""
        if self._child is None:
            return
        code = self._child.wait()
        if code != 0:
            raise failed(WARM_UP, code, self._log, self._start)
        for old in self._cache.glob("warm-*"):
            old.unlink()
        self._stamp.touch()

    def stop(self) -> None:
        """Give it up."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()


def compiling(places: Layout) -> Warming:
    """The kernels of one home's cache."""
    numba = places.cache / "numba"
    return Warming(processes.environment({}, numba), numba, places.logs / "warm.log", places.run)


def _digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted((REPOSITORY / "kernels").glob("*.py")):
        digest.update(path.read_bytes())
    digest.update((REPOSITORY / "requirements" / "main.lock").read_bytes())
    return digest.hexdigest()[:16]
