"""Do the planned faults to a running system, when they are due, and keep when each was done.

Promises  Only processes of this system are touched. What was stopped goes on, and what was filled is freed, whatever happens.
Leaves    When to plan.py, how soon the system came back to recovery.py.
"""

import heapq
import signal
import time
from random import Random
from typing import NamedTuple

import msgspec

from chaos.disk import Disks
from chaos.plan import Fault, Step, steps
from chaos.system import Chaos
from local.child import Child
from local.errors import MachineError
from runtime import clock

_LOOK_S = 0.05
_WORKS_WITHIN_S = 40.0


class Done(msgspec.Struct, kw_only=True):
    """A fault that happened."""

    name: str
    kind: str
    victim: str
    how: str = ""
    at_us: int = 0
    """Of its first step; of Mosquitto the kill."""
    until_us: int = 0
    """Of its last step so far."""
    ended: bool = False
    recovered_us: int = 0


class _Due(NamedTuple):
    turn_s: float
    """Mosquitto's steps come in a row: nobody else's victim is the gateway while it is away."""
    number: int
    step: Step
    done: Done
    last: bool


class Faults:
    """The plan as a queue of steps."""

    def __init__(self, system: Chaos, disks: Disks, faults: list[Fault], seed: int) -> None:
        self.system, self.disks, self.faults = system, disks, faults
        self.done: list[Done] = []
        self._stopped: dict[str, int] = {}
        self._queue: list[_Due] = []
        self._behind_s, self._start_us = 0.0, 0
        rng = Random(seed)  # noqa: S311 - it draws faults, no secrets
        for fault in faults:
            done = Done(name=fault.name, kind=fault.kind, victim=fault.victim)
            found = steps(fault, rng)
            for step in found:
                turn_s = fault.at_s if fault.victim == "mosquitto" else step.at_s
                self._queue.append(_Due(turn_s, len(self._queue), step, done, last=step is found[-1]))
        heapq.heapify(self._queue)

    def run(self, start_us: int) -> None:
        """Do everything, seconds counted from start_us; returns after the last step. What waits for its victim puts off what comes after it."""
        self._start_us = start_us
        try:
            while self._queue:
                due = heapq.heappop(self._queue)
                while (left_s := due.step.at_s + self._behind_s - (clock.now_us() - start_us) / 1e6) > 0:
                    time.sleep(min(left_s, _LOOK_S))
                self._do(due.step, due.done)
                due.done.ended = due.last
        finally:
            for victim in list(self._stopped):
                self._continue(victim)
            self.disks.free_all()

    def _do(self, step: Step, done: Done) -> None:
        if step.verb not in ("continue", "free", "add", "return"):
            self._await(step.victim)
        now_us = clock.now_us()
        how = self._act(step)
        if done.at_us == 0 or step.verb == "kill":
            done.at_us = now_us
        done.until_us = clock.now_us()
        done.how = ", ".join(each for each in (done.how, how) if each)
        if all(each is not done for each in self.done) and step.victim == done.victim:
            self.done.append(done)

    def _act(self, step: Step) -> str:
        """Do one step; in a word, how it hurts."""
        match step.verb:
            case "kill":
                self._child(step.victim).kill()
                return "SIGKILL"
            case "stop":
                child = self._child(step.victim)
                child.signal(signal.SIGSTOP)
                self._stopped[step.victim] = child.pid
                return "SIGSTOP"
            case "continue":
                self._continue(step.victim)
            case "add" | "return":
                self.system.launch(step.victim)
            case "away":
                self.system.remove(step.victim, kill=True)
                return f"{step.victim} away"
            case "remove" | "terminate":
                self.system.remove(step.victim, kill=step.verb == "remove")
                return "SIGKILL" if step.verb == "remove" else "SIGTERM"
            case "fill":
                return self.disks.fill(step.victim)
            case "free":
                self.disks.free(step.victim)
        return ""

    def _await(self, victim: str) -> None:
        """Wait until the victim can be hurt: it works, or has had its time to."""
        begun_s = time.monotonic()
        while not (self.system.works(victim) or victim in self._stopped) and time.monotonic() - begun_s < _WORKS_WITHIN_S:
            self._let_go()
            time.sleep(_LOOK_S)
        self._behind_s += time.monotonic() - begun_s

    def _let_go(self) -> None:
        """End the pauses and full disks whose time has come, while something else is waited for; Mosquitto's backlog stands until it died."""
        since_s = (clock.now_us() - self._start_us) / 1e6 - self._behind_s
        begun = [due for due in self._queue if any(due.done is each for each in self.done)]  # what is waited for cannot be over before it was done
        over = [due for due in begun if due.step.verb in ("continue", "free") and due.done.victim != "mosquitto" and due.step.at_s <= since_s]
        for due in over:
            self._queue.remove(due)
            self._do(due.step, due.done)
            due.done.ended = due.last
        heapq.heapify(self._queue)

    def _child(self, victim: str) -> Child:
        child = self.system.slots[victim].child
        if child is None:
            raise MachineError(f"{victim} does not run and cannot be hurt", "; ".join(self.system.given_up()) or "read its log")
        return child

    def _continue(self, victim: str) -> None:
        pid, slot = self._stopped.pop(victim, 0), self.system.slots.get(victim)
        if slot is not None and slot.child is not None and slot.child.pid == pid:
            slot.child.signal(signal.SIGCONT)
