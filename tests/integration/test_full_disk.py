"""The disk fills up during a run: what cannot write waits, says so, goes on when there is space, and nothing is lost or doubled.

Home and PostgreSQL's data lie on two small disks in memory, so that either can be full alone. Mounting them needs root.
"""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psycopg
import pytest

from local import ports, space
from simulators import checking
from simulators.publisher import Broker
from simulators.simulate import Order, simulate
from simulators.worlds import world
from tests.integration.up_kit import Kompas, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

RATE, RUN_S = 300.0, 60.0
HOME_MB, DATA_MB = 900, 600


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"disks in memory cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Two small disks: `home` and `data`."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path_factory.mktemp("disks")
    found = {name: folder / name for name in ("home", "data")}
    with contextlib.ExitStack() as undo:
        for (name, place), size_mb in zip(found.items(), (HOME_MB, DATA_MB), strict=True):
            place.mkdir()
            _mount("-t", "tmpfs", "-o", f"size={size_mb}m,mode=755", f"kompas-{name}", str(place))
            undo.callback(subprocess.run, ["umount", str(place)], check=True)
        yield found


@pytest.fixture(scope="module")
def kompas(disks: dict[str, Path]) -> Iterator[Kompas]:
    """Up, with PostgreSQL's data moved to a disk of their own."""
    kompas = Kompas(disks["home"] / "kompas")
    with contextlib.ExitStack() as undo:
        undo.callback(lambda: kompas.run("down", "--purge"))
        kompas.up()
        kompas.run("down")
        data = space.folders(kompas.layout)[-1]
        owner, mode = data.stat(), data.stat().st_mode & 0o777
        for each in data.iterdir():
            subprocess.run(["cp", "-a", str(each), str(disks["data"])], check=True)
        os.chown(disks["data"], owner.st_uid, owner.st_gid)
        disks["data"].chmod(mode)
        shutil.rmtree(data)
        data.mkdir()
        _mount("--bind", str(disks["data"]), str(data))
        undo.callback(data.rmdir)
        undo.callback(subprocess.run, ["umount", str(data)], check=True)
        undo.callback(lambda: kompas.run("down"))
        kompas.up()
        yield kompas


def _fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        _write_for_ever(file)
    return ballast


def _write_for_ever(file: IO[bytes]) -> None:
    while True:
        file.write(bytes(1 << 16))


def _rows(connection: psycopg.Connection[tuple[int, ...]]) -> int:
    row = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("full", ["home", "data"])
def test_nothing_is_lost_or_doubled(kompas: Kompas, disks: dict[str, Path], full: str) -> None:
    eventually(kompas.well)
    there = world("zwolle")
    broker = Broker(ports.HOST, kompas.ports["mqtt"], "simulator", kompas.password("mqtt-simulator"))
    seed = 1 + list(disks).index(full)
    with psycopg.connect(kompas.conninfo, autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        before = _rows(connection)
        playing = pool.submit(simulate, Order(rate=RATE, scenario="calm", seed=seed, duration_s=RUN_S), broker, there)
        eventually(lambda: _rows(connection) > before)
    pids = {name: part["pid"] for name, part in kompas.status()["processes"].items()}
    ballast = _fill(disks[full])
    server = {"home": "kafka", "data": "postgres"}[full]
    try:
        eventually(lambda: not kompas.well())
        said = kompas.status()
        assert said["disk"]["problem"].startswith(f"the disk under {said['disk']['folder']} has 0 MB left: free some space and leave Kompas running")
        troubled = {name for name, part in {**said["servers"], **said["processes"]}.items() if part["state"] != "up" or not part.get("ready", True)}
        first, sentence = {"home": ("gateway", "has waited"), "data": ("writer", "No space left on device")}[full]
        eventually(lambda: sentence in str(kompas.part(first)["wrong"]))
        assert troubled <= {server, *said["processes"]}
        playing.result(RUN_S + 60)
    finally:
        ballast.unlink()
    eventually(kompas.well, within_s=180)
    found = kompas.status()
    assert {part["state"] for part in (*found["servers"].values(), *found["processes"].values())} == {"up"}
    assert {name: part["pid"] for name, part in found["processes"].items() if part["restarts"] == 0}.items() <= pids.items()
    known = checking.truth_of(playing.result(), there)
    check = checking.check(known, playing.result().report, kompas.conninfo)
    assert (check.lost, check.altered, check.foreign) == (0, 0, 0), check
    assert check.stored == check.expected > RATE * RUN_S / 2
    with psycopg.connect(kompas.conninfo, autocommit=True) as connection:
        assert kompas.status()["counts"]["readings"] == _rows(connection)
