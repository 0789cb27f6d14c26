"""One turn of the quality work, between the windows: what came, what people set, what is due.

Promises  Each step is a transaction of its own; where another came between, it is left for the next turn. A turn ends after some tests, so
          that windows are published in between.
Leaves    What a test is to restate.testing, the loop to restate.loop.
"""

from collections.abc import Callable
from typing import TypeVar

from formula.dated import NEVER_US
from restate import testing
from restate.metrics import RestaterMetrics
from restate.testing import Program
from runtime import clock, events
from storage.queries import quality, restating

T = TypeVar("T")

_QUARTERS_A_TURN = 64


class QualityTurn:
    """Kept over the turns: the program of the catalogue that is known; `step` is told before each transaction."""

    def __init__(self, store: restating.Restating, metrics: RestaterMetrics, step: Callable[[], None]) -> None:
        self._store, self._metrics, self._step = store, metrics, step
        self._program: Program | None = None
        self._together: dict[str, int] = {}

    def take(self, known: restating.Known) -> bool:
        """Do what there is to do; True where anything was done."""
        if self._program is None or self._program.known is not known:
            self._program = Program(known)
        passed = {kind: at_us for kind, at_us in self._store.passed(known).items() if at_us > -NEVER_US}
        self._whole(self._gather)
        ready = self._whole(lambda snapshot: quality.ready(snapshot.connection, passed, _QUARTERS_A_TURN)) or []
        found = [self._apply()]
        found += [self._examine(kind, span_us) for kind, span_us in testing.groups(ready, self._together)]
        return any(found)

    def _gather(self, snapshot: restating.Snapshot) -> None:
        program, connection = self._there(), snapshot.connection
        came = quality.drain(connection)
        quality.enter(connection, program.reached(came, quality.highest(connection)) if came else [])
        quality.ended(connection, program.dated)

    def _apply(self) -> bool:
        """The oldest span that waits."""

        def apply(snapshot: restating.Snapshot) -> tuple[int, quality.Changed] | None:
            span = quality.pending(snapshot.connection)
            return None if span is None else (span.no, quality.apply(snapshot.connection, self._there().dated, span))

        applied = self._whole(apply)
        if applied is None:
            return False
        no, changed = applied
        self._metrics.flags.inc(changed.flags)
        events.happened("flag_applied", span=no, readings=changed.readings, changed=changed.flags, windows=changed.marks)
        return True

    def _examine(self, kind: str, span_us: tuple[int, int]) -> bool:
        began_s = clock.monotonic_s()
        changed = self._whole(lambda snapshot: testing.examine(snapshot, self._there(), kind, span_us))
        if changed is None:
            return False
        self._together[kind] = testing.together(changed, span_us)
        self._metrics.quarters.inc((span_us[1] - span_us[0]) // testing.QUARTER_US)
        self._metrics.tested.inc(changed.readings)
        self._metrics.flags.inc(changed.flags)
        self._metrics.test_took.observe(clock.monotonic_s() - began_s)
        return True

    def _whole(self, work: Callable[[restating.Snapshot], T]) -> T | None:
        """In one transaction; None where another one came between."""
        self._step()
        try:
            with self._store.snapshot() as snapshot:
                return work(snapshot)
        except restating.Conflicting:
            self._metrics.conflicts.inc()
            return None

    def _there(self) -> Program:
        if self._program is None:
            raise RuntimeError("restate.turn: wanted a catalogue, got none")
        return self._program
