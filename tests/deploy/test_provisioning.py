"""Grafana's provisioning files say what `./kompas dashboards push` would send, and point at files that are there."""

import re
from pathlib import Path
from typing import Any

import yaml

from dashboards.publication import FOLDERS, Database, data_source, folder_uid
from deploy.prepare import prepare
from local.layout import REPOSITORY
from local.servers import mosquitto
from tests.deploy import compose

PROVISIONING = REPOSITORY / "deploy" / "grafana" / "provisioning"
GRAFANA = compose.services()["grafana"]


def _read(path: str) -> dict[str, Any]:
    loaded = yaml.safe_load((PROVISIONING / path).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_data_source_is_the_one_that_push_makes() -> None:
    given = _read("datasources/kompas.yaml")
    assert given["apiVersion"] == 1
    (source,) = given["datasources"]
    writer = compose.services()["writer"]["environment"]
    wanted = data_source(Database(writer["KOMPAS_DB_HOST"], int(writer["KOMPAS_DB_PORT"]), writer["KOMPAS_DB_NAME"], "kompas_reader", ""))
    assert source.pop("editable") is False
    assert source.pop("secureJsonData").keys() == wanted.pop("secureJsonData").keys()
    assert source == wanted


def test_the_password_comes_from_a_file_that_is_made(tmp_path: Path) -> None:
    (source,) = _read("datasources/kompas.yaml")["datasources"]
    match = re.fullmatch(r"\$__file\{(.+)\}", source["secureJsonData"]["password"])
    assert match is not None
    prepare(tmp_path, [mosquitto.GATEWAY, mosquitto.SIMULATOR])
    assert compose.on_disk(tmp_path, GRAFANA, match[1]).read_text(encoding="utf-8").strip()


def test_each_language_has_its_folder_and_its_boards() -> None:
    providers = _read("dashboards/kompas.yaml")["providers"]
    assert {each["folderUid"]: each["folder"] for each in providers} == {folder_uid(language): title for language, title in FOLDERS.items()}
    for each in providers:
        assert each["allowUiUpdates"] is False
        source, below = compose.source_of(GRAFANA, each["options"]["path"])
        boards = REPOSITORY / source / below
        assert folder_uid(boards.name) == each["folderUid"]
        assert list(boards.glob("*.json"))


def test_the_folders_are_mounted_where_grafana_looks() -> None:
    assert compose.mounts(GRAFANA)["/etc/grafana/provisioning"] == ("./deploy/grafana/provisioning", True)
