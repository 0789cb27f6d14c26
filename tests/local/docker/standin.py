"""A stand-in for the program `docker`: it writes down how it was called, and answers as an engine with our containers would.

Run as a program it reads its folder from KOMPAS_TEST_DOCKER; there lie `calls` (a JSON line a call) and `answers.json` (what to say: `engine`,
`compose`, `fails`: the compose command that fails, `containers`: by service what to change in State, `secrets`: names to copy out).
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

SERVICES = ("prepare", "mosquitto", "kafka", "timescaledb", "topics", "migrate", "writer", "restater", "worker", "gateway", "demo", "grafana")
ONE_SHOTS = ("prepare", "topics", "migrate")


class Standin:
    """The folder of one, seen from the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        program = folder / "bin" / "docker"
        program.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({__file__!r}, run_name='__main__')\n")
        program.chmod(0o755)
        self.answer()

    def answer(self, **more: Any) -> None:
        """What it says from now on."""
        plain = {"engine": "28.2.2", "compose": "2.29.7", "fails": None, "containers": {}, "secrets": ["mqtt-gateway", "db-kompas_reader"]}
        (self.folder / "answers.json").write_bytes(msgspec.json.encode(plain | more))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call so far: arguments and KOMPAS_ variables."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def composed(self) -> list[list[str]]:
        """Arguments of the calls of compose that change something, without project and file."""
        found = [call["arguments"][5:] for call in self.calls if call["arguments"][:2] == ["compose", "--project-name"]]
        return [arguments for arguments in found if arguments[0] not in ("ps", "logs")]


def container(service: str, change: dict[str, Any]) -> dict[str, Any]:
    """As `docker inspect` shows one."""
    told: dict[str, Any] = {"Status": "running", "Pid": 4_000 + SERVICES.index(service), "ExitCode": 0, "Error": "", "OOMKilled": False}
    told |= {"StartedAt": "2026-11-22T14:00:00.123456789Z", "Health": {"Status": "healthy", "Log": [{"Output": "ok"}]}}
    if service in ONE_SHOTS:
        told |= {"Status": "exited", "Pid": 0, "Health": None}
    return {"Config": {"Labels": {"com.docker.compose.service": service}}, "State": told | change, "RestartCount": 0}


def _main(arguments: list[str]) -> int:
    folder = Path(os.environ["KOMPAS_TEST_DOCKER"])
    given = {name: value for name, value in os.environ.items() if name.startswith("KOMPAS_")}
    with (folder / "calls").open("a") as file:
        file.write(json.dumps({"arguments": arguments, "environment": given}) + "\n")
    says = json.loads((folder / "answers.json").read_text())
    if arguments[0] == "version":
        return _say(says["engine"], "Cannot connect to the Docker daemon")
    if arguments[:2] == ["compose", "version"]:
        return _say(says["compose"], "docker: unknown command: docker compose\n\nRun 'docker --help' for more information")
    if arguments[0] == "inspect":
        there = [container(service, says["containers"].get(service, {})) for service in arguments[1:]]
        return _say(json.dumps(there), "")
    return _compose(arguments[5:], folder / "containers", says)


def _compose(arguments: list[str], there: Path, says: dict[str, Any]) -> int:
    if arguments[0] == "ps":
        return _say(there.read_text() if there.exists() else " ", "")
    if arguments[0] == "logs":
        return _say(f"{arguments[-1]}-1 | these are its last words", "")
    if arguments[0] == "up":
        there.write_text("\n".join(service for service in SERVICES if service != "demo" or "demo=0" not in arguments))
    if arguments[0] == "down":
        there.unlink(missing_ok=True)
    if arguments[0] == "cp":
        for name in says["secrets"]:
            (Path(arguments[-1]) / name).write_text(f"secret of {name}\n")
    return _say(None if says["fails"] == arguments[0] else " ", f"{arguments[0]} went wrong")


def _say(text: str | None, else_wrong: str) -> int:
    print(text or else_wrong, file=sys.stdout if text else sys.stderr)
    return 0 if text else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
