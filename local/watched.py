"""One program under supervision: started, seen to end, started again after a while, or left down with the reason.

Promises  Never two of it at once; its Part always says what is true now.
Leaves    The rule to restart.py, the order of starting and stopping to supervise.py.
"""

from collections.abc import Callable
from pathlib import Path

from local import restart
from local.child import Child, tail
from local.errors import MachineError
from local.state import Part
from runtime import clock, events

_ROTATE_BYTES = 20 << 20
HINDERED_S = 1.0
"""How often to look whether a hindrance is gone."""


class Watched:
    """`start` makes the running child (and may wait until it is ready); `needed_up` tells whether it could work at all.

    `hindrance` says what must change before it is worth starting again; None: nothing.
    """

    def __init__(
        self, part: Part, start: Callable[[], Child], needed_up: Callable[[], bool], hindrance: Callable[[], str | None] = lambda: None
    ) -> None:
        self.part = part
        self.child: Child | None = None
        self._start, self._needed_up, self._hindrance = start, needed_up, hindrance
        self._ends: tuple[restart.End, ...] = ()
        self._start_at_s: float | None = None
        self._how = ""

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.returncode is None

    def start(self) -> None:
        """Start it now; MachineError where a server does not come up."""
        rotate(Path(self.part.log))
        self.part.state, self._start_at_s = "starting", None
        self.child = self._start()
        self.part.state, self.part.pid, self.part.since_us = "up", self.child.pid, clock.now_us()

    def look(self) -> bool:
        """See whether it ended or is due to start again; True when its part changed."""
        if self.child is not None and self.child.returncode is not None:
            self._ended(self.child.returncode)
            return True
        if self._start_at_s is None or clock.monotonic_s() < self._start_at_s:
            return False
        hindrance = self._hindrance()
        if hindrance is not None:
            return self._wait(hindrance)
        self.part.restarts += 1
        try:
            self.start()
            self.part.reason = self._how
        except (MachineError, OSError) as error:
            problem = error.what if isinstance(error, MachineError) else str(error)
            events.failed("restart_failed", program=self.part.name, problem=problem)
            self._ended(1, problem)
        return True

    def _wait(self, hindrance: str) -> bool:
        """Not now; True where that is news."""
        self._start_at_s = clock.monotonic_s() + HINDERED_S
        news = self.part.reason != hindrance
        self.part.reason = hindrance
        if news:
            events.happened("restart_postponed", program=self.part.name, problem=hindrance)
        return news

    def stop(self, stopper: Callable[[], object] | None = None) -> None:
        """End it for good."""
        self._start_at_s = None
        if stopper is not None:
            stopper()
        elif self.child is not None:
            self.child.stop()
        self.child = None
        self.part.state, self.part.pid, self.part.since_us = "stopped", None, clock.now_us()

    def _ended(self, code: int, problem: str = "") -> None:
        decision = restart.after(self._ends, restart.End(clock.monotonic_s(), code, self._needed_up()))
        self._ends, self.child = decision.ends, None
        how = self._how = problem or restart.describe(code)
        self.part.pid, self.part.since_us = None, clock.now_us()
        if decision.wait_s is None:
            said = tail(Path(self.part.log), 1)
            self.part.state = "failed"
            self.part.reason = f"{how}, {restart.LIMIT} times within a minute; it stays down. {self.part.log} ends: {said}"
            events.failed("program_given_up", program=self.part.name, code=code)
        else:
            self.part.state, self.part.reason = "restarting", how
            self._start_at_s = clock.monotonic_s() + decision.wait_s
            events.happened("program_ended", program=self.part.name, code=code, restart_in_s=decision.wait_s)


def rotate(log: Path) -> None:
    """Keep one older log beside a long one."""
    if log.exists() and log.stat().st_size > _ROTATE_BYTES:
        log.replace(log.with_name(log.name + ".old"))
