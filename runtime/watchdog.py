"""Whether a process makes progress: work waits, the servers are there, and nothing moves. Pure: times and counts come in.

A lane is one thing that must move while work waits for it: a partition, a loop, a connection. Its count is any number that changes
when it moves, up or down.

Promises  A process that moves, has nothing to do, waits for a server that is away, or was itself stopped for a while is never called
          wedged. One that is not lives on for `patience_s`, a single lane beside others that move for `LANE` times as long.
Leaves    Looking, saying and ending to runtime/guard.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

LANE = 5
"""One lane may stand longer than all of them: under a backlog the others may have their turn first."""
DOUBT = 3
"""After this part of its patience a lane's work is asked for, and what waits is said."""

State = Literal["well", "away", "slow", "wedged"]
Ask = Callable[[Collection[str]], "Mapping[str, int] | str"]
"""How much work waits for these lanes, or which server is away; asked only where something stands."""


class Verdict(NamedTuple):
    """What one look found; `why` says it in words, `stood_s` for how long."""

    state: State
    why: str = ""
    stood_s: float = 0.0


WELL = Verdict("well")


class Progress:
    """Looks are to come at least every `patience_s / DOUBT` seconds; a longer gap means that the process itself was stopped."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._counts: dict[str, int] = {}
        self._since_s: dict[str, float] = {}
        self._moved_s = self._looked_s = float("-inf")
        self._away = False

    def look(self, now_s: float, counts: Mapping[str, int], ask: Ask) -> Verdict:
        """One look at `now_s` (monotonic): the lanes and their counts now. Lanes come and go."""
        if now_s - self._looked_s > self.patience_s / DOUBT:
            self._begin(now_s, self._since_s)
        self._looked_s = now_s
        moved = [lane for lane, count in counts.items() if self._counts.get(lane) != count]
        if moved or not counts:
            self._moved_s = now_s
        self._since_s = {lane: now_s if lane in moved else self._since_s[lane] for lane in counts}
        self._counts = dict(counts)
        stands = [lane for lane, since_s in self._since_s.items() if self._away or now_s - since_s >= self.patience_s / DOUBT]
        return self._judge(now_s, stands, ask(stands)) if stands else WELL

    def _judge(self, now_s: float, stands: Collection[str], waiting: Mapping[str, int] | str) -> Verdict:
        self._away = isinstance(waiting, str)
        if isinstance(waiting, str):
            self._begin(now_s, self._since_s)
            return Verdict("away", waiting)
        self._begin(now_s, [lane for lane in stands if waiting.get(lane, 0) <= 0])
        doubted = [lane for lane in stands if now_s - self._since_s[lane] >= self.patience_s / DOUBT]
        stuck = {lane: now_s - self._since_s[lane] for lane in doubted}
        if not stuck:
            return WELL
        stood_s = max(stuck.values())
        told = ", ".join(f"{lane} ({waiting[lane]} waiting, for {stuck[lane]:.0f} s)" for lane in sorted(stuck, key=lambda lane: -stuck[lane])[:5])
        why = f"no progress: {told}" + (f" and {len(stuck) - 5} more" if len(stuck) > 5 else "")
        together = stood_s >= self.patience_s and now_s - self._moved_s >= self.patience_s
        return Verdict("wedged" if together or stood_s >= LANE * self.patience_s else "slow", why, stood_s)

    def _begin(self, now_s: float, lanes: Collection[str]) -> None:
        """Count these lanes from now on; all of them, where nothing could move."""
        for lane in lanes:
            self._since_s[lane] = now_s
        if len(lanes) == len(self._since_s):
            self._moved_s = now_s
