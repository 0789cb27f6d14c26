"""Settings from the environment: typed, frozen, checked before any socket, able to print themselves.

Promises  `load(SomeSettings)` reads KOMPAS_<FIELD> for each field; an error names variable, wanted and got.
Leaves    Who sets the variables to local/processes.py and docker-compose.yml.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from runtime.errors import ConfigError

Port = Annotated[int, Meta(ge=0, le=65_535)]
T = TypeVar("T", bound="Settings")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process needs."""

    kafka: Annotated[str, Meta(description="Kafka bootstrap address, host:port.")]
    cities: Annotated[str, Meta(description="City packs that run, comma-separated names of folders in cities/.")] = "brussels"
    cities_dir: Annotated[str, Meta(description="Folder with the city packs; empty: the repository's cities/.")] = ""
    catalog_dir: Annotated[str, Meta(description="Folder with the catalogue; empty: the repository's catalog/.")] = ""
    ordinal: Annotated[int, Meta(ge=0, description="Number of this process among its kind.")] = 0
    health_host: Annotated[str, Meta(description="Address of /healthz, /readyz and /metrics.")] = "127.0.0.1"
    health_port: Annotated[Port, Meta(description="Port of /healthz, /readyz and /metrics; 0 picks a free one.")] = 0
    log_level: Annotated[str, Meta(description="debug, info, warning or error.")] = "info"
    watchdog_s: Annotated[float, Meta(ge=1.0, description="Ends itself where work waits, servers answer and nothing moves for so long, s.")] = 60.0


class MqttSettings(Settings, frozen=True, kw_only=True):
    """What a process on the MQTT side needs."""

    mqtt_host: Annotated[str, Meta(description="MQTT broker's host.")] = "127.0.0.1"
    mqtt_port: Annotated[Port, Meta(description="MQTT broker's port.")] = 1883
    mqtt_user: Annotated[str, Meta(description="MQTT user name.")]
    mqtt_password_file: Annotated[str, Meta(description="File that holds the MQTT password.")]


class DatabaseSettings(Settings, frozen=True, kw_only=True):
    """What a process on the database side needs."""

    db_host: Annotated[str, Meta(description="PostgreSQL host.")] = "127.0.0.1"
    db_port: Annotated[Port, Meta(description="PostgreSQL port.")] = 5432
    db_name: Annotated[str, Meta(description="Database.")] = "kompas"
    db_user: Annotated[str, Meta(description="Role.")]
    db_password_file: Annotated[str, Meta(description="File that holds the role's password.")]

    @property
    def conninfo(self) -> str:
        """libpq connection string, password included: never log it."""
        return f"host={self.db_host} port={self.db_port} dbname={self.db_name} user={self.db_user} password={secret(self.db_password_file)}"


def secret(path: str) -> str:
    """The content of a secret file, without the trailing newline."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise ConfigError(path, "a readable secret file", error.strerror) from error


def load(kind: type[T], environment: Mapping[str, str] | None = None) -> T:
    """Decode KOMPAS_* variables into `kind`; raises ConfigError that names the variable."""
    environment = os.environ if environment is None else environment
    given = {}
    for field in msgspec.structs.fields(kind):
        variable = "KOMPAS_" + field.name.upper()
        if variable in environment:
            given[field.name] = environment[variable]
        elif field.required:
            raise ConfigError(variable, "a value", "nothing")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError("KOMPAS_*", "valid settings", str(error)) from error
