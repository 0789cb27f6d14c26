"""Bring the servers to this machine ahead of `up`, and delete what `up` made.

Promises  `everything` is all that needs root, and only that; afterwards `up` runs without it. `purge` deletes data, secrets and
          logs of one home and nothing that was fetched.
Leaves    Asking whether it is meant to the caller.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from local import ports, state
from local.errors import MachineError
from local.layout import Layout
from local.servers import kafka_files, postgres_root
from local.servers.kafka import Kafka
from local.servers.mosquitto import Mosquitto


def everything(places: Layout, say: Callable[[str], None]) -> None:
    """Mosquitto, Java, Maven, Kafka and PostgreSQL; files then belong to whom sudo was called by."""
    places.make()
    logs = places.logs
    mosquitto = Mosquitto(places.server("mosquitto"), logs / "mosquitto.log", ports.HOST, 0, places.secrets)
    kafka = Kafka(places.server("kafka"), logs / "kafka.log", places.cache, ports.HOST, (0, 0))
    say("Mosquitto")
    mosquitto.install()
    say(f"Apache Kafka {kafka_files.KAFKA}")
    kafka.install()
    say("PostgreSQL with TimescaleDB")
    root = postgres_root.install(places.cache, logs / "install.log")
    user, group = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() == 0 and user and group:
        _give((places.home, places.cache), root.folder, int(user), int(group))
    say("All that needs root is done.")


def purge(places: Layout) -> list[Path]:
    """Delete what a stopped home holds; returns the folders deleted."""
    if state.holder(places.run) is not None:
        raise MachineError("Kompas runs", "./kompas down first")
    data = postgres_root.Root(places.cache / "postgres-root", 0, 0).data_folder(places.server("postgres"), places.instance)
    folders = [places.server(name) for name in ("mosquitto", "kafka", "postgres")] + [data, places.secrets, places.logs, places.run]
    there = [folder for folder in folders if folder.exists()]
    for folder in there:
        _remove(folder)
    return there


def _remove(folder: Path) -> None:
    """Delete a folder; of one that another disk is mounted on, what is in it."""
    try:
        if not os.path.ismount(folder):
            shutil.rmtree(folder)
            return
        for each in folder.iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    except OSError as error:
        raise MachineError(f"{folder} could not be deleted: {error}", "see who uses it, then ./kompas down --purge again") from error


def _give(folders: tuple[Path, ...], apart: Path, user: int, group: int) -> None:
    """Hand the folders to a user, all but the PostgreSQL root, which keeps its owners."""
    for folder in folders:
        for path, names, files in os.walk(folder):
            here = Path(path)
            names[:] = [name for name in names if here / name != apart]
            for each in (here, *(here / name for name in files)):
                os.chown(each, user, group, follow_symlinks=False)
