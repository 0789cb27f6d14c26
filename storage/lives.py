"""What the log says about one gateway life in one partition: which frames came, how many rows, and what its heartbeats claim. Pure.

Promises  A frame counts once, by its sequence number; a hole stays known until it is filled; what a heartbeat claims is held against
          the rows of exactly the frames before it.
Leaves    Judging it to storage.ledger, keeping it to storage.ledger_rows.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

NAME = re.compile(r"^[\w.:-]{1,64}$", re.ASCII)
"""Gateways and lives that a ledger line can be about."""
_MOST = 1 << 62

MESSAGES = ("delivered", "decoded", "rejected_messages", "readings", "rejected_readings", "duplicates", "framed", "confirmed")
"""Totals of a life that are the same in all partitions. `confirmed`: messages of which Kafka has every part."""


class Who(NamedTuple):
    """A gateway's life, and the frame's or heartbeat's sequence number in its partition."""

    gateway: str
    life: str
    seq: int


def who(said: Mapping[str, Any]) -> Who | None:
    """Who sent a frame, by its metadata; None where it does not say so in a usable form."""
    gateway, life, seq = said.get("gateway"), said.get("life"), whole(said.get("seq"))
    if not isinstance(gateway, str) or not isinstance(life, str) or seq is None or not NAME.match(gateway) or not NAME.match(life):
        return None
    return Who(gateway, life, seq)


def totals_of(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """A heartbeat's totals; empty where it has none."""
    totals = said.get("totals")
    return totals if isinstance(totals, dict) else {}


def whole(number: Any) -> int | None:
    """A count as it may stand in a table; None for everything else."""
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _MOST else None


class Part(msgspec.Struct):
    """One life in one partition; counts are of rows but for `next_seq` and the other sequence numbers."""

    next_seq: int = 0
    """One after the highest sequence number seen."""
    holes: list[tuple[int, int]] = []
    """Sequence numbers below it that were not seen: [from, to), ascending."""
    told_seq: int = -1
    """That of the newest heartbeat that was in order; -1: none."""
    told: int = 0
    """Rows framed into this partition before it, as it says."""
    before: int = 0
    """Rows that came in frames before it, each frame once."""
    since: int = 0
    """Rows that came in frames after it."""
    repeated: int = 0
    """Rows of frames that had come already."""
    earlier: int = 0
    """Rows framed before this ledger began; part of `told`."""
    confirmed_seq: int = -1
    """Kafka had confirmed every frame before this number, as the heartbeat says; -1: it does not say."""
    joined: bool = False
    """It was running when this ledger began."""
    ended: bool = False
    """Its last heartbeat came."""
    clock_us: int = 0
    """Of its newest heartbeat."""

    def frame(self, seq: int, rows: int) -> None:
        """A frame of readings came."""
        if not self._first(seq):
            self.repeated += rows
        elif seq < self.told_seq:
            self.before += rows
        else:
            self.since += rows

    def beat(self, seq: int, clock_us: int, said: Mapping[str, Any]) -> bool:
        """A heartbeat came; True where it is the newest word of this life."""
        if not self._first(seq):
            return False
        self.ended = self.ended or bool(said.get("last", False))
        framed_here = whole(totals_of(said).get("framed_here"))
        if seq != self.next_seq - 1 or framed_here is None:
            # Behind what was sent after it: another comes within a second.
            return False
        self.before, self.since = self.before + self.since, 0
        if self.joined and self.told_seq < 0:
            self.earlier = max(0, framed_here - self.before)
        confirmed_seq = whole(totals_of(said).get("confirmed_here"))
        self.told_seq, self.told, self.clock_us = seq, framed_here, clock_us
        self.confirmed_seq = -1 if confirmed_seq is None else confirmed_seq
        return True

    def _first(self, seq: int) -> bool:
        """Note a sequence number; False where it was seen before."""
        if seq >= self.next_seq:
            if seq > self.next_seq:
                self.holes.append((self.next_seq, seq))
            self.next_seq = seq + 1
            return True
        for at, (start, end) in enumerate(self.holes):
            if start <= seq < end:
                self.holes[at : at + 1] = [hole for hole in ((start, seq), (seq + 1, end)) if hole[0] < hole[1]]
                return True
        return False


def joining(seq: int) -> Part:
    """A life that was running when the ledger began: what it sent before is not this ledger's."""
    return Part(next_seq=seq, joined=True)
