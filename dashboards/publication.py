"""What is published to a Grafana: a folder per language, the data source, the boards; as one plain document.

Promises  Fixed uids, so that a second push updates what the first one made.
Leaves    Sending it to dashboards/push, which runs in an environment of its own.
"""

from collections.abc import Mapping
from typing import NamedTuple

from dashboards.builder.fields import Json
from dashboards.builder.panels import DATA_SOURCE

FOLDERS: Mapping[str, str] = {"en": "Kompas (English)", "fr": "Kompas (français)", "nl": "Kompas (Nederlands)"}
"""Title of the folder of each language; its uid is kompas-<language>."""


class Database(NamedTuple):
    """Where Grafana finds the database, seen from Grafana, and as whom it reads."""

    host: str
    port: int
    name: str
    user: str
    password: str


def folder_uid(language: str) -> str:
    """Uid of the folder of a language."""
    return f"kompas-{language}"


def data_source(database: Database) -> Json:
    """The data source that every board refers to."""
    return {
        "access": "proxy",
        "isDefault": True,
        "jsonData": {
            "connMaxLifetime": 14_400,
            "database": database.name,
            "maxIdleConns": 20,
            "maxOpenConns": 20,
            "postgresVersion": 1_700,
            "sslmode": "disable",
            "timeInterval": "1s",
            "timescaledb": True,
        },
        "name": "Kompas",
        "secureJsonData": {"password": database.password},
        "type": DATA_SOURCE["type"],
        "uid": DATA_SOURCE["uid"],
        "url": f"{database.host}:{database.port}",
        "user": database.user,
    }


def document(built: Mapping[str, Json], database: Database | None) -> Json:
    """Everything to publish; without a database the data source is left as it is."""
    languages = sorted({path.split("/")[0] for path in built})
    return {
        "boards": [{"dashboard": dashboard, "folder": folder_uid(path.split("/")[0])} for path, dashboard in built.items()],
        "data_source": None if database is None else data_source(database),
        "folders": [{"title": FOLDERS[language], "uid": folder_uid(language)} for language in languages],
    }
