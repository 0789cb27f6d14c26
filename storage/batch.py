"""What goes into one transaction: records of all topics, in the order in which they came. Pure.

Promises  A batch knows where it starts and where it ends in every partition it holds; repeats are skipped, holes are told or stop it.
Leaves    Storing it to storage.transaction.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from catalog.kpi_value import KpiValue
from catalog.topics import CHECKED, KPIS, REJECTED
from runtime import events
from runtime.frames import require_known
from storage import checked, refusals
from storage.positions import FRESH, Key, Position
from storage.refusals import Refusal
from storage.tally import Note

_KPI = msgspec.json.Decoder(KpiValue)
SCHEMA_HEADER = "kompas.schema"
_SCHEMAS = {topic.name: topic.schema for topic in (KPIS, REJECTED)}

Headers = Sequence[tuple[str, bytes]]


class Piece(NamedTuple):
    """A checked record with rows, and the partition it came from."""

    partition: int
    record: checked.Checked


class Batch:
    """Records between `before` and `after`; feed it, then store it whole or not at all."""

    def __init__(self, before: Mapping[Key, Position]) -> None:
        self.before = dict(before)
        self.after: dict[Key, Position] = {}
        self.pieces: list[Piece] = []
        self.kpis: list[KpiValue] = []
        self.refusals: list[Refusal] = []
        self.watermarks: dict[tuple[int, str], int] = {}
        self.repeats: dict[tuple[str, int], list[int]] = {}
        """Duplicates and conflicts by device and hour of receipt (µs)."""
        self.notes: list[Note] = []
        """What each checked record says, for the ledger."""
        self.rows = 0
        self.records = 0
        self.damaged_values = 0
        self.opened_s: float | None = None
        """When its first record came, on the monotonic clock; set by who feeds it."""

    @property
    def positions(self) -> dict[Key, Position]:
        """Where the next batch begins."""
        return self.before | self.after

    def feed(self, key: Key, offset: int, value: bytes, headers: Headers = ()) -> None:
        """Take one record; raises Inconsistent where input is missing, and NewerSchema, having taken nothing, before one of a later release."""
        _require_known(key, headers)
        self.records += 1
        if key.topic == CHECKED.name:
            self._feed_checked(key, offset, value)
            return
        at = self.after.get(key) or self.before[key]
        if offset < at.log_offset:
            return
        if offset > at.log_offset and at != FRESH:
            events.failed("log_has_hole", topic=key.topic, partition=key.partition, wanted=at.log_offset, got=offset)
        if key.topic == KPIS.name:
            self._feed_kpi(key, offset, value)
        else:
            self.refusals.append(refusals.read(headers, value))
        self.after[key] = Position(offset + 1, offset + 1)

    def _feed_checked(self, key: Key, offset: int, value: bytes) -> None:
        at = self.after.get(key) or self.before[key]
        where = f"{key.topic}/{key.partition} offset {offset}"
        record = checked.read(value, where)
        if checked.is_repeat(record, at.next_offset, where, fresh=at == FRESH):
            self.notes.append(Note(key.partition, offset, record.input_offset, 0, None))
            self.after[key] = Position(at.next_offset, offset + 1)
            return
        self.notes.append(Note(key.partition, offset, record.input_offset, record.rows, record.said))
        if at == FRESH and record.input_offset > 0:
            events.failed("log_began_late", topic=key.topic, partition=key.partition, first_input_offset=record.input_offset)
        if record.rows:
            self.pieces.append(Piece(key.partition, record))
            self.rows += record.rows
        for number, name in enumerate(("duplicates", "conflicts")):
            for device, repeats in record.repeats.get(name, {}).items():
                self.repeats.setdefault((device, int(record.repeats["hour_us"])), [0, 0])[number] += int(repeats)
        for kind, watermark_us in record.watermarks.items():
            if watermark_us is not None:
                self.watermarks[key.partition, kind] = watermark_us
        self.after[key] = Position(record.input_offset + 1, offset + 1)

    def _feed_kpi(self, key: Key, offset: int, value: bytes) -> None:
        try:
            self.kpis.append(_KPI.decode(value))
        except msgspec.MsgspecError as error:
            # Only the combiner and the restater write here: a stranger's record is told and passed, it must not stop the city.
            self.damaged_values += 1
            events.failed("kpi_value_unreadable", topic=key.topic, partition=key.partition, offset=offset, problem=str(error))


def _require_known(key: Key, headers: Headers) -> None:
    """Raise NewerSchema where the headers name a later version of the topic's schema; a checked frame says its own."""
    known = _SCHEMAS.get(key.topic)
    if known is not None:
        require_known(next((text.decode("utf-8", "replace") for name, text in headers if name == SCHEMA_HEADER and text), None), known)
