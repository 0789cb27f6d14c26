"""docker-compose.yml as tests read it: merged, interpolated with its defaults, and what its mounts mean."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from local.layout import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
IMAGE = "kompas:0.1.0"


def raw() -> dict[str, Any]:
    """The file with YAML's merges done and nothing else."""
    loaded = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Every service, variables replaced by their defaults."""
    return {name: _interpolated(service) for name, service in raw()["services"].items()}


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: service for name, service in services().items() if service["image"] == IMAGE}


def module(service: dict[str, Any]) -> str:
    """The module that a service of ours runs."""
    python, option, name = service["command"]
    assert (python, option) == ("python", "-m")
    return str(name)


def variables() -> dict[str, str]:
    """Names and defaults of the variables that a person may set."""
    return dict(_VARIABLE.findall(FILE.read_text(encoding="utf-8")))


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Target of each mount to its source (volume name or ./path) and whether it is read-only."""
    found = {}
    for text in service.get("volumes", []):
        source, target, *mode = text.split(":")
        found[target] = (source, mode == ["ro"])
    return found


def source_of(service: dict[str, Any], path: str) -> tuple[str, PurePosixPath]:
    """The volume or ./path that holds an absolute path of a container, and the place below it."""
    inside = PurePosixPath(path)
    fitting = [target for target in mounts(service) if inside.is_relative_to(target)]
    assert fitting, f"{path}: no mount holds it"
    target = max(fitting, key=len)
    return mounts(service)[target][0], inside.relative_to(target)


def on_disk(prepared: Path, service: dict[str, Any], path: str) -> Path:
    """Where a container's path lies here: in the repository, or below the folder that deploy.prepare has filled."""
    source, below = source_of(service, path)
    if source.startswith("."):
        return REPOSITORY / source / below
    return prepared / PurePosixPath(volume_targets()[source]).relative_to("/secrets") / below


def volume_targets() -> dict[str, str]:
    """Where the service `prepare` writes each volume."""
    return {source: target for target, (source, _) in mounts(services()["prepare"]).items()}


def _interpolated(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item) for item in value]
    return _VARIABLE.sub(lambda match: match[2], value) if isinstance(value, str) else value
