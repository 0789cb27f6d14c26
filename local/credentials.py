"""Secrets: one file per MQTT user and database role, made once.

Promises  Files are readable by their owner only (0600) and never overwritten.
Leaves    Using them to the servers and to the processes, which get the file's path.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

MQTT_GATEWAY, MQTT_SIMULATOR = "gateway", "simulator"
SUPERUSER, OWNER, WRITER, READER = "postgres", "kompas_owner", "kompas_writer", "kompas_reader"
ROLES: tuple[str, ...] = (SUPERUSER, OWNER, WRITER, READER)
GRAFANA_ADMIN = "grafana-admin"
"""File of the password of Grafana's admin; made where Grafana is, in containers."""


def mqtt_file(folder: Path, user: str) -> Path:
    """Where the password of an MQTT user lies."""
    return folder / f"mqtt-{user}"


def role_file(folder: Path, role: str) -> Path:
    """Where the password of a database role lies."""
    return folder / f"db-{role}"


def ensure(path: Path) -> str:
    """The secret in `path`, made if there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(path, secrets.token_urlsafe(18))
    return path.read_text(encoding="utf-8").rstrip("\n")


def ensure_all(folder: Path, mqtt_users: Iterable[str]) -> None:
    """Secrets of every role and of the MQTT users."""
    for role in ROLES:
        ensure(role_file(folder, role))
    for user in mqtt_users:
        ensure(mqtt_file(folder, user))


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    part.replace(path)
