"""Faults done to real processes that only sleep: each is hurt as planned, let go again, and started anew by its watch."""

import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from chaos import disk
from chaos.disk import LIMIT, Disks
from chaos.faults import Done, Faults
from chaos.plan import EXTRA, Fault
from chaos.recovery import Youngest, by_name, over, took
from chaos.system import Chaos, Slot
from local.child import Child
from runtime import clock

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def until(reached: Callable[[], bool], within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < end_s
        time.sleep(0.02)


class Sleepers:
    """What faults need of a system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slots: dict[str, Slot] = {}

    def launch(self, name: str) -> None:
        log = self.folder / f"{name}.log"
        self.slots[name] = Slot(name, log, lambda: Child(SLEEP, log, {}), lambda: True)
        self.slots[name].begin()

    def works(self, name: str) -> bool:
        return name in self.slots and self.slots[name].up

    def remove(self, name: str, *, kill: bool) -> None:
        slot = self.slots.pop(name)
        slot.end(slot.child.kill if kill and slot.child else None)

    def given_up(self) -> list[str]:
        return []

    def pid(self, name: str) -> int:
        child = self.slots[name].child
        assert child is not None
        return child.pid


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Sleepers]:
    sleepers = Sleepers(tmp_path)
    for name in ("worker", "gateway", "mosquitto", "kafka"):
        sleepers.launch(name)
    yield sleepers
    for name in list(sleepers.slots):
        sleepers.remove(name, kill=True)


def done(system: Sleepers, *faults: Fault) -> list[Done]:
    given: Any = system
    doing = Faults(given, Disks(given, {}), list(faults), 3)
    doing.run(clock.now_us())
    return doing.done


def test_what_was_killed_is_started_again(system: Sleepers) -> None:
    before = system.pid("worker")
    (fault,) = done(system, Fault(0.1, "kill", "worker"))
    assert (fault.name, fault.how, fault.ended) == ("kill worker", "SIGKILL", True)
    until(lambda: system.works("worker") and system.pid("worker") != before)
    assert system.slots["worker"].watched.part.restarts == 1


def test_what_was_stopped_goes_on_as_the_same_process(system: Sleepers) -> None:
    before = psutil.Process(system.pid("worker"))
    (fault,) = done(system, Fault(0.0, "pause", "worker", 0.4))
    assert fault.until_us - fault.at_us >= 400_000
    assert before.status() != psutil.STATUS_STOPPED
    assert system.pid("worker") == before.pid


def test_what_was_stopped_goes_on_though_the_run_is_broken_off(system: Sleepers, monkeypatch: pytest.MonkeyPatch) -> None:
    given = cast(Chaos, system)
    doing = Faults(given, Disks(given, {}), [Fault(0.0, "pause", "worker", 0.2), Fault(0.1, "kill", "nobody")], 1)
    monkeypatch.setattr(system, "works", lambda _name: True)
    with pytest.raises(KeyError, match="nobody"):
        doing.run(clock.now_us())
    assert psutil.Process(system.pid("worker")).status() != psutil.STATUS_STOPPED


def test_a_pause_ends_in_time_though_another_victim_is_waited_for(system: Sleepers, monkeypatch: pytest.MonkeyPatch) -> None:
    begun_s = time.monotonic()
    works = system.works
    monkeypatch.setattr(system, "works", lambda name: works(name) and (name != "gateway" or time.monotonic() - begun_s > 1.5))
    pause, kill = done(system, Fault(0.0, "pause", "worker", 0.4), Fault(0.1, "kill", "gateway"))
    assert pause.ended
    assert pause.until_us < kill.at_us
    assert (kill.at_us - pause.at_us) / 1e6 > 1.0


def test_who_is_long_in_coming_is_paused_then_and_goes_on(system: Sleepers, monkeypatch: pytest.MonkeyPatch) -> None:
    begun_s = time.monotonic()
    works = system.works
    monkeypatch.setattr(system, "works", lambda name: works(name) and time.monotonic() - begun_s > 1.0)
    pause, kill = done(system, Fault(0.0, "pause", "worker", 0.4), Fault(0.6, "kill", "gateway"))
    assert (pause.ended, kill.ended) == (True, True)
    assert pause.until_us - pause.at_us >= 400_000
    assert pause.until_us < kill.at_us
    assert psutil.Process(system.pid("worker")).status() != psutil.STATUS_STOPPED


def test_mosquitto_dies_while_the_gateway_is_not_there(system: Sleepers) -> None:
    before = system.pid("mosquitto"), system.pid("gateway")
    (fault,) = done(system, Fault(0.0, "kill", "mosquitto", 0.3))
    assert "SIGKILL" in fault.how
    until(lambda: system.works("mosquitto") and system.works("gateway"))
    assert system.pid("mosquitto") != before[0]
    assert psutil.Process(system.pid("gateway")).status() != psutil.STATUS_STOPPED


def test_the_extra_worker_comes_and_goes(system: Sleepers) -> None:
    come, gone = done(system, Fault(0.0, "add", EXTRA), Fault(0.2, "remove", EXTRA))
    assert (come.name, gone.name) == ("add worker-1", "remove worker-1")
    assert gone.how in {"SIGKILL", "SIGTERM"}
    assert EXTRA not in system.slots


def test_a_limit_on_the_size_of_files_is_set_and_taken_away(system: Sleepers) -> None:
    given = cast(Chaos, system)
    disks = Disks(given, {})
    assert disks.how == LIMIT
    assert disks.fill("kafka") == LIMIT
    assert resource.prlimit(system.pid("kafka"), resource.RLIMIT_FSIZE)[0] < 1 << 20
    disks.free("kafka")
    assert resource.prlimit(system.pid("kafka"), resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_small_disk_is_full_and_has_room_again(system: Sleepers, tmp_path: Path) -> None:
    with disk.small(tmp_path / "disk", 2) as mounted:
        if not mounted:
            pytest.skip("a file system in memory cannot be mounted here")
        disks = Disks(cast(Chaos, system), {"kafka": tmp_path / "disk"})
        disks.fill("kafka")
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "disk" / "more").write_bytes(bytes(8_192))
        disks.free_all()
        (tmp_path / "disk" / "more").write_bytes(bytes(8_192))
    assert not (tmp_path / "disk" / "more").exists()


def test_a_fault_is_over_when_all_that_counts_is_younger() -> None:
    kill = Done(name="kill worker", kind="kill", victim="worker", at_us=100, until_us=110, ended=True)
    assert not over(kill, Youngest(received_us=101, live_us=100, restated_us=999))
    assert not over(kill, Youngest(received_us=100, live_us=101, restated_us=999))
    assert over(kill, Youngest(received_us=101, live_us=101, restated_us=0))
    pause = Done(name="pause writer", kind="pause", victim="writer", at_us=100, until_us=200, ended=True)
    assert not over(pause, Youngest(150, 150, 0))
    assert over(pause, Youngest(201, 201, 0))
    assert not over(Done(name="pause writer", kind="pause", victim="writer", at_us=100, until_us=100), Youngest(900, 900, 900))
    restater = Done(name="kill restater", kind="kill", victim="restater", at_us=100, ended=True)
    assert not over(restater, Youngest(900, 900, 100))
    assert over(restater, Youngest(0, 0, 101))


def test_recovery_is_the_longest_of_a_name_and_unseen_ones_are_said() -> None:
    faults = [Done(name="kill worker", kind="kill", victim="worker", at_us=0, recovered_us=each) for each in (2_000_000, 1_500_000)]
    paused = Done(name="pause worker", kind="pause", victim="worker", at_us=1, until_us=4_000_000, recovered_us=5_000_000)
    never = Done(name="fill kafka", kind="fill", victim="kafka", at_us=1, until_us=2)
    assert by_name([*faults, paused, never]) == {"fill kafka": None, "kill worker": 2.0, "pause worker": 1.0}
    assert took(never) is None


def test_a_process_is_killed_by_the_signal_and_not_asked(system: Sleepers) -> None:
    child = system.slots["worker"].child
    assert child is not None
    done(system, Fault(0.0, "kill", "worker"))
    assert child.returncode == -signal.SIGKILL
