"""Find the commands: each file in cli/ without a leading underscore binds COMMAND, a function or a typer sub-app.

Promises  Sorted by name; a file without COMMAND, without an example in its docstring, or that does not import is an error that names it.
          Where a command is named, only its file is read, so that one broken command does not stop another.
Leaves    What they do to the files.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from catalog.errors import ConfigError

HOME = Path(__file__).parent


def names(folder: Path = HOME) -> list[str]:
    """Names of the commands there are."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def load(name: str) -> tuple[Callable[..., Any] | typer.Typer, str]:
    """COMMAND of one file, and its docstring; raises ConfigError."""
    where = f"cli/{name}.py"
    try:
        module = importlib.import_module(f"cli.{name}")
    except ImportError as error:
        raise ConfigError(where, "a file that imports", str(error)) from error
    command = getattr(module, "COMMAND", None)
    if not callable(command):
        raise ConfigError(f"{where}: COMMAND", "a function or a typer.Typer", command)
    if f"./kompas {name}" not in (module.__doc__ or ""):
        raise ConfigError(f"{where}: docstring", f"an example that starts with ./kompas {name}", module.__doc__)
    return command, module.__doc__ or ""


def example(docstring: str) -> str:
    """The example lines of a docstring, as the end of --help."""
    lines = [line.strip() for line in docstring.splitlines() if line.strip().startswith("./kompas")]
    return "Example:  " + "\n\n          ".join(lines)


def build(arguments: list[str]) -> typer.Typer:
    """The command line for these arguments."""
    there = names()
    wanted = [name for name in there if name == next((word for word in arguments if not word.startswith("-")), None)]
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Kompas: a city's compass.")
    app.callback()(_root)
    for name in wanted or there:
        command, text = load(name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, epilog=example(text), no_args_is_help=True)
        else:
            options = {"allow_extra_args": True, "ignore_unknown_options": True} if getattr(command, "PASSES_ON", False) else {}
            app.command(name=name, epilog=example(text), context_settings=options)(command)
    return app


def _root() -> None:
    """Kompas: from a sensor's MQTT message to a live, defendable KPI."""
