"""The supervisor: `python -m local --cities brussels[,zwolle] [--no-demo]`. `./kompas up` starts it.

Promises  One supervisor per home: a second one ends at once with code 3.
"""

import argparse
import sys

from catalog.errors import ConfigError
from local import state
from local.plan import plan
from local.supervise import Supervisor
from runtime import events


def main() -> int:
    """Read the arguments, take the lock, run."""
    parser = argparse.ArgumentParser(prog="python -m local")
    parser.add_argument("--cities", default="brussels")
    parser.add_argument("--no-demo", action="store_true")
    given = parser.parse_args()
    events.configure("supervisor")
    try:
        what = plan(given.cities, demo=not given.no_demo)
    except ConfigError as error:
        events.failed("settings_refused", problem=str(error))
        return 2
    lock = state.lock(what.layout.make().run)
    if lock is None:
        events.failed("runs_already", pid=state.holder(what.layout.run))
        return 3
    with lock:
        return Supervisor(what).run()


if __name__ == "__main__":
    sys.exit(main())
