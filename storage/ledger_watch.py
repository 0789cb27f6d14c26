"""The alarm of the ledger: one of the writers looks at the books every ten seconds and says where something is missing.

Promises  What is only on its way is no alarm: the equations hold at every moment of the log, and a difference must stand for half a minute.
          Each alarm is one event in the log when it comes and one when it goes; the metric and /report show it in between.
Leaves    The equations to storage.ledger.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from catalog.topics import REJECTED
from runtime import clock, events
from runtime.errors import Unavailable
from storage import ledger, ledger_books, queries
from storage.connect import Connection
from storage.metrics import WriterMetrics

EVERY_S, STANDS_S = 10.0, 30.0


class LedgerWatch:
    """`run` is its task; `page` is what /report shows, with the alarms of `others`."""

    def __init__(self, conninfo: str, metrics: WriterMetrics, lag: Callable[[], dict[str, int]], others: Callable[[], list[str]] = list) -> None:
        self._conninfo, self._metrics, self._lag, self._others = conninfo, metrics, lag, others
        self._connection: Connection | None = None
        self._since_s: float | None = None
        self._told: list[str] = []
        self._dropped = 0
        self._found = ledger.Found([], [], [])
        self._looked = False

    async def run(self) -> None:
        """Look for ever; cancel to stop."""
        try:
            while True:
                try:
                    self.saw(*await asyncio.to_thread(self._look), clock.monotonic_s())
                except Unavailable:
                    self._close()
                await asyncio.sleep(EVERY_S)
        finally:
            self._close()

    def saw(self, found: ledger.Found, dropped: int, now_s: float) -> None:
        """One look at `now_s` (monotonic): `dropped` are the broker's."""
        self._found, self._looked = found, True
        self._since_s = None if found.balance == 0 else now_s if self._since_s is None else self._since_s
        standing = found.balance if self._since_s is not None and now_s - self._since_s >= STANDS_S else 0
        self._metrics.ledger_balance.set(standing)
        self._metrics.broker_dropped.set(dropped)
        told = [ledger.said(line) for line in found.lines if line.hop != ledger.BROKER] if standing else []
        if told and told != self._told:
            events.failed("ledger_unbalanced", balance=standing, lines=told[:20])
        if self._told and not told:
            events.happened("ledger_balanced")
        if dropped > self._dropped:
            events.failed("dropped_by_broker", messages=dropped, more=dropped - self._dropped)
        self._told, self._dropped = told, dropped

    def page(self) -> dict[str, Any] | None:
        """Balance that stands (0: well), and what somebody must look at; None before the first look."""
        if not self._looked:
            return None
        return {"balance": self._found.balance if self._told else 0, "alarms": [*self._told, *self._others()], "dropped_by_broker": self._dropped}

    def _look(self) -> tuple[ledger.Found, int]:
        if self._connection is None:
            self._connection = queries.reader(self._conninfo, "kompas ledger")
        books = ledger_books.read(self._connection)
        return ledger.judge(books, caught_up=self._lag().get(REJECTED.name, 0) == 0), books.broker_dropped

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
