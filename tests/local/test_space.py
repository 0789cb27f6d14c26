"""A disk that is full or nearly: what is said, what waits, and that no file of ours is emptied by it."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from local import restart, space, state, tools
from local.child import Child
from local.layout import Layout
from local.state import Part, RunState
from local.watched import Watched
from tests.local.test_child import look_until


@pytest.mark.parametrize(
    ("free_mb", "wanted"),
    [
        (space.LOW_MB, None),
        (space.LOW_MB - 1, "has 499 MB left: free some before it is full"),
        (space.FULL_MB - 1, "has 63 MB left: free some space and leave Kompas running"),
        (0, "has 0 MB left: free some space and leave Kompas running"),
    ],
)
def test_what_is_said(free_mb: int, wanted: str | None) -> None:
    said = space.problem(space.Space(Path("/d"), free_mb))
    assert said is None if wanted is None else said is not None and wanted in said


def test_the_fullest_disk_counts_and_a_missing_folder_stands_for_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, (3 if Path(path).name == "b" else 9) << 20))
    (tmp_path / "b").mkdir()
    assert space.least([tmp_path / "a" / "x", tmp_path / "b" / "y", tmp_path]) == space.Space(tmp_path / "b" / "y", 3)


def test_the_home_and_the_data_elsewhere_are_looked_at(tmp_path: Path) -> None:
    places = Layout(tmp_path / "home", tmp_path / "cache")
    assert space.folders(places) == (places.home,)
    data = tmp_path / "cache" / "postgres-root" / "srv" / "kompas" / places.instance
    data.mkdir(parents=True)
    assert space.folders(places) == (places.home, data)


class Full:
    """Lets every write through `write_bytes` fail as a full disk does."""

    def __call__(self, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def told(reason: str) -> RunState:
    return RunState(1, 2, "zwolle", {}, servers={"kafka": Part("kafka", reason=reason)})


def test_the_state_is_told_on_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write(tmp_path, told(""))
    monkeypatch.setattr(Path, "write_bytes", Full())
    for reason in ("waits for space " * 20, "", "ended with code 1"):
        state.write(tmp_path, told(reason))
        assert state.read(tmp_path) == told(reason)
    with pytest.raises(OSError, match="No space left"):
        state.write(tmp_path, told("x" * 10_000))
    assert state.read(tmp_path) == told("ended with code 1")


def test_a_text_is_kept_or_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "server.properties"
    assert tools.keep_text(file, "a=1\n")
    file.chmod(0o600)
    inode = file.stat().st_ino
    assert not tools.keep_text(file, "a=1\n")
    assert file.stat().st_ino == inode
    assert tools.keep_text(file, "a=2\n")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(Path, "write_text", Full())
    with pytest.raises(OSError, match="No space left"):
        tools.keep_text(file, "a=3\n")
    assert file.read_text() == "a=2\n"


def test_a_server_waits_for_space_and_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("local.watched.HINDERED_S", 0.001)
    log, starts, full = tmp_path / "log", [], [True]

    def start() -> Child:
        starts.append(1)
        if full[0] and len(starts) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return Child(["sh", "-c", "sleep 30" if len(starts) > 1 else "exit 1"], log, dict(os.environ))

    looks = iter([*["waits for space"] * 20, *[None] * 20])
    it = Watched(Part("kafka", log=str(log)), start, lambda: not full[0], lambda: next(looks) if full[0] else None)
    it.start()
    look_until(it, lambda: it.part.reason == "waits for space")
    assert len(starts) == 1
    look_until(it, lambda: len(starts) > restart.LIMIT + 2)  # there is room to start, but not enough to work
    assert it.part.state == "restarting"
    full[0] = False
    look_until(it, lambda: it.part.state == "up")
    assert "No space left" in it.part.reason
    it.stop()
