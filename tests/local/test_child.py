"""Programs that we start: they end with us, cleanly where they can, and a watched one comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local import restart
from local.child import Child, tail
from local.state import Part
from local.watched import Watched, rotate

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
POLITE = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"
ORPHAN = """
import sys, time
from pathlib import Path
from local.child import Child, with_parent
child = Child(with_parent(["sleep", "600"]), Path(sys.argv[1]), {"PATH": "/usr/bin:/bin"})
print(child.pid, flush=True)
time.sleep(600)
"""


def eventually(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def start(script: str, log: Path) -> Child:
    child = Child(["sh", "-c", script], log, dict(os.environ))
    eventually(lambda: "ready" in log.read_text())
    return child


def test_a_polite_program_ends_by_itself(tmp_path: Path) -> None:
    child = start(POLITE, tmp_path / "log")
    assert child.returncode is None
    assert child.cpu_s() >= 0.0
    assert child.stop() == 0
    assert child.returncode == 0


def test_a_stubborn_one_is_made_to(tmp_path: Path) -> None:
    child = start(STUBBORN, tmp_path / "log")
    assert child.stop(within_s=0.2) == -signal.SIGKILL


def test_it_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    eventually(lambda: psutil.Process(pid).name() == "sleep")  # before that it has not said yet with whom it wants to end
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    child = start(POLITE, tmp_path / "log")
    assert os.getsid(child.pid) != os.getsid(0)
    child.stop()


def test_the_end_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("".join(f"line {number}\n" for number in range(5_000)))
    assert [line.strip() for line in tail(log, 2).splitlines()] == ["line 4998", "line 4999"]


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 100)
    rotate(log)
    assert log.exists()
    monkeypatch.setattr("local.watched._ROTATE_BYTES", 50)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "log.old").read_text() == "x" * 100


def watched(script: str, log: Path, *, needed_up: bool = True) -> Watched:
    part = Part("it", log=str(log))
    return Watched(part, lambda: Child(["sh", "-c", script], log, dict(os.environ)), lambda: needed_up)


def look_until(it: Watched, holds: Callable[[], bool]) -> None:
    def looked() -> bool:
        it.look()
        return holds()

    eventually(looked)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "FIRST_WAIT_S", 0.001)


@pytest.mark.usefixtures("impatient")
def test_five_own_errors_and_it_stays_down_and_says_why(tmp_path: Path) -> None:
    it = watched("echo the disk is on fire; exit 3", tmp_path / "log")
    it.start()
    look_until(it, lambda: it.part.state == "failed")
    assert it.part.restarts == restart.LIMIT - 1
    assert "ended with code 3, 5 times within a minute" in it.part.reason
    assert "the disk is on fire" in it.part.reason
    assert it.part.pid is None
    assert not it.look()


@pytest.mark.usefixtures("impatient")
def test_what_lacks_a_server_is_tried_on(tmp_path: Path) -> None:
    it = watched("exit 3", tmp_path / "log", needed_up=False)
    it.start()
    look_until(it, lambda: it.part.restarts > restart.LIMIT + 1)
    assert it.part.state != "failed"
    it.stop()


@pytest.mark.usefixtures("impatient")
def test_a_killed_one_comes_back_with_another_pid(tmp_path: Path) -> None:
    it = watched(POLITE, tmp_path / "log")
    it.start()
    before = it.part.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    look_until(it, lambda: it.part.restarts == 1 and it.up)
    assert it.part.pid not in (None, before)
    assert it.part.reason == "ended by signal 9"
    it.stop()
    assert not it.look()
    assert repr(it.part).startswith("Part(name='it', state='stopped', pid=None")
