"""When a program that ended is started again, and when it stays down. Pure: times come in, decisions go out.

Promises  The first restart is quick, the next ones wait longer, up to ten seconds; a minute without an end forgets.
          Five ends by its own error within a minute, each while all that it needs was up, and it stays down.
Leaves    Starting and telling the time to supervise.py.
"""

from typing import NamedTuple

from runtime.guard import EXIT_WEDGED

WINDOW_S = 60.0
LIMIT = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0


_WORDS = {0: "ended without being asked", 2: "ended: its settings are wrong", EXIT_WEDGED: "ended: work waited and nothing moved"}


class End(NamedTuple):
    """A program ended at `at_s` with `code` (minus a signal's number); `needed_up`: all that it needs was up."""

    at_s: float
    code: int
    needed_up: bool

    @property
    def own_error(self) -> bool:
        """Whether it ended by itself although it had what it needs; ends by signal and waiting for a server do not count."""
        return self.code >= 0 and self.needed_up


class Decision(NamedTuple):
    """`wait_s` until the next start; None: it stays down."""

    wait_s: float | None
    ends: tuple[End, ...]


def after(ends: tuple[End, ...], end: End) -> Decision:
    """What to do after one more `end`, given the earlier ones; returns the ends to remember, too."""
    recent = (*(each for each in ends if each.at_s > end.at_s - WINDOW_S), end)
    if sum(each.own_error for each in recent) >= LIMIT:
        return Decision(None, recent)
    return Decision(min(FIRST_WAIT_S * 2 ** (len(recent) - 1), LONGEST_WAIT_S), recent)


def describe(code: int) -> str:
    """How a program ended, in words."""
    if code < 0:
        return f"ended by signal {-code}"
    return _WORDS.get(code, f"ended with code {code}")
