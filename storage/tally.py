"""The ledger's running numbers of the partitions that one writer owns: fed with each checked record's metadata. Pure.

Promises  A function of the log alone: the same records give the same numbers, whatever restarts lie between. No work per reading.
Leaves    Keeping the numbers to storage.ledger_rows, judging them to storage.ledger.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from storage.lives import MESSAGES, Part, Who, joining, totals_of, who, whole

JOINING_US = 5_000_000
"""How long after its beginning a ledger that begins in mid-log takes unknown lives for ones that ran before it."""


class Note(NamedTuple):
    """One record of the checked topic: where it stood, what it says; `said` is None for a repeat of the worker's."""

    partition: int
    log_offset: int
    input_offset: int
    rows: int
    said: Mapping[str, Any] | None


class Counts(msgspec.Struct):
    """One partition; `arrived` to `checked` are rows."""

    began: int = -1
    """Input offset of the first record counted; -1: none yet."""
    log_began: int = -1
    """Offset of the first record seen in the checked topic itself."""
    records: int = 0
    log_records: int = 0
    """Records of the checked topic, repeats too."""
    heartbeats: int = 0
    damaged: int = 0
    arrived: int = 0
    unowned: int = 0
    """Of the arrived: rows of frames that do not say whose they are."""
    checked: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    first_clock_us: int = -1
    """Of the first heartbeat counted."""
    clock_us: int = -1


class Gateway(msgspec.Struct):
    """The newest totals of one life."""

    began_us: int
    clock_us: int
    ended: bool
    totals: dict[str, int]


class Tally:
    """All numbers, and which of them have changed since they were kept."""

    def __init__(self, counts: dict[int, Counts] | None = None, parts: dict[tuple[str, str, int], Part] | None = None) -> None:
        self.counts = counts or {}
        self.parts = parts or {}
        self.gateways: dict[tuple[str, str], Gateway] = {}
        """Heard since the last `clear`."""
        self.broker_dropped: dict[str, int] = {}
        """What gateways say of the broker, heard in partition 0 since the last `clear`: one writer alone keeps it."""
        self.broker_began_us: dict[str, int | None] = {}
        """When the broker was started that said it; None: not known."""
        self.changed_counts: set[int] = set()
        self.changed_parts: set[tuple[str, str, int]] = set()

    def clear(self) -> None:
        """Everything is kept."""
        self.gateways, self.broker_dropped, self.broker_began_us = {}, {}, {}
        self.changed_counts.clear()
        self.changed_parts.clear()

    def take(self, note: Note) -> None:
        """One record of the checked topic, in the order of the log."""
        counts = self.counts.setdefault(note.partition, Counts())
        self.changed_counts.add(note.partition)
        if counts.log_began < 0:
            counts.log_began = note.log_offset
        counts.log_records += 1
        if note.said is None:
            return
        if counts.began < 0:
            counts.began = note.input_offset
        counts.records += 1
        kind = note.said.get("kind")
        if kind == "readings":
            self._readings(note, note.said, counts)
        elif kind == "heartbeat":
            self._heartbeat(note, note.said, counts)
        elif kind == "damaged":
            counts.damaged += 1

    def _readings(self, note: Note, said: Mapping[str, Any], counts: Counts) -> None:
        duplicates, conflicts = whole(said.get("duplicates")) or 0, whole(said.get("conflicts")) or 0
        rows = whole(said.get("rows"))
        if rows is None:  # from before workers said it
            rows = note.rows + duplicates + conflicts
        counts.arrived += rows
        counts.checked += note.rows
        counts.duplicates += duplicates
        counts.conflicts += conflicts
        counts.late += whole(said.get("late")) or 0
        sender = who(said)
        if sender is None:
            counts.unowned += rows
            return
        self._part(note.partition, sender, counts).frame(sender.seq, rows)

    def _heartbeat(self, note: Note, said: Mapping[str, Any], counts: Counts) -> None:
        counts.heartbeats += 1
        sender, clock_us = who(said), whole(said.get("clock_us"))
        if sender is None or clock_us is None:
            return
        newest = self._part(note.partition, sender, counts).beat(sender.seq, clock_us, said)
        if counts.first_clock_us < 0:
            counts.first_clock_us = clock_us
        counts.clock_us = max(counts.clock_us, clock_us)
        if newest:
            self._gateway((sender.gateway, sender.life), clock_us, said)
            dropped = whole(totals_of(said).get("broker_dropped"))
            if dropped is not None and note.partition == 0:
                self.broker_dropped[sender.gateway] = dropped
                self.broker_began_us[sender.gateway] = whole(totals_of(said).get("broker_began_us"))

    def _gateway(self, life: tuple[str, str], clock_us: int, said: Mapping[str, Any]) -> None:
        totals = {name: number for name in MESSAGES if (number := whole(totals_of(said).get(name))) is not None}
        ended, known = bool(said.get("last", False)), self.gateways.get(life)
        if known is None:
            self.gateways[life] = Gateway(clock_us, clock_us, ended, totals)
        elif clock_us >= known.clock_us:
            self.gateways[life] = Gateway(known.began_us, clock_us, ended or known.ended, totals)

    def _part(self, partition: int, sender: Who, counts: Counts) -> Part:
        key = (sender.gateway, sender.life, partition)
        self.changed_parts.add(key)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = joining(sender.seq) if self._joins(sender.seq, counts) else Part()
        return part

    def _joins(self, seq: int, counts: Counts) -> bool:
        """True for an unknown life in mid-flight where the ledger itself has only begun, in the middle of a log."""
        return counts.began > 0 and seq > 0 and (counts.first_clock_us < 0 or counts.clock_us < counts.first_clock_us + JOINING_US)
