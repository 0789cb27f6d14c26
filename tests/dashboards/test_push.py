"""`./kompas dashboards push` with the real grafana-client against a stand-in for Grafana that keeps what it is sent.

No Grafana can be had without Docker on the machines that run these tests: the stand-in answers the few addresses that are used, as
Grafana's HTTP API describes them. The boards' SQL is proved on a real TimescaleDB in tests/integration/test_panels.py.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from catalog.load import load_catalogue
from dashboards.load import build_all
from dashboards.publication import FOLDERS, Database, document
from local.layout import REPOSITORY, layout

BOARDS = build_all(load_catalogue())
TOKEN = "glsa_a-token"


class Grafana(ThreadingHTTPServer):
    """Keeps folders, data sources and dashboards by uid, and every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.kept: dict[str, dict[str, Any]] = {"folders": {}, "datasources": {}, "dashboards": {}}
        self.asked: list[tuple[str, str]] = []
        self.refuses_boards = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Grafana

    def _handle(self) -> None:
        self.server.asked.append((self.command, self.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(401, {"message": "Unauthorized"})
        kind, uid = self._place(body)
        there = self.server.kept[kind]
        if self.command == "GET":
            return self._say(200, there[uid]) if uid in there else self._say(404, {"message": "not found"})
        if kind == "dashboards":
            return self._board(body)
        if self.command == "POST" and uid in there:
            return self._say(409, {"message": "exists"})
        if self.command == "PUT" and uid not in there:
            return self._say(404, {"message": "not found"})
        there[uid] = body
        return self._say(200, {"uid": uid})

    def _board(self, body: dict[str, Any]) -> None:
        if self.server.refuses_boards:
            return self._say(400, {"message": "bad dashboard"})
        if body["folderUid"] not in self.server.kept["folders"]:
            return self._say(400, {"message": "folder not found"})
        if body["dashboard"]["id"] is not None or not body["overwrite"]:
            return self._say(412, {"message": "version mismatch"})
        self.server.kept["dashboards"][body["dashboard"]["uid"]] = body
        return self._say(200, {"uid": body["dashboard"]["uid"], "status": "success"})

    def _place(self, body: dict[str, Any]) -> tuple[str, str]:
        parts = self.path.strip("/").split("/")
        assert parts[0] == "api"
        return parts[1], body.get("uid", "") if self.command == "POST" else parts[-1]

    def _say(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _push(grafana: Grafana, home: Path, *options: str, token: str = TOKEN) -> "subprocess.CompletedProcess[str]":
    secrets = home / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "db-kompas_reader").write_text("p'w d\n")
    environment = {**os.environ, "KOMPAS_HOME": str(home), "KOMPAS_CACHE": str(layout().cache), "KOMPAS_GRAFANA_TOKEN": token}
    command = [sys.executable, "-m", "cli", "dashboards", "push", "--url", grafana.url, *options]
    return subprocess.run(command, cwd=REPOSITORY, env={**environment, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False)


@pytest.mark.integration
def test_push_creates_everything_and_pushed_again_updates_it(grafana: Grafana, tmp_path: Path) -> None:
    done = _push(grafana, tmp_path, "--database", "db.example:5432")
    assert done.returncode == 0, done.stderr
    assert set(grafana.kept["folders"]) == {f"kompas-{language}" for language in FOLDERS}
    source = grafana.kept["datasources"]["kompas"]
    assert (source["url"], source["user"], source["jsonData"]["database"]) == ("db.example:5432", "kompas_reader", "kompas")
    assert source["secureJsonData"] == {"password": "p'w d"}
    sent = {uid: {key: value for key, value in kept["dashboard"].items() if key != "id"} for uid, kept in grafana.kept["dashboards"].items()}
    assert sent == {board["uid"]: board for board in BOARDS.values()}
    before = json.dumps(grafana.kept, sort_keys=True)
    grafana.asked.clear()
    again = _push(grafana, tmp_path, "--database", "db.example:5432")
    assert again.returncode == 0, again.stderr
    assert "created" not in again.stdout
    after = json.loads(json.dumps(grafana.kept))
    assert after["dashboards"] == json.loads(before)["dashboards"]
    assert after["datasources"] == json.loads(before)["datasources"]
    assert ("PUT", "/api/datasources/uid/kompas") in grafana.asked


@pytest.mark.integration
def test_push_can_leave_the_data_source_alone(grafana: Grafana, tmp_path: Path) -> None:
    assert _push(grafana, tmp_path, "--boards-only").returncode == 0
    assert not grafana.kept["datasources"]
    assert len(grafana.kept["dashboards"]) == len(BOARDS)


@pytest.mark.integration
def test_push_says_what_grafana_refuses(grafana: Grafana, tmp_path: Path) -> None:
    refused = _push(grafana, tmp_path, token="wrong")
    assert refused.returncode == 1
    assert "Unauthorized" in refused.stderr
    grafana.refuses_boards = True
    refused = _push(grafana, tmp_path)
    assert refused.returncode == 1
    assert "bad dashboard" in refused.stderr


def test_push_without_a_token_is_bad_usage(grafana: Grafana, tmp_path: Path) -> None:
    done = _push(grafana, tmp_path, token="")
    assert done.returncode == 2
    assert "token" in done.stderr


def test_the_document_names_a_folder_for_every_board() -> None:
    made = document(BOARDS, Database("db", 5432, "kompas", "kompas_reader", "secret"))
    assert {board["folder"] for board in made["boards"]} == {folder["uid"] for folder in made["folders"]}
    assert document(BOARDS, None)["data_source"] is None


def test_the_main_environment_has_nothing_that_overwrites_urllib3() -> None:
    there = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    assert not there & {"grafana-client", "niquests", "urllib3-future"}
