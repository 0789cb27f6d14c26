"""What `docker inspect` says of our containers, as the servers and processes that `status` shows. Pure.

Promises  The names are those of a Kompas without Docker (the service timescaledb is the server postgres); a container that is not there is
          `stopped`, one that runs but is not healthy says why.
Leaves    Asking Docker to system.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from local.state import Part, PartState

SERVERS: Mapping[str, tuple[str, str]] = {"mosquitto": ("mosquitto", "mqtt"), "kafka": ("kafka", "kafka"), "postgres": ("timescaledb", "database")}
"""Server to its service in docker-compose.yml and the name of its port."""

ONE_SHOTS = ("prepare", "topics", "migrate")
"""Services that run to their end before others start."""

_LABEL = "com.docker.compose.service"
Container = Mapping[str, Any]


def by_service(containers: Iterable[Container]) -> dict[str, Container]:
    """Containers by the name of their service."""
    return {each["Config"]["Labels"].get(_LABEL, ""): each for each in containers}


def part(name: str, service: str, port: int, containers: Mapping[str, Container]) -> Part:
    """One server or process."""
    log = f"docker compose logs {service}"
    container = containers.get(service)
    if container is None:
        return Part(name, "stopped", port=port, log=log, reason="there is no container of it")
    told = container["State"]
    state, reason = _state(told)
    pid = int(told.get("Pid") or 0) or None
    return Part(name, state, pid, port, _time_us(told.get("StartedAt", "")), int(container.get("RestartCount", 0)), reason, log)


def servers(ports: Mapping[str, int], containers: Mapping[str, Container]) -> dict[str, Part]:
    """The three servers."""
    return {name: part(name, service, ports[port], containers) for name, (service, port) in SERVERS.items()}


def processes(names: Sequence[str], ports: Mapping[str, int], containers: Mapping[str, Container]) -> dict[str, Part]:
    """Our processes."""
    return {name: part(name, name, ports[name], containers) for name in names}


def culprits(containers: Mapping[str, Container]) -> list[str]:
    """Services that did not do what they should: ended with an error, or are not healthy."""
    found = []
    for service, container in sorted(containers.items()):
        told = container["State"]
        ended = told["Status"] in ("exited", "dead") and (told.get("ExitCode", 0) != 0 or service not in ONE_SHOTS)
        if ended or told["Status"] == "restarting" or _health(told) == "unhealthy":
            found.append(service)
    return found


def _state(told: Mapping[str, Any]) -> tuple[PartState, str]:
    status, health = told["Status"], _health(told)
    if status == "running":
        if health == "starting":
            return "starting", ""
        return ("failed", f"not healthy: {_last_probe(told)}") if health == "unhealthy" else ("up", "")
    if status == "restarting":
        return "restarting", f"ended with code {told.get('ExitCode')}"
    if status == "created":
        return "waiting", ""
    error = told.get("Error") or ("it ran out of memory" if told.get("OOMKilled") else "")
    return "failed", f"{status} with code {told.get('ExitCode')}{': ' + error if error else ''}"


def _health(told: Mapping[str, Any]) -> str:
    return str((told.get("Health") or {}).get("Status", ""))


def _last_probe(told: Mapping[str, Any]) -> str:
    log = (told.get("Health") or {}).get("Log") or [{}]
    return str(log[-1].get("Output", "")).strip() or "its health check fails"


def _time_us(text: str) -> int:
    """RFC 3339 with up to nine digits of a second, as Docker writes; 0 where a container never started."""
    if not text or text.startswith("0001-"):
        return 0
    whole, _, rest = text.partition(".")
    offset = "+00:00" if rest.endswith("Z") or whole.endswith("Z") else rest.lstrip("0123456789")
    at = datetime.fromisoformat(whole.removesuffix("Z")[:19] + (offset or "+00:00"))
    digits = "".join(digit for digit in rest[:9] if digit.isdigit())
    return int(at.timestamp()) * 1_000_000 + int(digits.ljust(6, "0")[:6] or 0)
