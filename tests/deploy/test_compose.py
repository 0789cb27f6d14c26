"""docker-compose.yml: valid by the compose specification's schema, and everything it names exists in the code."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from catalog.cities import HOME as CITIES
from deploy.prepare import MQTT_PORT, PrepareSettings, prepare, users_of
from ingest.settings import GatewaySettings
from local import ports, processes
from local.docker.system import PUBLISHED
from local.layout import REPOSITORY
from local.processes import Addresses
from local.servers import kafka_files
from local.servers.postgres import SETTINGS
from restate.settings import RestaterSettings
from runtime.settings import DatabaseSettings, Settings, load
from simulators.demo import DemoSettings
from storage.settings import WriterSettings
from stream.settings import WorkerSettings
from tests.deploy import compose

SETTINGS_OF: dict[str, type[Settings]] = {
    "deploy.prepare": PrepareSettings,
    "deploy.topics": Settings,
    "storage.migrate": DatabaseSettings,
    "storage": WriterSettings,
    "restate": RestaterSettings,
    "stream": WorkerSettings,
    "ingest": GatewaySettings,
    "simulators.demo": DemoSettings,
}
SERVICES = compose.services()
OURS = compose.ours()
ONE_SHOTS = {"prepare", "topics", "migrate"}
AT = Addresses("kafka:9092", "mosquitto", 1883, "timescaledb", 5432, "kompas", Path("/secrets/kompas"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    prepare(folder, users_of("brussels", CITIES))
    return folder


def test_the_file_is_valid_by_the_compose_specification() -> None:
    found = importlib.util.find_spec("check_jsonschema")
    if found is None or found.origin is None:
        pytest.skip("the specification's schema comes with the package check-jsonschema, which is not installed")
    schema = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose.raw(), json.loads(schema.read_text(encoding="utf-8")))


def test_it_is_the_whole_system() -> None:
    assert set(SERVICES) == {"mosquitto", "kafka", "timescaledb", "grafana", *OURS}
    assert set(OURS) == {"prepare", "topics", "migrate", "gateway", "worker", "writer", "restater", "demo"}


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_a_module_that_can_be_run(name: str) -> None:
    module = compose.module(OURS[name])
    found = importlib.util.find_spec(module)
    assert found is not None
    if found.submodule_search_locations is not None:
        assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize("name", OURS)
def test_the_environment_is_whole_and_every_variable_is_a_setting(name: str) -> None:
    kind = SETTINGS_OF[compose.module(OURS[name])]
    given = OURS[name]["environment"]
    assert {key.removeprefix("KOMPAS_").lower() for key in given} <= set(kind.__struct_fields__)
    assert all(isinstance(value, str) for value in given.values())
    load(kind, given)


@pytest.mark.parametrize("process", [processes.MIGRATE, *processes.LONG_RUNNING], ids=lambda process: process.name)
def test_a_process_runs_as_it_does_without_containers(process: processes.Process) -> None:
    service = OURS[process.name]
    assert compose.module(service) == process.module
    kind = SETTINGS_OF[process.module]
    needed = {key: value for key, value in processes.settings(process, AT).items() if key.removeprefix("KOMPAS_").lower() in kind.__struct_fields__}
    given = service["environment"]
    assert set(needed) <= set(given)
    differing = {key for key in needed if key not in ("KOMPAS_HEALTH_HOST", "KOMPAS_HEALTH_PORT") and needed[key] != given[key]}
    assert not differing


def test_published_ports_are_those_of_the_local_set_up_and_stay_on_this_machine() -> None:
    published = {}
    for name, service in SERVICES.items():
        for text in compose.raw()["services"][name].get("ports", []):
            match = re.fullmatch(r"127\.0\.0\.1:\$\{KOMPAS_PORT_([A-Z_]+):-(\d+)\}:(\d+)", text)
            assert match is not None, text
            published[match[1].lower()] = (int(match[2]), name, int(match[3]))
            assert "healthcheck" in service
    assert {name: port for name, (port, _, _) in published.items()} == {name: ports.DEFAULTS[name] for name in PUBLISHED}
    for process in processes.LONG_RUNNING:
        assert published[process.name][1:] == (process.name, int(OURS[process.name]["environment"]["KOMPAS_HEALTH_PORT"]))
    assert published["mqtt"][1:] == ("mosquitto", MQTT_PORT)
    assert published["database"][1:] == ("timescaledb", int(OURS["writer"]["environment"]["KOMPAS_DB_PORT"]))
    listeners = SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]
    assert f":{published['kafka'][2]}" in listeners
    assert f":{OURS['worker']['environment']['KOMPAS_KAFKA'].split(':')[1]}," in listeners
    assert f":{ports.DEFAULTS['kafka']}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_every_host_is_a_service() -> None:
    for service in OURS.values():
        given = service["environment"]
        hosts = [given["KOMPAS_KAFKA"].split(":")[0], *(given[key] for key in ("KOMPAS_MQTT_HOST", "KOMPAS_DB_HOST") if key in given)]
        assert set(hosts) <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_file_is_made_and_can_be_read_where_it_is_used(prepared: Path, name: str) -> None:
    service = SERVICES[name]
    for key, path in service.get("environment", {}).items():
        if key.endswith("_FILE"):
            assert compose.on_disk(prepared, service, path).read_text(encoding="utf-8").strip(), key
    for text in service.get("environment", {}).values():
        assert "password" not in text.lower() or text.startswith("/secrets/")


@pytest.mark.parametrize("name", SERVICES)
def test_every_path_exists_and_every_volume_is_declared(name: str) -> None:
    declared = set(compose.raw()["volumes"])
    for source, read_only in compose.mounts(SERVICES[name]).values():
        if source.startswith("."):
            assert (REPOSITORY / source).exists(), source
            assert read_only, source
        else:
            assert source in declared


def test_every_declared_volume_is_used() -> None:
    used = {source for service in SERVICES.values() for source, _ in compose.mounts(service).values()}
    assert set(compose.raw()["volumes"]) <= used


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_servers_are_watched_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:\d[\w.-]*", service["image"])
    if name in ONE_SHOTS:
        assert service["restart"] == "no"
        assert any(_waits(other, name) == "service_completed_successfully" for other in SERVICES.values())
    else:
        assert service["restart"] == "unless-stopped"
        assert "healthcheck" in service


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_exists_and_can_be_told(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_completed_successfully" if other in ONE_SHOTS else "service_healthy")
        assert other in SERVICES


def _waits(service: dict[str, Any], name: str) -> str | None:
    condition = service.get("depends_on", {}).get(name, {}).get("condition")
    return condition if isinstance(condition, str) else None


def test_kafka_is_set_as_without_containers() -> None:
    local = dict(line.split("=", 1) for line in kafka_files.properties(Path("/data"), "h", 1, 2).splitlines())
    here = {key.removeprefix("KAFKA_").lower().replace("_", "."): value for key, value in SERVICES["kafka"]["environment"].items()}
    own = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    assert {key: value for key, value in local.items() if key not in own} == {key: here.get(key) for key in local if key not in own}
    assert own <= set(here)
    assert SERVICES["kafka"]["image"].endswith(f":{kafka_files.KAFKA}")


def test_postgres_is_set_as_without_containers() -> None:
    command = SERVICES["timescaledb"]["command"]
    given = dict(text.split("=", 1) for text in command[2::2])
    assert command[1::2] == ["-c"] * len(given)
    for key, value in given.items():
        if key != "max_worker_processes":  # the community edition runs background workers of its own
            assert SETTINGS[key].strip("'") == value, key
    assert "-pg17" in SERVICES["timescaledb"]["image"]


def test_grafana_needs_a_login_and_may_refresh_every_second() -> None:
    given = SERVICES["grafana"]["environment"]
    assert given["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert given["GF_DASHBOARDS_MIN_REFRESH_INTERVAL"] == "1s"
    home = given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    source, below = compose.source_of(SERVICES["grafana"], home)
    assert (REPOSITORY / source / below).is_file()
