"""Create the Kafka topics for the containers: `python -m deploy.topics`, once, before any process of ours starts.

Promises  What catalog/topics declares is there afterwards; what was there stays. Waits a minute for Kafka.
"""

import sys
import time

from local import topics
from local.errors import MachineError
from runtime import clock, events
from runtime.errors import ConfigError
from runtime.settings import Settings, load

_WAIT_S = 60.0


def main() -> int:
    """The command; 0 done, 1 Kafka is missing or its topics do not fit, 2 a setting is wrong."""
    events.configure("topics")
    try:
        settings = load(Settings)
    except ConfigError as error:
        events.failed("settings_refused", problem=str(error))
        return 2
    until_s = clock.monotonic_s() + _WAIT_S
    while (wrong := topics.ask(settings.kafka)) is not None:
        if clock.monotonic_s() > until_s:
            events.failed("kafka_missing", address=settings.kafka, problem=wrong)
            return 1
        time.sleep(1.0)
    try:
        created = topics.create(settings.kafka)
    except MachineError as error:
        events.failed("topics_refused", problem=str(error))
        return 1
    events.happened("topics_ready", created=created)
    return 0


if __name__ == "__main__":
    sys.exit(main())
