"""Quality of a reading: one flag in the low four bits, one bit per cause above.

Promises  The layout of `quality` (uint16) as stored and published; it never changes within v1.
Leaves    Which test sets which bit to the gateway, the worker and the restater.
Source: [qartod-flags] in docs/sources.md
"""

from enum import IntEnum, IntFlag


class Flag(IntEnum):
    """The verdict, bits 0 to 3."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


class Cause(IntFlag):
    """Why the verdict is what it is, bits 4 to 14; one is free."""

    PLAUSIBLE_RANGE = 1 << 4
    PLAUSIBLE_TIME = 1 << 5
    POSITION = 1 << 6
    SPIKE = 1 << 7
    RATE = 1 << 8
    FLAT_LINE = 1 << 9
    NEIGHBOUR = 1 << 10
    BY_HAND = 1 << 11
    LATE = 1 << 12
    GATEWAY_TIME = 1 << 13
    UNCHECKED = 1 << 14
    """Arrival did not evaluate it (flag 2); set only where a later verdict stands over that."""


FLAG_MASK = 0x000F
ARRIVAL = Cause.PLAUSIBLE_RANGE | Cause.PLAUSIBLE_TIME | Cause.POSITION
"""What arrival checks find; each makes a reading suspect."""
TESTS = {"spike": Cause.SPIKE, "rate": Cause.RATE, "flat_line": Cause.FLAT_LINE, "neighbour": Cause.NEIGHBOUR}
"""The deferred tests by name; docs/decisions/0014-deferred-quality-tests.md says what each looks at."""
LOWERING = Cause(0x0FF0)
"""Causes that make a reading suspect; late and gateway_time say how it came, not what it is worth."""


def flag(quality: int) -> int:
    """The verdict alone."""
    return quality & FLAG_MASK


def good(quality: int) -> bool:
    """True where a KPI may use the reading: flag good or not evaluated."""
    return flag(quality) in (Flag.GOOD, Flag.NOT_EVALUATED)
