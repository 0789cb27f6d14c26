"""The thread that watches a process from beside its event loop, and ends it where it is wedged; the supervisor starts it again.

Promises  Says each change of state once, on /readyz by `problem` and `awaited`, and on /metrics: `no_progress`, `progress_again`, `wedged`, and of
          servers `server_awaited`, `server_answers`. A server that is away is found by what is asked anyway of work that stands: after a
          third of the patience and one look at most, without another question. Before it ends the process, the stacks of all threads
          are in the log. Where even this thread cannot run (a kernel that never gives the interpreter back), a timer outside of the
          interpreter ends the process.
Leaves    What progress is to runtime/watchdog, what moves and what waits to the process.
"""

import asyncio
import contextlib
import contextvars
import faulthandler
import os
import sys
import threading
from collections.abc import Collection, Mapping
from typing import Protocol

from prometheus_client import Gauge

from runtime import clock, events
from runtime.watchdog import DOUBT, WELL, Progress, Verdict

EXIT_WEDGED = 76
_LOOKS = 4
"""Looks in the time after which something is in doubt."""
ASKING_S = 30.0
"""The longest that asking servers takes."""
LOOP = "event loop"
STOOD = Gauge("kompas_watchdog_stood_seconds", "How long work has waited for something that does not move; 0: all moves, or waits for a server.")


class Watched(Protocol):
    """What a process tells of itself; called from another thread than its event loop, so it reads and nothing else."""

    def counts(self) -> Mapping[str, int]:
        """A number per lane that changes with every progress."""

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        """How much work waits for these lanes, or the server that is away; may ask servers, for some seconds."""


class Outage:
    """What is awaited and since when, as one finds it who asks again and again. Pure: times come in."""

    def __init__(self) -> None:
        # one attribute, replaced as a whole: /readyz reads it from another thread
        self._of: tuple[str, float] | None = None

    def saw(self, now_s: float, why: str | None) -> bool:
        """What asking found at `now_s` (monotonic), None where all answer; True where that is news: another thing is awaited, or none any more."""
        was, since_s = self._of or (None, now_s)
        if was is not None and why is not None and _where(was) != _where(why):
            since_s = now_s
        self._of = None if why is None else (why, since_s)
        return (was and _wanted(was)) != (why and _wanted(why))

    def for_s(self, now_s: float) -> float | None:
        """How long it has lasted; None where nothing is awaited."""
        of = self._of
        return None if of is None else now_s - of[1]

    def problem(self, now_s: float) -> str | None:
        """The sentence for /readyz: who, for how long, and what came last; None where nothing is awaited."""
        of = self._of
        if of is None:
            return None
        where = _where(of[0])
        return f"{where}: awaited for {now_s - of[1]:.0f} s{of[0].removeprefix(where)}"


def _where(why: str) -> str:
    """The server, of a sentence of runtime.errors.Unavailable."""
    return why.partition(": ")[0]


def _wanted(why: str) -> str:
    """Server and question: an outage that is refused, then silent, then refused again is one, so what came is no news."""
    return why.partition(", got ")[0]


class Guard:
    """Watches one process from `start` to `stop`."""

    def __init__(self, watched: Watched, patience_s: float, loop: asyncio.AbstractEventLoop, asking_s: float = ASKING_S) -> None:
        self._watched, self._loop, self._asking_s = watched, loop, asking_s
        self._patience_s = patience_s
        # the loop turns in any case: beside it nothing else would ever stand alone
        self._loop_turns, self._progress = Progress(patience_s), Progress(patience_s)
        self._verdict: Verdict = WELL
        self._outage = Outage()
        self._turns = 0
        self._asked = False
        self._over = threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        # the thread's own context would not know the process's name in the log
        threading.Thread(target=contextvars.copy_context().run, args=(self._run,), name="guard", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer: the process ends by itself."""
        self._over.set()
        faulthandler.cancel_dump_traceback_later()

    def problem(self) -> str | None:
        """What does not move; None while all is well or a server is awaited."""
        return self._verdict.why if self._verdict.state in ("slow", "wedged") else None

    def awaited(self) -> str | None:
        """Which server is away; None while all that were asked last answered."""
        return self._outage.problem(clock.monotonic_s())

    def _run(self) -> None:
        while not self._over.is_set():
            # a thread that is later than this does not get the interpreter
            faulthandler.dump_traceback_later(2 * self._patience_s + self._asking_s, exit=True)
            self._saw(self._look())
            self._over.wait(self._patience_s / DOUBT / _LOOKS)
        faulthandler.cancel_dump_traceback_later()

    def _look(self) -> Verdict:
        if not self._asked:
            self._asked = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._turned)
        loop = self._loop_turns.look(clock.monotonic_s(), {LOOP: self._turns}, lambda _lanes: {LOOP: 1})
        if loop.state != "well":
            return loop
        verdict = self._progress.look(clock.monotonic_s(), self._watched.counts(), self._watched.waiting)
        self._heard(clock.monotonic_s(), verdict.why if verdict.state == "away" else None)
        return verdict

    def _heard(self, now_s: float, away: str | None) -> None:
        """Of servers; a look that ends with the event loop asked none, and says nothing of them."""
        lasted_s = self._outage.for_s(now_s)
        self._outage.saw(now_s, away)
        if away is not None and lasted_s is None:
            events.happened("server_awaited", problem=away)
        if away is None and lasted_s is not None:
            events.happened("server_answers", awaited_s=round(lasted_s, 1))

    def _turned(self) -> None:
        self._turns, self._asked = self._turns + 1, False

    def _saw(self, verdict: Verdict) -> None:
        before, self._verdict = self._verdict, verdict
        STOOD.set(verdict.stood_s)
        if verdict.state == "wedged":
            events.failed("wedged", why=verdict.why, patience_s=self._patience_s, then="ends, to be started again")
            faulthandler.dump_traceback(sys.stderr, all_threads=True)
            os._exit(EXIT_WEDGED)
        if verdict.state == "slow" and before.state != "slow":
            events.failed("no_progress", why=verdict.why)
        if before.state == "slow" and verdict.state != "slow":
            events.happened("progress_again", state=verdict.state)
