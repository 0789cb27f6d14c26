"""Where PostgreSQL 17 with TimescaleDB comes from, and how its programs are run by an unprivileged user.

Promises  Debian 13: the distribution's packages. Elsewhere: a small Debian 13 in a folder, made once by debootstrap, entered
          by chroot; no mounts, so that folder can be deleted at any time. No program of PostgreSQL ever runs as root.
Leaves    Configuration and the server itself to postgres.py.
"""

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from local import tools
from local.errors import MachineError

BIN = "/usr/lib/postgresql/17/bin"
_EXTENSION = Path("/usr/lib/postgresql/17/lib/timescaledb.so")
_PACKAGES = ("postgresql-17", "postgresql-17-timescaledb")
_CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
_SUITE = "trixie"
_USER, _UID = "kompas", 25_432
"""The user inside the folder; its number belongs to nobody on a usual Debian."""


class Root(NamedTuple):
    """A place with PostgreSQL in it: `folder` is / for the machine itself. `uid` and `gid` run it."""

    folder: Path
    uid: int
    gid: int

    @property
    def native(self) -> bool:
        """Whether it is the machine's own."""
        return self.folder == Path("/")

    def inside(self, path: Path) -> str:
        """A path as programs in there see it."""
        return str(path) if self.native else "/" + str(path.relative_to(self.folder))

    def command(self, program: str, arguments: Sequence[str], signal_name: str = "") -> list[str]:
        """The command that runs `program` of PostgreSQL as the unprivileged user.

        Changing the user clears the wish to end with the parent, so setpriv stands innermost.
        """
        inner = [f"{BIN}/{program}", *arguments]
        if signal_name:
            inner = ["/usr/bin/setpriv", "--pdeathsig", signal_name, *inner]
        root = os.geteuid() == 0
        if self.native:
            return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", *inner] if root else inner
        enter = [tools.find("chroot") or "chroot"]
        if root:
            return [*enter, f"--userspec={self.uid}:{self.gid}", "--groups=", str(self.folder), *inner]
        return ["unshare", "--user", "--map-current-user", "--keep-caps", *enter, str(self.folder), *inner]

    def data_folder(self, home: Path, instance: str) -> Path:
        """Where the data of the home named `instance` lie: beside it, or where the chroot can see them."""
        return home / "data" if self.native else self.folder / "srv" / "kompas" / instance


def install(cache: Path, log: Path) -> Root:
    """PostgreSQL on this machine: found, or brought once (root, about a minute)."""
    if _EXTENSION.exists():
        return _native()
    if _debian() >= 13:
        _install_packages(log)
        return _native()
    folder = cache / "postgres-root"
    if not folder.exists():
        _debootstrap(folder, log)
    return Root(folder, *((_UID, _UID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())))


def _native() -> Root:
    if os.geteuid() != 0:
        return Root(Path("/"), os.geteuid(), os.getegid())
    user = pwd.getpwnam("postgres")
    return Root(Path("/"), user.pw_uid, user.pw_gid)


def _debian() -> int:
    """Debian's release, 0 for anything else."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    release = said.get("VERSION_ID", "").strip('"')
    return int(release) if said.get("ID") == "debian" and release.isdigit() else 0


def _install_packages(log: Path) -> None:
    tools.install(("postgresql-common",), log, "PostgreSQL is missing")
    if _CLUSTERS.exists():  # Debian would start a server of its own on 5432, which nobody asked for
        text = _CLUSTERS.read_text(encoding="utf-8")
        _CLUSTERS.write_text(text.replace("#create_main_cluster = true", "create_main_cluster = false"), encoding="utf-8")
    tools.install(_PACKAGES, log, "PostgreSQL 17 with TimescaleDB is missing")


def _debootstrap(folder: Path, log: Path) -> None:
    if os.geteuid() != 0:
        raise MachineError("setting up PostgreSQL needs root once", "run: sudo ./kompas up --install-only")
    program = tools.require("debootstrap", ("debootstrap",), log)
    tools.require_space(folder, 1_500)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    tools.run([program, "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(part)], log)
    if not (part / _EXTENSION.relative_to("/")).exists():
        raise MachineError("debootstrap brought no TimescaleDB", f"read {log}")
    for archive in (part / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    _add_users(part)
    part.rename(folder)


def _add_users(root: Path) -> None:
    """PostgreSQL wants its user to have a name: ours, and those of people who run Kompas without root."""
    people = [user for user in pwd.getpwall() if 1_000 <= user.pw_uid < 65_000]
    lines = [f"{_USER}:x:{_UID}:{_UID}::/nonexistent:/usr/sbin/nologin"]
    lines += [f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::/nonexistent:/usr/sbin/nologin" for user in people]
    with (root / "etc/passwd").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    shared = root / "srv" / "kompas"
    shared.mkdir(parents=True)
    shared.chmod(0o1777)
