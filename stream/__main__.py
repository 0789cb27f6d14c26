"""The worker process: `python -m stream`."""

import sys

from stream.settings import WorkerSettings


def main() -> int:
    """Run until asked to end; exit code 0 asked to, 2 bad settings, else its own error."""
    from runtime import events, settings
    from runtime.errors import ConfigError

    try:
        mine = settings.load(WorkerSettings)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before logging is set up
        return 2
    events.configure(f"worker-{mine.ordinal}", mine.log_level)
    from stream.shell.run import run

    run(mine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
