"""Once a day, forget readings whose retention is over; the rule is the database's function apply_retention.

Promises  The same on both editions of TimescaleDB; a server that is away or busy is asked again.
Leaves    How long what is kept to the sensor kinds (catalog/sensors, city packs).
"""

import asyncio
from typing import NamedTuple

from catalog import tables
from catalog.windows import from_us
from runtime import clock, events
from runtime.errors import Unavailable
from storage import ledger_rows
from storage.connect import world
from storage.layout import connect

_FORGET_WORDS = f"""
    DELETE FROM {tables.QUALITY_WORD.name} w USING {tables.SENSOR_KIND.name} k
    WHERE k.id = w.kind AND w.starts < %s - make_interval(days => k.retention_days)
"""
DAILY_S = 86_400.0
AGAIN_S = 300.0
LIVES_US = 30 * 86_400_000_000
"""How long the ledger keeps a gateway's life apart that nobody hears of: far longer than Kafka keeps its frames."""


class Forgotten(NamedTuple):
    """What one run removed."""

    chunks: int
    rows: int


def forget(conninfo: str, now_us: int) -> Forgotten:
    """One run, in a connection of its own; raises Unavailable, also where a chunk is in use."""
    with world(), connect(conninfo, "kompas retention") as connection:
        row = connection.execute("SELECT chunks_dropped, rows_deleted FROM apply_retention(%s)", (from_us(now_us),)).fetchone()
        connection.execute(_FORGET_WORDS, (from_us(now_us),))
        ledger_rows.fold(connection, from_us(now_us - LIVES_US))
        return Forgotten(*row) if row is not None else Forgotten(0, 0)


async def daily(conninfo: str, stopped: asyncio.Event) -> None:
    """Run now and every day until stopped."""
    while not stopped.is_set():
        pause_s = DAILY_S
        try:
            forgotten = await asyncio.to_thread(forget, conninfo, clock.now_us())
            if forgotten != (0, 0):
                events.happened("readings_forgotten", chunks=forgotten.chunks, rows=forgotten.rows)
        except Unavailable as error:
            events.happened("retention_postponed", again_in_s=AGAIN_S, problem=str(error))
            pause_s = AGAIN_S
        try:
            await asyncio.wait_for(stopped.wait(), pause_s)
        except TimeoutError:
            continue
