"""`./kompas up --docker`, `status` and `down` on a stand-in for docker: what is asked of it, and what a person is told."""

import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock

import pytest

from cli.__main__ import main
from local import ports
from local.docker import engine, parts
from local.docker.system import FILE, PUBLISHED, SECRETS_OF, DockerSystem
from local.errors import MachineError
from local.layout import REPOSITORY, Layout
from tests.deploy import compose
from tests.local.docker.standin import SERVICES, Standin, container

REPORT = b'{"totals": {"readings": 7}, "rejected": {}, "worst": []}'


class Docked:
    """The command line on a home of its own, with the stand-in first on PATH."""

    def __init__(self, folder: Path) -> None:
        self.docker, self.home = Standin(folder / "docker"), folder / "home"
        self.ports = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("KOMPAS_")}
        self.environment |= {f"KOMPAS_PORT_{name.upper()}": str(port) for name, port in self.ports.items()}
        self.environment |= {"KOMPAS_HOME": str(self.home), "KOMPAS_CACHE": str(folder / "cache"), "KOMPAS_TEST_DOCKER": str(self.docker.folder)}
        self.environment |= {"PATH": f"{self.docker.folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "COLUMNS": "400"}

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command line in this process: what it says and its exit code are those of `./kompas`."""
        out, wrong, handler = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
        try:
            with mock.patch.dict(os.environ, self.environment, clear=True), redirect_stdout(out), redirect_stderr(wrong):
                code = main(list(arguments))
        finally:
            signal.signal(signal.SIGTERM, handler)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), wrong.getvalue())

    def status(self) -> tuple[int, dict[str, Any]]:
        done = self.run("status", "--json")
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def docked(tmp_path: Path) -> Docked:
    return Docked(tmp_path)


@pytest.fixture
def pages(docked: Docked) -> Iterator[None]:
    """What our containers would answer on their published health ports; the first `up` finds them free, so they listen later."""
    servers = [ThreadingHTTPServer((ports.HOST, docked.ports[name]), Page) for name in ("gateway", "worker", "writer", "restater", "demo")]
    threads = [Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield
    for server in servers:
        server.shutdown()
        server.server_close()


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = REPORT if self.path == "/report" else b'{"ok": true, "wrong": {}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_up_builds_starts_waits_and_brings_the_passwords(docked: Docked) -> None:
    done = docked.run("up", "--docker", "--detach", "--city", "zwolle,brussels")
    assert done.returncode == 0, done.stdout + done.stderr
    names = [arguments[0] for arguments in docked.docker.composed]
    assert names == ["pull", "build", "up", "cp"]
    assert {"--detach", "--wait"} <= set(docked.docker.composed[2])
    assert "--scale" not in docked.docker.composed[2]
    for call in docked.docker.calls:
        if call["arguments"][:2] == ["compose", "--project-name"]:
            assert call["arguments"][3:5] == ["--file", str(FILE)]
    given = next(call["environment"] for call in docked.docker.calls if "up" in call["arguments"])
    assert given["KOMPAS_CITIES"] == "zwolle,brussels"
    assert {name: given[f"KOMPAS_PORT_{name.upper()}"] for name in PUBLISHED} == {name: str(docked.ports[name]) for name in PUBLISHED}
    secret = docked.home / "docker" / "secrets" / "mqtt-gateway"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    assert str(secret) in done.stdout
    assert f"http://127.0.0.1:{docked.ports['grafana']}" in done.stdout
    assert "secret of" not in done.stdout


def test_status_is_that_of_a_kompas_without_docker(docked: Docked, request: pytest.FixtureRequest) -> None:
    assert docked.status()[1].keys() >= {"servers", "processes", "mqtt", "kafka", "database", "counts", "urls"}
    docked.run("up", "--docker", "--detach", "--city", "zwolle")
    request.getfixturevalue("pages")
    code, found = docked.status()
    assert code == 0, found
    assert found["in_docker"]
    assert found["cities"] == ["zwolle"]
    assert {name: part["pid"] for name, part in found["servers"].items()} == {"mosquitto": 4001, "kafka": 4002, "postgres": 4003}
    assert set(found["processes"]) == {"writer", "restater", "worker", "gateway", "demo"}
    assert all(part["ready"] and part["since"].startswith("2026-11-22T14:00:00") for part in found["processes"].values())
    assert found["counts"] == {"readings": 7}
    assert found["mqtt"]["port"] == docked.ports["mqtt"]
    assert found["mqtt"]["users"]["gateway"] == str(docked.home / "docker" / "secrets" / "mqtt-gateway")
    assert "in containers" in docked.run("status").stdout
    assert "runs already (in containers)" in docked.run("up", "--detach").stdout


def test_status_says_which_container_is_not_well(docked: Docked) -> None:
    docked.run("up", "--docker", "--detach", "--no-demo")
    assert docked.docker.composed[2][-2:] == ["--scale", "demo=0"]
    docked.docker.answer(containers={"kafka": {"Health": {"Status": "unhealthy", "Log": [{"Output": "no space left\n"}]}}})
    code, found = docked.status()
    assert code == 1
    assert set(found["processes"]) == {"writer", "restater", "worker", "gateway"}
    assert (found["servers"]["kafka"]["state"], found["servers"]["kafka"]["reason"]) == ("failed", "not healthy: no space left")
    assert found["servers"]["mosquitto"]["state"] == "up"


def test_down_keeps_the_data_and_purge_does_not(docked: Docked) -> None:
    docked.run("up", "--docker", "--detach")
    done = docked.run("down")
    assert (done.returncode, docked.docker.composed[-1]) == (0, ["down"])
    assert "the data are kept" in done.stdout
    assert docked.status()[1]["running"] is False
    assert "does not run" in docked.run("down").stdout
    assert docked.run("up", "--docker", "--detach").returncode == 0
    assert docked.run("down", "--purge").returncode == 0
    assert docked.docker.composed[-1] == ["down", "--volumes"]
    assert not (docked.home / "docker").exists()


def test_a_stopped_one_can_be_purged(docked: Docked) -> None:
    docked.run("up", "--docker", "--detach")
    docked.run("down")
    assert docked.run("down", "--purge").returncode == 0
    assert docked.docker.composed[-1] == ["down", "--volumes"]


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ({"engine": None}, "no Docker engine answers: Cannot connect to the Docker daemon"),
        ({"engine": "24.0.7"}, "Docker Engine: wanted 25.0 or newer, got 24.0.7"),
        ({"compose": None}, "docker has no Compose: docker: unknown command: docker compose"),
        ({"compose": "v2.19.1"}, "Docker Compose: wanted 2.20 or newer, got v2.19.1"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_started(docked: Docked, says: dict[str, Any], sentence: str) -> None:
    docked.docker.answer(**says)
    done = docked.run("up", "--docker")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "./kompas up without --docker" in done.stderr
    assert docked.docker.composed == []
    assert not docked.home.exists()


def test_without_a_client_it_says_so(docked: Docked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.tools.find", lambda _program: None)
    assert not engine.answers()
    with pytest.raises(MachineError, match="docker is missing"):
        engine.require()


def test_what_fails_is_told_with_its_last_words_and_stopped(docked: Docked) -> None:
    docked.docker.answer(fails="up", containers={"migrate": {"ExitCode": 1}, "gateway": {"Status": "created"}})
    done = docked.run("up", "--docker", "--detach")
    assert done.returncode == 1
    assert "docker compose up ended with 1: migrate:\n    migrate-1 | these are its last words" in done.stderr
    assert docked.docker.composed[-1] == ["down"]
    assert docked.status()[1]["running"] is False


def test_a_folder_that_no_container_sees_is_refused(docked: Docked) -> None:
    docked.environment["KOMPAS_CITIES_DIR"] = str(REPOSITORY / "cities")
    done = docked.run("up", "--docker")
    assert done.returncode == 1
    assert "KOMPAS_CITIES_DIR is set" in done.stderr
    assert docked.docker.calls == []


def test_a_published_port_in_use_is_named(docked: Docked, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("pages")
    done = docked.run("up", "--docker")
    assert done.returncode == 1
    assert f"port {docked.ports['gateway']} (gateway) is in use" in done.stderr
    assert docked.docker.composed == []


def test_docker_is_taken_unasked_only_where_nothing_else_is_set_up(docked: Docked) -> None:
    assert docked.run("up", "--detach").returncode == 0
    assert [arguments[0] for arguments in docked.docker.composed] == ["pull", "build", "up", "cp"]


def test_every_service_that_is_named_is_in_the_compose_file() -> None:
    there = compose.services()
    assert {service for service, _ in parts.SERVERS.values()} <= set(there)
    assert set(parts.ONE_SHOTS) <= set(there)
    assert set(SERVICES) == set(there)
    service, path = SECRETS_OF
    assert path in compose.mounts(there[service])
    assert {name.removeprefix("KOMPAS_PORT_").lower() for name in compose.variables() if "PORT" in name} == set(PUBLISHED)


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({}, "up", ""),
        ({"Health": None}, "up", ""),
        ({"Health": {"Status": "starting"}}, "starting", ""),
        ({"Status": "restarting", "ExitCode": 70}, "restarting", "ended with code 70"),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, "failed", "exited with code 137: it ran out of memory"),
        ({"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"}, "waiting", ""),
        ({"Health": {"Status": "unhealthy", "Log": []}}, "failed", "not healthy: its health check fails"),
    ],
)
def test_a_container_as_a_part(change: dict[str, Any], state: str, reason: str) -> None:
    found = parts.part("worker", "worker", 1, {"worker": container("worker", change)})
    assert (found.state, found.reason) == (state, reason)
    assert found.since_us == (0 if state == "waiting" else 1_795_356_000_123_456)


def test_one_that_is_not_there_is_stopped() -> None:
    assert parts.part("demo", "demo", 1, {}).state == "stopped"


def test_homes_do_not_share_a_project(tmp_path: Path) -> None:
    assert DockerSystem(Layout(REPOSITORY / ".kompas", tmp_path)).project == "kompas"
    names = {DockerSystem(Layout(tmp_path / name, tmp_path)).project for name in "ab"}
    assert len(names) == 2
    assert all(name.startswith("kompas-") for name in names)
