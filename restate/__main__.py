"""The restater: `python -m restate`, computes closed windows again where readings came late or changed.

Promises  Ends with 0 when asked to, 2 for a wrong setting; waits for servers that are away and says for which. Live values go first: it
          takes the processor where nobody else wants it (its niceness is at least GIVES_WAY).
Leaves    The loop to restate.loop; starting it again to the supervisor.
"""

import asyncio
import os
import signal
import sys

from restate.loop import Loop
from restate.metrics import RestaterMetrics
from restate.progress import LONGEST_GROUP, LoopProgress
from restate.settings import RestaterSettings
from runtime import events
from runtime.errors import ConfigError
from runtime.guard import Guard
from runtime.health import HealthServer
from runtime.settings import load

GIVES_WAY = 10
"""Niceness: a quarter-hour's deferred tests are a minute's work that can wait, and live values are not to wait for it."""


async def run(settings: RestaterSettings) -> None:
    """Serve health and restate until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    work = Loop(settings, RestaterMetrics())
    guard = Guard(LoopProgress(settings, work), LONGEST_GROUP * settings.watchdog_s, loop)
    ready = {"servers": work.trouble, "outage": guard.awaited, "progress": guard.problem}
    health = HealthServer(settings.health_host, settings.health_port, alive={"loop": work.stuck}, ready=ready)
    await health.start()
    guard.start()
    events.happened("restater_started", health_port=health.port)
    try:
        await work.run(stopped)
    finally:
        guard.stop()
        await health.stop()
    events.happened("restater_stopped")


def main() -> int:
    """The process."""
    events.configure("restater")
    try:
        settings = load(RestaterSettings)
        events.configure("restater", settings.log_level)
        os.nice(max(0, GIVES_WAY - os.nice(0)))
        asyncio.run(run(settings))
    except ConfigError as error:
        events.failed("restater_refused", problem=str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
