"""Make secrets and Mosquitto's configuration for the containers: `python -m deploy.prepare`, once, before the servers start.

Promises  Secrets are made once and never overwritten; each container's volume gets those that it needs and no others.
          Run again, it takes up new manual devices and nothing else changes.
Leaves    Roles and database to deploy/postgres/kompas.sh, which reads the files made here.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from catalog.cities import load_city
from deploy.mosquitto_hash import password_line
from local import credentials
from local.servers import mosquitto
from runtime import events
from runtime.errors import ConfigError
from runtime.settings import Settings, load

MQTT_PORT = 1883
_INSIDE = Path("/mosquitto/config")
_DATA = "/mosquitto/data/"


class PrepareSettings(Settings, frozen=True, kw_only=True):
    """Settings of the set-up of containers."""

    secrets_dir: Annotated[str, Meta(description="Folder whose subfolders are the volumes of secrets.")] = "/secrets"


def configuration() -> str:
    """mosquitto.conf for the container: the local one, with data in the image's own place."""
    text = mosquitto.configuration(_INSIDE, "0.0.0.0", MQTT_PORT)
    local_place = f"persistence_location {_INSIDE / 'data'}/"
    if local_place not in text:
        raise ConfigError("local/servers/mosquitto", f"a line {local_place!r}", "none")
    return text.replace(local_place, f"persistence_location {_DATA}").replace("user root\n", "")


def users_of(cities: str, folder: Path | None) -> list[mosquitto.MqttUser]:
    """Everybody who may log in to MQTT: gateway, simulator, and each manual device of the packs."""
    names = [name.strip() for name in cities.split(",") if name.strip()]
    devices = [device for name in names for device in load_city(name, folder).devices.values() if device.manual]
    return [mosquitto.GATEWAY, mosquitto.SIMULATOR, *(mosquitto.device_user(device.id, device.city) for device in devices)]


def prepare(root: Path, users: Sequence[mosquitto.MqttUser]) -> None:
    """Fill the volumes below `root`: kompas, postgres, grafana, mosquitto."""
    ours = root / "kompas"
    credentials.ensure_all(ours, (user.name for user in users))
    credentials.ensure(ours / credentials.GRAFANA_ADMIN)
    _share(ours, root / "postgres", (f"db-{role}" for role in credentials.ROLES))
    _share(ours, root / "grafana", (f"db-{credentials.READER}", credentials.GRAFANA_ADMIN))
    place = root / "mosquitto"
    place.mkdir(parents=True, exist_ok=True)
    secrets = {user.name: credentials.ensure(credentials.mqtt_file(ours, user.name)) for user in users}
    _publish(place / "passwords", "".join(password_line(name, secret, os.urandom(12)) + "\n" for name, secret in secrets.items()))
    _publish(place / "access", "\n".join(line for user in users for line in (f"user {user.name}", *user.rules, "")))
    _publish(place / "mosquitto.conf", configuration())


def _share(source: Path, folder: Path, names: Iterable[str]) -> None:
    """Copy secrets into a volume that one server alone mounts; its user is not ours, so the file is readable."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        _publish(folder / name, (source / name).read_text(encoding="utf-8"))


def _publish(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.chmod(0o444)
    part.replace(path)


def main() -> int:
    """The command; 0 done, 2 a setting or a city pack is wrong."""
    events.configure("prepare")
    try:
        settings = load(PrepareSettings)
        users = users_of(settings.cities, Path(settings.cities_dir) if settings.cities_dir else None)
        prepare(Path(settings.secrets_dir), users)
    except ConfigError as error:
        events.failed("preparation_refused", problem=str(error))
        return 2
    events.happened("secrets_ready", mqtt_users=len(users))
    return 0


if __name__ == "__main__":
    sys.exit(main())
