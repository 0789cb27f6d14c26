"""The machine's Docker: is there a client, does an engine answer, is Compose new enough.

Promises  `require` returns, or raises MachineError that says which of the three is missing and what to do. Asking takes five seconds at most.
Leaves    What to run to system.py.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from local import tools
from local.errors import MachineError

ENGINE, COMPOSE = (25, 0), (2, 20)
"""The oldest that know `start_interval` of a health check, which docker-compose.yml uses."""

_ANSWER_S = 5.0
_WITHOUT = "or run ./kompas up without --docker, which needs no Docker"


class Said(NamedTuple):
    """Exit code of a command and what it said, both streams together."""

    code: int
    text: str


def ask(arguments: Sequence[str], within_s: float = _ANSWER_S, environment: Mapping[str, str] | None = None) -> Said:
    """Run `docker …`; code 124 where it does not end in time, 127 where there is no such program."""
    program = tools.find("docker")
    if program is None:
        return Said(127, "docker: not found")
    try:
        done = subprocess.run(
            [program, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Said(124, f"no answer within {within_s:.0f} s")
    return Said(done.returncode, (done.stdout + done.stderr).strip())


def answers() -> bool:
    """Whether a Docker that could run Kompas is at hand; asks nothing where there is no client."""
    try:
        require()
    except MachineError:
        return False
    return True


def require() -> None:
    """MachineError where client, engine or Compose is missing or too old."""
    if tools.find("docker") is None:
        raise MachineError("docker is missing", f"install Docker Engine {ENGINE[0]} or newer with its Compose plugin, {_WITHOUT}")
    engine = ask(["version", "--format", "{{.Server.Version}}"])
    if engine.code != 0:
        raise MachineError(
            f"no Docker engine answers: {_last_line(engine.text)}",
            f"start it (systemctl start docker) and see that you may use it (docker version as this user), {_WITHOUT}",
        )
    _require_version("Docker Engine", engine.text, ENGINE)
    compose = ask(["compose", "version", "--short"])
    if compose.code != 0:
        raise MachineError(f"docker has no Compose: {_first_line(compose.text)}", f"install the package docker-compose-plugin, {_WITHOUT}")
    _require_version("Docker Compose", compose.text, COMPOSE)


def version(text: str) -> tuple[int, int] | None:
    """Major and minor of what a program says of itself, `v2.29.7` and `28.2.2-ce` too."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _require_version(what: str, said: str, wanted: tuple[int, int]) -> None:
    got = version(said)
    if got is None or got < wanted:
        raise MachineError(f"{what}: wanted {wanted[0]}.{wanted[1]} or newer, got {_last_line(said) or 'no version'}", f"update it, {_WITHOUT}")


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "it said nothing"


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else "it said nothing"
