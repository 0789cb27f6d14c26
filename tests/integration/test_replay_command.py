"""`./kompas replay` and `./kompas simulate` as a person calls them, against a Mosquitto where `up` would have it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.integration.test_simulate_broker import Listener, mosquitto  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration

ROWS = "timestamp,Central Station,Market\n2025-03-10T00:00:01+00:00,244,88\n2025-03-10T00:15:01+00:00,,87\nshort\n"


@pytest.fixture
def kompas(mosquitto, tmp_path):  # noqa: F811 - the fixture
    home = tmp_path / "home"
    home.mkdir()
    (home / "secrets").symlink_to(mosquitto.secrets)
    environment = {**os.environ, "KOMPAS_HOME": str(home), "KOMPAS_PORT_MQTT": str(mosquitto.port), "COLUMNS": "200"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_replay_plays_a_file_and_reports(kompas, mosquitto, tmp_path):  # noqa: F811 - the fixture
    file = tmp_path / "parks.csv"
    file.write_text(ROWS, encoding="utf-8")
    listener = Listener(mosquitto)
    try:
        done = kompas("replay", str(file), "--map", "docs/examples/maps/wide.toml", "--speed", "max", "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["messages"], report["acknowledged"], report["skipped"]) == (3, 3, 1)
        assert report["skipped_lines"] == ["line 4: wanted 3 fields, got 1"]
        listener.await_distinct(3)
        values = {(topic, json.loads(payload)["value"]) for topic, payload in listener.seen}
        assert ("city/brussels/brussels.parking-0002/json", 87.0) in values
    finally:
        listener.close()


def test_simulate_sends_and_keeps_the_truth(kompas, tmp_path):
    truth = tmp_path / "truth.parquet"
    done = kompas(
        *("simulate", "--city", "zwolle", "--devices", "20", "--rate", "200", "--duration", "2"),
        *("--scenario", "faulty", "--seed", "3", "--pack", "2", "--truth", str(truth), "--json"),
    )
    report = json.loads(done.stdout.splitlines()[0])
    assert report["acknowledged"] == report["messages"] > 100
    readings = pd.read_parquet(truth)
    assert report["readings"] == int((readings["sent_us"] > 0).sum())
    assert set(pd.read_parquet(tmp_path / "truth.kpis.parquet").columns) >= {"kpi", "area", "window_start_us", "true", "acceptable", "in_time"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simulate", "--city", "zwolle", "--devices", "100000"), "--devices"),
        (("simulate", "--city", "zwolle", "--scenario", "sharknado"), "--scenario"),
        (("simulate", "--city", "zwolle", "--rate", "-1"), "--rate"),
        (("simulate", "--city", "atlantis"), "atlantis"),
        (("replay", "{file}", "--map", "docs/examples/maps/wide.toml", "--speed", "warp"), "--speed"),
        (("replay", "{file}", "--map", "docs/examples/maps/wide.toml", "--shift", "left"), "--shift"),
        (("replay", "{file}", "--map", "docs/examples/maps/long.toml"), "a column 'when'"),
    ],
)
def test_what_cannot_be_played_ends_with_2_and_a_sentence(kompas, tmp_path, arguments, said):
    file = Path(tmp_path / "parks.csv")
    file.write_text(ROWS, encoding="utf-8")
    done = kompas(*(each.format(file=file) for each in arguments))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
