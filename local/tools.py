"""Programs of the machine: find them, or bring them by apt where we may.

Promises  A missing tool that cannot be brought is a MachineError that names the command to run.
Leaves    Python packages to the launcher, jars and the PostgreSQL root to servers/.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.errors import MachineError

_MORE_PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def find(program: str) -> str | None:
    """Path of a program, also where a user's PATH leaves out sbin."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(_MORE_PLACES))


def require(program: str, packages: Sequence[str], log: Path) -> str:
    """Path of a program; installs the Debian packages where it is missing and we are root."""
    found = find(program)
    if found is None:
        install(packages, log, f"{program} is missing")
        found = find(program)
    if found is None:
        raise MachineError(f"{program} is missing even after {' '.join(packages)} were installed", f"install {program} and put it on PATH")
    return found


def install(packages: Sequence[str], log: Path, why: str) -> None:
    """apt-get install; raises MachineError where that cannot work."""
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if find("apt-get") is None:
        raise MachineError(f"{why}, and this is no Debian", f"install what Debian calls {' '.join(packages)}, then start again")
    if os.geteuid() != 0:
        raise MachineError(f"{why}, and installing it needs root once", f"run: sudo ./kompas up --install-only   (it runs {command})")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], log, quiet)
    run(command.split(), log, quiet)


def run(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run to the end, output added to `log` and returned; MachineError with the last lines where it fails.

    `text` goes to standard input. The command's arguments never hold secrets.
    """
    done = subprocess.run(list(command), input=text, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n{done.stdout}")
    if done.returncode != 0:
        last = "\n    ".join(done.stdout.strip().splitlines()[-6:])
        raise MachineError(f"{' '.join(command[:4])} ended with {done.returncode}:\n    {last}", f"read {log}; {hint(done.stdout)}")
    return done.stdout


def hint(output: str) -> str:
    """What to do about a failed command, from what it said."""
    if "No space left" in output:
        return "the disk is full: free some space, then start again"
    if "Could not resolve" in output or "Temporary failure" in output:
        return "the network does not answer: check it, then start again"
    return "mend what it says, then start again"


def require_space(folder: Path, wanted_mb: int) -> None:
    """MachineError where the disk under `folder` has less than `wanted_mb` left."""
    while not folder.exists():
        folder = folder.parent
    free_mb = shutil.disk_usage(folder).free >> 20
    if free_mb < wanted_mb:
        raise MachineError(f"the disk under {folder} has {free_mb} MB left, and {wanted_mb} MB are needed", "free some space, then start again")


def keep_text(path: Path, text: str) -> bool:
    """Let a file hold this text: nothing where it does, else replaced as a whole, so that a full disk never empties it. True where it changed."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    if path.exists():
        shutil.copystat(path, part)
    part.replace(path)
    return True
