"""GET /report of the writer: one JSON object for the terminal view and `./kompas status`.

Promises  Totals are exact and survive restarts; where the database does not answer the last report comes again, with its age.
Leaves    Showing it to local/.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from runtime import clock
from runtime.errors import Unavailable
from storage import queries
from storage.connect import Connection
from storage.metrics import WriterMetrics

_KEEP_S = 1.0


class Report:
    """Asks at most once a second, in a connection of its own."""

    def __init__(self, conninfo: str, metrics: WriterMetrics, lag: Callable[[], dict[str, int]], ledger: Callable[[], object]) -> None:
        self._conninfo, self._metrics, self._lag, self._ledger = conninfo, metrics, lag, ledger
        self._connection: Connection | None = None
        self._stored: dict[str, Any] = {}
        self._asked_s = float("-inf")
        self._problem: str | None = None
        self._one_at_a_time = asyncio.Lock()

    async def page(self) -> dict[str, Any]:
        """The report: totals, rejected, watermarks, worst, latency_row_s, latency_kpi_store_s, lag_records, ledger, age_s, problem."""
        async with self._one_at_a_time:
            if clock.monotonic_s() - self._asked_s > _KEEP_S:
                try:
                    self._stored = await asyncio.to_thread(self._ask)
                    self._asked_s, self._problem = clock.monotonic_s(), None
                except Unavailable as error:
                    self._problem = str(error)
        now_s = clock.monotonic_s()
        return {
            **self._stored,
            "latency_row_s": self._metrics.recent_rows.quantiles(now_s),
            "latency_kpi_store_s": self._metrics.recent_kpis.quantiles(now_s),
            "lag_records": self._lag(),
            "ledger": self._ledger(),
            "age_s": round(now_s - self._asked_s, 1) if self._stored else None,
            "problem": self._problem,
        }

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> dict[str, Any]:
        try:
            if self._connection is None:
                self._connection = queries.reader(self._conninfo, "kompas report")
            connection = self._connection
            return {
                "totals": queries.totals(connection),
                "rejected": {each.reason: {"messages": each.messages, "readings": each.readings} for each in queries.rejections(connection)},
                "watermarks": {each.kind: {"lowest": each.lowest, "highest": each.highest} for each in queries.watermarks(connection)},
                "worst": [each._asdict() for each in queries.worst(connection)],
            }
        except Unavailable:
            self.close()
            raise
