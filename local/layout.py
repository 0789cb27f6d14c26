"""Folders of one Kompas on this machine.

Promises  Everything that a run writes lies under `home`; everything that is fetched once lies under `cache`.
          Both are `.kompas/` of the checkout unless KOMPAS_HOME or KOMPAS_CACHE say otherwise.
Leaves    What lies in them to servers/, credentials and supervisor.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
"""The checkout that this code runs from."""


class Layout(NamedTuple):
    """`home` holds secrets, data, logs and what is running; `cache` holds the fetched servers."""

    home: Path
    cache: Path

    @property
    def secrets(self) -> Path:
        """One file per MQTT user and database role, mode 0600."""
        return self.home / "secrets"

    @property
    def logs(self) -> Path:
        """One file per server and process."""
        return self.home / "log"

    @property
    def run(self) -> Path:
        """What is running now: the supervisor's lock, its state and the addresses in use."""
        return self.home / "run"

    @property
    def instance(self) -> str:
        """A short name that is this home's own; data that must lie in a shared place carry it."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    def server(self, name: str) -> Path:
        """Configuration and data of one server."""
        return self.home / name

    def make(self) -> "Layout":
        """Create the folders; the secrets' one is closed to others."""
        for folder in (self.home, self.cache, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        return self


def layout(environment: Mapping[str, str] | None = None) -> Layout:
    """The folders that the environment names, `.kompas/` of the checkout where it names none."""
    environment = os.environ if environment is None else environment
    home = Path(environment.get("KOMPAS_HOME") or REPOSITORY / ".kompas").resolve()
    cache = Path(environment.get("KOMPAS_CACHE") or REPOSITORY / ".kompas").resolve()
    return Layout(home, cache)
