"""What the writer does for quality as it stores a batch: say which times must be tested, and give readings the flags set by hand.

Promises  In the transaction of the rows. A span that was set before the transaction looks is applied to the batch's rows, one that is set
          later finds them stored: setting waits for transactions under way (an advisory lock that they share, decision 0014).
Leaves    Testing to the restater, marking windows to storage.marks.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import tables
from catalog.quality import Cause
from catalog.windows import FIXED_US, from_us, to_us
from storage import worth
from storage.connect import Connection
from storage.worth import ByHand

Columns = dict[str, npt.NDArray[Any]]
I64 = npt.NDArray[np.int64]

LOCK = 0x6B6F6D706175
"""Shared by transactions that store readings, exclusive while a span is set or cleared."""
QUARTER_US = FIXED_US["quarter_hour"]
_FEW = 1 << 14
"""Kinds and quarters up to which a place for each is cheaper than sorting the rows."""

_SHARE = "SELECT pg_advisory_xact_lock_shared(%s)"
_LOOK = f"""
    SELECT c.no, s.no, s.device, s.quantity, s.starts, s.ends, s.flag
    FROM {tables.CATALOGUE_CHANGE.name} c
    LEFT JOIN {tables.QUALITY_SPAN.name} s ON s.cleared_at IS NULL AND s.ends > %s AND s.starts <= %s
"""
_TESTED = f"""
    SELECT DISTINCT d.no, d.kind FROM {tables.DEVICE.name} d JOIN {tables.SENSOR_KIND.name} k ON k.id = d.kind
    WHERE k.document -> 'quality_tests' NOT IN ('{{}}', 'null') ORDER BY d.no, d.kind
"""
_NOTE = f"INSERT INTO {tables.QUALITY_INBOX.name} (kind, earliest, latest) SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])"


class Arrivals:
    """What one connection of the writer knows: which devices are of kinds that are tested."""

    def __init__(self) -> None:
        self._change = -1
        self._kinds: list[tuple[str, ...]] = [()]
        self._code: I64 = np.zeros(1, np.int64)
        """Place in _kinds by number of device."""

    def forget(self) -> None:
        """A transaction was given up: look again."""
        self._change = -1

    def take(self, connection: Connection, columns: Columns) -> Columns | None:
        """Note the rows' times, and give them flags set by hand in `columns`; which rows are not what the worker counted, None where all are."""
        at_us = columns["measured_at"]
        connection.execute(_SHARE, (LOCK,))
        rows = connection.execute(_LOOK, (from_us(int(at_us.min())), from_us(int(at_us.max())))).fetchall()
        if rows[0][0] != self._change:
            self._load(connection, rows[0][0])
        self._note(connection, columns["device"], at_us)
        spans = [ByHand(no, device, quantity, to_us(starts), to_us(ends), flag) for _, no, device, quantity, starts, ends, flag in rows if no]
        return _given(columns, spans) if spans else None

    def _note(self, connection: Connection, device: npt.NDArray[Any], at_us: npt.NDArray[Any]) -> None:
        known = device < self._code.size
        code = self._code[np.where(known, device, 0)] * known
        mine = np.flatnonzero(code)
        if mine.size:
            found = notes(code[mine], at_us[mine].astype(np.int64))
            rows = [(kind, low, high) for at, low, high in found for kind in self._kinds[at]]
            columns = [row[0] for row in rows], [from_us(row[1]) for row in rows], [from_us(row[2]) for row in rows]
            connection.execute(_NOTE, columns)

    def _load(self, connection: Connection, change: int) -> None:
        kinds: dict[int, tuple[str, ...]] = {}
        for number, kind in connection.execute(_TESTED):
            kinds[number] = (*kinds.get(number, ()), kind)
        self._kinds = [(), *sorted(set(kinds.values()))]
        place = {those: n for n, those in enumerate(self._kinds)}
        self._code = np.zeros(max(kinds, default=0) + 1, np.int64)
        for number, those in kinds.items():
            self._code[number] = place[those]
        self._change = change


def notes(code: I64, at_us: I64) -> list[tuple[int, int, int]]:
    """Code, earliest and latest time (µs) of each code and quarter of an hour among the rows, in order."""
    quarter = at_us // QUARTER_US
    first = int(quarter.min())
    many = int(quarter.max()) - first + 1
    place = code * many + (quarter - first)
    keys = np.arange(int(place.max()) + 1)
    if keys.size > _FEW:
        keys, place = np.unique(place, return_inverse=True)
    low, high = np.full(keys.size, np.iinfo(np.int64).max), np.full(keys.size, np.iinfo(np.int64).min)
    np.minimum.at(low, place, at_us)
    np.maximum.at(high, place, at_us)
    there = low <= high
    return list(zip((keys[there] // many).tolist(), low[there].tolist(), high[there].tolist(), strict=True))


def _given(columns: Columns, spans: list[ByHand]) -> Columns | None:
    hand = worth.by_hand(spans, columns["device"], columns["quantity"], columns["measured_at"])
    if not hand.any():
        return None
    came = columns["quality"]
    given = worth.compose(came, {}, hand)
    columns["quality"] = np.where(hand > 0, given, came).astype(came.dtype)
    # What is late enters no window before it is stored, and is marked as it is stored.
    other = np.flatnonzero((worth.good(columns["quality"]) != worth.good(came)) & ((came & int(Cause.LATE)) == 0))
    return {name: columns[name][other] for name in ("device", "quantity", "measured_at")}
