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

from local import tools
from local.errors import MachineError
from local.layout import REPOSITORY


def run_module(module: str, environment: Mapping[str, str], log: Path, cwd: Path) -> None:
    """`python -m module` to its end; MachineError with what it said where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        start = file.tell()
        command = [sys.executable, "-m", module]
        code = subprocess.run(command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False).returncode
    if code != 0:
        with log.open("rb") as file:
            file.seek(start)
            said = file.read().decode(errors="replace")
        raise MachineError(f"python -m {module} ended with {code}: {sentence(said)}", f"read {log}; {tools.hint(said)}")


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


def warm(environment: Mapping[str, str], cache: Path, log: Path, cwd: Path) -> None:
    """Fill the kernels' compile cache, unless it was filled from these very sources by this very Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted((REPOSITORY / "kernels").glob("*.py")):
        digest.update(path.read_bytes())
    digest.update((REPOSITORY / "requirements" / "main.lock").read_bytes())
    stamp = cache / f"warm-{digest.hexdigest()[:16]}"
    if stamp.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    run_module("stream.warm", environment, log, cwd)
    for old in cache.glob("warm-*"):
        old.unlink()
    stamp.touch()
