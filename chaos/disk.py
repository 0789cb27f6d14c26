"""Disks that can be full: the run's folder and PostgreSQL's data on small file systems in memory, else a limit on the size of files.

Promises  What is filled is freed; what is mounted here is unmounted. The report says which of the two it was.
Leaves    When to plan.py.
"""

import contextlib
import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.system import Chaos

TMPFS, LIMIT = "tmpfs", "file size limit"
HOME_MB, DATA_MB = 900, 700
_LIMIT_BYTES = 1 << 16
_BLOCK = bytes(1 << 16)


class Disks:
    """By name: kafka (with the whole folder of the run) and postgres."""

    def __init__(self, system: Chaos, places: dict[str, Path]) -> None:
        self.system, self.places = system, places
        self._limited: dict[str, int] = {}

    @property
    def how(self) -> str:
        """How a disk is filled here."""
        return TMPFS if self.places else LIMIT

    def fill(self, name: str) -> str:
        """Leave no room; returns how."""
        if name in self.places:
            with (self.places[name] / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(_BLOCK)
            return TMPFS
        slot = self.system.slots[name]
        if slot.child is not None:
            self._limited[name] = slot.child.pid
            _limit(slot.child.pid, _LIMIT_BYTES)
        return LIMIT

    def free(self, name: str) -> None:
        """Make room again."""
        if name in self.places:
            (self.places[name] / "ballast").unlink(missing_ok=True)
        elif name in self._limited:
            _limit(self._limited.pop(name), resource.RLIM_INFINITY)

    def free_all(self) -> None:
        """Whatever is filled."""
        for name in (*self.places, *self._limited):
            self.free(name)


@contextmanager
def small(folder: Path, size_mb: int) -> Iterator[bool]:
    """Mount a small file system in memory on `folder`; False where that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=755", "kompas-chaos", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            _run("umount", str(folder))


def move(data: Path, disk: Path) -> None:
    """Move a data folder onto a disk of its own and bind it where it was; the server stands still."""
    owner = data.stat()
    for each in data.iterdir():
        subprocess.run(["cp", "-a", str(each), str(disk)], check=True)
    os.chown(disk, owner.st_uid, owner.st_gid)
    disk.chmod(owner.st_mode & 0o777)
    shutil.rmtree(data)
    data.mkdir()
    if not _run("mount", "--bind", str(disk), str(data)):
        raise OSError(errno.EPERM, "mount --bind refused", str(data))


def give_back(data: Path) -> None:
    """Undo `move`'s mount."""
    _run("umount", str(data))


def _limit(pid: int, size: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
