"""`python -m ingest`: the gateway. Ends with 0 when asked to, 2 for bad settings, 1 by its own error."""

import asyncio
import logging
import signal
import sys

import uvloop

from ingest.gateway import Gateway
from ingest.settings import GatewaySettings
from runtime import events
from runtime.errors import ConfigError
from runtime.settings import load


async def _serve(settings: GatewaySettings) -> None:
    gateway = Gateway(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gateway.stop)
    await gateway.run()


def main() -> int:
    """Run until asked to stop; the exit code."""
    events.configure("gateway")
    # it says the same hundreds of times a second while a broker is away; the gateway says it once, and /readyz says it always
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        settings = load(GatewaySettings)
        events.configure("gateway", settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except ConfigError as error:
        events.failed("settings_refused", error=str(error))
        return 2
    except Exception as error:  # noqa: BLE001 - said once, with the exit code that makes the supervisor start again
        events.failed("gateway_failed", error=repr(error), exc_info=error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
