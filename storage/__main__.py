"""The writer: `python -m storage`, from Kafka to TimescaleDB, exactly once.

Promises  Ends with 0 when asked to, 2 for a wrong setting, 1 where log and database contradict each other or a statement is refused;
          waits for servers that are away and says for which.
Leaves    The loops to storage.writer; starting it again to the supervisor.
"""

import asyncio
import signal
import sys

import uvloop

from runtime import events
from runtime.errors import ConfigError, Inconsistent
from runtime.guard import Guard
from runtime.health import HealthServer
from runtime.settings import load
from storage import retention
from storage.expiry import Expiry
from storage.ledger_watch import LedgerWatch
from storage.metrics import WriterMetrics
from storage.progress import WriterProgress
from storage.report import Report
from storage.settings import WriterSettings
from storage.writer import Writer


async def run(settings: WriterSettings) -> None:
    """Serve health, store, and forget what is too old, until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    metrics = WriterMetrics()
    writer = Writer(settings, metrics)
    expiry = Expiry(settings.kafka, settings.conninfo, metrics)
    ledger = LedgerWatch(settings.conninfo, metrics, writer.lag, expiry.alarms)
    report = Report(settings.conninfo, metrics, writer.lag, ledger.page)
    guard = Guard(WriterProgress(settings, writer.lanes), settings.watchdog_s, loop)
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        alive={"loop": writer.stuck},
        ready={"kafka": writer.kafka, "database": writer.database, "schema": writer.standing, "progress": guard.problem},
        extra={"/report": report.page},
    )
    await health.start()
    guard.start()
    events.happened("writer_started", health_port=health.port, writer=settings.ordinal, writers=settings.writers)
    # One of the writers is enough to forget and to look at the books.
    tasks: list[asyncio.Task[None]] = []
    if settings.ordinal == 0:
        tasks = [
            asyncio.create_task(retention.daily(settings.conninfo, stopped)),
            asyncio.create_task(ledger.run()),
            asyncio.create_task(expiry.run()),
        ]
    try:
        await writer.run(stopped)
    finally:
        guard.stop()
        for task in tasks:
            task.cancel()
        report.close()
        await health.stop()
    events.happened("writer_stopped")


def main() -> int:
    """The process."""
    events.configure("writer")
    try:
        settings = load(WriterSettings)
        events.configure("writer", settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except ConfigError as error:
        events.failed("writer_refused", problem=str(error))
        return 2
    except Inconsistent as error:
        events.failed("writer_stopped", problem=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
