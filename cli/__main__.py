"""`./kompas …`: runs one command and turns what went wrong into a sentence and an exit code.

Promises  0 success, 1 a failed check or a machine that refuses, 2 bad usage, 130 interrupted; no traceback for what a person can mend.
Leaves    Everything else to the commands.
"""

import sys

from rich.console import Console
from rich.markup import escape

from catalog.errors import ConfigError
from cli._loader import build
from local.errors import MachineError
from runtime.errors import Unavailable


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        build(arguments)(arguments, prog_name="./kompas")
    except ConfigError as error:
        errors.print(f"[red]kompas:[/] {escape(str(error))}")
        return 2
    except PermissionError as error:
        errors.print(f"[red]kompas:[/] {escape(str(error))}\n  What to do: run as the owner of that file, or take it over with chown")
        return 1
    except (MachineError, Unavailable) as error:
        errors.print(f"[red]kompas:[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
