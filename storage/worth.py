"""What a reading is worth: arrival's word, the deferred tests' words and what was set by hand, composed into `quality`. Pure.

Promises  A function of the three alone: composing again, or after any of them came and went, gives the same (decision 0014).
Leaves    The bits to catalog.quality, rows and SQL to storage.quality and storage.arrivals.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.quality import ARRIVAL, FLAG_MASK, TESTS, Cause, Flag

__all__ = ["TESTS", "ByHand", "base", "by_hand", "compose", "good", "tested"]

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_KEPT = int(ARRIVAL | Cause.LATE | Cause.GATEWAY_TIME)
LOWEST_WORD = int(Flag.SUSPECT)


class ByHand(NamedTuple):
    """A span that holds: all readings of a device, or of one of its quantities, in [starts, ends)."""

    no: int
    device: int
    quantity: int | None
    starts_us: int
    ends_us: int
    flag: int

    def covers(self, device: npt.NDArray[Any], quantity: npt.NDArray[Any], at_us: npt.NDArray[Any]) -> Bools:
        """bool[n]."""
        found: Bools = (device == self.device) & (at_us >= self.starts_us) & (at_us < self.ends_us)
        return found if self.quantity is None else found & (quantity == self.quantity)


def by_hand(spans: Iterable[ByHand], device: npt.NDArray[Any], quantity: npt.NDArray[Any], at_us: npt.NDArray[Any]) -> U8:
    """The flag that was set by hand: uint8[n], 0 where none was. The newest span stands."""
    found = np.zeros(device.size, np.uint8)
    for span in sorted(spans):
        found[span.covers(device, quantity, at_us)] = span.flag
    return found


def base(quality: npt.NDArray[Any]) -> U8:
    """What arrival said, whatever stands over it now: uint8[n] of 1, 2, 3."""
    by_tests = (quality & int(Cause.BY_HAND)) == 0
    unchecked = ((quality & int(Cause.UNCHECKED)) != 0) | (by_tests & ((quality & FLAG_MASK) == Flag.NOT_EVALUATED))
    found = np.where(unchecked, int(Flag.NOT_EVALUATED), int(Flag.GOOD))
    return np.where((quality & int(ARRIVAL)) != 0, int(Flag.SUSPECT), found).astype(np.uint8)


def tested(quality: npt.NDArray[Any]) -> Bools:
    """Which readings the deferred tests look at: bool[n]. They passed on arrival, with a time of their device's own."""
    found: Bools = (base(quality) == Flag.GOOD) & ((quality & int(Cause.GATEWAY_TIME)) == 0)
    return found


def compose(quality: npt.NDArray[Any], words: Mapping[str, U8], hand: U8) -> I64:
    """The quality of n readings: int64[n].

    quality  as stored: arrival's part of it is taken, the rest is made anew
    words    by test, uint8[n]: 3 and 4 are words, anything less is none
    hand     uint8[n]: the flag set by hand, 0 where none is
    """
    below = base(quality).astype(np.int64)
    flag, bits = below.copy(), quality.astype(np.int64) & _KEPT
    for test, word in words.items():
        spoken = word >= LOWEST_WORD
        bits |= np.where(spoken, int(TESTS[test]), 0)
        flag = np.where(spoken, np.maximum(flag, word), flag)
    over = hand > 0
    covered = (below == Flag.NOT_EVALUATED) & (over | (flag != below))
    bits |= np.where(over, int(Cause.BY_HAND), 0) | np.where(covered, int(Cause.UNCHECKED), 0)
    composed: I64 = bits | np.where(over, hand, flag)
    return composed


def good(quality: npt.NDArray[Any]) -> Bools:
    """Which readings KPIs use: bool[n]."""
    found: Bools = np.isin(quality & FLAG_MASK, (int(Flag.GOOD), int(Flag.NOT_EVALUATED)))
    return found
